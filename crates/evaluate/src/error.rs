//! What can be wrong with an evaluation.

use std::io;
use std::path::PathBuf;

use headstart_base::files::WriteError;
use headstart_base::text::counted;

/// Why figures cannot be computed, stored or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No row has a label, so there is nothing to compare predictions with.
    #[error("none of {} has a label to compare with", counted(*rows as u64, "image"))]
    NothingToScore {
        /// Rows that were predicted.
        rows: usize,
    },

    /// The numbers are no probabilities.
    #[error(
        "row {row} does not hold probabilities: expected numbers from 0 to 1 that sum to 1, found a sum of {sum}"
    )]
    NotProbabilities {
        /// The row, from 0.
        row: usize,
        /// What its numbers sum to; NaN if one of them is NaN, or negative.
        sum: f64,
    },

    /// Rows, labels and classes are not of one set.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },

    /// A file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason, or what is wrong with its text.
        source: io::Error,
    },

    /// A `metrics.json` of another version.
    #[error("`{path}` has schema {found}, but this version reads {expected}")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What this version writes and reads.
        expected: u32,
        /// What the file says.
        found: u64,
    },
}

impl From<WriteError> for Error {
    fn from(WriteError { path, source }: WriteError) -> Self {
        Self::Write { path, source }
    }
}
