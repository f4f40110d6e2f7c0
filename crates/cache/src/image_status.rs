//! What a cache has of an image, and why it has no features of it.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::directory::{is_store, stores_in};
use super::memo::last_key;
use super::segment::State;
use super::{Decoders, Failure, Failures, FileFacts, Identity, Key, Memo, Result, RowId, Store, View};
use headstart_base::files::as_path_text;

/// What one store has of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageState {
    /// It has its features.
    Computed,
    /// It was tried and gives no features.
    Failed,
    /// It was computed or tried by decoders of an earlier version, and those of today read it otherwise.
    Outdated,
    /// It has rows, and each is damaged.
    Damaged,
    /// It was never computed.
    Absent,
}

/// How a file differs from what the cache last saw under its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileChange {
    /// It has another content, and its size or times show that.
    Seen,
    /// It has another content, and neither size nor times show that, so it is taken for what it was.
    Unseen,
}

/// An image in one store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredImage {
    /// The store's folder.
    #[serde(serialize_with = "as_path_text")]
    pub directory: PathBuf,
    /// What it has of the image.
    pub state: ImageState,
    /// In which views it has features of it.
    pub views: Vec<View>,
    /// Why it gave no features, if it was tried.
    pub failure: Option<Failure>,
}

/// What a cache has of an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageStatus {
    /// The image file.
    #[serde(serialize_with = "as_path_text")]
    pub path: PathBuf,
    /// What its features are kept under; none if the file cannot be read.
    pub key: Option<Key>,
    /// Why the file cannot be read.
    pub error: Option<String>,
    /// Whether it is another file than the cache last saw.
    pub change: Option<FileChange>,
    /// One for each store; none if the file cannot be read.
    pub stores: Vec<StoredImage>,
}

/// Looks images up in a cache.
pub struct ImageLookup {
    root: PathBuf,
    memo: Memo,
    decoders: Decoders,
    stores: Vec<(Store, Failures)>,
}

impl ImageLookup {
    /// In the cache in `root`. Stores that cannot be read are passed over.
    ///
    /// # Errors
    /// [`Error::Read`](super::Error::Read) if `root` cannot be read.
    pub fn open(root: &Path, decoders: Decoders) -> Result<Self> {
        let dirs = stores_in(root)?.into_iter();
        let open = |dir: PathBuf| {
            let store = Store::open_dir(&dir).ok()?;
            let failures = store.failures().ok()?;
            Some((store, failures))
        };
        // The memo is that of all stores together.
        let home = root.parent().filter(|_| is_store(root)).unwrap_or(root);
        let (memo, stores) = (Memo::open(home), dirs.filter_map(open).collect());
        Ok(Self { root: root.into(), memo, decoders, stores })
    }

    /// Reads and hashes the file, whatever the memo says.
    pub fn status(&self, path: &Path) -> ImageStatus {
        let mut status =
            ImageStatus { path: path.into(), key: None, error: None, change: None, stores: vec![] };
        match self.look(path) {
            Ok((facts, Identity { key, earlier })) => {
                status.key = Some(key);
                status.change = self.change(path, &facts, key);
                status.stores = self.stores.iter().map(|store| self.stored(store, key, earlier)).collect();
            }
            Err(error) => status.error = Some(error.to_string()),
        }
        status
    }

    fn look(&self, path: &Path) -> io::Result<(FileFacts, Identity)> {
        let facts = FileFacts::of(path)?;
        Ok((facts, (self.decoders.identify)(path)?))
    }

    fn change(&self, path: &Path, facts: &FileFacts, key: Key) -> Option<FileChange> {
        match self.memo.get(path, facts) {
            Some(known) => (known != key).then_some(FileChange::Unseen),
            None => last_key(&self.root, path).filter(|&last| last != key).map(|_| FileChange::Seen),
        }
    }

    fn stored(&self, (store, failures): &(Store, Failures), key: Key, earlier: Option<Key>) -> StoredImage {
        let sound = |view| store.soundness(key, view);
        let failure = failures.of_key(&key).cloned();
        let had = |earlier: Key| store.contains(&earlier, 0) || failures.of_key(&earlier).is_some();
        // Other views than the plain one are kept beside it, never instead.
        let state = match (sound(0), &failure) {
            (Some(true), _) => ImageState::Computed,
            (Some(false), _) => ImageState::Damaged,
            (None, Some(failure)) if failure.is_known_to(self.decoders.revision) => ImageState::Failed,
            (None, Some(_)) => ImageState::Outdated,
            (None, None) if earlier.is_some_and(had) => ImageState::Outdated,
            (None, None) => ImageState::Absent,
        };
        // The index is asked a thousand times in a millisecond.
        let views = (0..=View::MAX).filter(|&view| sound(view) == Some(true)).collect();
        StoredImage { directory: store.dir().into(), state, views, failure }
    }
}

impl Store {
    /// Whether one of an image's rows is sound; `None` if there is no row.
    fn soundness(&self, key: Key, view: View) -> Option<bool> {
        let rows = self.index().all((key, view), |row| self.id(row));
        // What is damaged in the last batch of a segment never came into the index.
        let pending = self.segments().iter().enumerate().flat_map(|(number, segment)| {
            let row = move |&(batch, slot): &(u32, u32)| RowId { segment: number as u32, batch, slot };
            segment.pending.iter().map(row)
        });
        let rows = rows.chain(pending.filter(|row| self.id(*row) == Some((key, view))));
        let sound = |RowId { segment, batch, slot }: RowId| {
            self.segments()[segment as usize].check(self.layout(), batch, slot) == State::Good
        };
        rows.map(sound).reduce(|a, b| a || b)
    }
}
