//! What is kept for the user of a machine, whatever the project. All of it may be deleted at any time.
//!
//! ```text
//! ~/.cache/headstart/
//!     graphs/        optimised copies of graphs: see `headstart_backbone::session::copies`
//!     int8/          int8 graphs that were made with the calibrations of the program, by their checksums
//!     hub/           backbones that were made of repositories of a model hub: see `hub_backbone`
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

    /// The bytes of the int8 graph with this BLAKE3 digest in hexadecimal digits, if it is there and whole.
    pub(crate) fn int8_graph(&self, digest: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(self.int8_path(digest)).ok()?;
        (*blake3::hash(&bytes).to_hex() == *digest).then_some(bytes)
    }

    /// Keep an int8 graph for the next project, if that can be.
    pub(crate) fn keep_int8_graph(&self, digest: &str, bytes: &[u8]) {
        keep(&self.int8_path(digest), bytes);
    }

    /// Where backbones of model hubs are kept.
    pub fn hub_folder(&self) -> PathBuf {
        self.folder.join("hub")
    }

    /// Where it lies, or would.
    pub(crate) fn int8_path(&self, digest: &str) -> PathBuf {
        self.folder.join("int8").join(format!("{digest}.onnx"))
    }
}

/// What cannot be written is made again next time.
fn keep(path: &Path, bytes: &[u8]) {
    let _ = path.parent().map(fs::create_dir_all);
    let _ = write_bytes(path, bytes);
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
        cache.keep_int8_graph(&digest, b"a graph");
        assert_eq!(cache.int8_graph(&digest), Some(b"a graph".to_vec()));
        fs::write(cache.int8_path(&digest), b"a graqh").unwrap();
        assert_eq!(cache.int8_graph(&digest), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        fs::write(&file, "in the way").unwrap();
        let cache = UserCache::in_folder(file);
        cache.keep_int8_graph("00", b"a graph");
        assert!(!cache.int8_path("00").exists());
        cache.keep_rate(Rate::default());
        assert_eq!(cache.rates(), []);
    }
}
