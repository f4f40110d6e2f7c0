//! Why an image has features, or has none.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::directory::dirs_in;
use super::memo::past;
use super::segment::State;
use super::{
    Decoders, Difference, Facts, Failure, Failures, Fingerprint, Identity, Key, Memo, Past, Provenance,
    Result, RowId, Store, View, fingerprint,
};
use headstart_base::files::as_path_text;

/// Where an image stands with the features in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It has a sound row.
    Hit,
    /// It was tried and gives no features.
    Failed,
    /// It was computed or tried by decoders of an earlier version, and those of today read it otherwise.
    Outdated,
    /// It has rows, and each is damaged.
    Damaged,
    /// It has no row; what stood at this path before had one.
    Changed,
    /// It was never computed.
    Absent,
    /// There is no such file, or it cannot be read.
    Unreadable,
}

/// What the memo has to say about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum MemoState {
    /// It knows the file in this state, so the file need not be read.
    Trusted,
    /// It knows the file in this state and under another key: the file was changed without a trace.
    Wrong {
        /// The key that it knows.
        key: Key,
    },
    /// The file changed less than two seconds ago, so a further change might not show.
    TooFresh,
    /// It knows the file in another state, last in this.
    Changed(Past),
    /// It has not met the file.
    Unknown,
}

/// A row of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Which view of the image.
    pub view: View,
    /// The file that holds it.
    #[serde(serialize_with = "as_path_text")]
    pub segment: PathBuf,
    /// Where its batch begins in the file, in bytes.
    pub offset: u64,
    /// Its number in the batch.
    pub slot: u32,
    /// Whether its checksum holds.
    pub sound: bool,
    /// What computed it.
    pub provenance: Provenance,
}

/// What one store has of an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The store's folder.
    #[serde(serialize_with = "as_path_text")]
    pub directory: PathBuf,
    /// What tells its features from those in force; nothing if it is the store in force.
    pub differences: Vec<Difference>,
    /// Rows of the image, in whatever view.
    pub rows: Vec<Found>,
    /// Why it gave no features, if it was tried.
    pub failure: Option<Failure>,
}

/// Where an image stands, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The image file.
    #[serde(serialize_with = "as_path_text")]
    pub path: PathBuf,
    /// What the next extraction will do with it.
    pub verdict: Verdict,
    /// None if it cannot be read.
    pub key: Option<Key>,
    /// In bytes.
    pub size: Option<u64>,
    /// In nanoseconds since 1970.
    pub modified: Option<i128>,
    /// Why it cannot be read.
    pub error: Option<String>,
    /// What the memo has to say about it.
    pub memo: MemoState,
    /// What the store in force has; none if there is no such store.
    pub in_force: Option<Standing>,
    /// Stores of other features that know the image.
    pub others: Vec<Standing>,
    /// Under which earlier versions kept it, if they made other pixels of it.
    pub earlier_key: Option<Key>,
}

/// Explains one image after the other.
pub struct Explainer {
    root: PathBuf,
    memo: Memo,
    decoders: Decoders,
    stores: Vec<Known>,
}

struct Known {
    store: Store,
    failures: Failures,
    differences: Vec<Difference>,
}

impl Explainer {
    /// Of the cache in `root`, for features of this fingerprint. Stores that cannot be read are passed over.
    ///
    /// # Errors
    /// [`Error::Read`](super::Error::Read) if `root` cannot be read.
    pub fn open(root: &Path, in_force: &Fingerprint, decoders: Decoders) -> Result<Self> {
        let dirs = dirs_in(root)?.into_iter().filter(|dir| dir.join(fingerprint::FILE).is_file());
        let known = |dir: PathBuf| {
            let store = Store::open_dir(&dir).ok()?;
            let failures = store.failures().ok()?;
            let differences = in_force.differences(store.fingerprint());
            Some(Known { store, failures, differences })
        };
        let (memo, stores) = (Memo::open(root), dirs.filter_map(known).collect());
        Ok(Self { root: root.into(), memo, decoders, stores })
    }

    /// Reads and hashes the file, whatever the memo says.
    pub fn explain(&mut self, path: &Path) -> Explanation {
        let (facts, Identity { key, earlier }) = match self.look(path) {
            Ok(found) => found,
            Err(error) => return self.unreadable(path, &error),
        };
        let memo = self.memo_state(path, &facts, key);
        let (mut in_force, mut others) = (None, vec![]);
        for known in &self.stores {
            let standing = known.standing(key);
            if known.differences.is_empty() {
                in_force = Some(standing);
            } else if !standing.rows.is_empty() || standing.failure.is_some() {
                others.push(standing);
            }
        }
        Explanation {
            path: path.into(),
            verdict: self.verdict(in_force.as_ref(), memo, key, earlier),
            key: Some(key),
            size: Some(facts.size),
            modified: Some(facts.modified),
            error: None,
            memo,
            in_force,
            others,
            earlier_key: earlier,
        }
    }

    fn look(&self, path: &Path) -> io::Result<(Facts, Identity)> {
        let facts = Facts::of(path)?;
        Ok((facts, (self.decoders.identify)(path)?))
    }

    fn unreadable(&self, path: &Path, error: &io::Error) -> Explanation {
        let memo = past(&self.root, path).pop().map_or(MemoState::Unknown, MemoState::Changed);
        let (path, verdict, error) = (path.into(), Verdict::Unreadable, Some(error.to_string()));
        let (key, earlier_key, size, modified, in_force, others) = Default::default();
        Explanation { path, verdict, key, size, modified, error, memo, in_force, others, earlier_key }
    }

    fn verdict(
        &self,
        in_force: Option<&Standing>,
        memo: MemoState,
        key: Key,
        earlier: Option<Key>,
    ) -> Verdict {
        match in_force {
            // Other views than the plain one are kept beside it, never instead.
            Some(Standing { rows, .. }) if rows.iter().any(|row| row.view == 0 && row.sound) => Verdict::Hit,
            Some(Standing { rows, .. }) if rows.iter().any(|row| row.view == 0) => Verdict::Damaged,
            Some(Standing { failure: Some(failure), .. }) => {
                match failure.is_known_to(self.decoders.revision) {
                    true => Verdict::Failed,
                    false => Verdict::Outdated,
                }
            }
            _ if earlier.is_some_and(|earlier| self.had(earlier)) => Verdict::Outdated,
            _ => match memo {
                MemoState::Changed(then) if then.key != key => Verdict::Changed,
                _ => Verdict::Absent,
            },
        }
    }

    /// Whether the store in force has a row of this key, or a failure.
    fn had(&self, key: Key) -> bool {
        let mut in_force = self.stores.iter().filter(|known| known.differences.is_empty());
        in_force.any(|known| known.store.contains(&key, 0) || known.failures.of_key(&key).is_some())
    }

    fn memo_state(&self, path: &Path, facts: &Facts, key: Key) -> MemoState {
        match self.memo.get(path, facts) {
            Some(known) if known == key => MemoState::Trusted,
            Some(key) => MemoState::Wrong { key },
            None => match past(&self.root, path).pop() {
                Some(then) => MemoState::Changed(then),
                None if !facts.are_settled() => MemoState::TooFresh,
                None => MemoState::Unknown,
            },
        }
    }
}

impl Known {
    fn standing(&self, key: Key) -> Standing {
        // One for each view that a row may have; the index is asked a thousand times in a millisecond.
        let rows = (0..=View::MAX).flat_map(|view| self.store.rows_of(key, view)).collect();
        Standing {
            directory: self.store.dir().into(),
            differences: self.differences.clone(),
            rows,
            failure: self.failures.of_key(&key).cloned(),
        }
    }
}

impl Store {
    fn rows_of(&self, key: Key, view: View) -> impl Iterator<Item = Found> {
        let rows = self.index().all((key, view), |row| self.id(row));
        // What is damaged in the last batch of a segment never came into the index.
        let pending = self.segments().iter().enumerate().flat_map(|(number, segment)| {
            let row = move |&(batch, slot): &(u32, u32)| RowId { segment: number as u32, batch, slot };
            segment.pending.iter().map(row)
        });
        let rows = rows.chain(pending.filter(move |row| self.id(*row) == Some((key, view))));
        rows.map(move |RowId { segment, batch, slot }| {
            let segment = &self.segments()[segment as usize];
            Found {
                view,
                segment: segment.path.clone(),
                offset: segment.batches[batch as usize].start as u64,
                slot,
                sound: segment.check(self.layout(), batch, slot) == State::Good,
                provenance: segment.header.provenance.clone(),
            }
        })
    }
}
