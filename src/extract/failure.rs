//! Why an image gives no features.

use std::error::Error as _;
use std::io;
use std::path::Path;

use crate::cache::Failure;

/// The bytes of an image file. Only of a file: a pipe could keep us waiting for ever, a device never ends.
pub(super) fn read_image(path: &Path) -> io::Result<Vec<u8>> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "expected an image, found a folder"));
    }
    if !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected an image, found a pipe or device"));
    }
    std::fs::read(path)
}

/// One image's failure, as it stands in the failures file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFailure {
    /// Where it stopped: `read`, `decode`, `resize` or `infer`.
    pub stage: String,
    /// A short word for scripts, such as `missing` or `truncated`.
    pub kind: String,
    /// A sentence for people.
    pub reason: String,
}

impl ImageFailure {
    fn new(stage: &str, kind: &str, reason: String) -> Self {
        Self { stage: stage.into(), kind: kind.into(), reason }
    }

    /// As it was noted by an earlier run.
    pub(super) fn recorded(failure: &Failure) -> Self {
        Self::new(&failure.stage, &failure.kind, failure.reason.clone())
    }

    pub(super) fn read(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::new("read", "missing", "there is no such file".into()),
            _ => Self::new("read", "unreadable", error.to_string()),
        }
    }

    pub(super) fn stopped() -> Self {
        Self::new("read", "stopped", "the work was stopped before its turn".into())
    }

    pub(super) fn non_finite() -> Self {
        Self::new("infer", "non-finite", "the features hold NaN or infinity".into())
    }
}

impl From<&crate::preprocess::Error> for ImageFailure {
    fn from(error: &crate::preprocess::Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            reason = format!("{reason}: {inner}");
            cause = inner.source();
        }
        Self::new(error.stage(), error.kind(), reason)
    }
}
