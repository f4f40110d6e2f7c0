//! Files written whole or not at all.
//!
//! A file is written under a hidden name in the folder where it belongs, flushed to the disk, and only then given its
//! name. If anything fails on the way, a full disk for example, nothing new is left and an old file stays as it was.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::{Unfinished, folder_of};

/// A file that could not be written. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl WriteError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { path: path.into(), source }
    }
}

/// Write the file at `path`, all of it or nothing. What is there before is replaced.
///
/// A pipe or a device (`/dev/null`) is written to as it is, for it cannot be replaced.
///
/// # Errors
/// [`WriteError`] with what the system, or `write`, said.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    if is_device(path) {
        let device = File::options().write(true).open(path);
        return device.and_then(|device| buffered(&device, write)).map_err(WriteError::at(path));
    }
    let draft = Draft::begin(path)?;
    buffered(draft.file(), write).and_then(|()| draft.put()).map_err(WriteError::at(path))
}

/// [`write_whole`] of these bytes.
///
/// # Errors
/// As [`write_whole`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write_whole(path, |out| out.write_all(bytes))
}

/// That a file could be written to `path`: to be asked before long work. Nothing is left there.
///
/// # Errors
/// [`WriteError`], for example if the folder is not there.
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    // To open a pipe and close it again would tell its reader that all is over.
    if is_device(path) { Ok(()) } else { Draft::begin(path).map(drop) }
}

fn buffered(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.flush()
}

/// Something that is there and is neither a file nor a folder.
fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

fn no_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "expected a file, found a device or pipe")
}

/// Files that belong together, such as those of an evaluation.
///
/// All of them are written in full before the first gets its name, so a full disk leaves the old files as they were. The
/// last file is the seal: an old one is removed first, and the new one comes when all others are in place. Where the
/// program is killed in between, the seal is missing, and a reader knows that the set is not complete.
#[derive(Debug, Default)]
pub struct FileSet {
    drafts: Vec<Draft>,
    /// Old files that no longer belong to the set.
    stale: Vec<PathBuf>,
}

impl FileSet {
    /// Add a file.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(
        &mut self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let mut draft = Draft::begin(path)?;
        buffered(draft.file(), write).and_then(|()| draft.flush()).map_err(WriteError::at(path))?;
        self.drafts.push(draft);
        Ok(())
    }

    /// Have an old file of the set go, because the new set has none of this name.
    pub fn remove(&mut self, path: &Path) {
        self.stale.push(path.into());
    }

    /// Put all files in their places; the one that was added last is the seal.
    ///
    /// # Errors
    /// [`WriteError`]: the set has no seal then.
    pub fn put(self) -> Result<(), WriteError> {
        let seal = match &self.drafts[..] {
            [_, .., seal] => Some(&seal.target),
            _ => None,
        };
        for old in seal.into_iter().chain(&self.stale) {
            match fs::remove_file(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(WriteError { path: old.clone(), source: error });
                }
                _ => {}
            }
        }
        for draft in self.drafts {
            let path = draft.target.clone();
            draft.put().map_err(WriteError::at(&path))?;
        }
        Ok(())
    }
}

/// A file that is being written, beside the place where it belongs. It goes away unless it is put there.
#[derive(Debug)]
pub struct Draft {
    temporary: NamedTempFile,
    target: PathBuf,
    flushed: bool,
    _unfinished: Unfinished,
}

impl Draft {
    /// An empty file beside `path`.
    ///
    /// # Errors
    /// [`WriteError`]; also if a folder, a pipe or a device is there.
    pub fn begin(path: &Path) -> Result<Self, WriteError> {
        let begin = || {
            let target = followed(path);
            match fs::metadata(&target) {
                Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
                Ok(there) if !there.is_file() => {
                    return Err(no_file());
                }
                _ => {}
            }
            // A folder cannot be made into a file, and a name is needed.
            if target.file_name().is_none() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let make = || temporary(folder_of(&target));
            let (temporary, unfinished) = Unfinished::make(make, NamedTempFile::path)?;
            // A file that others may not read stays so.
            #[cfg(unix)]
            if let Ok(old) = fs::metadata(&target) {
                let _ = temporary.as_file().set_permissions(old.permissions());
            }
            Ok(Self { temporary, target, flushed: false, _unfinished: unfinished })
        };
        begin().map_err(WriteError::at(path))
    }

    /// To be written to.
    pub fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Where it is for now.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Returns when the disk has all that was written.
    ///
    /// # Errors
    /// What the system says: a disk can turn out to be full only now.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.flushed {
            self.file().sync_all()?;
            self.flushed = true;
        }
        Ok(())
    }

    /// Give it its name, instead of what has that name now, and flush file and name.
    ///
    /// # Errors
    /// What the system says.
    pub fn put(mut self) -> io::Result<()> {
        self.flush()?;
        let target = self.target.clone();
        self.rename()?;
        sync_folder(folder_of(&target))
    }

    /// As [`put`](Self::put), unless there is a file of that name by now.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], and what the system says.
    pub fn put_new(mut self) -> io::Result<()> {
        self.flush()?;
        self.temporary.persist_noclobber(&self.target).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.target))
    }

    /// Give it its name without a flush: for what may be lost, or is flushed by the caller.
    pub fn rename(self) -> io::Result<()> {
        self.temporary.persist(&self.target).map(drop).map_err(|error| error.error)
    }
}

/// A hidden folder for files that are being written and must have their own names meanwhile, such as a graph with its
/// weights beside it. It goes away with all that is still in it.
#[derive(Debug)]
pub struct DraftFolder {
    folder: TempDir,
    _unfinished: Unfinished,
}

impl DraftFolder {
    /// An empty folder in `place`. Its name begins with `prefix`, and that with a dot.
    ///
    /// # Errors
    /// [`WriteError`] of `place`.
    pub fn begin(place: &Path, prefix: &str) -> Result<Self, WriteError> {
        let make = || tempfile::Builder::new().prefix(prefix).tempdir_in(place).map_err(of_system);
        let made = Unfinished::make(make, tempfile::TempDir::path);
        let (folder, unfinished) = made.map_err(WriteError::at(place))?;
        Ok(Self { folder, _unfinished: unfinished })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Give a file or folder in it the name `target`, instead of what has that name now, and flush the name.
    ///
    /// # Errors
    /// What the system says; also if a pipe or a device is there.
    pub fn put(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        if is_device(target) {
            return Err(no_file());
        }
        fs::rename(self.path().join(name), target)?;
        sync_folder(folder_of(target))
    }

    /// It stays where it is, or has another name by now.
    pub fn keep(self) {
        let _ = self.folder.keep();
    }
}

/// Where a link leads, so that the file is replaced and not the link; a link to nowhere is replaced itself.
fn followed(path: &Path) -> PathBuf {
    let is_link = fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink());
    if is_link { path.canonicalize().unwrap_or_else(|_| path.into()) } else { path.into() }
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".headstart-");
    // Temporary files are private, and the files that they become are not. The process' own mask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(of_system)
}

/// What the system says, without the made-up name of a temporary file, which `tempfile` adds and nobody knows.
pub fn of_system(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path \"") {
        Some((words, _)) => io::Error::new(error.kind(), words.to_owned()),
        None => error,
    }
}

/// Makes the names in a folder survive a power failure. Only Unix can, and has to, be told.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(here).and_then(|folder| folder.sync_all()) {
        Err(error) if has_no_flush(&error) => Ok(()),
        synced => synced,
    }
}

/// Some network file systems have no such call, a disk that is mounted for reading has nothing to flush, and a folder may be
/// writable without being readable.
pub fn has_no_flush(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    [InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported].contains(&error.kind())
}

/// A folder that was made for files to come. Dropped, it goes away again if it is still empty, and so do the folders
/// above it that were made with it: a command that failed leaves nothing behind.
#[derive(Debug)]
pub struct NewFolder {
    /// The innermost first.
    made: Vec<PathBuf>,
}

impl NewFolder {
    /// Make a folder, and those above it, unless it is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(folder: &Path) -> io::Result<Self> {
        let made = missing(folder);
        fs::create_dir_all(folder)?;
        if folder.as_os_str().is_empty() || folder.is_dir() {
            Ok(Self { made })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        remove_empty(&self.made);
    }
}

/// A folder and those above it that are not there, the innermost first.
pub fn missing(folder: &Path) -> Vec<PathBuf> {
    let absent = |folder: &&Path| !folder.as_os_str().is_empty() && fs::symlink_metadata(folder).is_err();
    folder.ancestors().take_while(absent).map(Path::to_path_buf).collect()
}

/// Remove these folders, up to the first that is not empty; one that is gone already does not matter.
pub fn remove_empty(folders: &[PathBuf]) {
    let _ = folders.iter().try_for_each(|folder| match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn fails(out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&[7; 1 << 18])?;
        Err(io::ErrorKind::StorageFull.into())
    }

    #[test]
    fn a_file_is_there_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        assert_eq!(write_whole(&path, fails).unwrap_err().path, path);
        assert_eq!(names(folder.path()), [""; 0], "nothing is left");
        write_bytes(&path, b"old").unwrap();
        let error = write_whole(&path, fails).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"old".into(), vec!["a.txt".into()]));
        write_bytes(&path, b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"new".into(), vec!["a.txt".into()]));
        for nowhere in
            [folder.path().join("none/a.txt"), folder.path().into(), folder.path().join(".."), "/".into()]
        {
            assert!(write_bytes(&nowhere, b"").is_err() && check_writable(&nowhere).is_err(), "{nowhere:?}");
            let source = write_bytes(&nowhere, b"").unwrap_err().source.to_string();
            assert!(!source.contains(".headstart-"), "a name that nobody knows: {source}");
        }
        check_writable(&folder.path().join("b.txt")).unwrap();
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn one_that_came_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let draft = Draft::begin(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert_eq!(draft.put_new().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"mine".into(), 1));
    }

    #[test]
    fn a_folder_of_drafts_leaves_what_was_put() {
        let folder = tempfile::tempdir().unwrap();
        let drafts = DraftFolder::begin(folder.path(), ".new-").unwrap();
        assert!(names(folder.path())[0].starts_with(".new-"));
        for name in ["a", "b"] {
            fs::write(drafts.path().join(name), name).unwrap();
        }
        fs::write(folder.path().join("c"), "old").unwrap();
        drafts.put("a".as_ref(), &folder.path().join("c")).unwrap();
        assert!(!cfg!(unix) || drafts.put("b".as_ref(), "/dev/null".as_ref()).is_err());
        drop(drafts);
        assert_eq!(
            (fs::read(folder.path().join("c")).unwrap(), names(folder.path())),
            (b"a".into(), vec!["c".into()])
        );
        let kept = DraftFolder::begin(folder.path(), ".new-").unwrap();
        let path = kept.path().to_owned();
        kept.keep();
        assert!(path.is_dir());
        let error = DraftFolder::begin(&folder.path().join("none"), ".new-").unwrap_err();
        assert_eq!(error.path, folder.path().join("none"));
        assert!(!error.source.to_string().contains(".new-"), "{}", error.source);
    }

    #[test]
    fn files_that_belong_together_are_all_new_or_all_old() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "seal"].map(|name| folder.path().join(name));
        let write = |text: &'static str, broken: usize| {
            let mut set = FileSet::default();
            for (number, path) in paths.iter().enumerate() {
                set.write(
                    path,
                    |out| if number == broken { fails(out) } else { out.write_all(text.as_bytes()) },
                )?;
            }
            set.put()
        };
        write("old", 9).unwrap();
        for broken in 0..3 {
            write("new", broken).unwrap_err();
            assert!(paths.iter().all(|path| fs::read(path).unwrap() == b"old"), "{broken}");
            assert_eq!(names(folder.path()), ["a", "b", "seal"]);
        }
        write("new", 9).unwrap();
        assert!(paths.iter().all(|path| fs::read(path).unwrap() == b"new"));
        // One that the new set does not have goes with it, and stays if the new set does not come.
        let stale = folder.path().join("stale");
        for (broken, stays) in [(true, true), (false, false)] {
            fs::write(&stale, "old").unwrap();
            let mut set = FileSet::default();
            set.remove(&stale);
            for path in &paths {
                let _ = set.write(path, |out| if broken { fails(out) } else { out.write_all(b"new") });
            }
            if !broken {
                set.put().unwrap();
            }
            assert_eq!(stale.exists(), stays);
        }
        // One that cannot get its name: the set has no seal, so nobody takes it for complete.
        fs::remove_file(&paths[1]).unwrap();
        let mut set = FileSet::default();
        paths.iter().for_each(|path| set.write(path, |out| out.write_all(b"newer")).unwrap());
        fs::create_dir_all(paths[1].join("in the way")).unwrap();
        assert_eq!(set.put().unwrap_err().path, paths[1]);
        assert!(!paths[2].exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_on_and_modes_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        write_bytes(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        write_bytes(&folder.path().join("plain"), b"").unwrap();
        let mode = fs::metadata(folder.path().join("plain")).unwrap().permissions().mode();
        fs::write(folder.path().join("ordinary"), "").unwrap();
        assert_eq!(mode, fs::metadata(folder.path().join("ordinary")).unwrap().permissions().mode());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_stays() {
        let null = Path::new("/dev/null");
        write_bytes(null, b"gone").unwrap();
        check_writable(null).unwrap();
        assert!(Draft::begin(null).is_err());
        assert!(is_device(null));
    }

    #[test]
    fn folders_that_stay_empty_go_away_again() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        drop(NewFolder::make(&deep).unwrap());
        assert_eq!(names(root.path()), [""; 0]);
        let made = NewFolder::make(&deep).unwrap();
        fs::write(root.path().join("a/file"), "").unwrap();
        drop(made);
        assert_eq!(names(&root.path().join("a")), ["file"]);
        // One that was there before stays, empty or not.
        fs::create_dir(root.path().join("old")).unwrap();
        drop(NewFolder::make(&root.path().join("old")).unwrap());
        assert!(root.path().join("old").is_dir());
        assert!(NewFolder::make(&root.path().join("a/file")).is_err());
        assert!(NewFolder::make(&root.path().join("a/file/below")).is_err());
    }
}
