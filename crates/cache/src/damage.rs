//! Damage that one process met, told to the next: without it an `extract` would count a row as present that every
//! `train` refuses.
//!
//! A mark is a hint and no more. Whoever reads it checks the row, so a wrong or damaged mark costs a checksum.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use super::append::AppendFile;

const EXTENSION: &str = "damaged";

/// Where a row stands: file name of its segment, offset of its batch in bytes, number in the batch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub segment: String,
    pub offset: usize,
    pub slot: usize,
}

/// The marks that this process leaves.
#[derive(Default)]
pub(super) struct Marks(Mutex<Option<AppendFile>>);

impl Marks {
    /// Leaves a mark if the folder may be written. If it may not, the next process has to find out for itself.
    pub(crate) fn leave(&self, dir: &Path, mark: &Mark) {
        let line = format!("{}\t{}\t{}\n", mark.segment, mark.offset, mark.slot);
        let Ok(mut file) = self.0.lock() else { return };
        if file.is_none() {
            *file = AppendFile::create(dir, EXTENSION).ok();
        }
        if file.as_mut().is_some_and(|file| file.append(line.as_bytes()).is_err()) {
            *file = None;
        }
    }
}

/// All marks in a folder; what cannot be read is passed over.
pub(super) fn read(dir: &Path) -> Vec<Mark> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| is_marks(path)).flat_map(|path| read_file(&path)).collect()
}

pub(super) fn is_marks(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

pub(super) fn read_file(path: &Path) -> Vec<Mark> {
    fs::read(path).map(|bytes| parse(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}

fn parse(text: &str) -> Vec<Mark> {
    let mark = |line: &str| {
        let mut cells = line.split('\t');
        let segment = cells.next()?.to_owned();
        Some(Mark { segment, offset: cells.next()?.parse().ok()?, slot: cells.next()?.parse().ok()? })
    };
    text.lines().filter_map(mark).collect()
}
