//! What a training tells while it runs, and what it is told.

use serde::{Deserialize, Serialize};

use super::{EpochRecord, Trainer};

/// Told to the caller after each step and each epoch. Epochs and steps count from 1.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainEvent<'e> {
    /// A step was taken.
    #[non_exhaustive]
    Step {
        /// The epoch that the step belongs to.
        epoch: usize,
        /// How many epochs the training has.
        epochs: usize,
        /// The step's number in its epoch.
        step: usize,
        /// Steps of an epoch.
        steps: usize,
        /// Mean loss of this epoch so far.
        loss: f64,
        /// Accuracy of this epoch so far, while training (with dropout).
        accuracy: f64,
    },
    /// An epoch is complete, its validation included.
    #[non_exhaustive]
    Epoch {
        /// Its figures.
        record: &'e EpochRecord,
        /// How many epochs the training has.
        epochs: usize,
        /// To take a checkpoint of, or to look at the head.
        trainer: &'e Trainer,
    },
}

/// The caller's answer to an [`TrainEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop here. Everything is kept, and [`Trainer::resume`] goes on from a checkpoint as if there had been no stop.
    Stop,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// All epochs are trained, or early stopping has seen enough: then the history is shorter than the settings say.
    #[default]
    Completed,
    /// The caller said [`Flow::Stop`].
    Stopped,
    /// An error broke it off; what is kept is what the last good step gave.
    Failed,
}
