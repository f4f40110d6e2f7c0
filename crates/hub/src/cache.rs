//! The folder of a repository in the cache, as Python's client lays it out, so that each finds the other's files.
//!
//! ```text
//! CACHE/models--org--name/blobs/TAG                       the bytes, called by their content
//! CACHE/models--org--name/blobs/TAG.1a2b3c4d.incomplete   what there is of them so far
//! CACHE/models--org--name/refs/main                       the commit that a branch was at
//! CACHE/models--org--name/snapshots/COMMIT/FILE           a link to the bytes
//! CACHE/models--org--name/.no_exist/COMMIT/FILE           there is no such file
//! CACHE/.locks/models--org--name/TAG.lock                 held by the process that fetches
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::check::Tag;
use crate::error::{Error, Result};
use crate::name::{Commit, FileName, Repository, Revision};

/// What a file is called that is not whole yet.
const INCOMPLETE: &str = ".incomplete";
/// By which backup programs know a folder that they may pass over: bford.info/cachedir.
const CACHE_MARK: &str =
    "Signature: 8a477f597d28d172789f06886806bc55\n# Files of model hubs, which can be fetched again.\n";

/// The folder of a repository in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
    folder: PathBuf,
    locks: PathBuf,
}

impl Cache {
    pub(crate) fn of(root: &Path, repository: &Repository) -> Self {
        let name = repository.folder();
        Self { root: root.into(), folder: root.join(&name), locks: root.join(".locks").join(name) }
    }

    pub(crate) fn pointer(&self, commit: &Commit, file: &FileName) -> PathBuf {
        self.folder.join("snapshots").join(commit.as_str()).join(file.as_str())
    }

    pub(crate) fn blob(&self, tag: &Tag) -> PathBuf {
        self.folder.join("blobs").join(tag.as_str())
    }

    fn absence(&self, commit: &Commit, file: &FileName) -> PathBuf {
        self.folder.join(".no_exist").join(commit.as_str()).join(file.as_str())
    }

    /// Whether it is known that the commit has no such file.
    pub(crate) fn is_absent(&self, commit: &Commit, file: &FileName) -> bool {
        self.absence(commit, file).is_file()
    }

    /// Keep in mind that the commit has no such file. It is no loss if that fails.
    pub(crate) fn keep_absence(&self, commit: &Commit, file: &FileName) {
        let path = self.absence(commit, file);
        let _ = create_parent(&path)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(path).map(drop));
    }

    /// The commit that the revision was at when it was last asked for.
    pub(crate) fn commit(&self, revision: &Revision) -> Option<Commit> {
        let text = fs::read_to_string(self.folder.join("refs").join(revision.as_str())).ok()?;
        Commit::new(text.trim())
    }

    /// Keep in mind that the revision is at this commit.
    pub(crate) fn keep_commit(&self, revision: &Revision, commit: &Commit) -> Result<()> {
        if revision.as_str() == commit.as_str() || self.commit(revision).as_ref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision.as_str());
        let write = || {
            create_parent(&path)?;
            let (mut file, unfinished) = unique(&path, ".tmp")?;
            let written =
                file.write_all(commit.as_str().as_bytes()).and_then(|()| fs::rename(&unfinished, &path));
            written.inspect_err(|_| drop(fs::remove_file(&unfinished)))
        };
        write().map_err(|source| Error::writing(&path, 40, source))
    }

    /// Make the folders for the bytes of `tag`, and mark the cache as one.
    pub(crate) fn prepare(&self, tag: &Tag) -> Result<()> {
        let blob = self.blob(tag);
        create_parent(&blob).map_err(|source| Error::writing(self.folder.join("blobs"), 0, source))?;
        let mark = OpenOptions::new().write(true).create_new(true).open(self.root.join("CACHEDIR.TAG"));
        // It is no loss if that fails.
        let _ = mark.and_then(|mut mark| mark.write_all(CACHE_MARK.as_bytes()));
        Ok(())
    }

    /// Wait for the right to fetch `tag`; `wait` is called again and again, and may give up.
    ///
    /// It spares a second fetch. Nothing is wrong if two have it, as on file systems that only pretend to lock.
    pub(crate) fn lock(&self, tag: &Tag, wait: &mut dyn FnMut() -> Result<()>) -> Result<Option<File>> {
        let path = self.locks.join(format!("{tag}.lock"));
        let open = || {
            create_parent(&path)?;
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            share(&file);
            Ok(file)
        };
        let file = open().map_err(|source| Error::writing(&path, 0, source))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => wait()?,
                Err(TryLockError::Error(_)) => return Ok(None),
            }
        }
    }

    /// A file for the bytes of `tag` that no other process writes: what an earlier fetch left, or a new one.
    pub(crate) fn part(&self, tag: &Tag, size: Option<u64>) -> Result<Part> {
        let blob = self.blob(tag);
        for left in self.left_behind(tag, size) {
            // The process that renames it has it. If it was still written, on a file system that only pretends to lock, both write the same
            // bytes to the same places, and the other finds its name gone.
            let path = beside(&blob, INCOMPLETE);
            if fs::rename(&left, &path).is_ok() {
                let open = || {
                    let mut file = OpenOptions::new().write(true).open(&path)?;
                    let len = file.seek(SeekFrom::End(0))?;
                    Ok((file, len))
                };
                let (file, len) = open().map_err(|source| Error::writing(&path, 0, source))?;
                return Ok(Part { file, path, len, is_resumed: true });
            }
        }
        self.new_part(tag, size)
    }

    pub(crate) fn new_part(&self, tag: &Tag, size: Option<u64>) -> Result<Part> {
        let blob = self.blob(tag);
        let (file, path) =
            unique(&blob, INCOMPLETE).map_err(|source| Error::writing(&blob, size.unwrap_or(0), source))?;
        Ok(Part { file, path, len: 0, is_resumed: false })
    }

    /// Files that an ended process left, the longest first.
    fn left_behind(&self, tag: &Tag, size: Option<u64>) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.join("blobs")) else { return vec![] };
        let mut found: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_str().and_then(|name| name.strip_prefix(tag.as_str()));
                name.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(INCOMPLETE))
            })
            .filter_map(|entry| {
                // That of a link is the link's own, so a link is passed over.
                let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                let fits = metadata.len() > 0 && size.is_none_or(|size| metadata.len() <= size);
                fits.then(|| (metadata.len(), entry.path()))
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Let the commit's file be the bytes of `tag`, which are there.
    pub(crate) fn link(&self, commit: &Commit, file: &FileName, tag: &Tag) -> Result<PathBuf> {
        let (pointer, blob) = (self.pointer(commit, file), self.blob(tag));
        let up = "../".repeat(2 + file.as_str().matches('/').count());
        let target = format!("{up}blobs/{tag}");
        let link = || {
            create_parent(&pointer)?;
            match symlink(&target, &pointer) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && pointer.is_file() => Ok(()),
                // What a link led to is gone.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && pointer.is_symlink() => {
                    fs::remove_file(&pointer)?;
                    symlink(&target, &pointer)
                }
                // There are no links here: then the file itself lies where the link would, as Python's client has it.
                Err(error) if is_unsupported(&error) => fs::rename(&blob, &pointer),
                linked => linked,
            }
        };
        link().map_err(|source| Error::writing(&pointer, 0, source))?;
        Ok(pointer)
    }

    /// Look at bytes that were here before: Python's client does not, when it puts them here. Where there are no links, and
    /// nobody says `tag`, there is nothing to hold them against.
    pub(crate) fn check(&self, path: &Path, tag: Option<&Tag>) -> Result<()> {
        let linked = || Tag::new(fs::read_link(path).ok()?.file_name()?.to_str()?);
        let Some(tag) = tag.cloned().or_else(linked) else { return Ok(()) };
        let found = tag.found_in(path).map_err(|source| Error::reading(path, source))?;
        if found == tag.as_str() {
            return Ok(());
        }
        let path = path.canonicalize().unwrap_or_else(|_| path.into());
        Err(Error::Damaged { path, expected: tag.to_string(), found })
    }
}

/// What there is of a file so far.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    len: u64,
    is_resumed: bool,
}

impl Part {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether some of it is from an earlier fetch.
    pub(crate) fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// `left` bytes are to come, these among them.
    pub(crate) fn append(&mut self, bytes: &[u8], left: u64) -> Result<()> {
        self.file.write_all(bytes).map_err(|source| Error::writing(&self.path, left, source))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Give the file its name.
    pub(crate) fn finish(self, blob: &Path) -> Result<()> {
        // So that after a power cut the name does not stand for less.
        let kept = self.file.sync_all().and_then(|()| fs::rename(&self.path, blob));
        kept.map_err(|source| Error::writing(blob, 0, source))
    }

    /// Remove it.
    pub(crate) fn discard(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A new file beside `path`, whose name no other process takes.
fn unique(path: &Path, ending: &str) -> io::Result<(File, PathBuf)> {
    loop {
        let name = beside(path, ending);
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (file, name)),
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    // Each state is seeded by the system.
    let number = RandomState::new().hash_one(std::process::id());
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:08x}{ending}", number as u32));
    name.into()
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Users who share the cache by a group may wait for the lock too, as with Python's client. Only the owner can allow it.
fn share(lock: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = lock.set_permissions(fs::Permissions::from_mode(0o664));
    }
    #[cfg(not(unix))]
    let _ = lock;
}

#[cfg(unix)]
fn symlink(target: &str, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &str, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target.replace('/', "\\"), link)
}

/// Some file systems have no links, and Windows allows them to some users only.
fn is_unsupported(error: &io::Error) -> bool {
    let is_known = matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied);
    is_known || (cfg!(windows) && error.raw_os_error() == Some(1314))
}
