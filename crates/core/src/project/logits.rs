//! What a head says of many rows.

use headstart_cache::{self as cache, Selection};
use headstart_nn::layers::Head;
use ndarray::{Array2, s};

/// Rows that go through the head together.
const ROWS: usize = 1024;

/// What the head says of each row, `(rows, classes)`; in batches, so that the features need not fit into memory.
///
/// # Errors
/// If a row is damaged.
pub(super) fn logits(head: &Head, rows: &Selection<'_>) -> Result<Array2<f32>, cache::Error> {
    let mut all = Array2::zeros((rows.len(), head.config().classes));
    let mut features = Array2::zeros((0, 0));
    for start in (0..rows.len()).step_by(ROWS) {
        let places: Vec<usize> = (start..rows.len().min(start + ROWS)).collect();
        rows.gather(&places, &mut features)?;
        all.slice_mut(s![start..start + places.len(), ..]).assign(&head.logits(features.view()));
    }
    Ok(all)
}
