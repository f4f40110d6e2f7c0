use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use super::writer_lock::hold;
use super::{Error, Result};
use headstart_base::files::{has_no_flush, sync_folder};

/// What an [`AppendFile`] writes to: a file, or a stand-in that fails when a test wants it to.
pub(super) trait Backing: Send {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
}

impl Backing for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A file that this process made and nobody else writes.
///
/// After a failed write its end is unknown, and after a failed flush what the disk holds of it (the kernel may call
/// pages clean that it could not write): the owner drops it then, and goes on in a new one.
pub(super) struct AppendFile {
    path: PathBuf,
    backing: Box<dyn Backing>,
}

impl AppendFile {
    /// Makes `DIR/<time>-<process>-<random>.EXTENSION`, and the folder if there is none.
    ///
    /// # Errors
    /// [`Error::NotWritable`], [`Error::DiskFull`] or [`Error::Write`].
    pub(crate) fn create(dir: &Path, extension: &str) -> Result<Self> {
        create_dir(dir)?;
        loop {
            let path = dir.join(format!("{}.{extension}", unique()));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    hold(&file);
                    return Ok(Self { path, backing: Box::new(file) });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::write(dir)(error)),
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn with_backing(path: &Path, backing: Box<dyn Backing>) -> Self {
        Self { path: path.into(), backing }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `bytes` by one call to the system, so that a reader meets all of them or a torn end.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.backing.write_all(bytes).map_err(Error::write(&self.path))
    }

    /// Returns when the disk has all that was appended.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.backing.sync().map_err(Error::sync(&self.path))
    }
}

/// Returns when the disk has a file that another process may have written; one that is gone is no error.
pub(super) fn sync_file(path: &Path) -> Result<()> {
    match File::open(path).and_then(|file| file.sync_data()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound || has_no_flush(&error) => Ok(()),
        synced => synced.map_err(Error::sync(path)),
    }
}

/// Makes a folder and those above it, each known to the disk before something is put into it.
pub(super) fn create_dir(dir: &Path) -> Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(Path::new(""));
    create_dir(parent)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::write(dir)(error)),
        // Another process may just have made it.
        _ if dir.is_dir() => sync_dir(parent),
        _ => Err(Error::write(dir)(io::ErrorKind::NotADirectory.into())),
    }
}

/// Makes the names in a folder survive a power failure; only Unix can, and has to, be told.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    sync_folder(dir).map_err(Error::sync(dir))
}

/// Files that this process made, to tell them apart.
static MADE: AtomicU16 = AtomicU16::new(0);

/// Sorts by time of making, and within a millisecond by a count; the random part tells machines on one file system apart, whose
/// process numbers can meet.
fn unique() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
    let random = std::hash::RandomState::new().hash_one(std::time::Instant::now()) as u16;
    let count = MADE.fetch_add(1, Ordering::Relaxed);
    format!("{now}-{}-{count:04x}{random:04x}", std::process::id())
}
