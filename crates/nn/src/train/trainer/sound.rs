//! The way back from a head that gives no numbers.
//!
//! A step can have a finite loss and finite gradients, and leave a head that answers with NaN: the rate was too high. The
//! next step shows it; if there is none, nothing does. A look after each step would double its forward pass, and keeping
//! the head of each step would cost more. So the trainer takes a checkpoint once in many steps. If it has to go back, it
//! trains from there again, with a look after each step: the same seed gives the same steps.

use super::{Progress, Trainer};
use crate::train::batch::Batch;
use crate::train::health::{first_bad_row, first_unanswered, has_numbers};
use crate::train::{Checkpoint, Ended, Error, Flow, Part, Quantity, Rows};

/// Steps from one checkpoint to the next: to take one costs as much as a step.
const STEPS: usize = 256;

/// The last checkpoint of which it is known that its head gives numbers.
#[derive(Default)]
pub(super) struct Sound {
    last: Option<Checkpoint>,
    steps: usize,
    /// Look after each step, and take a checkpoint before it.
    pub every_step: bool,
}

impl Sound {
    /// Whether to take one before the step in hand, whose loss is finite.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.every_step || self.steps.is_multiple_of(STEPS);
        self.steps += 1;
        due
    }

    pub(super) fn keep(&mut self, checkpoint: Checkpoint) {
        // What has a finite loss may still have an infinite weight behind a relu, and never loses it again.
        if has_numbers(&checkpoint.head) {
            self.last = Some(checkpoint);
        }
    }
}

impl Trainer {
    /// If the head gives no numbers by now, go back to the last that did; how it ended, or that it failed there.
    pub(super) fn back_to_numbers(
        &mut self,
        ended: Result<Ended, Error>,
        rows: &dyn Rows,
        labels: &[usize],
        validation: Option<(&dyn Rows, &[usize])>,
    ) -> Result<Ended, Error> {
        let Some(image) = self.unanswered(rows, labels) else { return ended };
        let Progress { epoch, step, .. } = self.progress;
        let lost =
            Error::NotFinite { quantity: Quantity::Answers, epoch: epoch.max(1), step: step.max(1), image };
        let Some(start) = self.sound.last.take() else { return Err(ended.err().unwrap_or(lost)) };
        let config = self.config.clone();
        *self = Self::resume(&config, start)?;
        self.sound.every_step = true;
        let again = self.epochs(rows, labels, validation, &mut |_| Flow::Continue);
        if let Some(last) = self.sound.last.take() {
            *self = Self::resume(&config, last)?;
        }
        Err(again.err().or(ended.err()).unwrap_or(lost))
    }

    /// An image of the last step that has no answer, or any of them where a parameter is not finite.
    fn unanswered(&self, rows: &dyn Rows, labels: &[usize]) -> Option<String> {
        let last = self.last_rows(rows)?;
        if !has_numbers(&self.head) {
            return Some(rows.name(*last.first()?));
        }
        let mut batch = Batch::new(rows.dim(), self.head.config().classes, self.targets(labels));
        // Rows that can no longer be read, or have changed, say nothing about the head.
        batch.fill(Part::Training, rows, labels, &last).ok()?;
        if first_bad_row(&batch).is_some() {
            return None;
        }
        first_unanswered(&self.head, &batch).map(|index| rows.name(last[index]))
    }

    /// Where the rows of the last step are; `None` if no step was taken.
    fn last_rows(&self, rows: &dyn Rows) -> Option<Vec<usize>> {
        let size = self.config.batch_size;
        let (epoch, step) = match (self.progress.epoch, self.progress.step) {
            (0, 0) => return None,
            (epoch, 0) => (epoch - 1, rows.len().div_ceil(size) - 1),
            (epoch, step) => (epoch, step - 1),
        };
        let order = self.order(rows.len(), epoch);
        let chunk = order.chunks(size).nth(step)?;
        Some(self.in_views(chunk, rows, epoch, step).into_owned())
    }
}
