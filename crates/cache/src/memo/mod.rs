//! What spares hashing a file that has not changed.
//!
//! A record ties one state of one file to its key: the BLAKE3 of path, size, modification and change time and inode,
//! cut to 16 bytes, then the key, then for people what of the path and these facts may be told, then a CRC-32C of all. So
//! records have one length whatever the paths are, paths need not be text, and a file that changed is simply not found.
//! Each process appends to a file of its own.

mod record;
mod tidy;

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::append::AppendFile;
use super::directory::paths_in;
use super::format::Flaw;
use super::segment::Region;
use super::{Error, Key, Result};
use record::{MAGIC, OLD_MAGIC, Record, State};
pub(super) use tidy::{last_key, tidy};

const DIR: &str = "memo";
const EXTENSION: &str = "memo";
/// A file could change again within one tick of its clock, unseen. Two seconds is the coarsest tick in use (FAT).
const SETTLED: Duration = Duration::from_secs(2);
const FLUSH_AT: usize = 4096 * record::LENGTH;

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFacts {
    /// In bytes.
    pub size: u64,
    /// Time of the last change of the contents, in nanoseconds since 1970.
    pub modified: i128,
    /// Time of the last change of contents, name or rights, in nanoseconds since 1970; that of making on Windows.
    pub changed: i128,
    /// Number of the file on its disk; 0 where there is none.
    pub inode: u64,
    /// When the file was looked at, which was before it was read.
    pub seen: SystemTime,
}

impl FileFacts {
    /// The facts of the file at `path`, which must be taken before it is read.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(path: &Path) -> io::Result<Self> {
        let seen = SystemTime::now();
        Ok(Self::from_metadata(&fs::metadata(path)?, seen))
    }

    /// As [`of`](Self::of), from metadata taken at `seen` or later.
    pub fn from_metadata(metadata: &Metadata, seen: SystemTime) -> Self {
        let modified = metadata.modified().map_or(i128::MAX, nanoseconds);
        let (changed, inode) = change(metadata);
        Self { size: metadata.len(), modified, changed, inode, seen }
    }

    /// Whether a later change would show: only of a file that had been left alone for a while.
    pub(super) fn are_settled(&self) -> bool {
        let seen = nanoseconds(self.seen);
        let settled = |time: i128| time.saturating_add(SETTLED.as_nanos() as i128) <= seen;
        settled(self.modified) && settled(self.changed)
    }

    fn state(&self, path: &Path) -> io::Result<State> {
        let path = std::path::absolute(path)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.size.to_le_bytes());
        hasher.update(&self.modified.to_le_bytes());
        hasher.update(&self.changed.to_le_bytes());
        hasher.update(&self.inode.to_le_bytes());
        hasher.update(path.as_os_str().as_encoded_bytes());
        let mut state = [0; 16];
        hasher.finalize_xof().fill(&mut state);
        Ok(state)
    }
}

#[cfg(unix)]
fn change(metadata: &Metadata) -> (i128, u64) {
    use std::os::unix::fs::MetadataExt;
    (i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec()), metadata.ino())
}

#[cfg(not(unix))]
fn change(metadata: &Metadata) -> (i128, u64) {
    (metadata.created().map_or(0, nanoseconds), 0)
}

fn nanoseconds(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

/// Keys of files that have not changed since they were hashed. May be deleted at any time.
pub struct Memo {
    dir: PathBuf,
    /// Sorted by state.
    known: Vec<(State, Key)>,
    new: HashMap<State, Key>,
    file: Option<AppendFile>,
    buffer: Vec<u8>,
}

impl Memo {
    /// Reads the memo of a cache; what is damaged or missing in it is only hashed again.
    pub fn open(root: &Path) -> Self {
        let dir = root.join(DIR);
        let mut known = Vec::new();
        for bytes in files_in(&dir).iter().filter_map(|path| fs::read(path).ok()) {
            known.extend(record::read(&bytes).map(|record| (record.state, record.key)));
        }
        known.sort_unstable();
        known.dedup();
        // Two keys for one state mean that the file changed without a trace: neither is to be trusted.
        if known.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            let states = known.chunk_by(|a, b| a.0 == b.0);
            known = states.filter(|keys| keys.len() == 1).map(|keys| keys[0]).collect();
        }
        Self { dir, known, new: HashMap::new(), file: None, buffer: Vec::new() }
    }

    /// Records that are known.
    pub fn len(&self) -> usize {
        self.known.len() + self.new.len()
    }

    /// Whether it knows no file.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of the file at `path` if it was hashed in just this state.
    pub fn get(&self, path: &Path, facts: &FileFacts) -> Option<Key> {
        let state = facts.state(path).ok()?;
        if let Some(key) = self.new.get(&state) {
            return Some(*key);
        }
        let found = self.known.binary_search_by_key(&state, |(state, _)| *state).ok()?;
        Some(self.known[found].1)
    }

    /// The key of the file at `path`, for which `read` is asked unless the file is known in this state.
    ///
    /// # Errors
    /// What the system says, or `read`.
    pub fn key_of(&mut self, path: &Path, read: impl FnOnce(&Path) -> io::Result<Key>) -> io::Result<Key> {
        let facts = FileFacts::of(path)?;
        if let Some(key) = self.get(path, &facts) {
            return Ok(key);
        }
        let key = read(path)?;
        // A memo that cannot be kept costs time, not truth.
        _ = self.insert(path, &facts, key);
        Ok(key)
    }

    /// Remembers the key of a file, whose facts were taken before it was read.
    ///
    /// One that had changed less than two seconds before that is not remembered: it may change again with no trace.
    ///
    /// # Errors
    /// As [`flush`](Self::flush). The cache does without a memo, so a caller may well ignore them.
    pub fn insert(&mut self, path: &Path, facts: &FileFacts, key: Key) -> Result<()> {
        let Some(record) = facts.are_settled().then(|| Record::new(path, facts, key).ok()).flatten() else {
            return Ok(());
        };
        if self.get(path, facts) == Some(key) {
            return Ok(());
        }
        self.new.insert(record.state, key);
        self.buffer.extend_from_slice(&record.encode());
        if self.buffer.len() >= FLUSH_AT { self.flush() } else { Ok(()) }
    }

    /// Writes what was remembered since the last time; dropping the memo does so too.
    ///
    /// # Errors
    /// [`Error::NotWritable`], [`Error::DiskFull`] or [`Error::Write`].
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.buffer);
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let mut file = AppendFile::create(&self.dir, EXTENSION)?;
                file.append(MAGIC)?;
                file
            }
        };
        // Put back only if all went well: after half a record those that follow could not be found.
        file.append(&records)?;
        self.file = Some(file);
        Ok(())
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        _ = self.flush();
    }
}

fn is_memo(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    paths_in(dir).unwrap_or_default().into_iter().filter(|path| is_memo(path)).collect()
}

/// What of the memo of a cache is not used. An end that was cut off is torn, no more.
pub(super) fn damage(root: &Path) -> Result<Vec<(PathBuf, Region)>> {
    let mut damage = Vec::new();
    for path in files_in(&root.join(DIR)) {
        let bytes = fs::read(&path).map_err(Error::read(&path))?;
        damage.extend(damage_to(&bytes).into_iter().map(|region| (path.clone(), region)));
    }
    Ok(damage)
}

fn damage_to(bytes: &[u8]) -> Vec<Region> {
    let whole = 0..bytes.len();
    if bytes.starts_with(OLD_MAGIC) {
        // Of no use any more, and no damage.
        return vec![];
    }
    if !bytes.starts_with(MAGIC) {
        let flaw = if MAGIC.starts_with(bytes) { Flaw::Torn } else { Flaw::Damaged("no memo begins here") };
        return if bytes.is_empty() { vec![] } else { vec![Region { place: whole, flaw }] };
    }
    let flaw = Flaw::Damaged("a record that fails its checksum");
    let mut regions: Vec<_> = record::bad(bytes).map(|place| Region { place, flaw }).collect();
    let end = bytes.len() - (bytes.len() - MAGIC.len()) % record::LENGTH;
    if end < bytes.len() {
        regions.push(Region { place: end..bytes.len(), flaw: Flaw::Torn });
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(age: u64) -> FileFacts {
        let seen = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let time = nanoseconds(seen) - i128::from(age) * 1_000_000;
        FileFacts { size: 10, modified: time, changed: time, inode: 3, seen }
    }

    #[test]
    fn a_state_is_found_again_by_another_process() {
        let root = tempfile::tempdir().unwrap();
        let (key, path) = (Key::of(b"a"), Path::new("some/image.png"));
        let mut memo = Memo::open(root.path());
        memo.insert(path, &facts(5000), key).unwrap();
        assert_eq!(memo.get(path, &facts(5000)), Some(key));
        drop(memo);
        let memo = Memo::open(root.path());
        assert_eq!((memo.len(), memo.get(path, &facts(5000))), (1, Some(key)));
        assert_eq!(memo.get(Path::new("some/image2.png"), &facts(5000)), None);
        let changes: [fn(&mut FileFacts); 4] =
            [|f| f.size += 1, |f| f.modified += 1, |f| f.changed += 1, |f| f.inode += 1];
        for change in changes {
            let mut changed = facts(5000);
            change(&mut changed);
            assert_eq!(memo.get(path, &changed), None);
        }
    }

    #[test]
    fn a_file_that_just_changed_is_not_trusted() {
        let root = tempfile::tempdir().unwrap();
        let mut memo = Memo::open(root.path());
        for (age, trusted) in [(0, false), (1999, false), (2000, true)] {
            memo.insert(Path::new("x"), &facts(age), Key([1; 32])).unwrap();
            assert_eq!(memo.get(Path::new("x"), &facts(age)).is_some(), trusted, "{age} ms");
        }
        // A rename or a clock set back changes only one of the two times.
        let late = FileFacts { changed: facts(0).changed, ..facts(5000) };
        memo.insert(Path::new("x"), &late, Key([1; 32])).unwrap();
        assert_eq!(memo.get(Path::new("x"), &late), None);
        let future = FileFacts { modified: i128::MAX, ..facts(5000) };
        memo.insert(Path::new("x"), &future, Key([1; 32])).unwrap();
        assert_eq!(memo.get(Path::new("x"), &future), None);
    }

    #[test]
    fn damage_costs_only_the_records_it_hits() {
        let root = tempfile::tempdir().unwrap();
        let mut memo = Memo::open(root.path());
        let path = |i: usize| PathBuf::from(format!("{i}"));
        let key = |i: usize| Key::of(&[i as u8]);
        (0..5).for_each(|i| memo.insert(&path(i), &facts(5000), key(i)).unwrap());
        drop(memo);
        let file = fs::read_dir(root.path().join(DIR)).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&file).unwrap();
        for byte in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[byte] ^= 0x10;
            for damaged in [&flipped[..], &whole[..byte]] {
                fs::write(&file, damaged).unwrap();
                let memo = Memo::open(root.path());
                let found: Vec<_> = (0..5).map(|i| memo.get(&path(i), &facts(5000))).collect();
                assert!(found.iter().enumerate().all(|(i, k)| k.is_none_or(|k| k == key(i))), "byte {byte}");
                let least = if damaged.len() == whole.len() && byte >= 16 { 4 } else { 0 };
                assert!(found.iter().flatten().count() >= least, "byte {byte}");
            }
        }
    }

    /// Keys of 0.1.0 may be wrong today: they are not taken, and are no damage.
    #[test]
    fn a_memo_of_an_earlier_version_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        Memo::open(root.path()).insert(Path::new("x"), &facts(5000), Key([1; 32])).unwrap();
        let file = fs::read_dir(root.path().join(DIR)).unwrap().next().unwrap().unwrap().path();
        let records = fs::read(&file).unwrap()[MAGIC.len()..].to_vec();
        fs::write(&file, [OLD_MAGIC.as_slice(), &records].concat()).unwrap();
        assert!(Memo::open(root.path()).is_empty() && last_key(root.path(), Path::new("x")).is_none());
        assert!(damage(root.path()).unwrap().is_empty());
    }

    #[test]
    fn contradictions_cancel_out() {
        let root = tempfile::tempdir().unwrap();
        let memos = [1, 2].map(|i| (Memo::open(root.path()), Key([i; 32])));
        for (mut memo, key) in memos {
            memo.insert(Path::new("x"), &facts(5000), key).unwrap();
            memo.insert(Path::new("y"), &facts(5000), Key([9; 32])).unwrap();
        }
        let memo = Memo::open(root.path());
        assert_eq!(memo.get(Path::new("x"), &facts(5000)), None);
        assert_eq!(memo.get(Path::new("y"), &facts(5000)), Some(Key([9; 32])));
    }

    #[test]
    fn a_real_file_has_facts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let before = FileFacts::of(file.path()).unwrap();
        assert_eq!(before.size, 0);
        assert!(!before.are_settled(), "it was made just now");
        fs::write(file.path(), "x").unwrap();
        let after = FileFacts::of(file.path()).unwrap();
        assert_ne!(before.state(file.path()).unwrap(), after.state(file.path()).unwrap());
    }
}
