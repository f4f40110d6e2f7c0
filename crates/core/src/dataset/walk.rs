//! Everything below a folder, and what of it cannot be looked at.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Error, Skipped, Unreadable, UnreadableReason, is_image, is_system_name};

/// A file or a folder.
pub(super) struct Met {
    pub path: PathBuf,
    pub is_folder: bool,
    /// 1 in the folder itself.
    pub depth: usize,
}

/// What to do with a file or folder that the walk comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    /// It is wanted; a folder is looked into.
    Wanted,
    /// It is passed over, and counted among hidden and system's files.
    System,
    /// It is passed over, and nothing is said.
    None,
}

/// What lies below `folder`, a folder before what it holds, sorted by name; links are followed. Hidden and system's names
/// are passed over, and so is what cannot be read: `skipped` tells of both.
///
/// # Errors
/// [`Error::Read`] if `folder` itself cannot be read.
pub(super) fn below(folder: &Path, skipped: &mut Skipped) -> Result<Vec<Met>, Error> {
    let interest = |path: &Path, _| match path.file_name().is_some_and(is_system_name) {
        true => Interest::System,
        false => Interest::Wanted,
    };
    below_where(folder, usize::MAX, skipped, interest)
}

/// As [`below`], at most so deep, and only what is wanted: asked by its path below `folder`, and whether it is a folder.
pub(super) fn below_where(
    folder: &Path,
    depth: usize,
    skipped: &mut Skipped,
    interest: impl Fn(&Path, bool) -> Interest,
) -> Result<Vec<Met>, Error> {
    let mut found = Vec::new();
    let walk = WalkDir::new(folder).min_depth(1).max_depth(depth).follow_links(true).sort_by_file_name();
    let mut walk = walk.into_iter();
    while let Some(entry) = walk.next() {
        let (met, trouble) = match entry {
            Ok(entry) => {
                let (is_folder, depth) = (entry.file_type().is_dir(), entry.depth());
                (Met { path: entry.into_path(), is_folder, depth }, None)
            }
            Err(cause) => failed(folder, cause)?,
        };
        match (interest(met.path.strip_prefix(folder).unwrap_or(&met.path), met.is_folder), trouble) {
            (Interest::None, None) if met.is_folder => walk.skip_current_dir(),
            (Interest::None, _) => {}
            (Interest::System, trouble) => {
                skipped.add_system(&met.path, met.is_folder);
                if met.is_folder && trouble.is_none() {
                    walk.skip_current_dir();
                }
            }
            (Interest::Wanted, Some(reason)) => {
                skipped.unreadable.push(Unreadable { path: met.path, reason })
            }
            (Interest::Wanted, None) => found.push(met),
        }
    }
    Ok(found)
}

/// What the walk could not look at, and why; no reason where it is listed all the same.
fn failed(folder: &Path, cause: walkdir::Error) -> Result<(Met, Option<UnreadableReason>), Error> {
    let (path, depth) = (cause.path().unwrap_or(folder).to_path_buf(), cause.depth());
    if let Some(above) = cause.loop_ancestor() {
        let reason = UnreadableReason::Loop { above: above.to_path_buf() };
        return Ok((Met { path, is_folder: true, depth }, Some(reason)));
    }
    if depth == 0 {
        return Err(Error::Read { path, source: cause.into() });
    }
    let is_link = path.is_symlink();
    // A link to nowhere is an image that is missing: it is listed, and fails where images are read.
    if is_link && is_image(&path) {
        return Ok((Met { path, is_folder: false, depth }, None));
    }
    let kind = cause.io_error().map(io::Error::kind);
    let reason = match std::fs::read_link(&path) {
        Ok(to) if kind == Some(io::ErrorKind::NotFound) => UnreadableReason::DeadLink { to },
        _ => UnreadableReason::Io { text: cause.io_error().map(in_words).unwrap_or_default() },
    };
    Ok((Met { path, is_folder: true, depth }, Some(reason)))
}

/// The system's reason without its number.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// The one CSV that lies in a folder, if there is just one: perhaps it is the manifest.
pub(super) fn table_beside(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let is_table = |path: &PathBuf| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    let mut tables = entries.filter(is_table);
    tables.next().filter(|_| tables.next().is_none())
}
