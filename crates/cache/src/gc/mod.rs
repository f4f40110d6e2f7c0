//! Tidying up: rows that stand twice or are damaged go, small segments and batches become large ones.
//!
//! Nothing is changed in place. What is to stay is copied into a new segment, which is flushed to the disk, read back and
//! compared before the old ones are unlinked. A kill at any moment therefore leaves every row at least once, at worst some of
//! them twice, which the next `gc` folds. Readers keep what they have mapped, and whoever lists the folder meanwhile
//! lists it again until nothing new turns up. A file that is being written is left alone: see [`hold`](super::hold).

mod damage;
mod fold;
mod plan;

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::directory::{dirs_in, is_store};
use super::writer_lock::Writer;
use super::{Decoders, Error, Key, Memo, Progress, Result, Store, failures, memo};
use headstart_base::files::as_path_text;
use plan::Plan;

/// In the store's directory; empty, and never removed.
const LOCK: &str = "gc.lock";

/// What to tidy up.
#[derive(Debug, Clone, Default)]
pub struct GcOptions {
    /// Look and count, change nothing.
    pub dry_run: bool,
    /// Drop the rows of all other images; `None` keeps every image.
    pub keep: Option<HashSet<Key>>,
}

/// What happens on the way.
#[derive(Debug)]
pub enum GcEvent<'a> {
    /// In bytes of segments, first looked at, then copied.
    Progress(Progress),
    /// This segment is complete and on the disk; those that it replaces are still there.
    Written(&'a Path),
    /// This file is gone.
    Removed(&'a Path),
}

/// What a store takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Extent {
    /// Files with rows.
    pub segments: usize,
    /// Damaged rows and duplicates counted.
    pub rows: usize,
    /// Of everything in the store; after a dry run an estimate.
    pub bytes: u64,
}

/// What [`gc`] did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct GcReport {
    /// The store's folder.
    #[serde(serialize_with = "as_path_text")]
    pub directory: PathBuf,
    /// Whether it was only looked, and nothing changed.
    pub dry_run: bool,
    /// What the store took up at first.
    pub before: Extent,
    /// What it takes up now, or would.
    pub after: Extent,
    /// Rows dropped because another stands for the same view of the same image.
    pub duplicates: usize,
    /// Rows dropped because their checksum fails, or a feature is no number.
    pub damaged: usize,
    /// Rows dropped because [`GcOptions::keep`] does not name their image.
    pub unlisted: usize,
    /// Duplicates that stay, because they are further apart than two devices should be.
    pub contradictions: usize,
    /// Segments that became others, or nothing.
    pub replaced: usize,
    /// Segments left alone because they are being written.
    pub in_use: usize,
    /// Segments left alone because they are of another store.
    pub foreign: usize,
    /// Lines about failures that are out of date.
    pub failures: usize,
    /// Notes of damage that is gone.
    pub marks: usize,
}

impl GcReport {
    /// Whether there was anything to tidy up.
    pub fn is_tidy(&self) -> bool {
        self.replaced == 0 && self.failures == 0 && self.marks == 0
    }
}

/// Tidies up the store in a directory.
///
/// # Errors
/// [`Error::GcAtWork`] if another process does so at this moment; [`Error::DiskFull`] if there is no room for the copies, and
/// [`Error::NotWritable`], [`Error::Write`], [`Error::Sync`], [`Error::Read`]: nothing is lost, what was done stays done;
/// [`Error::DamagedFingerprint`].
pub fn gc(dir: &Path, options: &GcOptions, mut on_event: impl FnMut(GcEvent)) -> Result<GcReport> {
    let _lock = if options.dry_run { None } else { Some(lock(dir)?) };
    // Before the store is read: rows that a writer appends after that are not seen.
    let writers = plan::writers(dir)?;
    let store = Store::open_dir(dir)?;
    let plan = Plan::make(&store, &writers, options.keep.as_ref(), &mut on_event);
    let mut report = plan.report(options.dry_run);
    if !options.dry_run {
        fold::carry_out(&plan, &mut on_event)?;
    }
    report.failures = failures::tidy(&store, options.dry_run)?;
    let gone: HashSet<String> = plan.replaced().map(|segment| segment.name()).collect();
    report.marks = damage::tidy(&store, &gone, options.dry_run, &mut on_event)?;
    if !options.dry_run {
        report.after = extent(&Store::open_dir(dir)?);
    }
    Ok(report)
}

/// What [`gc_memo`] did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MemoReport {
    /// Files of the memo that were read.
    pub files: usize,
    /// Records in them.
    pub records: usize,
    /// Records dropped: they are damaged, stand twice, or are of images that no store knows.
    pub orphaned: usize,
}

/// Folds the memo of a cache into one file, without the images that no store below `root` knows any more.
///
/// # Errors
/// As [`gc`]. The memo may be deleted at any time, so nothing depends on the outcome.
pub fn gc_memo(root: &Path, dry_run: bool) -> Result<MemoReport> {
    // Where a store cannot be read its images are not known, and so none is known to be of no use.
    let known = known_keys(root).ok();
    memo::tidy(root, |key| known.as_ref().is_none_or(|known| known.contains(key)), dry_run)
}

fn known_keys(root: &Path) -> Result<HashSet<Key>> {
    let mut known = HashSet::new();
    for dir in dirs_in(root)?.into_iter().filter(|dir| is_store(dir)) {
        let store = Store::open_dir(&dir)?;
        known.extend(store.ids().map(|(key, _)| key));
        known.extend(store.failures()?.iter().filter_map(|failure| failure.key));
    }
    Ok(known)
}

/// The keys of these files, for [`GcOptions::keep`].
///
/// # Errors
/// [`Error::Read`] for the first that cannot be read: its row may be the only thing left of it.
pub fn keys_of<'a>(
    root: &Path,
    files: impl IntoIterator<Item = &'a Path>,
    decoders: &Decoders,
) -> Result<HashSet<Key>> {
    let mut memo = Memo::open(root);
    let read = |file: &Path| Ok((decoders.identify)(file)?.key);
    files.into_iter().map(|file| memo.key_of(file, read).map_err(Error::read(file))).collect()
}

/// One process at a time: two would copy the same rows.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(Error::write(&path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::GcAtWork { path: dir.into() }),
        // Without locks two at once leave duplicates, and lose nothing.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn extent(store: &Store) -> Extent {
    let rows = store.segments().iter().map(|segment| segment.rows()).sum();
    Extent { segments: store.segments().len(), rows, bytes: super::info::bytes_of(store.dir()) }
}

/// Unlinks a file; readers keep what they have mapped.
fn remove(path: &Path, on_event: &mut impl FnMut(GcEvent)) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::write(path)(error)),
        _ => {
            on_event(GcEvent::Removed(path));
            Ok(())
        }
    }
}

/// The files in a folder that their writers are done with, sorted.
fn finished(dir: &Path, is_kind: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut paths = super::directory::paths_in(dir)?;
    paths.retain(|path| is_kind(path) && Writer::of(path).is_done(false));
    Ok(paths)
}
