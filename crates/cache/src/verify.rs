//! A look at every byte of a store.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::format::Flaw;
use super::segment::{Region, Segment};
use super::{Key, RowId, Store, View, failures, memo};
use headstart_base::files::{as_path_text, as_path_texts};
use headstart_base::text::counted;

/// How far a look has come, in bytes of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were read.
    pub done: u64,
    /// Bytes that are to be read.
    pub total: u64,
}

/// A row that must not be used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BadRow {
    /// The file that holds it.
    #[serde(serialize_with = "as_path_text")]
    pub segment: PathBuf,
    /// Where its batch begins in the file, in bytes.
    pub offset: u64,
    /// Its number in the batch.
    pub slot: usize,
    /// As it stands there; it may be what is damaged.
    pub key: Key,
    /// Which view of the image, as it stands there.
    pub view: View,
    /// Whether a good row stands in for it.
    pub replaced: bool,
}

/// Bytes that hold nothing to be used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BadRegion {
    /// A segment, or a file of the memo or of failures.
    #[serde(serialize_with = "as_path_text")]
    pub segment: PathBuf,
    /// In bytes from the start of the file.
    pub offset: u64,
    /// In bytes.
    pub length: u64,
    /// Why it cannot be used, for people.
    pub reason: String,
}

/// Two rows of one image that are further apart than two devices should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disagreement {
    /// The image's key.
    pub key: Key,
    /// Which view of it.
    pub view: View,
    /// The largest absolute difference of two features.
    pub difference: f32,
    /// The files that hold the two rows.
    #[serde(serialize_with = "as_path_texts")]
    pub segments: [PathBuf; 2],
}

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct VerifyReport {
    /// Files that were read.
    pub segments: usize,
    /// How long they are, all together.
    pub bytes: u64,
    /// Whole batches in them.
    pub batches: usize,
    /// Good rows, duplicates included.
    pub rows: usize,
    /// Keys and views with a good row.
    pub images: usize,
    /// Rows whose checksum fails.
    pub bad_rows: Vec<BadRow>,
    /// Good rows with a feature that is not finite; no writer of this program makes them.
    pub not_finite: Vec<BadRow>,
    /// Damage between and after batches, in the memo and in the failures. Of the memo it costs hashing, of the failures
    /// another try.
    pub regions: Vec<BadRegion>,
    /// Batches, records and lines cut off by the end of their file: what a killed process leaves, or one that is writing now. Harmless.
    pub torn_tails: Vec<BadRegion>,
    /// Segments of another fingerprint, or without a single good row to tell.
    pub foreign: Vec<PathBuf>,
    /// Rows that repeat another's key and view; they take up space.
    pub duplicates: usize,
    /// Duplicates more than 1e-3 apart.
    pub disagreements: Vec<Disagreement>,
    /// What is wrong with `fingerprint.json`, if anything is.
    pub fingerprint: Option<String>,
}

impl VerifyReport {
    /// Whether nothing needs care: torn tails and duplicates do not.
    pub fn is_clean(&self) -> bool {
        self.bad_rows.is_empty()
            && self.not_finite.is_empty()
            && self.regions.is_empty()
            && self.foreign.is_empty()
            && self.disagreements.is_empty()
            && self.fingerprint.is_none()
    }
}

/// Features of one image from two devices may differ by this much.
pub(super) const TOLERANCE: f32 = 1e-3;

/// Checks every row of a store, as of its last [`refresh`](Store::refresh), and every byte between.
///
/// Rows found bad are misses from then on, in this process and in those that open the store later.
pub fn verify(store: &Store, mut progress: impl FnMut(Progress)) -> VerifyReport {
    let total = store.segments().iter().map(|segment| segment.bytes().len() as u64).sum();
    let mut report = VerifyReport {
        segments: store.segments().len(),
        bytes: total,
        fingerprint: store.flaw().map(Into::into),
        ..VerifyReport::default()
    };
    let mut before = 0;
    for (number, segment) in store.segments().iter().enumerate() {
        report.add_regions(segment);
        if segment.is_foreign(store.layout(), &store.fingerprint().hash().to_string()) {
            // Without a batch and an account of its own there is nothing to be foreign.
            if !segment.batches.is_empty() || !segment.header.fingerprint.is_empty() {
                report.foreign.push(segment.path.clone());
            }
        } else {
            for (batch, at) in segment.batches.iter().enumerate() {
                report.add_batch(store, number, batch);
                progress(Progress { done: before + at.end as u64, total });
            }
        }
        before += segment.bytes().len() as u64;
        progress(Progress { done: before, total });
    }
    report.add_notes(store);
    for bad in &mut report.bad_rows {
        bad.replaced = store.contains(&bad.key, bad.view);
    }
    report.add_duplicates(store);
    report.images = store.len();
    report
}

impl VerifyReport {
    fn add_regions(&mut self, segment: &Segment) {
        segment.damage.iter().chain(&segment.tail).for_each(|region| self.add_region(&segment.path, region));
    }

    /// Of the memo and the failures. Files that cannot be read are nobody's: a memo may be deleted at any time.
    fn add_notes(&mut self, store: &Store) {
        let failures = failures::damage(&store.segments_dir()).unwrap_or_default();
        let memo = store.dir().parent().and_then(|root| memo::damage(root).ok()).unwrap_or_default();
        failures.iter().chain(&memo).for_each(|(path, region)| self.add_region(path, region));
    }

    fn add_region(&mut self, path: &Path, region: &Region) {
        let reason = match region.flaw {
            Flaw::Torn => "cut off by the end of the file",
            Flaw::Damaged(reason) => reason,
        };
        let found = BadRegion {
            segment: path.into(),
            offset: region.place.start as u64,
            length: region.place.len() as u64,
            reason: reason.into(),
        };
        if region.flaw == Flaw::Torn { self.torn_tails.push(found) } else { self.regions.push(found) }
    }

    fn add_batch(&mut self, store: &Store, number: usize, batch: usize) {
        let segment = &store.segments()[number];
        self.batches += 1;
        let mut numbers = vec![0.0; store.dim()];
        for slot in 0..segment.batches[batch].rows {
            let row = RowId { segment: number as u32, batch: batch as u32, slot: slot as u32 };
            let holds = store.recheck(row);
            if holds && let Some(stored) = segment.features(store.layout(), row.batch, row.slot) {
                self.rows += 1;
                store.layout().decode(stored, &mut numbers);
            }
            if !holds || numbers.iter().any(|value| !value.is_finite()) {
                let (key, view) = store.id(row).unwrap_or((Key([0; 32]), 0));
                let offset = segment.batches[batch].start as u64;
                let bad = BadRow { segment: segment.path.clone(), offset, slot, key, view, replaced: false };
                if holds { self.not_finite.push(bad) } else { self.bad_rows.push(bad) }
            }
        }
    }

    fn add_duplicates(&mut self, store: &Store) {
        for ((key, view), spare) in store.index().spares() {
            let Some(first) = store.find(key, *view).filter(|first| first != spare) else { continue };
            let (Ok(a), Ok(b)) = (store.row(first), store.row(*spare)) else { continue };
            self.duplicates += 1;
            let difference = a.iter().zip(b.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            if difference > TOLERANCE {
                let path = |row: RowId| store.segments()[row.segment as usize].path.clone();
                let segments = [path(first), path(*spare)];
                self.disagreements.push(Disagreement { key: *key, view: *view, difference, segments });
            }
        }
        self.disagreements.sort_by(|a, b| b.difference.total_cmp(&a.difference).then(a.key.cmp(&b.key)));
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segments, bytes, batches, rows, images, .. } = self;
        writeln!(
            f,
            "images {images}, good rows {rows}, batches {batches}, segments {segments}, bytes {bytes}"
        )?;
        if let Some(flaw) = &self.fingerprint {
            writeln!(f, "fingerprint: {flaw}")?;
        }
        for row in &self.bad_rows {
            let fate = if row.replaced { ", replaced by another row" } else { "" };
            writeln!(f, "bad checksum: {row}{fate}")?;
        }
        for row in &self.not_finite {
            writeln!(f, "not finite: {row}")?;
        }
        for region in &self.regions {
            writeln!(f, "damaged: {region}")?;
        }
        for region in &self.torn_tails {
            writeln!(f, "torn tail: {region}")?;
        }
        for path in &self.foreign {
            writeln!(f, "not part of this store: `{}`", path.display())?;
        }
        for Disagreement { key, view, difference, segments: [a, b] } in &self.disagreements {
            let (a, b) = (a.display(), b.display());
            writeln!(f, "rows of image {key} (view {view}) differ by {difference}: `{a}` and `{b}`")?;
        }
        if self.duplicates > 0 {
            writeln!(f, "{}", counted(self.duplicates as u64, "duplicate row"))?;
        }
        f.write_str(if self.is_clean() { "clean" } else { "not clean" })
    }
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, slot, key, view, .. } = self;
        write!(f, "`{}` batch at byte {offset}, row {slot}, image {key} (view {view})", segment.display())
    }
}

impl fmt::Display for BadRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, length, reason } = self;
        write!(f, "`{}` {} at byte {offset}: {reason}", segment.display(), counted(*length, "byte"))
    }
}
