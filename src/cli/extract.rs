use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use headstart::backbone::Engine;
use headstart::backbone::device::{Device, PassedOver};
use headstart::cache;
use headstart::convert::quantize::QuantizeOptions;
use headstart::dataset::Manifest;
use headstart::extract::{BatchSize, Event, ExtractOptions, Extractor, FeatureCache, Shard, Summary};
use headstart::files;
use headstart::image::ViewKinds;
use headstart::image_files;

use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs, batch_size};
use super::console::{Console, count, stdout};
use super::error::Error;
use super::making::Making;
use super::output;
use super::progress::{Progress, clock};
use super::source::Source;
use super::{Status, interrupt};

/// Failures that are told one by one; the rest is counted.
const FAILURES_SHOWN: usize = 20;

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
    /// Lowest mean cosine to fp32 that int8 and `auto` accept, measured on images not used for calibration
    #[arg(long, value_name = "COSINE", default_value_t = QuantizeOptions::default().min_cosine)]
    min_cosine: f64,
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
    backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl ExtractArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let manifest = self.manifest.read(console)?;
        self.check_failures(&manifest)?;
        let files = || manifest.files();
        let making = Making { anew: self.recalibrate, ..Making::of(&files, &self.runtime) };
        let making = Making { min_cosine: self.min_cosine, ..making };
        let source = Source::open(&self.backbone, Some(&making), console)?;
        let mut cache = source.create_cache()?;
        let files = manifest.files();
        let failures_listed = self.failures.is_some();
        let outcome = fill(&source, &mut cache, &files, self.options(&source), failures_listed, console);
        // Also if it broke off: why may well stand there.
        let failures = cache.failures().among(files.iter().map(PathBuf::as_path));
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

    fn options(&self, source: &Source) -> ExtractOptions {
        let defaults = source.extract_options(&self.runtime);
        ExtractOptions {
            batch_size: self.batch_size,
            decoders: self.decoders.map_or(defaults.decoders, usize::from),
            views: source.views(&self.views),
            rehash: self.rehash,
            retry_failed: self.retry_failed,
            shard: self.shard,
            max_failures: self.max_failures,
            ..defaults
        }
    }
}

pub fn status(summary: &Summary) -> Status {
    match summary {
        Summary { cancelled: true, .. } => Status::Interrupted,
        Summary { failed: 1.., .. } => Status::Partial,
        _ => Status::Done,
    }
}

/// Files, and the views of them that are needed beside the plain one.
pub type Wanted = (Vec<PathBuf>, ViewKinds);

/// The cache, with the features of these files computed first if that was asked for (`--extract`); a break if it was
/// interrupted.
pub fn open_cache(
    source: &Source,
    wanted: impl FnOnce() -> Vec<Wanted>,
    compute: bool,
    runtime: &RuntimeArgs,
    console: &Console,
) -> anyhow::Result<ControlFlow<Status, Option<FeatureCache>>> {
    if !compute {
        return Ok(ControlFlow::Continue(source.open_cache()?));
    }
    let mut cache = source.create_cache()?;
    for (files, views) in wanted() {
        let options = ExtractOptions { views: source.views(&views), ..source.extract_options(runtime) };
        if fill(source, &mut cache, &files, options, false, console)?.cancelled {
            return Ok(ControlFlow::Break(Status::Interrupted));
        }
    }
    Ok(ControlFlow::Continue(Some(cache)))
}

/// Fill the cache and tell of it; `failures_listed` says that somebody is going to list all failures.
fn fill(
    source: &Source,
    cache: &mut FeatureCache,
    files: &[PathBuf],
    options: ExtractOptions,
    failures_listed: bool,
    console: &Console,
) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let mut progress = None;
    let mut failures = 0;
    let backbone = &source.backbone;
    let views = match options.views.len() {
        1 => String::new(),
        views => format!(" in all of {views} views"),
    };
    if let Some(guess) = backbone.guess() {
        console.note(format_args!("recipe guessed, {guess}"));
    }
    for doubt in backbone.doubts() {
        console.warn(doubt);
    }
    console.detail(format_args!("recipe: {}", backbone.recipe()));
    let mut listener = |event: headstart::Event<'_>| match event {
        headstart::Event::Extract(Event::Planned { images, cached, to_do }) => {
            console.note(format_args!("{} for `{}`{views}", planned(images, cached, to_do), backbone.name()));
            progress = Some(Progress::new(console, "images", to_do));
        }
        headstart::Event::Extract(Event::Loaded { engine }) => {
            tell_engine(engine, progress.as_ref().expect("planned first"), console)
        }
        headstart::Event::Extract(Event::BatchSize { images, out_of_memory: true }) => {
            let progress = progress.as_ref().expect("planned first");
            progress.warn(format_args!("memory ran out: continuing with batches of {images}"));
        }
        headstart::Event::Extract(Event::BatchSize { images, out_of_memory: false }) => {
            console.detail(format_args!("continuing with batches of {images}"));
        }
        headstart::Event::Extract(Event::Progress) => progress.as_mut().expect("planned first").advance(1),
        headstart::Event::Extract(Event::Failed { image, failure, known, .. }) => {
            failures += 1;
            if failures <= FAILURES_SHOWN {
                let again = if known { " (as before)" } else { "" };
                let line = format!("`{}`: {}{again}", image.name(), failure.reason);
                progress.as_ref().expect("planned first").warn(line);
            }
        }
        _ => {}
    };
    let mut control = interrupt::control(&mut listener);
    let summary = Extractor::new(backbone, options).fill(cache, &image_files(files), &mut control)?;
    drop(progress);
    if failures > FAILURES_SHOWN {
        let more = count(failures - FAILURES_SHOWN, "more image");
        let how = if failures_listed { "" } else { "; `--failures FILE` writes all of them to a CSV file" };
        console.warn(format_args!("{more} failed{how}"));
    }
    console.note(sentence(&summary, started.elapsed()));
    console.note(format_args!("features: {}", cache.store().dir().display()));
    Ok(summary)
}

/// Moves `progress` on with each image, and tells what computes.
pub fn advancing<'a>(
    progress: &'a mut Progress,
    console: &'a Console,
) -> impl FnMut(headstart::Event<'_>) + 'a {
    move |event| match event {
        headstart::Event::Extract(Event::Progress) => progress.advance(1),
        headstart::Event::Extract(Event::Loaded { engine }) => tell_engine(engine, progress, console),
        _ => {}
    }
}

/// What computes, and if it is not what one might expect, why.
pub fn tell_engine(engine: &Engine, progress: &Progress, console: &Console) {
    let Engine { runtime, selection, session } = engine;
    for PassedOver { device, reason } in &selection.passed_over {
        progress.say(format_args!("not on {device}: {reason}"));
    }
    progress.say(format_args!("computing on {}, ONNX Runtime {}", selection.describe(), runtime.version()));
    console.detail(format_args!("library: {}", runtime.library().display()));
    console.detail(format_args!("nodes of the graph: {}", session.placement()));
    let elsewhere: Vec<_> = session.placement().on_cpu().map(|(kind, n)| format!("{n} {kind}")).collect();
    if selection.device != Device::Cpu && !elsewhere.is_empty() {
        let device = selection.device;
        progress.say(format_args!("{device} leaves these nodes to the CPU: {}", elsewhere.join(", ")));
    }
}

/// `1000 images: 990 already computed, 10 to look at`, as far as paths and times tell: what has the bytes of another image is found
/// when it is read.
fn planned(images: usize, cached: usize, to_do: usize) -> String {
    let all = count(images, "image");
    match (cached, to_do) {
        (0, _) => all,
        (cached, 0) => format!("{all}: {cached} already computed"),
        (cached, to_do) => format!("{all}: {cached} already computed, {to_do} to look at"),
    }
}

/// `1000 images: 990 computed in 40 s (24.8 a second), 8 already computed, 2 failed (1 missing, 1 truncated)`
fn sentence(summary: &Summary, elapsed: std::time::Duration) -> String {
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
