//! What is wrong with a file, before it is known what to call its format.

use super::super::{Error, Format};
use super::libheif;

/// Why there is no picture.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file ends before its data do.
    CutOff,
    /// The data contradict the format, or themselves.
    Damaged(String),
    /// Sound as it may be, it is not decoded here.
    Unsupported(String),
    /// Beyond the limits.
    TooLarge(Error),
    /// A decoder failed in a way that it must not.
    Panicked(Error),
    /// The library that would decode it is not there.
    NoLibrary(libheif::Error),
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// The same as an error of the image, which is of this format.
    pub(super) fn of(self, format: Format) -> Error {
        match self {
            Self::CutOff => Error::Truncated { format, source: None },
            Self::Damaged(why) => Error::Damaged { format, source: why.into() },
            Self::Unsupported(what) => Error::Unsupported { what: format!("{format} with {what}") },
            Self::TooLarge(error) | Self::Panicked(error) => error,
            Self::NoLibrary(source) => Error::NoLibrary { format, source },
        }
    }
}

/// A fault in the data.
pub(super) fn damaged<T>(why: impl Into<String>) -> Result<T> {
    Err(Fault::Damaged(why.into()))
}

/// Something that is not decoded here: `what` follows "HEIC with".
pub(super) fn unsupported<T>(what: impl Into<String>) -> Result<T> {
    Err(Fault::Unsupported(what.into()))
}
