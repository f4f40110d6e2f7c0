use std::io;
use std::path::{Path, PathBuf};

use super::{Difference, Key, Missing, View};

/// What can go wrong with the feature cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the cache cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the cache cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder or file may be read but not written.
    #[error("`{path}` is not writable")]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was complete before stays usable.
    #[error("the disk that holds `{path}` is full")]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The rows written since the last flush may be lost by a power failure.
    #[error("cannot flush `{path}` to the disk")]
    Sync {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder is a store of features that were computed in another way.
    #[error("`{path}` holds other features: {}", list(differences))]
    OtherFingerprint {
        /// The store's folder.
        path: PathBuf,
        /// The fields that tell the two apart.
        differences: Vec<Difference>,
    },
    /// The file that says how features were computed cannot be understood.
    #[error("`{path}` is damaged: {reason}")]
    DamagedFingerprint {
        /// The fingerprint's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A row changed after it was indexed.
    #[error(
        "the features of image {key} (view {view}) in `{segment}`, batch at byte {offset}, fail their checksum"
    )]
    BadRow {
        /// The file that holds it.
        segment: PathBuf,
        /// Where the row's batch begins in the file, in bytes.
        offset: u64,
        /// The image's key.
        key: Key,
        /// Which view of the image.
        view: View,
    },
    /// Infinity or NaN was to be kept; nothing of its batch was written.
    #[error("feature {column} of image {key} (view {view}) is {value}, expected a finite number")]
    NotFinite {
        /// The image's key.
        key: Key,
        /// Which view of the image.
        view: View,
        /// The feature's place in its row, from 0.
        column: usize,
        /// The feature.
        value: f32,
    },
    /// The store keeps 16-bit floats, and this one would become infinite.
    #[error(
        "feature {column} of image {key} (view {view}) is {value}, beyond the 65504 that 16-bit floats reach"
    )]
    TooLargeForF16 {
        /// The image's key.
        key: Key,
        /// Which view of the image.
        view: View,
        /// The feature's place in its row, from 0.
        column: usize,
        /// The feature.
        value: f32,
    },
    /// A row of this length cannot be kept.
    #[error("cannot store features of {found} numbers, expected 1 to 2147483647")]
    FeatureSize {
        /// Numbers in a row.
        found: usize,
    },
    /// Features came in another shape than the store or the keys have.
    #[error("expected features of shape ({}, {}), found ({}, {})", expected.0, expected.1, found.0, found.1)]
    Shape {
        /// Rows and columns that belong there.
        expected: (usize, usize),
        /// Rows and columns that came.
        found: (usize, usize),
    },
    /// Images without features were asked for.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Arrow refuses what was to be written.
    #[error("cannot encode features as Arrow")]
    Encode {
        /// What Arrow said.
        source: arrow_schema::ArrowError,
    },
    /// One process at a time may tidy up a folder.
    #[error("another process is tidying up `{path}`")]
    GcAtWork {
        /// The folder.
        path: PathBuf,
    },
    /// The list would not fit into memory; a higher threshold gives fewer.
    #[error("more than {most} pairs have a cosine of {threshold} or more")]
    TooManyPairs {
        /// The least cosine that was asked for.
        threshold: f32,
        /// Pairs that are listed at most.
        most: usize,
    },
    /// An export overwrites nothing.
    #[error("`{path}` exists already")]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// What was to be replaced by it is still there.
    #[error("`{path}` does not hold the rows that were just written to it")]
    BadCopy {
        /// The file or folder.
        path: PathBuf,
    },
    /// The list of failures cannot be written.
    #[error("cannot write failures as CSV")]
    Csv {
        /// What the CSV writer said.
        source: csv::Error,
    },
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
