//! The rows of one fingerprint: found by key, gathered from mapped files.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ndarray::{ArrayViewMut2, Axis};

use super::append::{create_dir, sync_dir, sync_file};
use super::damage::{self, Mark, Marks};
use super::directory::{file_name, find_dir, flaw_of, is_named_after, paths_in, write_fingerprint};
use super::fingerprint;
use super::format::RowLayout;
use super::index::Index;
use super::segment::{Segment, State};
use super::{Error, Fingerprint, Key, Provenance, Result, RowId, SegmentWriter, Storage, View};
use headstart_base::files::{missing, remove_empty};

pub(super) const SEGMENTS: &str = "segments";

/// An open store.
///
/// It sees the rows that were there when it was opened or last [refreshed](Self::refresh), while any number of
/// processes append. A row's checksum is tested when its features are first asked for.
pub struct Store {
    dir: PathBuf,
    fingerprint: Fingerprint,
    /// Why `fingerprint.json` is not what it should be, if it is not.
    flaw: Option<String>,
    layout: RowLayout,
    segments: Vec<Segment>,
    index: Index,
    /// Keys and views of which every row is bad.
    lost: Mutex<HashSet<(Key, View)>>,
    marks: Marks,
    /// Folders that this store made, the innermost first: they go again if nothing comes into them.
    made: OnceLock<Vec<PathBuf>>,
}

/// Makes the folders of a store and its `fingerprint.json`, as far as they are not there.
pub(super) fn make(dir: &Path, fingerprint: &Fingerprint) -> Result<()> {
    create_dir(dir)?;
    // None yet, or one that a power failure left empty or garbled. The rows themselves are tied to the
    // fingerprint, so writing the text anew cannot adopt those of another.
    if flaw_of(dir, fingerprint)?.is_some() {
        write_fingerprint(dir, fingerprint)?;
    }
    create_dir(&dir.join(SEGMENTS))
}

impl Store {
    /// Opens the store of a fingerprint below `root`, or makes `root/NAME-SHORT`.
    ///
    /// It is found by the fingerprint alone, so a directory with another name before the last hyphen serves too.
    ///
    /// # Errors
    /// [`Error::OtherFingerprint`] if the directory turns out to hold other features; [`Error::NotWritable`],
    /// [`Error::DiskFull`], [`Error::Read`] or [`Error::Write`].
    pub fn create_or_open(root: &Path, name: &str, fingerprint: &Fingerprint) -> Result<Self> {
        let store = Self::prepare(root, name, fingerprint)?;
        store.make()?;
        Ok(Self { flaw: None, ..store })
    }

    /// As [`create_or_open`](Self::create_or_open), but folders that are not there yet are made with the first writer, or the
    /// first failure that is noted.
    ///
    /// # Errors
    /// As [`create_or_open`](Self::create_or_open), as far as nothing is written.
    pub fn prepare(root: &Path, name: &str, fingerprint: &Fingerprint) -> Result<Self> {
        RowLayout::new(fingerprint)?;
        let dir = match find_dir(root, fingerprint)? {
            Some(dir) => dir,
            None => root.join(format!("{}-{}", file_name(name), fingerprint.short())),
        };
        Self::load(dir, fingerprint)
    }

    fn make(&self) -> Result<()> {
        // Only the first time can make any.
        self.made.get_or_init(|| missing(&self.segments_dir()));
        make(&self.dir, &self.fingerprint).inspect_err(|_| self.remove_if_empty())
    }

    /// Removes the folders that this store made, unless something came into them: for work that failed before its first
    /// row. Another process that is about to write makes anew what it needs.
    pub fn remove_if_empty(&self) {
        let Some([segments, rest @ ..]) = self.made.get().map(Vec::as_slice) else { return };
        remove_empty(std::slice::from_ref(segments));
        // The folder itself, and not only that of its segments, was made here.
        if let ([dir, ..], false) = (rest, segments.exists()) {
            let _ = fs::remove_file(dir.join(fingerprint::FILE));
            remove_empty(rest);
        }
    }

    /// Opens the store of a fingerprint below `root`, if there is one; writes nothing.
    ///
    /// # Errors
    /// [`Error::OtherFingerprint`] or [`Error::Read`].
    pub fn open(root: &Path, fingerprint: &Fingerprint) -> Result<Option<Self>> {
        find_dir(root, fingerprint)?.map(|dir| Self::load(dir, fingerprint)).transpose()
    }

    /// Opens the store in a directory, whatever its fingerprint; writes nothing.
    ///
    /// # Errors
    /// [`Error::DamagedFingerprint`] if its `fingerprint.json` cannot be read back, or [`Error::Read`].
    pub fn open_dir(dir: &Path) -> Result<Self> {
        let path = dir.join(fingerprint::FILE);
        let text = fs::read(&path).map_err(Error::read(&path))?;
        let damaged = |reason| Error::DamagedFingerprint { path: path.clone(), reason };
        let found = Fingerprint::parse(&String::from_utf8_lossy(&text)).map_err(damaged)?;
        if !is_named_after(dir, &found) {
            return Err(damaged(format!("the name of the directory should end in `-{}`", found.short())));
        }
        Self::load(dir.into(), &found)
    }

    fn load(dir: PathBuf, fingerprint: &Fingerprint) -> Result<Self> {
        let mut store = Self {
            flaw: if dir.exists() { flaw_of(&dir, fingerprint)? } else { None },
            dir,
            fingerprint: fingerprint.clone(),
            layout: RowLayout::new(fingerprint)?,
            segments: Vec::new(),
            index: Index::default(),
            lost: Mutex::default(),
            marks: Marks::default(),
            made: OnceLock::new(),
        };
        store.refresh()?;
        store.heed_marks();
        Ok(store)
    }

    /// The store's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where segments and failures are kept.
    pub fn segments_dir(&self) -> PathBuf {
        self.dir.join(SEGMENTS)
    }

    /// How its features are computed.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Numbers in a row.
    pub fn dim(&self) -> usize {
        self.layout.dim
    }

    /// In which type of number its features are kept.
    pub fn storage(&self) -> Storage {
        self.layout.storage
    }

    /// Keys and views that have a row which is not known to be bad.
    pub fn len(&self) -> usize {
        self.index.len() - self.lost.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether it has no row that is not known to be bad.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a row that is not known to be bad.
    pub fn contains(&self, key: &Key, view: View) -> bool {
        self.find(key, view).is_some()
    }

    /// The row of a view of an image, unless it is missing or known to be bad.
    pub fn find(&self, key: &Key, view: View) -> Option<RowId> {
        self.index.find((*key, view), |row| self.id(row), |row| self.state(row) != State::Bad)
    }

    /// The keys and views of all rows, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = (Key, View)> {
        self.index.rows().filter_map(|row| self.id(row)).filter(|(key, view)| self.contains(key, *view))
    }

    /// The features of one row, without a copy where they are stored as `f32`.
    ///
    /// # Errors
    /// [`Error::BadRow`] if the checksum fails: the row is then no longer [contained](Self::contains).
    ///
    /// # Panics
    /// If the row is of another store.
    pub fn row(&self, row: RowId) -> Result<Cow<'_, [f32]>> {
        let stored = self.checked(row)?;
        if let Some(numbers) = self.layout.borrow(stored) {
            return Ok(Cow::Borrowed(numbers));
        }
        let mut numbers = vec![0.0; self.dim()];
        self.layout.decode(stored, &mut numbers);
        Ok(Cow::Owned(numbers))
    }

    /// Copies the features of `rows` to `out`.
    ///
    /// # Shapes
    /// - `out`: `(rows.len(), dim)`, row `i` for `rows[i]`
    ///
    /// # Errors
    /// [`Error::BadRow`] names the first row whose checksum fails, which is then no longer
    /// [contained](Self::contains); [`Error::Shape`]. What `out` holds then is not defined.
    ///
    /// # Panics
    /// If a row is of another store.
    pub fn gather(&self, rows: &[RowId], out: &mut ArrayViewMut2<f32>) -> Result<()> {
        let (expected, found) = ((rows.len(), self.dim()), out.dim());
        if expected != found {
            return Err(Error::Shape { expected, found });
        }
        for (row, mut out) in rows.iter().zip(out.axis_iter_mut(Axis(0))) {
            let stored = self.checked(*row)?;
            match out.as_slice_mut() {
                Some(out) => self.layout.decode(stored, out),
                None => {
                    let mut numbers = vec![0.0; self.dim()];
                    self.layout.decode(stored, &mut numbers);
                    out.assign(&ndarray::ArrayView1::from(&numbers));
                }
            }
        }
        Ok(())
    }

    /// Looks for new segments and reads what was appended to those that are known. Rows keep their ids.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn refresh(&mut self) -> Result<()> {
        for number in 0..self.segments.len() {
            self.read_on(number)?;
        }
        let mut paths = self.unknown_segments()?;
        loop {
            for path in paths {
                self.segments.push(Segment::new(path));
                self.read_on(self.segments.len() - 1)?;
            }
            // A listing may miss both a segment that `gc` wrote while it was made and one that `gc` then unlinked; the
            // next one, begun after that, has the new one.
            paths = self.unknown_segments()?;
            if paths.is_empty() {
                return Ok(());
            }
        }
    }

    fn unknown_segments(&self) -> Result<Vec<PathBuf>> {
        let current = self.segments.iter().filter(|segment| !segment.retired);
        let known: HashSet<&Path> = current.map(|segment| segment.path.as_path()).collect();
        let mut paths = paths_in(&self.segments_dir())?;
        paths.retain(|path| is_segment(path) && !known.contains(path.as_path()));
        Ok(paths)
    }

    fn read_on(&mut self, number: usize) -> Result<()> {
        if !self.segments[number].retired {
            self.segments[number].grow(&self.layout)?;
            self.take_in(number);
        }
        Ok(())
    }

    /// Opens a segment of its own for this process, in folders that are made if they are not there. Its rows are seen after a [`refresh`](Self::refresh).
    ///
    /// # Errors
    /// [`Error::NotWritable`], [`Error::DiskFull`] or [`Error::Write`].
    pub fn writer(&self, provenance: Provenance) -> Result<SegmentWriter> {
        self.make()?;
        self.sync_names()?;
        SegmentWriter::create(&self.segments_dir(), &self.fingerprint, self.layout, provenance)
    }

    /// Returns when the disk has every row that is seen here, whoever wrote it.
    ///
    /// Writers flush their own. What is left are the rows of processes that were killed before they could, and of those
    /// that still write: whoever relies on such rows makes them last.
    ///
    /// # Errors
    /// [`Error::Sync`].
    pub fn sync(&self) -> Result<()> {
        if !self.segments_dir().exists() {
            return Ok(());
        }
        let unclosed = self.segments.iter().filter(|segment| !segment.closed && !segment.batches.is_empty());
        unclosed.map(|segment| segment.path.as_path()).try_for_each(sync_file)?;
        sync_dir(&self.segments_dir())?;
        self.sync_names()
    }

    /// Flushes the names of the store's folders: who made them may have been killed before that.
    fn sync_names(&self) -> Result<()> {
        self.dir.ancestors().take(3).try_for_each(sync_dir)
    }

    /// Puts new batches of a segment into the index.
    fn take_in(&mut self, number: usize) {
        let segment = &self.segments[number];
        let new = segment.indexed..segment.batches.len();
        if segment.is_foreign(&self.layout, &self.fingerprint.hash().to_string()) {
            return;
        }
        let rows_of =
            |batch: usize| (0..segment.batches[batch].rows as u32).map(move |slot| (batch as u32, slot));
        let last = new.clone().next_back();
        let mut ready: Vec<_> = (new.start..last.unwrap_or(new.start)).flat_map(rows_of).collect();
        // Pages of the last batch may reach the file after its header did, so its rows prove themselves first, and
        // those that do not are looked at again as long as no other batch follows.
        let doubtful = segment.pending.iter().copied().chain(last.into_iter().flat_map(rows_of));
        let (good, mut pending): (Vec<_>, Vec<_>) =
            doubtful.partition(|(batch, slot)| segment.check(&self.layout, *batch, *slot) == State::Good);
        ready.extend(good);
        if let Some(last) = last {
            let settled = pending.extract_if(.., |(batch, _)| *batch != last as u32);
            settled.for_each(|(batch, slot)| _ = segment.set_state(batch, slot, State::Bad));
        }
        let (segments, layout) = (&self.segments, &self.layout);
        let id_of = |row: RowId| segments[row.segment as usize].id(layout, row.batch, row.slot);
        self.index.reserve(ready.len(), id_of);
        let lost = self.lost.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (batch, slot) in ready {
            let row = RowId { segment: number as u32, batch, slot };
            if let Some(id) = id_of(row) {
                self.index.insert(id, row, id_of);
                lost.remove(&id);
            }
        }
        self.segments[number].indexed = new.end;
        self.segments[number].pending = pending;
    }

    /// Checks the rows that other processes found damaged.
    fn heed_marks(&self) {
        let marks = damage::read(&self.segments_dir());
        if marks.is_empty() {
            return;
        }
        let numbers: HashMap<String, usize> =
            self.segments.iter().enumerate().map(|(number, segment)| (segment.name(), number)).collect();
        for mark in marks {
            let Some(&number) = numbers.get(&mark.segment) else { continue };
            let batches = &self.segments[number].batches;
            let Ok(batch) = batches.binary_search_by_key(&mark.offset, |batch| batch.start) else { continue };
            if mark.slot < batches[batch].rows {
                let row = RowId { segment: number as u32, batch: batch as u32, slot: mark.slot as u32 };
                if self.segments[number].check(&self.layout, row.batch, row.slot) == State::Bad {
                    self.condemn(row);
                }
            }
        }
    }

    /// The stored features of a row whose checksum holds.
    fn checked(&self, row: RowId) -> Result<&[u8]> {
        let segment = &self.segments[row.segment as usize];
        if segment.check(&self.layout, row.batch, row.slot) == State::Good
            && let Some(stored) = segment.features(&self.layout, row.batch, row.slot)
        {
            return Ok(stored);
        }
        if self.condemn(row) {
            self.marks.leave(&self.segments_dir(), &self.mark(row));
        }
        let (key, view) = self.id(row).unwrap_or((Key([0; 32]), 0));
        let Mark { offset, .. } = self.mark(row);
        Err(Error::BadRow { segment: segment.path.clone(), offset: offset as u64, key, view })
    }

    /// Makes a row a miss; whether it was one before.
    fn condemn(&self, row: RowId) -> bool {
        let news = self.segments[row.segment as usize].set_state(row.batch, row.slot, State::Bad);
        if let Some((key, view)) = self.id(row)
            && self.find(&key, view).is_none()
            && self.index.find((key, view), |row| self.id(row), |_| true).is_some()
        {
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert((key, view));
        }
        news
    }

    fn mark(&self, row: RowId) -> Mark {
        let segment = &self.segments[row.segment as usize];
        let offset = segment.batches[row.batch as usize].start;
        Mark { segment: segment.name(), offset, slot: row.slot as usize }
    }

    /// Checks a row anew, whatever was known of it; `verify` has its news stay.
    pub(super) fn recheck(&self, row: RowId) -> bool {
        let segment = &self.segments[row.segment as usize];
        let holds = segment.holds(&self.layout, row.batch, row.slot);
        if holds {
            segment.set_state(row.batch, row.slot, State::Good);
        } else if self.condemn(row) {
            self.marks.leave(&self.segments_dir(), &self.mark(row));
        }
        holds
    }

    pub(super) fn id(&self, row: RowId) -> Option<(Key, View)> {
        self.segments[row.segment as usize].id(&self.layout, row.batch, row.slot)
    }

    fn state(&self, row: RowId) -> State {
        self.segments[row.segment as usize].state(row.batch, row.slot)
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(super) fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// Rows that are known to be bad.
    pub(super) fn known_damaged(&self) -> usize {
        self.segments.iter().map(Segment::known_bad).sum()
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn flaw(&self) -> Option<&str> {
        self.flaw.as_deref()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (segments, rows) = (self.segments.len(), self.len());
        f.debug_struct("Store")
            .field("dir", &self.dir)
            .field("segments", &segments)
            .field("len", &rows)
            .finish()
    }
}

pub(super) fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "arrow")
}
