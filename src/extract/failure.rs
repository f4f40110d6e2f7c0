//! Why an image gives no features.

use std::error::Error as _;
use std::io;

use crate::cache::Failure;

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
        let kind = if error.kind() == io::ErrorKind::NotFound { "missing" } else { "unreadable" };
        Self::new("read", kind, error.to_string())
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
