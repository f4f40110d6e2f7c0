//! Which rows stay, and which segments become others for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::super::directory::paths_in;
use super::super::segment::{Segment, State};
use super::super::store::{SEGMENTS, is_segment};
use super::super::verify::TOLERANCE;
use super::super::writer_lock::Writer;
use super::super::{Key, Progress, Provenance, Result, RowId, Store};
use super::{Extent, GcEvent, GcReport, extent};

/// Large enough that a batch's header and a write cost nothing beside it.
pub(super) const BATCH_BYTES: usize = 4 << 20;
/// Smaller segments are put together with others.
const SMALL: usize = 256 << 20;
/// Key, view and checksum of a row, beside its features.
const ROW_OVERHEAD: usize = 32 + 2 + 4;
/// Header and padding of a batch, and of a schema, for an estimate.
const MESSAGE_OVERHEAD: usize = 1 << 10;

/// What is to become of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// It stays, although another stands for its image: the two disagree, and who is right is not known here.
    Contradicts,
    Duplicate,
    Damaged,
    Unlisted,
}

/// How many rows of a segment got each verdict.
#[derive(Debug, Default)]
struct Tally([usize; 5]);

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        self.0[verdict as usize] += 1;
    }

    fn of(&self, verdict: Verdict) -> usize {
        self.0[verdict as usize]
    }

    fn kept(&self) -> usize {
        self.of(Verdict::Keep) + self.of(Verdict::Contradicts)
    }

    fn total(&self) -> usize {
        self.0.iter().sum()
    }
}

/// What is to be done with a store.
pub(super) struct Plan<'a> {
    pub store: &'a Store,
    keep: Option<&'a HashSet<Key>>,
    /// By segment: whether it may be taken away.
    free: Vec<bool>,
    tallies: Vec<Tally>,
    /// The segments that become others, with those they share a new one with: rows of one origin.
    pub groups: Vec<(Provenance, Vec<u32>)>,
    in_use: usize,
    foreign: usize,
}

/// What is known of the writers of the segments in a store's directory.
pub(super) fn writers(dir: &Path) -> Result<HashMap<PathBuf, Writer>> {
    let paths = paths_in(&dir.join(SEGMENTS))?.into_iter().filter(|path| is_segment(path));
    Ok(paths.map(|path| (path.clone(), Writer::of(&path))).collect())
}

impl<'a> Plan<'a> {
    pub(super) fn make(
        store: &'a Store,
        writers: &HashMap<PathBuf, Writer>,
        keep: Option<&'a HashSet<Key>>,
        on_event: &mut impl FnMut(GcEvent),
    ) -> Self {
        // One that came after the writers were asked has a writer at work.
        let is_done = |s: &Segment| writers.get(&s.path).is_some_and(|writer| writer.is_done(s.closed));
        let hash = store.fingerprint().hash().to_string();
        let is_foreign = |s: &Segment| s.is_foreign(store.layout(), &hash) && !is_blank(s);
        let segments = store.segments();
        let foreign: Vec<bool> = segments.iter().map(is_foreign).collect();
        let done: Vec<bool> = segments.iter().map(is_done).collect();
        let mut plan = Self {
            store,
            keep,
            free: foreign.iter().zip(&done).map(|(foreign, done)| *done && !foreign).collect(),
            tallies: vec![],
            groups: vec![],
            in_use: done.iter().filter(|done| !**done).count(),
            foreign: foreign.iter().filter(|foreign| **foreign).count(),
        };
        plan.look(on_event);
        plan.group();
        plan
    }

    /// Judges every row of every segment that may be taken away.
    fn look(&mut self, on_event: &mut impl FnMut(GcEvent)) {
        let segments = self.store.segments();
        let total = self.bytes(0..segments.len() as u32) as u64;
        let mut done = 0;
        for (number, segment) in segments.iter().enumerate() {
            let mut tally = Tally::default();
            if self.free[number] {
                self.rows(number as u32).for_each(|row| tally.add(self.verdict(row)));
            }
            self.tallies.push(tally);
            done += segment.bytes().len() as u64;
            on_event(GcEvent::Progress(Progress { done, total }));
        }
    }

    /// Finds the segments that are worth copying: those with something to drop or torn into small batches, and small ones
    /// if there are several.
    fn group(&mut self) {
        let mut groups = BTreeMap::<Provenance, Vec<u32>>::new();
        for (number, segment) in self.store.segments().iter().enumerate() {
            if self.free[number] {
                groups.entry(origin(segment)).or_default().push(number as u32);
            }
        }
        for (provenance, mut numbers) in groups {
            let small = numbers.iter().filter(|number| self.is_small(**number)).count();
            numbers.retain(|number| self.needs_care(*number) || (small > 1 && self.is_small(*number)));
            if !numbers.is_empty() {
                self.groups.push((provenance, numbers));
            }
        }
    }

    fn is_small(&self, number: u32) -> bool {
        self.store.segments()[number as usize].bytes().len() < SMALL
    }

    fn needs_care(&self, number: u32) -> bool {
        let (segment, tally) = (&self.store.segments()[number as usize], &self.tallies[number as usize]);
        let batches = tally.kept().div_ceil(self.batch_rows());
        let is_flawed = !segment.damage.is_empty() || segment.tail.is_some();
        is_flawed || tally.kept() == 0 || tally.kept() < tally.total() || segment.batches.len() > 2 * batches
    }

    /// Rows in a batch of a new segment.
    pub(super) fn batch_rows(&self) -> usize {
        (BATCH_BYTES / self.store.layout().row_bytes()).max(1)
    }

    pub(super) fn rows(&self, number: u32) -> impl Iterator<Item = RowId> + use<'a> {
        let batches = self.store.segments()[number as usize].batches.iter().enumerate();
        batches.flat_map(move |(batch, at)| {
            (0..at.rows as u32).map(move |slot| RowId { segment: number, batch: batch as u32, slot })
        })
    }

    /// The first sound row of a key and view in a segment that may be taken away stands for all others there. Rows of
    /// segments that are being written do not count: they may not have reached the disk.
    pub(super) fn verdict(&self, row: RowId) -> Verdict {
        let store = self.store;
        let Some(id) = store.id(row).filter(|_| self.is_sound(row)) else { return Verdict::Damaged };
        if self.keep.is_some_and(|keep| !keep.contains(&id.0)) {
            return Verdict::Unlisted;
        }
        let stands = |other: RowId| self.free[other.segment as usize] && self.is_sound(other);
        match store.index().find(id, |row| store.id(row), stands) {
            Some(first) if first != row => match self.agree(first, row) {
                true => Verdict::Duplicate,
                false => Verdict::Contradicts,
            },
            _ => Verdict::Keep,
        }
    }

    fn is_sound(&self, row: RowId) -> bool {
        let segment = &self.store.segments()[row.segment as usize];
        segment.check(self.store.layout(), row.batch, row.slot) == State::Good
            && self.store.row(row).is_ok_and(|numbers| numbers.iter().all(|number| number.is_finite()))
    }

    fn agree(&self, a: RowId, b: RowId) -> bool {
        let (Ok(a), Ok(b)) = (self.store.row(a), self.store.row(b)) else { return false };
        a.iter().zip(b.iter()).all(|(a, b)| (a - b).abs() <= TOLERANCE)
    }

    /// The segments that become others.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &'a Segment> {
        self.groups.iter().flat_map(|(_, numbers)| numbers).map(|n| &self.store.segments()[*n as usize])
    }

    pub(super) fn bytes(&self, numbers: impl IntoIterator<Item = u32>) -> usize {
        numbers.into_iter().map(|number| self.store.segments()[number as usize].bytes().len()).sum()
    }

    /// What will have been done.
    pub(super) fn report(&self, dry_run: bool) -> GcReport {
        let count = |verdict| self.tallies.iter().map(|tally| tally.of(verdict)).sum();
        let before = extent(self.store);
        GcReport {
            directory: self.store.dir().into(),
            dry_run,
            before,
            after: self.estimate(before),
            duplicates: count(Verdict::Duplicate),
            damaged: count(Verdict::Damaged),
            unlisted: count(Verdict::Unlisted),
            contradictions: count(Verdict::Contradicts),
            replaced: self.replaced().count(),
            in_use: self.in_use,
            foreign: self.foreign,
            ..GcReport::default()
        }
    }

    fn estimate(&self, before: Extent) -> Extent {
        let (mut after, row) = (before, self.store.layout().row_bytes() + ROW_OVERHEAD);
        for (_, numbers) in &self.groups {
            let tallies = || numbers.iter().map(|number| &self.tallies[*number as usize]);
            let kept: usize = tallies().map(Tally::kept).sum();
            let segments = (kept * row).div_ceil(super::fold::SEGMENT_BYTES);
            let messages = segments + kept.div_ceil(self.batch_rows());
            let (old, new) = (self.bytes(numbers.iter().copied()), kept * row + messages * MESSAGE_OVERHEAD);
            after.segments = after.segments - numbers.len() + segments;
            after.rows = after.rows - tallies().map(Tally::total).sum::<usize>() + kept;
            after.bytes = (after.bytes + new as u64).saturating_sub(old as u64);
        }
        after
    }
}

/// Whether a segment holds nothing and claims nothing: what a process leaves that was killed at its start.
fn is_blank(segment: &Segment) -> bool {
    segment.batches.is_empty() && segment.header.fingerprint.is_empty()
}

fn origin(segment: &Segment) -> Provenance {
    let mut provenance = segment.header.provenance.clone();
    // An empty version would become that of this program, which did not compute these rows.
    if provenance.version.is_empty() {
        provenance.version = "unknown".into();
    }
    provenance
}
