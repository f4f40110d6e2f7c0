//! What a run says of itself, and `metrics.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DataChoice;
use crate::extract::GraphCheck;
use headstart_nn::train::{Ended, TrainConfig, TrainOutcome};

/// `run.toml`: what a run tells apart, by which features, and where its head comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct RunInfo {
    /// When it was written, in UTC, as RFC 3339.
    pub created: String,
    /// Names of the classes, in the order of the head's outputs.
    pub classes: Vec<String>,
    /// The recipe of the preprocessing as JSON, in its canonical form.
    pub recipe: String,
    /// The graph that made the features.
    pub backbone: BackboneInfo,
    /// Which of its features, in which precision.
    pub features: FeaturesInfo,
    /// Where the head comes from.
    pub origin: Origin,
    /// Versions of what computed: `headstart`, and what the caller adds, such as `onnxruntime`.
    pub versions: BTreeMap<String, String>,
}

/// Where a head comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// It was trained here, on features that are known.
    Trained(Box<Training>),
    /// It was trained elsewhere, on nobody here knows what.
    Imported(Import),
}

/// Everything that a run was trained with and on.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The settings in force, whether they were typed, read or defaults.
    pub settings: TrainConfig,
    /// How its images were asked for; runs in the first format do not tell.
    pub data: Option<DataChoice>,
    /// Name of the run whose training it went on with.
    pub resumed_from: Option<String>,
    /// What it was trained on.
    pub images: ManifestInfo,
    /// What it was validated on, if anything.
    pub validation: Option<ManifestInfo>,
}

/// The file that a head was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// As it was given.
    pub file: String,
    /// BLAKE3 of its bytes, hex.
    pub digest: String,
    /// Its layers, first to last, by the names that they have there.
    pub layers: Vec<String>,
}

impl RunInfo {
    /// How it was trained, if it was trained here.
    pub fn training(&self) -> Option<&Training> {
        match &self.origin {
            Origin::Trained(training) => Some(training),
            Origin::Imported(_) => None,
        }
    }
}

/// The graph that made the features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneInfo {
    /// What the backbone is called.
    pub name: String,
    /// BLAKE3 of the graph, hex.
    pub digest: String,
    /// BLAKE3 of the graph in floating point that it is the int8 form of, hex, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantised_from: Option<String>,
    /// How near that form was on images of the cache, if it was not calibrated on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8_check: Option<GraphCheck>,
}

/// The features that the head understands, and no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturesInfo {
    /// Numbers in a row.
    pub size: usize,
    /// BLAKE3 of the fingerprint's text, hex.
    pub fingerprint: String,
    /// The text itself, to say in what two fingerprints differ.
    pub fingerprint_text: String,
}

/// A manifest, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestInfo {
    /// As it was given.
    pub path: String,
    /// BLAKE3 of its content, hex.
    pub digest: String,
    /// Images of it that were used.
    pub images: usize,
    /// [`ManifestInfo::digest_of_rows`]; runs in the first format do not tell.
    pub rows: Option<String>,
}

/// `metrics.json`: how good the head was on its way. Evaluation on other images is not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingMetrics {
    /// Epochs completed.
    pub epochs: usize,
    /// Whether there are no more because there were to be no more; runs in the first format do not tell and count as
    /// completed.
    #[serde(default)]
    pub ended: Ended,
    /// The one whose weights the head has, if early stopping went back to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<usize>,
    /// The figures of that epoch, else of the last, as in `history.csv`.
    pub loss: Option<f64>,
    /// Accuracy on the training images, from 0 to 1.
    pub accuracy: Option<f64>,
    /// Mean loss on the validation images.
    pub val_loss: Option<f64>,
    /// Accuracy on the validation images, from 0 to 1.
    pub val_accuracy: Option<f64>,
    /// Wall time of the training, in seconds, with that of the run that it went on with.
    pub seconds: f64,
}

impl TrainingMetrics {
    /// Those of the head that a training ended with, after so many seconds.
    pub fn new(outcome: &TrainOutcome, seconds: f64) -> Self {
        let TrainOutcome { history, best_epoch, ended, .. } = outcome;
        // Epochs count from 1.
        let record = best_epoch.and_then(|epoch| history.epochs.get(epoch - 1)).or(history.last());
        Self {
            epochs: history.epochs.len(),
            ended: *ended,
            best_epoch: *best_epoch,
            loss: record.map(|record| record.loss),
            accuracy: record.map(|record| record.accuracy),
            val_loss: record.and_then(|record| record.val_loss),
            val_accuracy: record.and_then(|record| record.val_accuracy),
            seconds,
        }
    }
}
