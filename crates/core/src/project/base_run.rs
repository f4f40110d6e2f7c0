//! What a run hands on to the next one: its settings and images, or its whole training.

use std::path::Path;

use headstart_nn::train::{Checkpoint, Ended, TrainConfig};

use super::calibrator::Calibrator;
use super::manifests::TrainedRun;
use super::{Accept, Error, FeatureSource, Project};
use crate::Control;
use crate::run::{Run, Training, TrainingMetrics};

/// The run that a training begins from.
#[derive(Debug, Clone)]
pub struct BaseRun {
    /// The run.
    pub run: Run,
    /// What it was trained with and on.
    pub training: Training,
    /// How that went.
    pub metrics: TrainingMetrics,
    /// Whether its training is continued; else a new one is like it.
    pub resume: bool,
}

impl Project {
    /// A run to begin from: `resume` continues its training.
    ///
    /// # Errors
    /// [`Error::NotTrained`] if its head was imported; as [`run`](Self::run).
    pub fn base_run(&self, name: &Path, resume: bool) -> Result<BaseRun, Error> {
        let run = self.run(name)?;
        match (run.info.training().cloned(), run.metrics.clone()) {
            (Some(training), Some(metrics)) => Ok(BaseRun { run, training, metrics, resume }),
            _ => Err(Error::NotTrained { run: run.name() }),
        }
    }
}

impl BaseRun {
    /// Where its manifests are told.
    pub(super) fn trained_run(&self) -> TrainedRun<'_> {
        TrainedRun { run: &self.run, training: &self.training }
    }

    /// The checkpoint, if it is to be gone on with and there is something left to do.
    pub(super) fn checkpoint(&self, config: &TrainConfig) -> Result<Option<Checkpoint>, Error> {
        if !self.resume {
            return Ok(None);
        }
        let (run, metrics) = (self.run.name(), &self.metrics);
        let stopped_early =
            metrics.ended == Ended::Completed && metrics.epochs < self.training.settings.epochs;
        if stopped_early {
            let min_delta = self.training.settings.min_delta > 0.0;
            return Err(Error::StoppedEarly { run, epochs: metrics.epochs, min_delta });
        }
        if metrics.epochs >= config.epochs {
            return Err(Error::NothingLeftToTrain { run, done: metrics.epochs, epochs: config.epochs });
        }
        Ok(Some(self.run.checkpoint()?))
    }

    /// The backbone. A head that is trained on must have the features that it knows; a new one may have others, but
    /// hardly by accident.
    pub(super) fn features(
        &self,
        project: &Project,
        calibrator: Option<&Calibrator<'_>>,
        control: &mut Control<'_>,
    ) -> Result<FeatureSource, Error> {
        let its_own = project.features_of(&self.run, Accept::Own);
        if self.resume || (project.config().precision.is_none() && its_own.is_ok()) {
            return its_own;
        }
        let source = FeatureSource::open(project.config(), calibrator, control)?;
        if *source.fingerprint.hash().to_hex() != *self.run.info.features.fingerprint {
            control.warn(Error::other_features(&self.run, &source, None, false));
        }
        Ok(source)
    }
}
