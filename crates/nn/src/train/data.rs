//! Where rows of features come from.

use std::error::Error;

use ndarray::{Array2, ArrayViewMut2, Axis};

/// Rows of features that training can gather in any order: an array in memory, or a cache on disk.
///
/// Several threads gather at once, each some of the rows of a batch.
pub trait Rows: Sync {
    /// Number of rows.
    fn len(&self) -> usize;

    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size of a row.
    fn dim(&self) -> usize;

    /// In how many views there is each row, itself the first: 1 unless it says otherwise. A step draws one of them for each
    /// of its rows. [`gather`](Self::gather) and [`name`](Self::name) are asked for places then: view `v` of row `r` is at
    /// `v * len() + r`, so that a row itself is at its own number.
    fn views(&self) -> usize {
        1
    }

    /// Copy these rows, in this order, to `out`, which is `(rows.len(), dim)`.
    ///
    /// # Errors
    /// Whatever keeps a row from being read; training stops with it.
    fn gather(&self, rows: &[usize], out: ArrayViewMut2<f32>) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// What a user knows the row by, such as the path of the image.
    fn name(&self, row: usize) -> String;
}

impl Rows for Array2<f32> {
    fn len(&self) -> usize {
        self.nrows()
    }

    fn dim(&self) -> usize {
        self.ncols()
    }

    fn gather(
        &self,
        rows: &[usize],
        mut out: ArrayViewMut2<f32>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        for (&row, mut out) in rows.iter().zip(out.axis_iter_mut(Axis(0))) {
            out.assign(&self.row(row));
        }
        Ok(())
    }

    fn name(&self, row: usize) -> String {
        format!("row {row}")
    }
}
