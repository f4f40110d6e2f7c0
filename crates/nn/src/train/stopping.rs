//! When nothing gets better any more, and what was best.

use crate::optim::Better;

/// Keras' `EarlyStopping`, epoch by epoch.
///
/// What it knows follows from the figures it has seen, so a training that is resumed shows it the history again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EarlyStopping {
    patience: usize,
    min_delta: f64,
    better: Better,
    best: Option<f64>,
    /// Epochs since then.
    wait: usize,
}

impl EarlyStopping {
    pub(super) fn new(patience: usize, min_delta: f64, better: Better) -> Self {
        Self { patience, min_delta, better, best: None, wait: 0 }
    }

    /// Take note of an epoch's figure; whether it is the best so far.
    pub(super) fn observe(&mut self, figure: f64) -> bool {
        let improves = self.better.improves(figure, self.best, self.min_delta);
        (self.best, self.wait) = if improves { (Some(figure), 0) } else { (self.best, self.wait + 1) };
        improves
    }

    /// Whether patience has ended. With a patience of 0 that is the first epoch without improvement.
    pub(super) fn is_over(&self) -> bool {
        self.wait >= self.patience.max(1)
    }
}
