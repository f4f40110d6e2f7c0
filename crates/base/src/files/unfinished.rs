//! What is not finished yet, so that an end of the whole process can take it away too.
//!
//! A draft goes away when it is dropped. A process that ends at once, because Ctrl-C was pressed, drops nothing: whoever ends it asks
//! for [`remove_unfinished`] first.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

static ALL: Mutex<Vec<PathBuf>> = Mutex::new(vec![]);

fn all() -> MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is as good after a panic as before.
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file or a folder that nobody may find half done. Dropped when it is finished, or gone.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Make one; `path` says where it is. An end of the process waits until it is made, and then takes it away.
    ///
    /// # Errors
    /// What `make` returns.
    pub fn make<T>(
        make: impl FnOnce() -> io::Result<T>,
        path: impl FnOnce(&T) -> &Path,
    ) -> io::Result<(T, Self)> {
        let mut all = all();
        let made = make()?;
        let path = path(&made);
        // The process may change its folder.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        all.push(path.clone());
        Ok((made, Self(path)))
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
        let [a, b] = ["a", "b"].map(|name| {
            let path = folder.path().join(name);
            Unfinished::make(|| Ok(path), PathBuf::as_path).unwrap().1
        });
        let known = |one: &Path| all().contains(&one.to_path_buf());
        assert!(known(&a.0) && known(&b.0));
        let path = a.0.clone();
        drop(a);
        assert!(!known(&path) && known(&b.0));
    }
}
