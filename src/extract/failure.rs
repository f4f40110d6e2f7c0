//! Why an image gives no features.

use std::error::Error as _;
use std::io;

/// One image's failure, as it stands in the failures file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFailure {
    /// Where it stopped: `read`, `decode`, `resize` or `infer`.
    pub stage: &'static str,
    /// A short word for scripts, such as `missing` or `truncated`.
    pub kind: &'static str,
    /// A sentence for people.
    pub reason: String,
}

impl ImageFailure {
    pub(super) fn read(error: &io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::NotFound { "missing" } else { "unreadable" };
        Self { stage: "read", kind, reason: error.to_string() }
    }

    pub(super) fn non_finite() -> Self {
        Self { stage: "infer", kind: "non-finite", reason: "the features hold NaN or infinity".into() }
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
        Self { stage: error.stage(), kind: error.kind(), reason }
    }
}
