//! A look at rows that are not trained on.

use ndarray::Array2;

use super::{Tally, Trainer};
use crate::autodiff::Tape;
use crate::train::{
    Error, Part, Quantity, Rows,
    batch::Batch,
    health::{culprit, first_bad_row},
    objective::{Targets, penalty},
};

/// Rows that are looked at together; the figures are sums over rows, whatever it is.
const BATCH: usize = 256;

/// Loss and accuracy after an epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validation {
    pub loss: f64,
    pub accuracy: f64,
}

impl Trainer {
    /// As in Keras, labels are smoothed and the penalty added, but classes are not weighted.
    pub(super) fn validate(
        &self,
        rows: &dyn Rows,
        labels: &[usize],
        epoch: usize,
    ) -> Result<Validation, Error> {
        let classes = self.head.config().classes;
        let mut batch = Batch::new(rows.dim(), classes, Targets::new(self.config.label_smoothing, classes));
        let mut tally = Tally::default();
        let all: Vec<usize> = (0..rows.len()).collect();
        for chunk in all.chunks(BATCH) {
            batch.fill(Part::Validation, rows, labels, chunk)?;
            let error = |quantity, index: usize| Error::ValidationNotFinite {
                quantity,
                epoch,
                image: rows.name(batch.rows[index]),
            };
            if let Some(index) = first_bad_row(&batch) {
                return Err(error(Quantity::Features, index));
            }
            let logits: Array2<f32> = self.head.logits(batch.features.view());
            let mut tape = Tape::new();
            let on_tape = tape.constant(&logits);
            let loss = tape.softmax_cross_entropy(on_tape, &batch.targets);
            if !tape.scalar(loss).is_finite() {
                return Err(error(Quantity::Loss, culprit(&self.head, &batch)));
            }
            tally.add(tape.scalar(loss), batch.hits(&logits), batch.len());
        }
        Ok(Validation { loss: tally.loss() + penalty(&self.config, &self.head), accuracy: tally.accuracy() })
    }
}
