//! What is not finished yet, so that an end of the whole process can take it away too.
//!
//! A draft goes away when it is dropped. A process that ends at once, because Ctrl-C was pressed, drops nothing: whoever ends it asks
//! for [`remove_unfinished`] first.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static ALL: Mutex<Vec<PathBuf>> = Mutex::new(vec![]);

fn all() -> MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is as good after a panic as before.
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file or a folder that nobody may find half done. Dropped when it is finished, or gone.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// The one that was just made there.
    pub fn new(path: &Path) -> Self {
        // The process may change its folder.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        all().push(path.clone());
        Self(path)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut all = all();
        if let Some(place) = all.iter().position(|path| *path == self.0) {
            all.swap_remove(place);
        }
    }
}

/// Remove all that is not finished, as far as it can be: for a process that is about to end. No other begins meanwhile.
pub fn remove_unfinished() {
    let all = all();
    for path in all.iter() {
        // What was finished just now is no longer there under this name.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    // Whoever is about to begin another waits for the end of the process.
    std::mem::forget(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finished_or_gone_is_not_known_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| Unfinished::new(&folder.path().join(name)));
        let known = |one: &Path| all().contains(&one.to_path_buf());
        assert!(known(&a.0) && known(&b.0));
        let path = a.0.clone();
        drop(a);
        assert!(!known(&path) && known(&b.0));
    }
}
