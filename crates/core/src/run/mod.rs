//! The run directory: what a finished training leaves behind, or what came of importing a head.
//!
//! ```text
//! runs/2026-11-23-0001/
//!   run.toml                     settings in force, classes, where the features came from: RunInfo
//!   head.safetensors             the trained head
//!   history.csv                  figures of each epoch, if it was trained here
//!   metrics.json                 how that ended, and the figures of the head
//!   images.bin                   which images it was trained and validated on: RunImages
//!   calibration.toml             its temperature, if one was fitted
//!   checkpoint/train.safetensors all that is needed to train on
//! ```
//!
//! A run appears whole or not at all: its files are written to a folder of another name beside it, which is
//! then renamed.

mod cached;
mod calibration;
mod create;
mod data;
mod error;
mod file;
mod images;
mod info;
mod load;

use std::fs;
use std::path::{Path, PathBuf};

pub use cached::CachedRows;
pub use calibration::Calibration;
pub use create::{LATEST, NewRun, TrainingRecord, checked_name};
pub use data::{CopiesRule, DataChoice};
pub use error::Error;
pub use images::{ImageId, RunImages};
pub use info::{
    BackboneInfo, FeaturesInfo, Import, ManifestInfo, Origin, RunInfo, Training, TrainingMetrics,
};

use headstart_nn::layers::Head;
use headstart_nn::train::{Checkpoint, History};

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
    /// What it tells apart, and where it comes from.
    pub info: RunInfo,
    /// How the training went; `None` if the head was imported.
    pub metrics: Option<TrainingMetrics>,
    /// Its temperature, if one was fitted.
    pub calibration: Option<Calibration>,
}

/// A head with all that it takes to use it, on disk, loaded and checked.
#[derive(Debug, Clone)]
pub struct Run {
    dir: PathBuf,
    /// What it tells apart, and where it comes from.
    pub info: RunInfo,
    /// The head itself.
    pub head: Head,
    /// Figures of each epoch; none if the head was imported.
    pub history: History,
    /// How the training went; `None` if the head was imported.
    pub metrics: Option<TrainingMetrics>,
    /// Its temperature, if one was fitted.
    pub calibration: Option<Calibration>,
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

    /// The files that it consists of, whether they are all there or not.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            [INFO, HEAD, HISTORY, METRICS, images::FILE].map(|file| self.dir.join(file)).into();
        files.extend([self.checkpoint_path(), self.calibration_path()]);
        files
    }

    /// Its checkpoint, to go on with by [`Trainer::resume`](headstart_nn::train::Trainer::resume).
    ///
    /// # Errors
    /// [`Error::Read`] if it has none, [`Error::Checkpoint`] if it has a damaged one.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        let path = self.checkpoint_path();
        let bytes = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        Checkpoint::from_bytes(&bytes).map_err(|source| Error::Checkpoint { path, source })
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
