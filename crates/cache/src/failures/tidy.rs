//! Failures that no longer stand, and files of a few lines each.

use std::fs;
use std::path::{Path, PathBuf};

use super::line::{Line, header};
use super::{EXTENSION, files_in, latest, read};
use crate::append::{AppendFile, sync_dir};
use crate::writer_lock::Writer;
use crate::{Error, Result, Store};

/// Drops the lines of failures that no longer stand and puts the others into one file; how many lines.
///
/// A file that is being written may hold what another takes back, so as long as there is one all stay.
pub(crate) fn tidy(store: &Store, dry_run: bool) -> Result<usize> {
    let dir = store.segments_dir();
    let files = files_in(&dir)?;
    if !files.iter().all(|path| Writer::of(path).is_done(false)) {
        return Ok(0);
    }
    let (lines, damaged) = read(&files)?;
    let total = lines.len() + damaged;
    let all: Vec<Line> = latest(lines).into_values().collect();
    let standing: Vec<Line> = all.iter().filter(|line| store.stands(line)).cloned().collect();
    let superseded = total - standing.len();
    if !dry_run && (superseded > 0 || files.len() > 1) {
        // In two steps, so that a kill between them leaves no failure without the line that takes it back.
        let all = replace(&dir, &files, &all)?;
        replace(&dir, all.as_slice(), &standing)?;
    }
    Ok(superseded)
}

/// Writes a file with these lines, if there are any, and then removes the old ones.
fn replace(dir: &Path, old: &[PathBuf], lines: &[Line]) -> Result<Option<PathBuf>> {
    let mut new = None;
    if !lines.is_empty() {
        let mut bytes = header().into_bytes();
        for line in lines {
            bytes.extend(line.encode()?);
        }
        let mut file = AppendFile::create(dir, EXTENSION)?;
        file.append(&bytes)?;
        file.sync()?;
        sync_dir(dir)?;
        new = Some(file.path().to_owned());
    }
    old.iter().try_for_each(|path| fs::remove_file(path).map_err(Error::write(path)))?;
    Ok(new)
}
