//! The bytes of a file, brought into the cache: an interrupted fetch goes on, and nothing is kept that is not what the hub named.

use std::io::ErrorKind::{Interrupted, NotFound};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use ureq::http::StatusCode;

use crate::address::Address;
use crate::cache::{Cache, Part};
use crate::error::{Error, Result};
use crate::name::{Commit, FileName};
use crate::protocol::{Client, Described, bad_status, header};

/// Tries that bring no byte, one after the other, before a fetch gives up.
const TRIES: usize = 5;
/// Bytes that are written at once.
const CHUNK: usize = 1 << 18;
/// How long a fetch waits before it looks again whether another one is done with the same file.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How far a fetch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are there, those of an earlier fetch among them.
    pub done: u64,
    /// All bytes of the file, if the hub told.
    pub size: Option<u64>,
}

/// Hears how far a fetch is, and may end it: what is there is kept, and the next fetch goes on from it.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// One file on its way into the cache.
pub(crate) struct Fetch<'a> {
    pub(crate) client: &'a Client,
    pub(crate) cache: &'a Cache,
    pub(crate) file: &'a FileName,
    pub(crate) what: &'a Described,
}

impl Fetch<'_> {
    /// Bring it, unless its bytes are there already, and link it to the commit.
    pub(crate) fn run(&self, commit: &Commit, watch: Watch<'_>) -> Result<PathBuf> {
        let tag = &self.what.tag;
        self.cache.prepare(tag)?;
        let waiting = Progress { done: 0, size: self.what.size };
        let lock = self.cache.lock(tag, &mut || {
            std::thread::sleep(LOOK_AGAIN);
            self.tell(watch, waiting)
        })?;
        let blob = self.cache.blob(tag);
        if blob.exists() {
            self.cache.check(&blob, Some(tag))?;
        } else {
            let part = self.cache.part(tag, self.what.size)?;
            let was_resumed = part.is_resumed();
            match self.fill(part, watch) {
                // What an earlier fetch left was not the beginning of this file.
                Err(Error::WrongBytes { .. }) if was_resumed => self.fill_new(watch)?,
                // Another process took the part, and has made a whole of it or will.
                Err(Error::Read { source, .. } | Error::Write { source, .. })
                    if source.kind() == NotFound =>
                {
                    if blob.exists() {
                        self.cache.check(&blob, Some(tag))?
                    } else {
                        self.fill_new(watch)?
                    }
                }
                filled => filled?,
            }
        }
        let pointer = self.cache.link(commit, self.file, tag);
        drop(lock);
        pointer
    }

    fn fill_new(&self, watch: Watch<'_>) -> Result<()> {
        self.fill(self.cache.new_part(&self.what.tag, self.what.size)?, watch)
    }

    /// Fetch what `part` lacks, look at all of it, and give it its name.
    fn fill(&self, mut part: Part, watch: Watch<'_>) -> Result<()> {
        let mut fruitless = 0;
        let mut from = self.what.address.clone();
        loop {
            let before = part.len();
            match self.transfer(&mut part, &mut from, watch) {
                Ok(()) => break,
                Err(error) if error.may_pass() => {
                    fruitless = if part.len() > before { 0 } else { fruitless + 1 };
                    if fruitless == TRIES {
                        return Err(error);
                    }
                    self.pause(&part, watch)?;
                }
                Err(error @ Error::Size { .. }) => {
                    part.discard();
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        let expected = self.what.tag.to_string();
        let found =
            self.what.tag.found_in(part.path()).map_err(|source| Error::reading(part.path(), source))?;
        if found != expected {
            part.discard();
            return Err(Error::WrongBytes { host: from.host(), file: self.file.clone(), expected, found });
        }
        part.finish(&self.cache.blob(&self.what.tag))
    }

    /// One request, and what it brings.
    fn transfer(&self, part: &mut Part, from: &mut Address, watch: Watch<'_>) -> Result<()> {
        if self.what.size == Some(part.len()) {
            return Ok(());
        }
        let (answer, address) = self.client.get(&self.what.address, part.len())?;
        *from = address;
        let size = match answer.status() {
            StatusCode::PARTIAL_CONTENT
                if header(&answer, "Content-Range").and_then(start_of) == Some(part.len()) =>
            {
                part.len() + self.announced(header(&answer, "Content-Length"), part.len(), from)?
            }
            // The server begins at the beginning, or the rest is none: so does this.
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE
                if part.len() > 0 =>
            {
                let new = self.cache.new_part(&self.what.tag, self.what.size)?;
                std::mem::replace(part, new).discard();
                return self.transfer(part, from, watch);
            }
            StatusCode::OK => self.announced(header(&answer, "Content-Length"), 0, from)?,
            _ => return Err(bad_status(&answer, from, self.file)),
        };
        self.copy(answer.into_body().into_reader(), part, size, from, watch)
    }

    /// How many bytes come, which must be as many as are missing.
    fn announced(&self, length: Option<&str>, there: u64, from: &Address) -> Result<u64> {
        let length = length.and_then(|length| length.parse::<u64>().ok());
        match (self.what.size, length) {
            (Some(size), Some(length)) if there + length != size => {
                Err(self.wrong_size(from, size, there + length))
            }
            (Some(size), _) => Ok(size - there),
            // Nobody tells: then the end is where the server ends.
            (None, length) => Ok(length.unwrap_or(u64::MAX - there)),
        }
    }

    /// Until there are `size` bytes.
    fn copy(
        &self,
        mut body: impl Read,
        part: &mut Part,
        size: u64,
        from: &Address,
        watch: Watch<'_>,
    ) -> Result<()> {
        let known = Some(size).filter(|_| size < u64::MAX);
        let mut buffer = vec![0; CHUNK];
        loop {
            self.tell(watch, Progress { done: part.len(), size: known })?;
            let cut =
                |found| Error::Cut { host: from.host(), file: self.file.clone(), expected: size, found };
            match body.read(&mut buffer) {
                Ok(0) if part.len() == size || known.is_none() => return Ok(()),
                Ok(0) => return Err(cut(part.len())),
                Ok(read) if part.len() + read as u64 > size => {
                    return Err(self.wrong_size(from, size, part.len() + read as u64));
                }
                Ok(read) => part.append(&buffer[..read], size - part.len())?,
                Err(error) if error.kind() == Interrupted => {}
                Err(error) => {
                    return Err(match self.client.trouble(from, ureq::Error::from(error), true) {
                        timeout @ Error::Timeout { .. } => timeout,
                        // Whatever else ends a connection in the middle.
                        _ => cut(part.len()),
                    });
                }
            }
        }
    }

    fn wrong_size(&self, from: &Address, expected: u64, found: u64) -> Error {
        Error::Size { host: from.host(), file: self.file.clone(), expected, found }
    }

    fn pause(&self, part: &Part, watch: Watch<'_>) -> Result<()> {
        std::thread::sleep(self.client.settings().pause);
        self.tell(watch, Progress { done: part.len(), size: self.what.size })
    }

    fn tell(&self, watch: Watch<'_>, progress: Progress) -> Result<()> {
        match watch(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped { file: self.file.clone() }),
        }
    }
}

/// Of `bytes 100-199/200`.
fn start_of(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
