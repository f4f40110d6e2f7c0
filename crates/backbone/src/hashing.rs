//! A hash of all that passes through a reader.

use std::io::{self, BufReader, Read};

/// Pieces that stay in the processor's cache between being read and being hashed.
const PIECE: usize = 256 << 10;

pub(super) struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Hashing<R> {
    /// What is read is hashed when it comes from `inner`: once all of it was read, the hash is of all of it.
    pub(super) fn new(inner: R, hasher: blake3::Hasher) -> BufReader<Self> {
        BufReader::with_capacity(PIECE, Self { inner, hasher })
    }

    pub(super) fn into_parts(self) -> (R, blake3::Hasher) {
        (self.inner, self.hasher)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(PIECE);
        let read = self.inner.read(&mut buffer[..most])?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
