//! The run directory: what a finished training leaves behind.
//!
//! ```text
//! runs/2026-11-23-0001/
//!   run.toml                     settings in force, classes, where the features came from: RunInfo
//!   head.safetensors             the trained head
//!   history.csv                  figures of each epoch
//!   metrics.json                 how it ended, and the figures of the head
//!   checkpoint/train.safetensors all that is needed to train on
//! ```
//!
//! A run appears whole or not at all: its files are written to a folder of another name beside it, which is
//! then renamed.

mod create;
mod data;
mod info;
mod load;

use std::path::{Path, PathBuf};

pub use create::{NewRun, checked_name};
pub use data::DataChoice;
pub use info::{BackboneInfo, FeaturesInfo, ManifestInfo, RunInfo, TrainingMetrics};

use super::{Checkpoint, Error, History};
use crate::nn::Head;

const INFO: &str = "run.toml";
const HEAD: &str = "head.safetensors";
const HISTORY: &str = "history.csv";
const METRICS: &str = "metrics.json";
const CHECKPOINT_FOLDER: &str = "checkpoint";
const CHECKPOINT: &str = "train.safetensors";

/// What a run says of itself, without its weights: enough to list it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    dir: PathBuf,
    /// What it was trained with and on.
    pub info: RunInfo,
    /// The figures of the head.
    pub metrics: TrainingMetrics,
}

/// A finished training on disk, loaded and checked.
#[derive(Debug, Clone)]
pub struct Run {
    dir: PathBuf,
    /// What it was trained with and on.
    pub info: RunInfo,
    /// The trained head.
    pub head: Head,
    /// Figures of each epoch.
    pub history: History,
    /// The figures of the head.
    pub metrics: TrainingMetrics,
}

impl RunSummary {
    /// Where the run lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Name of its folder.
    pub fn name(&self) -> String {
        name(&self.dir)
    }
}

impl Run {
    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Name of its folder.
    pub fn name(&self) -> String {
        name(&self.dir)
    }

    /// Where its checkpoint lies, if it has one.
    pub fn checkpoint_path(&self) -> PathBuf {
        checkpoint_path(&self.dir)
    }

    /// Its checkpoint, to go on with by [`Trainer::resume`](super::Trainer::resume).
    ///
    /// # Errors
    /// [`Error::Read`] if it has none, [`Error::Checkpoint`] if it is damaged.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        Checkpoint::load(&self.checkpoint_path())
    }
}

fn name(dir: &Path) -> String {
    dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned()
}

fn checkpoint_path(dir: &Path) -> PathBuf {
    dir.join(CHECKPOINT_FOLDER).join(CHECKPOINT)
}

#[cfg(test)]
mod tests;
