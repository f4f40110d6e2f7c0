//! Errors of training and of keeping what was trained.

use std::{fmt, io, path::PathBuf};

use crate::{
    nn::{self, FormatError},
    optim,
    text::listed,
};

/// Why a training did not start, did not end, or cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting out of range.
    #[error("`{setting}` must be {expected}, found {found}")]
    Setting { setting: &'static str, expected: &'static str, found: String },
    /// A class weight by a name that no class has.
    #[error("`class_weight` names `{class}`, which is not one of the {} classes: {}", classes.len(), listed(classes))]
    ClassWeight { class: String, classes: Vec<String> },
    /// Nothing to tell apart.
    #[error("a classifier needs at least 2 classes, found {found}")]
    Classes { found: usize },
    /// Features without a single number.
    #[error("features have no columns")]
    NoColumns,
    /// Nothing to learn from, or to look at.
    #[error("there are no {part} rows")]
    NoRows { part: Part },
    #[error("there are {labels} {part} labels for {rows} rows of features")]
    LabelCount { part: Part, rows: usize, labels: usize },
    #[error("`{image}` has the label {label}, but there are {classes} classes")]
    Label { image: String, label: usize, classes: usize },
    /// Rows of another width than the head was built for.
    #[error("{part} rows have {found} features, expected {expected}")]
    FeatureSize { part: Part, expected: usize, found: usize },
    /// Rows that could not be read; the cause says why.
    #[error("cannot read the features of the {part} images")]
    Rows { part: Part, source: Box<dyn std::error::Error + Send + Sync> },
    /// A number that is not finite, or a gradient whose square is not. Epoch and step count from 1; nothing of
    /// that step was applied.
    #[error("{quantity} became infinite or not a number in epoch {epoch}, step {step}, at `{image}`")]
    NotFinite { quantity: Quantity, epoch: usize, step: usize, image: String },
    /// The same in a row that is only looked at, after this epoch.
    #[error("{quantity} became infinite or not a number in the validation after epoch {epoch}, at `{image}`")]
    ValidationNotFinite { quantity: Quantity, epoch: usize, image: String },

    /// A checkpoint of a training with other settings.
    #[error("the checkpoint was made with other settings: `{setting}` is {expected} there, found {found}")]
    OtherSettings { setting: String, expected: String, found: String },
    /// A checkpoint of a training on other rows.
    #[error("the checkpoint was made with {expected} training rows, found {found}")]
    OtherRows { expected: usize, found: usize },
    /// A checkpoint of a training on rows in other views.
    #[error("the checkpoint was made with each row in {expected} views, found {found}")]
    OtherViews { expected: usize, found: usize },
    /// A run that was trained on other images, or to tell other classes apart.
    #[error("the run was trained on other data: expected {expected}, found {found}")]
    OtherData { expected: String, found: String },
    /// A checkpoint whose optimizer was another one.
    #[error("the checkpoint does not fit its own settings")]
    OptimizerState(#[from] optim::StateError),
    #[error("`{path}` is not a checkpoint that can be used")]
    Checkpoint { path: PathBuf, source: FormatError },

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
    /// A file of the run cannot be understood; the cause says why.
    #[error("`{path}` is damaged")]
    Damaged { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    /// Files of the run that contradict one another.
    #[error("`{path}` is damaged: {what} of the head is {found}, expected {expected}")]
    Contradiction { path: PathBuf, what: &'static str, expected: usize, found: usize },
}

/// What rows are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Training,
    Validation,
}

/// What was not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    Features,
    Loss,
    Gradients,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Training => "training",
            Self::Validation => "validation",
        })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Features => "features",
            Self::Loss => "the loss",
            Self::Gradients => "gradients",
        })
    }
}

impl Error {
    pub(super) fn setting(setting: &'static str, expected: &'static str, found: impl fmt::Display) -> Self {
        Self::Setting { setting, expected, found: found.to_string() }
    }
}

impl From<optim::ConfigError> for Error {
    fn from(error: optim::ConfigError) -> Self {
        Self::setting(error.setting, error.expected, error.found)
    }
}

impl From<nn::ConfigError> for Error {
    fn from(error: nn::ConfigError) -> Self {
        match error {
            nn::ConfigError::Empty { setting: "inputs" } => Self::NoColumns,
            nn::ConfigError::Empty { setting } => Self::setting(setting, "at least 1", 0),
            nn::ConfigError::Classes { found } => Self::Classes { found },
            nn::ConfigError::Dropout { found } => Self::setting("dropout", "at least 0 and below 1", found),
        }
    }
}
