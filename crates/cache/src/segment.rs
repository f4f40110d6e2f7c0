//! One mapped segment: what of it is sound, and what is not.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::Mmap;

use super::format::{Batch, Flaw, Header, Message, RowLayout};
use super::{Error, Key, Result, View};

/// Bytes that hold no message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    pub place: Range<usize>,
    pub flaw: Flaw,
}

/// What a walk over the bytes of a segment found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Scan {
    pub header: Option<Header>,
    pub batches: Vec<Batch>,
    /// Between sound messages.
    pub damage: Vec<Region>,
    /// After the last sound message: a batch on its way, one that was cut off, or damage.
    pub tail: Option<Region>,
    /// Whether the writer ended the stream.
    pub closed: bool,
    /// Where to go on when the file has grown.
    pub resume: usize,
}

/// Walks the messages from byte `from` on; after damage it goes on at the next batch of which some row holds.
pub(super) fn scan(bytes: &[u8], from: usize, layout: &RowLayout) -> Scan {
    let mut found = Scan { resume: from, ..Scan::default() };
    let mut before = from;
    while found.resume < bytes.len() {
        match layout.message(bytes, found.resume) {
            Ok((message, end)) => {
                before = found.resume;
                found.resume = end;
                match message {
                    Message::Schema(header) => found.header = Some(header),
                    Message::Rows(batch) => found.batches.push(batch),
                    Message::End => found.closed = true,
                }
            }
            Err(flaw) => {
                // A flipped bit in the length of a header leads past the start of the next message. So the message
                // before is doubted too, and unless some row of it holds, the search begins inside it.
                let end = found.resume;
                let sound = found.batches.last().is_some_and(|b| b.end == end && layout.any_holds(bytes, b));
                let lost = found.batches.pop_if(|b| b.end == end && !sound).is_some();
                let next = layout.next_sound(bytes, if sound { end } else { before } + 1);
                let start = if lost || next.is_some_and(|next| next < end) { before } else { end };
                let Some(next) = next else {
                    // A power failure can leave the length of a file and not its bytes.
                    let zeros = start == end && bytes[start..].iter().all(|byte| *byte == 0);
                    let flaw = if zeros { Flaw::Torn } else { flaw };
                    found.tail = Some(Region { place: start..bytes.len(), flaw });
                    found.resume = start;
                    break;
                };
                found.damage.push(Region { place: start..next, flaw });
                (found.resume, before) = (next, next);
            }
        }
    }
    found
}

/// What is known of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(u8)]
pub(super) enum State {
    Unchecked,
    Good,
    Bad,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub path: PathBuf,
    pub header: Header,
    pub batches: Vec<Batch>,
    pub damage: Vec<Region>,
    pub tail: Option<Region>,
    pub closed: bool,
    /// How many batches are in the index.
    pub indexed: usize,
    /// Rows of the last batch that did not hold when it was met: its bytes may have been on their way.
    pub pending: Vec<(u32, u32)>,
    map: Option<Mmap>,
    /// Of the mapped file, so that another of the same name is not taken for it.
    identity: Option<Identity>,
    /// Another file has its name now.
    pub retired: bool,
    /// Number of the first row of each batch.
    firsts: Vec<usize>,
    /// A byte for each row, a [`State`].
    states: Vec<AtomicU8>,
    resume: usize,
}

impl Segment {
    /// A segment of which nothing is known yet; [`grow`](Self::grow) reads it.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            header: Header::default(),
            batches: Vec::new(),
            damage: Vec::new(),
            tail: None,
            closed: false,
            indexed: 0,
            pending: Vec::new(),
            map: None,
            identity: None,
            retired: false,
            firsts: Vec::new(),
            states: Vec::new(),
            resume: 0,
        }
    }

    /// The file's name, which no other segment of the store has.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    pub(crate) fn rows(&self) -> usize {
        self.states.len()
    }

    /// Reads what was appended since the last time.
    ///
    /// A file that is gone, or gave its name to another (some copying programs do that), keeps what was mapped. Rows of one that somebody shortened become bad, for
    /// nothing is there any more to check them with.
    pub(crate) fn grow(&mut self, layout: &RowLayout) -> Result<()> {
        let Some(file) = open(&self.path)? else { return Ok(()) };
        let metadata = file.metadata().map_err(Error::read(&self.path))?;
        if self.map.is_some() && self.identity != identity(&metadata) {
            self.retired = true;
            return Ok(());
        }
        // What was no message may have become one: on some network file systems a file gets long before it is full.
        if metadata.len() as usize == self.bytes().len() && self.tail.is_none() {
            return Ok(());
        }
        self.identity = identity(&metadata);
        self.map = map(&file).map_err(Error::read(&self.path))?;
        let found = scan(self.bytes(), self.resume, layout);
        self.resume = found.resume;
        self.damage.extend(found.damage);
        self.tail = found.tail;
        self.closed |= found.closed;
        if let Some(header) = found.header {
            self.header = header;
        }
        for batch in found.batches {
            self.firsts.push(self.states.len());
            self.states.extend((0..batch.rows).map(|_| AtomicU8::new(State::Unchecked as u8)));
            self.batches.push(batch);
        }
        self.forget_beyond(self.bytes().len());
        Ok(())
    }

    fn forget_beyond(&mut self, length: usize) {
        for (batch, first) in self.batches.iter().zip(&self.firsts).rev() {
            if batch.end <= length {
                break;
            }
            self.states[*first..first + batch.rows].iter_mut().for_each(|s| *s.get_mut() = State::Bad as u8);
        }
        self.resume = self.resume.min(length);
    }

    /// Whether it was written for another store, by its own account and by its rows: the account may be damaged.
    pub(crate) fn is_foreign(&self, layout: &RowLayout, fingerprint: &str) -> bool {
        let ours = |batch: &Batch| layout.any_holds(self.bytes(), batch);
        self.header.fingerprint != fingerprint && !self.batches.iter().any(ours)
    }

    pub(crate) fn state(&self, batch: u32, slot: u32) -> State {
        match self.cell(batch, slot).load(Ordering::Relaxed) {
            s if s == State::Good as u8 => State::Good,
            s if s == State::Bad as u8 => State::Bad,
            _ => State::Unchecked,
        }
    }

    /// Rows that were found to be bad.
    pub(crate) fn known_bad(&self) -> usize {
        self.states.iter().filter(|state| state.load(Ordering::Relaxed) == State::Bad as u8).count()
    }

    /// Notes what a row was found to be; whether that is news.
    pub(crate) fn set_state(&self, batch: u32, slot: u32, state: State) -> bool {
        self.cell(batch, slot).swap(state as u8, Ordering::Relaxed) != state as u8
    }

    fn cell(&self, batch: u32, slot: u32) -> &AtomicU8 {
        &self.states[self.firsts[batch as usize] + slot as usize]
    }

    /// Key and view of a row, unchecked; none if the file has lost it.
    pub(crate) fn id(&self, layout: &RowLayout, batch: u32, slot: u32) -> Option<(Key, View)> {
        layout.id(self.bytes(), &self.batches[batch as usize], slot as usize)
    }

    /// Checks a row the first time that it is asked for.
    pub(crate) fn check(&self, layout: &RowLayout, batch: u32, slot: u32) -> State {
        match self.state(batch, slot) {
            State::Unchecked if self.holds(layout, batch, slot) => {
                self.set_state(batch, slot, State::Good);
                State::Good
            }
            State::Unchecked => State::Bad,
            known => known,
        }
    }

    pub(crate) fn holds(&self, layout: &RowLayout, batch: u32, slot: u32) -> bool {
        layout.holds(self.bytes(), &self.batches[batch as usize], slot as usize)
    }

    /// The stored features of a row, unchecked; none if the file has lost it.
    pub(crate) fn features(&self, layout: &RowLayout, batch: u32, slot: u32) -> Option<&[u8]> {
        layout.features(self.bytes(), &self.batches[batch as usize], slot as usize)
    }
}

/// A file that vanished between the listing and now is no error: `gc` may have folded it into another.
fn open(path: &Path) -> Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::read(path)(error)),
    }
}

/// Disk and number of a file, which no other has as long as it is mapped.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Where a mapped file cannot be replaced there is no need to tell.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}

/// An empty file cannot be mapped.
fn map(file: &File) -> std::io::Result<Option<Mmap>> {
    if file.metadata()?.len() == 0 {
        return Ok(None);
    }
    // SAFETY: writers only append, and nobody shortens a segment, so the mapped bytes stay where they are. Should a
    // stranger write into them, every use of a row is by plain loads that make sense of any bytes.
    unsafe { Mmap::map(file) }.map(Some)
}
