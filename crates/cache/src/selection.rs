use std::borrow::Cow;
use std::fmt;

use ndarray::{Array2, ArrayViewMut2};

use super::{Error, Key, Result, RowId, Store, View};
use headstart_base::text::counted;

/// Rows of a store in an order of the caller's: the cache as a trainer sees it.
#[derive(Debug)]
pub struct Selection<'a> {
    store: &'a Store,
    rows: Vec<RowId>,
}

/// Features that were asked for and are not in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which of those asked for, in ascending order.
    pub positions: Vec<usize>,
    /// Their keys and views.
    pub ids: Vec<(Key, View)>,
    /// How many were asked for.
    pub asked: usize,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the cache lacks the features of {} of {}",
            self.ids.len(),
            counted(self.asked as u64, "image")
        )
    }
}

impl std::error::Error for Missing {}

impl Store {
    /// The rows of `ids`, in that order; an id may come more than once.
    ///
    /// # Errors
    /// [`Missing`] lists every id that has no row.
    pub fn select(&self, ids: &[(Key, View)]) -> Result<Selection<'_>, Missing> {
        let mut missing = Missing { positions: Vec::new(), ids: Vec::new(), asked: ids.len() };
        let mut rows = Vec::with_capacity(ids.len());
        for (position, (key, view)) in ids.iter().enumerate() {
            match self.find(key, *view) {
                Some(row) => rows.push(row),
                None => {
                    missing.positions.push(position);
                    missing.ids.push((*key, *view));
                }
            }
        }
        if missing.ids.is_empty() { Ok(Selection { store: self, rows }) } else { Err(missing) }
    }
}

impl Selection<'_> {
    /// Rows in the selection.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row was selected.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers in a row.
    pub fn dim(&self) -> usize {
        self.store.dim()
    }

    /// Copies the features of the rows at `positions` to `out`, which is made anew only if its shape does not fit.
    ///
    /// # Shapes
    /// - `out`: `(positions.len(), dim)`, row `i` for `positions[i]`
    ///
    /// # Errors
    /// [`Error::BadRow`]; what `out` holds then is not defined.
    ///
    /// # Panics
    /// If a position is not below [`len`](Self::len).
    pub fn gather(&self, positions: &[usize], out: &mut Array2<f32>) -> Result<(), Error> {
        let shape = (positions.len(), self.dim());
        if out.dim() != shape {
            *out = Array2::zeros(shape);
        }
        self.gather_into(positions, out.view_mut())
    }

    /// [`gather`](Self::gather) to a part of a matrix.
    ///
    /// # Errors
    /// [`Error::BadRow`]; [`Error::Shape`] unless `out` has the right one.
    ///
    /// # Panics
    /// As [`gather`](Self::gather).
    pub fn gather_into(&self, positions: &[usize], mut out: ArrayViewMut2<f32>) -> Result<(), Error> {
        let rows: Vec<RowId> = positions.iter().map(|position| self.rows[*position]).collect();
        self.store.gather(&rows, &mut out)
    }

    /// The features of one row, without a copy where they are stored as `f32`.
    ///
    /// # Errors
    /// [`Error::BadRow`].
    ///
    /// # Panics
    /// If `position` is not below [`len`](Self::len).
    pub fn row(&self, position: usize) -> Result<Cow<'_, [f32]>> {
        self.store.row(self.rows[position])
    }

    /// Key and view of a row, for messages; none if its file has been shortened since.
    pub fn id(&self, position: usize) -> Option<(Key, View)> {
        self.store.id(self.rows[position])
    }
}
