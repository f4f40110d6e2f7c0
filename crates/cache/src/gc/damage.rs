//! Notes of damage that is no more.

use std::collections::HashSet;

use super::super::damage::{self, Mark};
use super::super::{Result, Store};
use super::{GcEvent, finished, remove};

/// Removes the files of marks none of which tells of a row that is still there and still damaged; how many marks.
pub(super) fn tidy(
    store: &Store,
    gone: &HashSet<String>,
    dry_run: bool,
    on_event: &mut impl FnMut(GcEvent),
) -> Result<usize> {
    let there: HashSet<String> = store.segments().iter().map(|segment| segment.name()).collect();
    let stands = |mark: &Mark| there.contains(&mark.segment) && !gone.contains(&mark.segment);
    let mut removed = 0;
    for path in finished(&store.segments_dir(), damage::is_marks)? {
        let marks = damage::read_file(&path);
        if !marks.iter().any(stands) {
            removed += marks.len();
            if !dry_run {
                remove(&path, on_event)?;
            }
        }
    }
    Ok(removed)
}
