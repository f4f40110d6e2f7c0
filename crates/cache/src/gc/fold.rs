//! Copies what stays into new segments, and only then unlinks the old.

use std::path::PathBuf;

use ndarray::{Array2, s};

use super::super::segment::{Segment, State};
use super::super::{Error, Key, Progress, Provenance, Result, RowId, SegmentWriter, Store, View};
use super::plan::{Plan, Verdict};
use super::{GcEvent, remove};

/// A new segment begins when one has become so large: what is copied before the old can go needs room on the disk.
pub(super) const SEGMENT_BYTES: usize = 1 << 30;

pub(super) fn carry_out(plan: &Plan, on_event: &mut impl FnMut(GcEvent)) -> Result<()> {
    let all = || plan.groups.iter().flat_map(|(_, numbers)| numbers.iter().copied());
    let mut progress = Progress { done: 0, total: plan.bytes(all()) as u64 };
    for (provenance, numbers) in &plan.groups {
        let mut fold = Fold::new(plan, provenance);
        for number in numbers {
            for row in plan.rows(*number) {
                if matches!(plan.verdict(row), Verdict::Keep | Verdict::Contradicts) {
                    fold.take(row, on_event)?;
                }
            }
            fold.copied.push(plan.store.segments()[*number as usize].path.clone());
            progress.done += plan.bytes([*number]) as u64;
            on_event(GcEvent::Progress(progress));
        }
        fold.finish(on_event)?;
    }
    Ok(())
}

/// A segment on its way.
struct Fold<'a> {
    store: &'a Store,
    provenance: &'a Provenance,
    writer: Option<SegmentWriter>,
    /// What is in the segment and in the batch, in order.
    rows: Vec<RowId>,
    ids: Vec<(Key, View)>,
    features: Array2<f32>,
    /// Old segments of which every row that stays is in a new one, or in this.
    copied: Vec<PathBuf>,
}

impl<'a> Fold<'a> {
    fn new(plan: &Plan<'a>, provenance: &'a Provenance) -> Self {
        let features = Array2::zeros((plan.batch_rows(), plan.store.dim()));
        let (rows, ids, copied) = Default::default();
        Self { store: plan.store, provenance, writer: None, rows, ids, features, copied }
    }

    fn take(&mut self, row: RowId, on_event: &mut impl FnMut(GcEvent)) -> Result<()> {
        let slot = self.ids.len();
        self.store.gather(&[row], &mut self.features.slice_mut(s![slot..slot + 1, ..]))?;
        self.ids.extend(self.store.id(row));
        self.rows.push(row);
        if self.ids.len() == self.features.nrows() {
            self.write()?;
            if self.rows.len() * self.store.layout().row_bytes() >= SEGMENT_BYTES {
                self.finish(on_event)?;
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(self.store.writer(self.provenance.clone())?),
        };
        writer.append(&self.ids, self.features.slice(s![..self.ids.len(), ..]))?;
        self.ids.clear();
        Ok(())
    }

    /// Ends the segment, reads it back, and unlinks those that it stands for.
    fn finish(&mut self, on_event: &mut impl FnMut(GcEvent)) -> Result<()> {
        self.write()?;
        if let Some(writer) = self.writer.take() {
            let path = writer.path().map(PathBuf::from).unwrap_or_default();
            writer.close()?;
            self.compare(&path)?;
            on_event(GcEvent::Written(&path));
        }
        self.rows.clear();
        self.copied.drain(..).try_for_each(|old| remove(&old, on_event))
    }

    /// # Errors
    /// [`Error::BadCopy`] unless the file holds just the rows that were to go into it, bit for bit.
    fn compare(&self, path: &std::path::Path) -> Result<()> {
        let layout = self.store.layout();
        let mut copy = Segment::new(path.into());
        copy.grow(layout)?;
        let copies = copy.batches.iter().enumerate();
        let mut copies =
            copies.flat_map(|(batch, at)| (0..at.rows as u32).map(move |slot| (batch as u32, slot)));
        let same = |row: &RowId| {
            let Some((batch, slot)) = copies.next() else { return false };
            let old = &self.store.segments()[row.segment as usize];
            copy.check(layout, batch, slot) == State::Good
                && copy.id(layout, batch, slot) == self.store.id(*row)
                && copy.features(layout, batch, slot) == old.features(layout, row.batch, row.slot)
        };
        if self.rows.iter().all(same) && copies.next().is_none() {
            Ok(())
        } else {
            Err(Error::BadCopy { path: path.into() })
        }
    }
}
