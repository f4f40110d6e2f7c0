use std::io::Write;
use std::path::{Path, PathBuf};

use headstart::cache::{CacheInfo, Store, VerifyReport, info, verify};
use headstart::extract::PLAIN;
use headstart::preprocess::View;

use super::Status;
use super::console::Console;
use super::hint::Error;
use super::progress::Progress;

/// Look after the feature cache
#[derive(Debug, clap::Subcommand)]
pub enum CacheCommand {
    Info(InfoArgs),
    Verify(VerifyArgs),
}

impl CacheCommand {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        match self {
            Self::Info(args) => args.run(console),
            Self::Verify(args) => args.run(console),
        }
    }
}

/// Tell what the cache holds
#[derive(Debug, clap::Args)]
pub struct InfoArgs {
    /// Folder of the feature cache
    #[arg(value_name = "DIR", default_value = "data/features")]
    cache: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl InfoArgs {
    fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let (mut stores, mut status) = (vec![], Status::Done);
        for store in read_root(&self.cache)? {
            match store {
                Ok(store) => stores.push(store),
                Err(error) => {
                    console.warn(error);
                    status = Status::Partial;
                }
            }
        }
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&stores)?)?;
        } else {
            for store in &stores {
                writeln!(out, "{}", paragraph(store))?;
            }
        }
        Ok(status)
    }
}

/// Check every byte of the cache
///
/// Damaged rows are named, and passed over from then on: `extract` computes them again.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// Folder of the feature cache, or of one backbone's features in it
    #[arg(value_name = "DIR", default_value = "data/features")]
    cache: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl VerifyArgs {
    fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let mut reports = vec![];
        let mut readable = true;
        for dir in stores_in(&self.cache)? {
            // One that cannot be read does not keep the others from being looked at.
            let store = match dir.and_then(|dir| Store::open_dir(&dir)) {
                Ok(store) => store,
                Err(error) => {
                    console.warn(format_args!("{error}; `headstart extract` mends it"));
                    readable = false;
                    continue;
                }
            };
            let dir = store.dir().to_path_buf();
            let mut progress = None;
            let mut last = 0;
            let report = verify(&store, |at| {
                let bar = progress.get_or_insert_with(|| Progress::new(console, "bytes", at.total as usize));
                bar.advance((at.done - last) as usize);
                last = at.done;
            });
            drop(progress);
            if !self.json {
                writeln!(std::io::stdout(), "{}\n{report}\n", dir.display())?;
            }
            reports.push((dir, report));
        }
        if self.json {
            let by_dir: std::collections::BTreeMap<_, _> =
                reports.iter().map(|(dir, report)| (dir.display().to_string(), report)).collect();
            writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&by_dir)?)?;
        }
        let clean = readable && reports.iter().all(|(_, report): &(_, VerifyReport)| report.is_clean());
        Ok(if clean { Status::Done } else { Status::Partial })
    }
}

/// The folder itself if it is one backbone's, else those below it.
fn stores_in(dir: &Path) -> anyhow::Result<Vec<Result<PathBuf, headstart::cache::Error>>> {
    if dir.join("fingerprint.json").exists() {
        return Ok(vec![Ok(dir.to_path_buf())]);
    }
    Ok(read_root(dir)?.into_iter().map(|store| Ok(store?.directory)).collect())
}

fn read_root(root: &Path) -> anyhow::Result<Vec<Result<CacheInfo, headstart::cache::Error>>> {
    let stores = info(root)?;
    anyhow::ensure!(!stores.is_empty(), Error::NoCache { path: root.to_path_buf() });
    Ok(stores)
}

/// How many images have features in each view; nothing if there are plain images alone.
fn views(info: &CacheInfo) -> String {
    if info.views.keys().all(|&number| number == PLAIN) {
        return String::new();
    }
    let told = |(&number, images): (&u16, &usize)| match View::from_number(number) {
        Some(view) => format!("{view} {images}"),
        // Of a later version.
        None => format!("number {number} {images}"),
    };
    info.views.iter().map(told).collect::<Vec<_>>().join(", ")
}

fn paragraph(info: &CacheInfo) -> String {
    let CacheInfo { fingerprint, provenance, .. } = info;
    let mut runtimes: Vec<_> = provenance.iter().map(|p| format!("{} on {}", p.runtime, p.device)).collect();
    runtimes.dedup();
    let lines = [
        ("images", info.images.to_string()),
        ("views", views(info)),
        ("failed", info.failures.to_string()),
        (
            "features",
            format!("{} numbers an image from `{}`", fingerprint.feature_size, fingerprint.feature_tensor),
        ),
        ("precision", fingerprint.precision.clone()),
        ("graph", fingerprint.graph.clone()),
        ("recipe", fingerprint.recipe.to_string()),
        ("segments", info.segments.to_string()),
        ("on disk", indicatif::HumanBytes(info.bytes).to_string()),
        ("computed by", runtimes.join(", ")),
        ("last written", info.last_write.clone().unwrap_or_else(|| "never".into())),
    ];
    let body: Vec<_> = lines
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("  {name:<13} {value}"))
        .collect();
    format!("{}\n{}", info.directory.display(), body.join("\n"))
}
