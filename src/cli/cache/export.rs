use std::path::PathBuf;

use headstart::cache::{self, Entry, Format, export};
use headstart::dataset::Manifest;
use headstart::files::{WriteError, check_writable};
use headstart::image::{ViewKinds, Views};
use headstart::project::Lookup;

use crate::cli::args::{BackboneArgs, ManifestArgs, RuntimeArgs};
use crate::cli::console::{Console, count, stdout};
use crate::cli::listener::Listener;
use crate::cli::progress::Progress;
use crate::cli::{Status, output};

/// Write features with their paths and labels to a file that other programs read
///
/// Rows come in the order of the manifest. `parquet` and `arrow` are one table with the columns path, label, split, key and
/// features; `npy` is the matrix of features and `safetensors` the tensors `features` and `labels`, with the rest in a CSV of
/// the same name beside it. Numbers are 32-bit floats.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// `npy`, `parquet`, `safetensors` or `arrow` [default: what the file's name ends in]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
    /// Leave out images that were never computed, instead of stopping
    #[arg(long)]
    allow_missing: bool,
    /// Compute missing features first
    #[arg(long, conflicts_with = "allow_missing")]
    extract: bool,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl ExportArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let format = self.format()?;
        let mut listener = Listener::new(console);
        let manifest = listener.hear(|control| self.manifest.read(control))?;
        self.check_output(format, &manifest)?;
        let project = self.backbone.project(&self.runtime);
        self.backbone.tell(console);
        let plain = ViewKinds::default();
        let files = || manifest.files();
        let (mut cache, source) =
            listener.hear(|control| project.features_for(&files, &plain, self.extract, control))?;
        let lookup =
            Lookup { failures_told: self.extract, allow_missing: self.allow_missing, ..Lookup::default() };
        let samples = listener
            .hear(|control| source.samples(cache.as_mut(), &manifest, &[], &plain, lookup, control))?;
        let cache = cache.expect("rows were found in it");
        let selection = samples.select(cache.store(), Views::PLAIN)?;
        let entries = samples.iter().map(|sample| {
            let example = &manifest.examples()[sample.row];
            let (label, split) = (example.label.as_deref(), example.split.as_deref());
            Entry { path: &example.path, label, split, key: sample.key }
        });
        let entries: Vec<Entry> = entries.collect();
        let mut progress = Progress::new(console, "rows", entries.len());
        let files = export(&selection, &entries, format, &self.output, self.overwrite, &mut |rows| {
            progress.advance(rows);
        })
        .map_err(of_output)?;
        drop(progress);
        console.note(format_args!("{} of {} numbers", count(entries.len(), "row"), selection.dim()));
        for file in files {
            stdout().path(&file)?;
        }
        Ok(if entries.len() == manifest.len() { Status::Done } else { Status::Partial })
    }

    /// That neither the file nor the table beside it takes the place of something that is needed.
    fn check_output(&self, format: Format, manifest: &Manifest) -> anyhow::Result<()> {
        let inputs = || self.backbone.inputs().all_in(self.manifest.paths()).files(manifest.files());
        let files = format.files(&self.output);
        output::check_all("--output", &self.output, files.clone(), inputs, || self.overwrite)?;
        Ok(files.iter().try_for_each(|path| check_writable(path))?)
    }

    fn format(&self) -> anyhow::Result<Format> {
        let told = self.format.or_else(|| Format::of(&self.output));
        told.ok_or_else(|| {
            anyhow::anyhow!(
                "`{}` does not end in the name of a format: add `--format`",
                self.output.display()
            )
        })
    }
}

/// Not a matter of the cache, though it is the cache's code that wrote the file.
fn of_output(error: cache::Error) -> anyhow::Error {
    match error {
        cache::Error::Write { path, source }
        | cache::Error::NotWritable { path, source }
        | cache::Error::DiskFull { path, source } => WriteError { path, source }.into(),
        error => error.into(),
    }
}
