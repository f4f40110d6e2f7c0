//! Errors of keeping what was trained.

use std::{io, path::PathBuf};

use headstart_nn::layers::FormatError;

/// Why a run cannot be written, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A run that was trained on other images, or to tell other classes apart.
    #[error("the run was trained on other data: expected {expected}, found {found}")]
    OtherData {
        /// What the run was trained on, for people.
        expected: String,
        /// What it was given, for people.
        found: String,
    },
    /// The checkpoint of the run is damaged, or something else.
    #[error("`{path}` is not a checkpoint that can be used")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
    /// A file of the run cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the run cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Event files of another training.
    #[error("`{path}` already holds the curves of another training")]
    CurvesExist {
        /// The folder with the event files.
        path: PathBuf,
    },
    /// A name that cannot be that of a folder everywhere.
    #[error(
        "`{name}` cannot be the name of a run: use letters, digits, `.`, `_` and `-`, and begin with a letter or a digit"
    )]
    RunName {
        /// The name.
        name: String,
    },
    /// A name that means something else, here or on another system.
    #[error("`{name}` cannot be the name of a run: {why}")]
    ReservedRunName {
        /// The name.
        name: String,
        /// What it means instead.
        why: &'static str,
    },
    /// A run is not overwritten unless the caller says so.
    #[error("there is a run `{path}` already")]
    RunExists {
        /// The run's folder.
        path: PathBuf,
    },
    /// No `run.toml` there.
    #[error("`{path}` is not a run: it has no `run.toml`")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A later version of headstart wrote the run.
    #[error("`{path}` has the format {found}, and this version reads up to {known}")]
    NewerRun {
        /// The file that says so.
        path: PathBuf,
        /// The version of its format.
        found: u32,
        /// The newest version that can be read.
        known: u32,
    },
    /// One of its files is gone.
    #[error("the run `{path}` lacks `{file}`")]
    Lacks {
        /// The run's folder.
        path: PathBuf,
        /// The name of the file.
        file: String,
    },
    /// A file of the run cannot be understood; the cause says why.
    #[error("`{path}` is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why it cannot be understood.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Files of the run that contradict one another.
    #[error("`{path}` is damaged: {what} of the head is {found}, expected {expected}")]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What is compared, for people.
        what: &'static str,
        /// What `run.toml` says.
        expected: usize,
        /// What the head has.
        found: usize,
    },
}
