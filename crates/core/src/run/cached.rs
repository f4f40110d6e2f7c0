//! Rows straight from the feature cache.

use ndarray::ArrayViewMut2;

use headstart_cache::Selection;
use headstart_nn::train::Rows;

/// Cached features of some images, with the images' names for messages. Rows are copied from the mapped segments as
/// batches ask for them, so the features need not fit into memory.
pub struct CachedRows<'a> {
    selection: Selection<'a>,
    names: Vec<String>,
    views: usize,
}

impl<'a> CachedRows<'a> {
    /// # Panics
    /// If there are not as many names as rows.
    pub fn new(selection: Selection<'a>, names: Vec<String>) -> Self {
        Self::in_views(selection, names, 1)
    }

    /// With each image in so many views: first all images in the first view, then all in the second, and so on.
    ///
    /// # Panics
    /// If there are not as many rows as names times views.
    pub fn in_views(selection: Selection<'a>, names: Vec<String>, views: usize) -> Self {
        assert_eq!(
            selection.len(),
            names.len() * views,
            "a name for each image, and a row for each view of it"
        );
        Self { selection, names, views }
    }
}

impl Rows for CachedRows<'_> {
    fn len(&self) -> usize {
        self.names.len()
    }

    fn views(&self) -> usize {
        self.views
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

    fn name(&self, place: usize) -> String {
        self.names[place % self.names.len()].clone()
    }
}
