//! Rows straight from the feature cache.

use ndarray::ArrayViewMut2;

use super::Rows;
use crate::cache::Selection;

/// Cached features of some images, with the images' names for messages. Rows are copied from the mapped segments as
/// batches ask for them, so the features need not fit into memory.
pub struct CachedRows<'a> {
    selection: Selection<'a>,
    names: Vec<String>,
}

impl<'a> CachedRows<'a> {
    /// # Panics
    /// If there are not as many names as rows.
    pub fn new(selection: Selection<'a>, names: Vec<String>) -> Self {
        assert_eq!(selection.len(), names.len(), "one name per row");
        Self { selection, names }
    }
}

impl Rows for CachedRows<'_> {
    fn len(&self) -> usize {
        self.selection.len()
    }

    fn dim(&self) -> usize {
        self.selection.dim()
    }

    fn gather(
        &self,
        rows: &[usize],
        out: ArrayViewMut2<f32>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.selection.gather_into(rows, out)?)
    }

    fn name(&self, row: usize) -> String {
        self.names[row].clone()
    }
}
