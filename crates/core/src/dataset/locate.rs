//! The file that a path in a manifest means.

use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use headstart_base::files::path_of_text;

/// The file that a path means which stands in a manifest in this folder.
///
/// Relative paths start at `folder`, whatever the working directory. What
/// [`path_text`](headstart_base::files::path_text) wrote for a name that is not text is read back. A path that is found as it stands
/// means that file. If none is there, it may have been written on another system: with backslashes, in another of
/// Unicode's normal forms (macOS writes names of files in one of its own), or with spaces around it; the first of these that
/// is found is meant. A path that is found in no way stays as it stands.
pub(super) fn located(folder: &Path, written: &str) -> PathBuf {
    let as_written = folder.join(path_of_text(written));
    // Most paths can mean one thing only, and are not looked for: whether they exist is found when they are read.
    let is_plain = written.is_ascii() && !written.contains('\\') && written.trim().len() == written.len();
    if is_plain || exists(&as_written) {
        return as_written;
    }
    readings(written).map(|reading| folder.join(reading)).find(|path| exists(path)).unwrap_or(as_written)
}

/// A path that was given, or, if nothing is there, the one that [`path_text`](headstart_base::files::path_text) wrote so.
pub fn path_as_written(path: &Path) -> PathBuf {
    match path.to_str() {
        Some(text) if !exists(path) => path_of_text(text),
        _ => path.to_path_buf(),
    }
}

/// Every other way to read it.
fn readings(written: &str) -> impl Iterator<Item = String> {
    let slashed = written.replace('\\', "/");
    let bases = [written.to_owned(), written.trim().to_owned(), slashed.trim().to_owned(), slashed];
    bases.into_iter().flat_map(|base| [base.nfc().collect(), base.nfd().collect(), base])
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::with;
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_path_from_another_system_is_found() {
        let folder = with(&["pics/disc/0.png", "caf\u{E9}.png", "ru\u{308}be.png", "d/nai\u{308}ve.png"]);
        for (written, file) in [
            ("pics\\disc\\0.png", "pics/disc/0.png"),
            (" pics/disc/0.png ", "pics/disc/0.png"),
            ("cafe\u{301}.png", "caf\u{E9}.png"),
            ("r\u{FC}be.png", "ru\u{308}be.png"),
            (" d\\na\u{EF}ve.png", "d/nai\u{308}ve.png"),
            ("gone\\1.png", "gone\\1.png"),
            ("gone\u{E9}.png", "gone\u{E9}.png"),
        ] {
            assert_eq!(located(folder.path(), written), folder.path().join(file), "{written:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_there_as_written_comes_first() {
        let folder = with(&["a\\b.png", "a/b.png", " c.png", "c.png"]);
        for written in ["a\\b.png", " c.png"] {
            assert_eq!(located(folder.path(), written), folder.path().join(written));
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_read_back() {
        use std::os::unix::ffi::OsStrExt;
        let name = Path::new(std::ffi::OsStr::from_bytes(b"caf\xE9/\xFF.png"));
        let text = headstart_base::files::path_text(name);
        assert_eq!(located("photos".as_ref(), &text), Path::new("photos").join(name));
        assert_eq!(path_as_written(Path::new(&*text)), name);
        assert_eq!(path_as_written("a%41.png".as_ref()), Path::new("a%41.png"));
    }
}
