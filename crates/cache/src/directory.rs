//! A store's directory: how it is named, found, and tied to its fingerprint.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::append::sync_dir;
use super::fingerprint;
use super::{Error, Fingerprint, Result};
use headstart_base::files::Draft;

/// The directory of a fingerprint: that whose text is the same, or else the first with the right last part.
pub(super) fn find_dir(root: &Path, fingerprint: &Fingerprint) -> Result<Option<PathBuf>> {
    let mut dirs: Vec<_> =
        dirs_in(root)?.into_iter().filter(|dir| is_named_after(dir, fingerprint)).collect();
    let same = |dir: &PathBuf| {
        fs::read(dir.join(fingerprint::FILE)).is_ok_and(|t| t == fingerprint.text().as_bytes())
    };
    let chosen = dirs.iter().position(same).unwrap_or(0);
    Ok((!dirs.is_empty()).then(|| dirs.swap_remove(chosen)))
}

/// Whether there is a store of this fingerprint below `root`, whatever it holds.
pub fn has_store(root: &Path, fingerprint: &Fingerprint) -> bool {
    find_dir(root, fingerprint).is_ok_and(|dir| dir.is_some())
}

/// The folders of features below `root`; `root` itself, if it is one.
pub(super) fn stores_in(root: &Path) -> Result<Vec<PathBuf>> {
    if is_store(root) {
        return Ok(vec![root.to_path_buf()]);
    }
    Ok(dirs_in(root)?.into_iter().filter(|dir| is_store(dir)).collect())
}

/// Whether this folder holds the features of one backbone.
pub(super) fn is_store(dir: &Path) -> bool {
    dir.join(fingerprint::FILE).is_file()
}

/// The folders in `root`, sorted; none if there is no `root`.
pub(super) fn dirs_in(root: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = paths_in(root)?;
    paths.retain(|path| path.is_dir());
    Ok(paths)
}

/// What is in a folder, sorted; nothing if there is no such folder.
pub(super) fn paths_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(dir)(error)),
    };
    let mut paths =
        entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(Error::read(dir))?;
    paths.sort();
    Ok(paths)
}

pub(super) fn is_named_after(dir: &Path, fingerprint: &Fingerprint) -> bool {
    dir.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&format!("-{}", fingerprint.short())))
}

fn is_named_after_text(dir: &Path, text: &[u8]) -> bool {
    let short = fingerprint::short(blake3::hash(text));
    dir.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&format!("-{short}")))
}

/// Why the file in `dir` is not the fingerprint that it should be, if it is not: missing, empty, garbled or altered.
///
/// # Errors
/// [`Error::OtherFingerprint`] if two fingerprints share the digits in the directory's name; [`Error::Read`].
pub(super) fn flaw_of(dir: &Path, fingerprint: &Fingerprint) -> Result<Option<String>> {
    let path = dir.join(fingerprint::FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some("it is missing".into())),
        Err(error) => return Err(Error::read(&path)(error)),
    };
    match fingerprint.compare(&path, &String::from_utf8_lossy(&text)) {
        Ok(()) => Ok(None),
        Err(Error::DamagedFingerprint { reason, .. }) => Ok(Some(reason)),
        // A flipped bit can leave a text that reads well, but not the one that the directory is named after.
        Err(other @ Error::OtherFingerprint { .. }) if !is_named_after_text(dir, &text) => {
            Ok(Some(other.to_string()))
        }
        Err(other) => Err(other),
    }
}

/// Whole or not at all, also when several processes do it at once.
pub(super) fn write_fingerprint(dir: &Path, fingerprint: &Fingerprint) -> Result<()> {
    let path = dir.join(fingerprint::FILE);
    let mut draft = Draft::begin(&path).map_err(|error| Error::write(dir)(error.source))?;
    draft.file().write_all(fingerprint.text().as_bytes()).map_err(Error::write(&path))?;
    draft.flush().map_err(Error::sync(&path))?;
    draft.rename().map_err(Error::write(&path))?;
    sync_dir(dir)
}

/// `name` as the first part of a directory's name on every system.
pub fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().take(64).map(plain).collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() { "features".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_safe_on_every_system() {
        for (name, want) in [("resnet50", "resnet50"), ("a b/ü", "a-b--"), ("../x", "x"), ("..", "features")]
        {
            assert_eq!(super::file_name(name), want);
        }
    }
}
