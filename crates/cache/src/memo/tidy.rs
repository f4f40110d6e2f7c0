//! What `gc` does to the memo, and what is read from it of earlier states of a file.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::append::{AppendFile, sync_dir};
use super::super::directory::paths_in;
use super::super::writer_lock::Writer;
use super::super::{Error, Key, MemoReport, Result};
use super::record::{self, MAGIC, Record};
use super::{DIR, EXTENSION, is_memo};

/// Puts the files that their writers are done with into one, without the records whose key is not `known`.
pub(in super::super) fn tidy(root: &Path, known: impl Fn(&Key) -> bool, dry_run: bool) -> Result<MemoReport> {
    let dir = root.join(DIR);
    let mut files = paths_in(&dir)?;
    files.retain(|path| is_memo(path) && Writer::of(path).is_done(false));
    let (mut records, mut found) = (HashSet::new(), 0);
    for path in &files {
        let bytes = fs::read(path).map_err(Error::read(path))?;
        found += bytes.len().saturating_sub(MAGIC.len()) / record::LENGTH;
        // Two keys for one state stay both: a file that is being written may repeat one of them, and neither is right.
        records.extend(record::read(&bytes).filter(|record| known(&record.key)));
    }
    let orphaned = found - records.len();
    if !dry_run && (files.len() > 1 || orphaned > 0) {
        replace(&dir, &files, records)?;
    }
    Ok(MemoReport { files: files.len(), records: found, orphaned })
}

fn replace(dir: &Path, old: &[PathBuf], records: HashSet<Record>) -> Result<()> {
    if !records.is_empty() {
        let mut records: Vec<Record> = records.into_iter().collect();
        records.sort_unstable();
        let mut bytes = MAGIC.to_vec();
        records.iter().for_each(|record| bytes.extend_from_slice(&record.encode()));
        let mut file = AppendFile::create(dir, EXTENSION)?;
        file.append(&bytes)?;
        file.sync()?;
        sync_dir(dir)?;
    }
    old.iter().try_for_each(|path| fs::remove_file(path).map_err(Error::write(path)))
}

/// The key that the memo of a cache knows of the file at `path`, in whatever state: that of the last change.
pub(in super::super) fn last_key(root: &Path, path: &Path) -> Option<Key> {
    let id = record::id_of(path).ok()?;
    let files = paths_in(&root.join(DIR)).unwrap_or_default();
    let files = files.iter().filter(|path| is_memo(path)).filter_map(|path| fs::read(path).ok());
    let last = |bytes: Vec<u8>| {
        let records = record::read(&bytes).filter(|record| record.path == id);
        records.map(|record| (record.modified, record.key)).max()
    };
    files.filter_map(last).max().map(|(_, key)| key)
}
