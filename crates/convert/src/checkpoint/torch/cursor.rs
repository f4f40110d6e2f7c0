//! Bytes from front to back, never past their end.

use super::super::error::{Error, Result};

/// A place in `bytes`.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    /// At byte `at` of `bytes`, which count from the beginning of the file.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(super) fn take(&mut self, length: usize, within: &'static str) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(Error::End { at: self.bytes.len(), within })?;
        self.at += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, within: &'static str) -> Result<[u8; N]> {
        let taken = self.take(N, within)?;
        Ok(taken.try_into().expect("as many as were asked for"))
    }

    /// Up to the next end of a line, which is passed over.
    pub(super) fn line(&mut self, within: &'static str) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(length.unwrap_or(rest.len() + 1), within)?;
        self.at += 1;
        Ok(line)
    }
}
