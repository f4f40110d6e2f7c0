use std::io::Write;
use std::path::PathBuf;

use headstart::Project;
use headstart::backbone::Engine;
use headstart::backbone::device::{Device, PassedOver};
use headstart::cache;
use headstart::dataset::Manifest;
use headstart::extract::{BatchSize, FillOptions, Shard, Summary};
use headstart::files;
use headstart::image::ViewKinds;
use headstart::project::CalibrationOptions;

use super::Status;
use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs, batch_size, cosine};
use super::console::{Console, count, stdout};
use super::error::Error;
use super::listener::Listener;
use super::output;
use super::progress::clock;

/// Compute features for the images that the cache does not have yet
#[derive(Debug, clap::Args)]
pub struct ExtractArgs {
    /// Images per run of the graph; `auto` takes what turns out fastest and fits into memory
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = batch_size)]
    batch_size: BatchSize,
    /// Threads that decode and resize beside inference (default: as many as cores)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    decoders: Option<u16>,
    /// Compute further views of each image too: `flip` (mirrored), `crop5` (four corners and the centre), `crop10` (those of
    /// the mirrored image too), or several of them; the plain image always is one
    #[arg(long, value_name = "VIEWS", default_value_t)]
    views: ViewKinds,
    /// Rebuild the int8 graph from these images, and choose again for `--precision auto`; the old graph stays for the runs that
    /// were trained on its features
    #[arg(long)]
    recalibrate: bool,
    /// Lowest mean cosine to fp32 that int8 and `auto` accept, measured on images not used for calibration (default: 0.99, or what the
    /// graph of this cache was accepted by before)
    #[arg(long, value_name = "COSINE", value_parser = cosine)]
    min_cosine: Option<f64>,
    /// Hash every file again instead of trusting its size and times
    #[arg(long)]
    rehash: bool,
    /// Try again the images that failed before, even if they have not changed
    #[arg(long)]
    retry_failed: bool,
    /// Compute only part I of N, such as `1/3`: on separate machines, whose cache folders are then copied into one
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Stop with an error once more than N images have failed; what is computed is kept
    #[arg(long, value_name = "N")]
    max_failures: Option<usize>,
    /// End with an error, status 2 instead of 1, if any image failed; all images are tried first
    #[arg(long)]
    strict: bool,
    /// Write the failures among these images, also those known from earlier runs, to a CSV file
    #[arg(long, value_name = "FILE")]
    failures: Option<PathBuf>,
    /// Replace the file of --failures even if it is not such a list
    #[arg(long, requires = "failures")]
    overwrite: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl ExtractArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let mut listener = Listener::new(console).with_failures_listed(self.failures.is_some());
        let manifest = listener.hear(|control| self.manifest.read(control))?;
        self.check_failures(&manifest)?;
        let project = self.project();
        self.backbone.tell(console);
        let (outcome, failures) = listener.hear(|control| -> anyhow::Result<_> {
            let source = project.prepare_features(&|| manifest.files(), self.calibration(), control)?;
            let mut cache = source.create_cache()?;
            let outcome = source.fill(&mut cache, &self.views, &manifest.images(), self.fill(), control);
            let files = manifest.files();
            Ok((outcome, cache.failures().among(files.iter().map(PathBuf::as_path))))
        })?;
        // Also if it broke off: why may well stand there.
        if let Some(path) = self.failures.as_ref().filter(|_| outcome.is_ok() || !failures.is_empty()) {
            files::write_whole(path, |out| {
                failures.write_csv(out).map_err(|error| match error {
                    cache::Error::Csv { source } => source.into(),
                    other => std::io::Error::other(other),
                })
            })?;
        }
        let summary = outcome?;
        if self.json {
            writeln!(stdout(), "{}", serde_json::to_string(&summary)?)?;
        }
        let (images, failed) = (summary.images, summary.failed);
        anyhow::ensure!(!self.strict || failed == 0, Error::ImagesFailed { images, failed });
        Ok(status(&summary))
    }

    /// That the list of failures may be written: hours later would be late to hear that it may not.
    fn check_failures(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let Some(path) = &self.failures else { return Ok(()) };
        let inputs = || self.backbone.inputs().all_in(self.manifest.paths()).files(manifest.files());
        output::check("--failures", path, inputs, || self.overwrite || output::is_list_of_failures(path))?;
        Ok(files::check_writable(path)?)
    }

    fn project(&self) -> Project {
        let mut config = self.backbone.project(&self.runtime).config().clone();
        config.extract.batch_size = self.batch_size;
        if let Some(decoders) = self.decoders {
            config.extract.decoders = decoders.into();
        }
        Project::new(config)
    }

    fn calibration(&self) -> CalibrationOptions {
        CalibrationOptions { rebuild: self.recalibrate, min_cosine: self.min_cosine }
    }

    fn fill(&self) -> FillOptions {
        FillOptions {
            rehash: self.rehash,
            retry_failed: self.retry_failed,
            shard: self.shard,
            max_failures: self.max_failures,
        }
    }
}

fn status(summary: &Summary) -> Status {
    match summary {
        Summary { cancelled: true, .. } => Status::Interrupted,
        Summary { failed: 1.., .. } => Status::Partial,
        _ => Status::Done,
    }
}

/// What computes, and if it is not what one might expect, why: lines for everybody, and details.
pub fn engine_lines(engine: &Engine) -> (Vec<String>, Vec<String>) {
    let Engine { runtime, selection, session } = engine;
    let not_on = |PassedOver { device, reason }: &PassedOver| format!("not on {device}: {reason}");
    let mut notes: Vec<String> = selection.passed_over.iter().map(not_on).collect();
    notes.push(format!("computing on {}, ONNX Runtime {}", selection.describe(), runtime.version()));
    let elsewhere: Vec<_> = session.placement().on_cpu().map(|(kind, n)| format!("{n} {kind}")).collect();
    if selection.device != Device::Cpu && !elsewhere.is_empty() {
        let device = selection.device;
        notes.push(format!("{device} leaves these nodes to the CPU: {}", elsewhere.join(", ")));
    }
    let details = vec![
        format!("library: {}", runtime.library().display()),
        format!("nodes of the graph: {}", session.placement()),
    ];
    (notes, details)
}

/// `1000 images: 990 already computed, 10 to look at`, as far as paths and times tell: what has the bytes of another image is found
/// when it is read.
pub fn planned(images: usize, cached: usize, to_do: usize) -> String {
    let all = count(images, "image");
    match (cached, to_do) {
        (0, _) => all,
        (cached, 0) => format!("{all}: {cached} already computed"),
        (cached, to_do) => format!("{all}: {cached} already computed, {to_do} to look at"),
    }
}

/// `1000 images: 990 computed in 40 s (24.8 a second), 8 already computed, 2 failed (1 missing, 1 truncated)`
pub fn sentence(summary: &Summary, elapsed: std::time::Duration) -> String {
    let Summary { images, cached, computed, rows, failed, failures, elsewhere, cancelled } = summary;
    let mut parts = vec![];
    if *rows > 0 {
        // One row an image, unless further views of it were asked for.
        let views = if rows == computed { String::new() } else { format!(" in {}", count(*rows, "view")) };
        let rate = *rows as f64 / elapsed.as_secs_f64().max(1e-9);
        parts.push(format!("{computed}{views} computed in {} ({rate:.1} a second)", clock(elapsed)));
    }
    if *cached > 0 {
        parts.push(format!("{cached} already computed"));
    }
    if *elsewhere > 0 {
        parts.push(format!("{elsewhere} for other shards"));
    }
    if *failed > 0 {
        let kinds: Vec<_> = failures.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        parts.push(format!("{failed} failed ({})", kinds.join(", ")));
    }
    if *cancelled {
        parts.push("stopped before the end; run the same command again to continue".into());
    }
    if parts.is_empty() {
        parts.push("nothing to compute".into());
    }
    format!("{}: {}", count(*images, "image"), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use headstart::extract::FailureKind;

    use super::*;

    #[test]
    fn what_is_planned_claims_nothing_that_the_end_takes_back() {
        assert_eq!(planned(8, 0, 8), "8 images");
        assert_eq!(planned(8, 8, 0), "8 images: 8 already computed");
        assert_eq!(planned(1, 1, 0), "1 image: 1 already computed");
        assert_eq!(planned(8, 3, 5), "8 images: 3 already computed, 5 to look at");
    }

    #[test]
    fn the_summary_says_what_was_done_and_what_not() {
        let summary = Summary { images: 3, cached: 3, ..Summary::default() };
        let seconds = std::time::Duration::from_secs;
        assert_eq!(sentence(&summary, seconds(1)), "3 images: 3 already computed");
        assert_eq!(status(&summary), Status::Done);
        let summary =
            Summary { images: 9, computed: 3, rows: 3, cached: 1, elsewhere: 5, ..Summary::default() };
        let words = sentence(&summary, seconds(1));
        assert_eq!(
            words,
            "9 images: 3 computed in 1 s (3.0 a second), 1 already computed, 5 for other shards"
        );
        assert_eq!(status(&summary), Status::Done);
        let failures = [(FailureKind::Truncated, 9), (FailureKind::Missing, 1)].into();
        let summary =
            Summary { images: 60, computed: 50, rows: 50, failed: 10, failures, ..Summary::default() };
        assert_eq!(
            sentence(&summary, seconds(2)),
            "60 images: 50 computed in 2 s (25.0 a second), 10 failed (1 missing, 9 truncated)"
        );
        assert_eq!(status(&summary), Status::Partial);
        let in_views = Summary { rows: 100, ..summary };
        assert_eq!(
            sentence(&in_views, seconds(2)),
            "60 images: 50 in 100 views computed in 2 s (50.0 a second), 10 failed (1 missing, 9 truncated)"
        );
        assert_eq!(status(&Summary { cancelled: true, ..in_views }), Status::Interrupted);
    }
}
