use std::io;
use std::path::{Path, PathBuf};

use super::{Difference, Key, Missing, View};

/// What can go wrong with the feature cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    /// The folder or file may be read but not written.
    #[error("`{path}` is not writable")]
    NotWritable { path: PathBuf, source: io::Error },
    /// What was complete before stays usable.
    #[error("the disk that holds `{path}` is full")]
    DiskFull { path: PathBuf, source: io::Error },
    /// The rows written since the last flush may be lost by a power failure.
    #[error("cannot flush `{path}` to the disk")]
    Sync { path: PathBuf, source: io::Error },
    #[error("`{path}` holds other features: {}", list(differences))]
    OtherFingerprint { path: PathBuf, differences: Vec<Difference> },
    #[error("`{path}` is damaged: {reason}")]
    DamagedFingerprint { path: PathBuf, reason: String },
    #[error(
        "the features of image {key} (view {view}) in `{segment}`, batch at byte {offset}, fail their checksum"
    )]
    BadRow { segment: PathBuf, offset: u64, key: Key, view: View },
    #[error("feature {column} of image {key} (view {view}) is {value}, expected a finite number")]
    NotFinite { key: Key, view: View, column: usize, value: f32 },
    #[error(
        "feature {column} of image {key} (view {view}) is {value}, beyond the 65504 that 16-bit floats reach"
    )]
    TooLargeForF16 { key: Key, view: View, column: usize, value: f32 },
    #[error("cannot store features of {found} numbers, expected 1 to 2147483647")]
    FeatureSize { found: usize },
    #[error("expected features of shape ({}, {}), found ({}, {})", expected.0, expected.1, found.0, found.1)]
    Shape { expected: (usize, usize), found: (usize, usize) },
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("cannot encode features as Arrow")]
    Encode { source: arrow_schema::ArrowError },
    #[error("another process is tidying up `{path}`")]
    GcAtWork { path: PathBuf },
    #[error("more than {most} pairs have a cosine of {threshold} or more")]
    TooManyPairs { threshold: f32, most: usize },
    #[error("`{path}` exists already")]
    Exists { path: PathBuf },
    /// What was to be replaced by it is still there.
    #[error("`{path}` does not hold the rows that were just written to it")]
    BadCopy { path: PathBuf },
    #[error("cannot write failures as CSV")]
    Csv { source: csv::Error },
}

impl Error {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.into(), source }
    }

    /// Tells a full disk and a folder that may not be written from every other failure, for the remedies differ.
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        move |source| {
            let path = path.into();
            match source.kind() {
                StorageFull | QuotaExceeded => Self::DiskFull { path, source },
                PermissionDenied | ReadOnlyFilesystem => Self::NotWritable { path, source },
                _ => Self::Write { path, source },
            }
        }
    }

    /// As [`Error::write`], for a failed flush: a disk can turn out to be full only then.
    pub(super) fn sync(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match Self::write(path)(source) {
            Self::Write { path, source } => Self::Sync { path, source },
            other => other,
        }
    }
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
