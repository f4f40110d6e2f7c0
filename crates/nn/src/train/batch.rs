//! The rows of one step, in buffers that are used again.

use std::sync::Arc;

use ndarray::{Array2, Axis};

use super::{
    Error, Part, Rows,
    health::{larger, largest},
    objective::Targets,
};
use headstart_base::machine::side_by_side;

/// Rows that one thread gathers.
const GATHERED: usize = 32;

/// Features and labels of one step.
pub(super) struct Batch {
    /// `(n, dim)`, shared with the tape and the gradients of its step.
    pub features: Arc<Array2<f32>>,
    /// The largest magnitude among the features; an infinity or NaN if there is one.
    pub largest: f32,
    /// What the labels become for the loss, `(n, classes)`.
    pub targets: Array2<f32>,
    /// The places that the rows are from.
    pub rows: Vec<usize>,
    labels: Vec<usize>,
    how: Targets,
}

impl Batch {
    pub(super) fn new(dim: usize, classes: usize, how: Targets) -> Self {
        let (features, targets) = (Array2::zeros((0, dim)).into(), Array2::zeros((0, classes)));
        Self { features, largest: 0.0, targets, rows: Vec::new(), labels: Vec::new(), how }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Take these rows; only a batch of another size than the last makes new buffers.
    pub(super) fn fill(
        &mut self,
        part: Part,
        data: &dyn Rows,
        labels: &[usize],
        rows: &[usize],
    ) -> Result<(), Error> {
        if rows.len() != self.len() {
            self.features = Array2::zeros((rows.len(), self.features.ncols())).into();
            self.targets = Array2::zeros((rows.len(), self.targets.ncols()));
        }
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        self.gather(data, rows).map_err(|source| Error::Rows { part, source })?;
        self.labels.clear();
        // Another view of a row has its label.
        self.labels.extend(rows.iter().map(|&place| labels[place % labels.len()]));
        for (&label, target) in self.labels.iter().zip(self.targets.rows_mut()) {
            self.how.write(label, target);
        }
        Ok(())
    }

    /// Take their features. Each piece is looked at for numbers that are not finite while it is still in a cache.
    fn gather(
        &mut self,
        data: &dyn Rows,
        rows: &[usize],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Nobody shares them any more between two steps, so nothing is copied.
        let features = Arc::make_mut(&mut self.features);
        let mut found: Vec<_> = rows.chunks(GATHERED).map(|_| Ok(0.0)).collect();
        let pieces =
            rows.chunks(GATHERED).zip(features.axis_chunks_iter_mut(Axis(0), GATHERED)).zip(&mut found);
        side_by_side(pieces.collect(), |((rows, mut out), found)| {
            *found = data.gather(rows, out.view_mut()).map(|()| largest(&out));
        });
        self.largest =
            found.into_iter().try_fold(0.0, |sofar, found| found.map(|found| larger(sofar, found)))?;
        Ok(())
    }

    /// How many rows have their largest logit at their label; the first counts among equals.
    pub(super) fn hits(&self, logits: &Array2<f32>) -> usize {
        self.labels.iter().enumerate().filter(|&(index, &label)| argmax(logits, index) == label).count()
    }
}

fn argmax(matrix: &Array2<f32>, row: usize) -> usize {
    let row = matrix.row(row);
    (1..row.len()).fold(0, |best, column| if row[column] > row[best] { column } else { best })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn batches_of_changing_size_hold_their_rows() {
        let data = array![[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]];
        let mut batch = Batch::new(2, 3, Targets::new(0.0, 3));
        for rows in [&[2, 0][..], &[1], &[0, 1], &[1, 2]] {
            batch.fill(Part::Training, &data, &[2, 0, 1], rows).unwrap();
            for (index, &row) in rows.iter().enumerate() {
                assert_eq!(batch.features.row(index), data.row(row));
                assert_eq!(argmax(&batch.targets, index), [2, 0, 1][row]);
                assert_eq!(batch.targets.row(index).sum(), 1.0);
            }
        }
        // Rows 1 and 2, labels 0 and 1: the first has its class tied with another, later one.
        assert_eq!(batch.hits(&array![[4.0, 1.0, 4.0], [7.0, 5.0, 0.0]]), 1);
    }
}
