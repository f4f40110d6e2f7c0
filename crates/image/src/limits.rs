use super::Error;

/// What one image may take. Checked against what the file's header claims, before anything is allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of the decoded image, and of the resized one before it is cropped. Default 2^28, a square of 16384.
    pub pixels: u64,
    /// Bytes that decoding allocates, pixels included. Default 1 GiB; each decoding thread may take it at the same time.
    pub memory: u64,
    /// Bytes of an image file, which is read whole. Default 512 MiB. For whoever reads files: a [`Preprocessor`](super::Preprocessor)
    /// gets bytes that are there already.
    pub file: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 1 << 28, memory: 1 << 30, file: 1 << 29 }
    }
}

/// Bytes of an image of this size with so many for each pixel; the most there is if that is more than a number holds, which
/// headers can state.
pub(super) fn bytes_of(width: u32, height: u32, each: u64) -> u64 {
    (u64::from(width) * u64::from(height)).saturating_mul(each)
}

impl Limits {
    /// Let an image pass that takes `bytes` to decode.
    pub(super) fn check(&self, width: u32, height: u32, bytes: u64) -> Result<(), Error> {
        self.check_pixels(width, height)?;
        if bytes > self.memory {
            let found = format!("decoding {width}x{height} pixels takes {} MiB", mebibytes(bytes));
            return Err(Error::TooLarge { found, allowed: format!("{} MiB", mebibytes(self.memory)) });
        }
        Ok(())
    }

    /// Let an image of this size pass.
    pub(super) fn check_pixels(&self, width: u32, height: u32) -> Result<(), Error> {
        if u64::from(width) * u64::from(height) > self.pixels {
            let (found, allowed) = (format!("{width}x{height} pixels"), format!("{} pixels", self.pixels));
            return Err(Error::TooLarge { found, allowed });
        }
        Ok(())
    }
}

pub(super) fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a PNG or a PNM may state it. Found by `just fuzz image`.
    #[test]
    fn the_largest_size_is_too_large_and_no_overflow() {
        let most = u32::MAX;
        let error = Limits::default().check(most, most, bytes_of(most, most, 6)).unwrap_err();
        assert_eq!((error.kind(), bytes_of(most, most, 3)), ("too-large", u64::MAX));
        assert_eq!(bytes_of(300, 200, 3), 180_000);
        assert_eq!(crate::decoding_takes(b"P6 4294967295 4294967295 255\n"), u64::MAX);
    }
}
