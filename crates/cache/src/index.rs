//! From key and view to row, in a dozen bytes a row: the keys themselves stay in the mapped segments.

use std::collections::HashMap;

use hashbrown::HashTable;

use super::{Key, View};

/// A row of one open [`Store`](super::Store). It stays valid as long as that store is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId {
    pub(super) segment: u32,
    pub(super) batch: u32,
    pub(super) slot: u32,
}

#[derive(Debug, Default)]
pub(super) struct Index {
    /// The row that stands for each key and view: the first that was met.
    rows: HashTable<RowId>,
    /// Further rows of the same key and view, which take over if that one turns out bad.
    spares: HashMap<(Key, View), Vec<RowId>>,
}

impl Index {
    /// Keys and views that have a row.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Rows that repeat another's key and view.
    pub(crate) fn spares(&self) -> impl Iterator<Item = (&(Key, View), &RowId)> {
        self.spares.iter().flat_map(|(id, rows)| rows.iter().map(move |row| (id, row)))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = RowId> {
        self.rows.iter().copied()
    }

    pub(crate) fn reserve(&mut self, additional: usize, id_of: impl Fn(RowId) -> Option<(Key, View)>) {
        self.rows.reserve(additional, |row| id_of(*row).map_or(0, |id| hash(&id)));
    }

    /// `id_of` reads key and view of a row that is in the index.
    pub(crate) fn insert(
        &mut self,
        id: (Key, View),
        row: RowId,
        id_of: impl Fn(RowId) -> Option<(Key, View)>,
    ) {
        let same = |other: &RowId| id_of(*other) == Some(id);
        if self.rows.find(hash(&id), same).is_some() {
            self.spares.entry(id).or_default().push(row);
        } else {
            self.rows.insert_unique(hash(&id), row, |row| id_of(*row).map_or(0, |id| hash(&id)));
        }
    }

    /// Every row of a key and view, whatever is known of it.
    pub(crate) fn all(
        &self,
        id: (Key, View),
        id_of: impl Fn(RowId) -> Option<(Key, View)>,
    ) -> impl Iterator<Item = RowId> {
        let first = self.rows.find(hash(&id), |other| id_of(*other) == Some(id)).copied();
        first.into_iter().chain(self.spares.get(&id).into_iter().flatten().copied())
    }

    /// The first row of a key and view that `usable` lets pass.
    pub(crate) fn find(
        &self,
        id: (Key, View),
        id_of: impl Fn(RowId) -> Option<(Key, View)>,
        usable: impl Fn(RowId) -> bool,
    ) -> Option<RowId> {
        let first = *self.rows.find(hash(&id), |other| id_of(*other) == Some(id))?;
        if usable(first) {
            return Some(first);
        }
        self.spares.get(&id)?.iter().copied().find(|row| usable(*row))
    }
}

/// A key is a hash already; views of one image must not share a bucket.
fn hash((Key(key), view): &(Key, View)) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ u64::from(*view).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
