//! What is kept for the user of a machine, whatever the project. All of it may be deleted at any time.
//!
//! ```text
//! ~/.cache/headstart/
//!     graphs/        optimised copies of graphs: see `headstart_backbone::session::copies`
//!     int8/          int8 graphs that were made with the calibrations of the program, by their checksums
//!     rates.json     how many images a second networks compute here
//! ```

mod rates;

use std::fs;
use std::path::{Path, PathBuf};

use headstart_backbone::session::copies;
use headstart_base::files::write_bytes;

pub use rates::Rate;

/// The folder; whether it is there or not. What cannot be kept there is made again next time.
///
/// ```
/// use headstart_core::UserCache;
///
/// let folder = tempfile::tempdir()?;
/// let cache = UserCache::in_folder(folder.path());
/// assert_eq!(cache.rates(), []);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCache {
    folder: PathBuf,
}

impl UserCache {
    /// Where the program has it: `headstart` in the user's folder for caches; `None` if there is no such folder.
    pub fn of_user() -> Option<Self> {
        Some(Self { folder: copies::cache_folder()? })
    }

    /// In this folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the int8 graph lies that has this BLAKE3 digest in hexadecimal digits, if it is there and whole; and its bytes.
    pub(crate) fn int8_graph(&self, digest: &str) -> Option<(PathBuf, Vec<u8>)> {
        let path = self.int8_path(digest);
        let bytes = fs::read(&path).ok()?;
        (*blake3::hash(&bytes).to_hex() == *digest).then_some((path, bytes))
    }

    /// Keep an int8 graph for the next project. `None` if that cannot be.
    pub(crate) fn keep_int8_graph(&self, digest: &str, bytes: &[u8]) -> Option<PathBuf> {
        let path = self.int8_path(digest);
        keep(&path, bytes).then_some(path)
    }

    fn int8_path(&self, digest: &str) -> PathBuf {
        self.folder.join("int8").join(format!("{digest}.onnx"))
    }
}

/// Whether it could be written.
fn keep(path: &Path, bytes: &[u8]) -> bool {
    path.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok()) && write_bytes(path, bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_found_by_its_digest_and_a_damaged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = UserCache::in_folder(folder.path().join("not there yet"));
        let digest = blake3::hash(b"a graph").to_hex();
        assert_eq!(cache.int8_graph(&digest), None);
        let path = cache.keep_int8_graph(&digest, b"a graph").unwrap();
        assert_eq!(cache.int8_graph(&digest), Some((path.clone(), b"a graph".to_vec())));
        fs::write(path, b"a graqh").unwrap();
        assert_eq!(cache.int8_graph(&digest), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        fs::write(&file, "in the way").unwrap();
        let cache = UserCache::in_folder(file);
        assert_eq!(cache.keep_int8_graph("00", b"a graph"), None);
        cache.keep_rate(Rate::default());
        assert_eq!(cache.rates(), []);
    }
}
