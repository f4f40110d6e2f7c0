//! How far a training is.

use serde::{Deserialize, Serialize};

/// Where in the training the next step stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::train) struct Progress {
    /// Completed epochs.
    pub epoch: usize,
    /// Steps taken of the current one.
    pub step: usize,
    /// Sums over the rows of those steps.
    pub tally: Tally,
    /// Training rows of an epoch, once that is known.
    pub rows: Option<usize>,
    /// Views of each of them, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<usize>,
}

/// Sums over rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::train) struct Tally {
    pub loss: f64,
    pub hits: usize,
    pub rows: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, mean_loss: f32, hits: usize, rows: usize) {
        self.loss += f64::from(mean_loss) * rows as f64;
        self.hits += hits;
        self.rows += rows;
    }

    pub(crate) fn loss(&self) -> f64 {
        self.loss / self.rows as f64
    }

    pub(crate) fn accuracy(&self) -> f64 {
        self.hits as f64 / self.rows as f64
    }
}
