//! A door for the fuzzer, which has bytes and no files.

use super::format::RowLayout;
use super::segment::{Scan, scan};
use super::{Fingerprint, Key, View};

/// The rows that a store would take from a segment of these bytes: key, view, and features as they are stored.
///
/// `cut` bytes are read at first, and the rest as if it had been appended since.
pub fn rows_of(bytes: &[u8], cut: usize, fingerprint: &Fingerprint) -> Vec<(Key, View, Vec<u8>)> {
    let layout = RowLayout::new(fingerprint).expect("a fingerprint with features");
    let Scan { batches, resume, .. } = scan(&bytes[..cut.min(bytes.len())], 0, &layout);
    let batches = batches.into_iter().chain(scan(bytes, resume, &layout).batches);
    let rows = batches.flat_map(|batch| (0..batch.rows).map(move |slot| (batch.clone(), slot)));
    rows.filter(|(batch, slot)| layout.holds(bytes, batch, *slot))
        .filter_map(|(batch, slot)| {
            let (key, view) = layout.id(bytes, &batch, slot)?;
            Some((key, view, layout.features(bytes, &batch, slot)?.to_vec()))
        })
        .collect()
}
