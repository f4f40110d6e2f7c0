//! Files that a command is about to write, and files that it reads: the one must never be the other.
//!
//! Files are compared by identity, not by name, so links, hard links and other spellings of a path are seen through.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Why a file is not written, before anything is done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It is one of the files that are read.
    #[error("`{}` is not overwritten: this command reads it", path.display())]
    IsInput {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// It is there, it is not known to be ours, and nobody asked to replace it.
    #[error("`{}` exists already", path.display())]
    Exists {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// It is a folder.
    #[error("`{}` is a folder, expected the name of a file", path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
}

impl TargetError {
    /// What was to be written.
    pub fn path(&self) -> &Path {
        match self {
            Self::IsInput { path } | Self::Exists { path } | Self::IsFolder { path } => path,
        }
    }
}

/// Files and folders that a command reads.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Inputs {
    /// Also these files; one that is not there does no harm.
    pub fn files<P: AsRef<Path>>(mut self, files: impl IntoIterator<Item = P>) -> Self {
        self.files.extend(files.into_iter().map(|file| file.as_ref().to_path_buf()));
        self
    }

    /// Also what these paths stand for: files, or folders with everything in them.
    pub fn all_in<P: AsRef<Path>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            paths.into_iter().map(|path| path.as_ref().to_path_buf()).partition(|path| path.is_dir());
        self.folders.extend(folders);
        self.files.extend(files);
        self
    }

    /// Also these.
    pub fn and(mut self, others: &Self) -> Self {
        self.files.extend_from_slice(&others.files);
        self.folders.extend_from_slice(&others.folders);
        self
    }

    /// The first of `paths` that is one of them, under whatever name.
    pub fn find<'p>(&self, paths: &'p [PathBuf]) -> Option<&'p Path> {
        let wanted: Vec<(Identity, &Path)> =
            paths.iter().filter_map(|path| Some((Identity::of(path)?, path.as_path()))).collect();
        if wanted.is_empty() {
            return None;
        }
        let of = |file: &Path| {
            let found = Identity::of(file)?;
            wanted.iter().find(|(wanted, _)| *wanted == found).map(|(_, path)| *path)
        };
        let within = |folder: &PathBuf| {
            let entries = WalkDir::new(folder).follow_links(true).into_iter().flatten();
            entries.filter(|entry| entry.file_type().is_file()).find_map(|entry| of(entry.path()))
        };
        self.files.iter().find_map(|file| of(file)).or_else(|| self.folders.iter().find_map(within))
    }

    /// The first of them that lies in this folder, however deep: who replaces the folder would destroy it.
    pub fn first_in(&self, folder: &Path) -> Option<&Path> {
        let folder = folder.canonicalize().ok()?;
        let lies_there = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| path.starts_with(&folder));
        self.files.iter().chain(&self.folders).find(lies_there).map(PathBuf::as_path)
    }

    /// That files may be written to `paths`: to be asked before the work. `may_replace` says whether another file that is
    /// there may go.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn check(&self, paths: &[PathBuf], may_replace: impl Fn() -> bool) -> Result<(), TargetError> {
        if let Some(path) = paths.iter().find(|path| path.is_dir()) {
            return Err(TargetError::IsFolder { path: path.clone() });
        }
        if let Some(path) = self.find(paths) {
            return Err(TargetError::IsInput { path: path.into() });
        }
        match paths.iter().find(|path| holds_something(path)) {
            Some(path) if !may_replace() => Err(TargetError::Exists { path: path.clone() }),
            _ => Ok(()),
        }
    }
}

/// Whether something would be lost: a device or a pipe loses nothing, and a link to nowhere is somebody's.
fn holds_something(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(there) => there.is_file(),
        Err(_) => fs::symlink_metadata(path).is_ok(),
    }
}

/// Whether two paths lead to one file.
pub fn same_file(a: &Path, b: &Path) -> bool {
    Identity::of(a).is_some_and(|a| Identity::of(b) == Some(a))
}

/// What is the same for all names of a file and for no other.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    #[cfg(unix)]
    Inode(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl Identity {
    /// `None` if there is no file.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let inode = |there: Metadata| Self::Inode(there.dev(), there.ino());
        fs::metadata(path).ok().map(inode)
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        let _: Option<Metadata> = None;
        path.canonicalize().ok().map(Self::Path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(inputs: &Inputs, path: &Path, replace: bool) -> &'static str {
        match inputs.check(&[path.to_path_buf()], || replace) {
            Ok(()) => "free",
            Err(TargetError::IsInput { .. }) => "input",
            Err(TargetError::Exists { .. }) => "exists",
            Err(TargetError::IsFolder { .. }) => "folder",
        }
    }

    #[test]
    fn inputs_are_never_written_and_others_only_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("images/cat")).unwrap();
        for name in ["photos.csv", "other.csv", "images/cat/a.jpg"] {
            fs::write(at(name), "x").unwrap();
        }
        let inputs = Inputs::default().files([at("photos.csv"), at("gone.csv")]).all_in([at("images")]);
        for (name, without, with) in [
            ("photos.csv", "input", "input"),
            ("./images/../photos.csv", "input", "input"),
            ("images/cat/a.jpg", "input", "input"),
            ("other.csv", "exists", "free"),
            ("gone.csv", "free", "free"),
            ("new.csv", "free", "free"),
            ("images", "folder", "folder"),
        ] {
            assert_eq!(
                (refused(&inputs, &at(name), false), refused(&inputs, &at(name), true)),
                (without, with),
                "{name}"
            );
        }
        assert_eq!(inputs.first_in(&at("images/cat")), None);
        assert_eq!(inputs.first_in(&at("images")), Some(&*at("images")));
        assert_eq!(inputs.first_in(&at(".")), Some(&*at("photos.csv")));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_seen_through() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("images")).unwrap();
        fs::write(at("photos.csv"), "x").unwrap();
        fs::write(at("images/a.jpg"), "y").unwrap();
        symlink("photos.csv", at("soft.csv")).unwrap();
        fs::hard_link(at("photos.csv"), at("hard.csv")).unwrap();
        fs::hard_link(at("images/a.jpg"), at("hard.jpg")).unwrap();
        symlink(folder.path(), at("loop")).unwrap();
        symlink("nowhere", at("dead")).unwrap();
        let inputs = Inputs::default().files([at("soft.csv")]).all_in([at("images")]);
        for name in ["photos.csv", "soft.csv", "hard.csv", "hard.jpg", "loop/loop/photos.csv"] {
            assert_eq!(refused(&inputs, &at(name), true), "input", "{name}");
        }
        assert_eq!(
            (refused(&inputs, &at("dead"), false), refused(&inputs, &at("dead"), true)),
            ("exists", "free")
        );
        assert_eq!(refused(&inputs, Path::new("/dev/null"), false), "free");
        assert!(
            same_file(&at("hard.csv"), &at("photos.csv")) && !same_file(&at("hard.jpg"), &at("photos.csv"))
        );
        assert!(!same_file(&at("none"), &at("none")));
    }
}
