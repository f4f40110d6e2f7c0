//! Who is still writing a file: its writer locks it before the first byte and never lets go, so the lock ends with the
//! process, however that ends. Readers do not ask for it; `gc` does, before it takes a file away.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

/// Where nothing can be locked, a file without an end mark that nobody has written for so long is given up.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// What is known of the process that made a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    AtWork,
    Gone,
    /// This file system has no locks, or the writer has only just made the file.
    Unknown {
        /// Whether it has been left alone for a day.
        old: bool,
    },
}

/// Says that this process writes `file`, for as long as it is open.
///
/// Best effort: where files cannot be locked, `gc` goes by end marks and age.
pub(super) fn hold(file: &File) {
    // On Windows a lock would keep readers out.
    if cfg!(unix) {
        _ = file.try_lock();
    }
}

impl Writer {
    /// To be asked before the file is read: what is read of a file whose writer is gone is all there will be.
    pub(crate) fn of(path: &Path) -> Self {
        // For writing, because that is what network file systems lock. One that may not be opened is not ours to judge.
        let Ok(file) = OpenOptions::new().append(true).open(path) else { return Self::AtWork };
        let Ok(metadata) = file.metadata() else { return Self::AtWork };
        // Between making and locking a file its writer writes nothing, so one with bytes in it has been locked.
        if metadata.len() == 0 || cfg!(not(unix)) {
            return Self::Unknown { old: is_old(&metadata) };
        }
        match file.try_lock() {
            Ok(()) => Self::Gone,
            Err(TryLockError::WouldBlock) => Self::AtWork,
            Err(TryLockError::Error(_)) => Self::Unknown { old: is_old(&metadata) },
        }
    }

    /// Whether nothing will be added to the file any more; `ended`: it says so itself.
    pub(crate) fn is_done(self, ended: bool) -> bool {
        match self {
            Self::AtWork => false,
            Self::Gone => true,
            Self::Unknown { old } => old || ended,
        }
    }
}

fn is_old(metadata: &Metadata) -> bool {
    // A time in the future is no age.
    metadata.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age >= LONG)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use super::super::append::AppendFile;
    use super::*;

    #[test]
    fn a_writer_is_at_work_until_it_drops_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = AppendFile::create(dir.path(), "arrow").unwrap();
        let path = file.path().to_owned();
        // Empty, it could be one whose writer has not come to the lock yet.
        assert_eq!(Writer::of(&path), Writer::Unknown { old: false });
        file.append(b"x").unwrap();
        assert_eq!(Writer::of(&path), Writer::AtWork);
        drop(file);
        assert_eq!(Writer::of(&path), Writer::Gone);
        assert_eq!(Writer::of(&dir.path().join("none")), Writer::AtWork);
    }

    #[test]
    fn an_empty_file_is_given_up_after_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty.arrow");
        let file = File::create(&path).unwrap();
        for (hours, old) in [(23, false), (25, true)] {
            file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
            assert_eq!(Writer::of(&path), Writer::Unknown { old });
        }
        file.set_modified(SystemTime::now() + LONG).unwrap();
        assert_eq!(Writer::of(&path), Writer::Unknown { old: false });
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn only_what_nobody_adds_to_is_done() {
        let all =
            [Writer::AtWork, Writer::Gone, Writer::Unknown { old: false }, Writer::Unknown { old: true }];
        assert_eq!(all.map(|writer| writer.is_done(false)), [false, true, false, true]);
        assert_eq!(all.map(|writer| writer.is_done(true)), [false, true, true, true]);
    }
}
