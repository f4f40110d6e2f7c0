mod duplicates;
mod export;
mod gc;
mod image;
mod info;
mod verify;

use std::path::{Path, PathBuf};

use headstart::cache::{CacheInfo, info};

use super::Status;
use super::args::BackboneArgs;
use super::console::Console;
use super::error::Error;

/// Which cache is meant: `DIR`, or `--cache DIR` as for the commands that fill it.
#[derive(Debug, clap::Args)]
pub struct CacheArgs {
    /// Folder of the feature cache, or of one backbone's features in it [default: data/features]
    #[arg(value_name = "DIR", conflicts_with = "cache")]
    folder: Option<PathBuf>,
    /// The same as DIR
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl CacheArgs {
    pub fn folder(&self) -> &Path {
        self.folder.as_deref().or(self.cache.as_deref()).unwrap_or(Path::new("data/features"))
    }
}

/// Look after the feature cache
#[derive(Debug, clap::Subcommand)]
pub enum CacheCommand {
    Info(info::InfoArgs),
    Verify(verify::VerifyArgs),
    Gc(gc::GcArgs),
    Export(export::ExportArgs),
    Duplicates(duplicates::DuplicatesArgs),
}

impl CacheCommand {
    pub fn backbone(&mut self) -> Option<&mut BackboneArgs> {
        match self {
            Self::Export(args) => Some(&mut args.backbone),
            Self::Duplicates(args) => Some(&mut args.backbone),
            Self::Info(_) | Self::Verify(_) | Self::Gc(_) => None,
        }
    }

    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        match self {
            Self::Info(args) => args.run(console),
            Self::Verify(args) => args.run(console),
            Self::Gc(args) => args.run(console),
            Self::Export(args) => args.run(console),
            Self::Duplicates(args) => args.run(console),
        }
    }
}

/// Whether a folder holds one backbone's features, rather than those of several.
fn is_store(dir: &Path) -> bool {
    dir.join("fingerprint.json").exists()
}

/// The folder itself if it is one backbone's, else those below it; an error for each of these that cannot be read.
fn stores_in(dir: &Path) -> anyhow::Result<Vec<Result<PathBuf, headstart::cache::Error>>> {
    if is_store(dir) {
        return Ok(vec![Ok(dir.to_path_buf())]);
    }
    Ok(read_root(dir)?.into_iter().map(|store| Ok(store?.directory)).collect())
}

fn read_root(root: &Path) -> anyhow::Result<Vec<Result<CacheInfo, headstart::cache::Error>>> {
    let stores = info(root)?;
    anyhow::ensure!(!stores.is_empty(), Error::NoCache { path: root.to_path_buf() });
    Ok(stores)
}
