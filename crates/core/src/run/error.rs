//! Errors of keeping what was trained.

use std::{io, path::PathBuf};

use headstart_nn::train;

/// Why a run cannot be written, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A run that was trained on other images, or to tell other classes apart.
    #[error("the run was trained on other data: expected {expected}, found {found}")]
    OtherData { expected: String, found: String },
    /// The checkpoint of the run cannot be read.
    #[error(transparent)]
    Checkpoint(train::Error),

    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    /// Event files of another training.
    #[error("`{path}` already holds the curves of another training")]
    CurvesExist { path: PathBuf },
    /// A name that cannot be that of a folder everywhere.
    #[error(
        "`{name}` cannot be the name of a run: use letters, digits, `.`, `_` and `-`, and begin with a letter or a digit"
    )]
    RunName { name: String },
    /// A name that means something else, here or on another system.
    #[error("`{name}` cannot be the name of a run: {why}")]
    ReservedRunName { name: String, why: &'static str },
    #[error("there is a run `{path}` already")]
    RunExists { path: PathBuf },
    /// No `run.toml` there.
    #[error("`{path}` is not a run: it has no `run.toml`")]
    NotARun { path: PathBuf },
    #[error("`{path}` has the format {found}, and this version reads up to {known}")]
    NewerRun { path: PathBuf, found: u32, known: u32 },
    /// One of its files is gone.
    #[error("the run `{path}` lacks `{file}`")]
    Lacks { path: PathBuf, file: String },
    /// A file of the run cannot be understood; the cause says why.
    #[error("`{path}` is damaged")]
    Damaged { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    /// Files of the run that contradict one another.
    #[error("`{path}` is damaged: {what} of the head is {found}, expected {expected}")]
    Contradiction { path: PathBuf, what: &'static str, expected: usize, found: usize },
}

impl From<train::Error> for Error {
    fn from(error: train::Error) -> Self {
        match error {
            train::Error::Read { path, source } => Self::Read { path, source },
            train::Error::Write { path, source } => Self::Write { path, source },
            error => Self::Checkpoint(error),
        }
    }
}
