//! Errors of training.

use std::fmt;

use crate::layers;
use crate::optim;
use headstart_base::text::listed;

/// Why a training did not start, did not end, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting out of range.
    #[error("`{setting}` must be {expected}, found {found}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it can be, for people.
        expected: &'static str,
        /// Its value, for people.
        found: String,
    },
    /// A class weight by a name that no class has.
    #[error("`class_weight` names `{class}`, which is not one of the {} classes: {}", classes.len(), listed(classes))]
    ClassWeight {
        /// The name that was given.
        class: String,
        /// The names that there are.
        classes: Vec<String>,
    },
    /// Nothing to tell apart.
    #[error("a classifier needs at least 2 classes, found {found}")]
    Classes {
        /// The number of classes.
        found: usize,
    },
    /// Features without a single number.
    #[error("features have no columns")]
    NoColumns,
    /// Nothing to learn from, or to look at.
    #[error("there are no {part} rows")]
    NoRows {
        /// What the rows are for.
        part: Part,
    },
    /// Labels and rows are not as many.
    #[error("there are {labels} {part} labels for {rows} rows of features")]
    LabelCount {
        /// What the rows are for.
        part: Part,
        /// How many rows there are.
        rows: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// A label is the index of no class.
    #[error("`{image}` has the label {label}, but there are {classes} classes")]
    Label {
        /// What the row is called.
        image: String,
        /// The label, from 0.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// Rows of another width than the head was built for.
    #[error("{part} rows have {found} features, expected {expected}")]
    FeatureSize {
        /// What the rows are for.
        part: Part,
        /// Numbers in a row that the head takes.
        expected: usize,
        /// Numbers in a row.
        found: usize,
    },
    /// Rows that could not be read; the cause says why.
    #[error("cannot read the features of the {part} images")]
    Rows {
        /// What the rows are for.
        part: Part,
        /// Why they could not be read.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A number that is not finite, or a gradient whose square is not. Epoch and step count from 1; nothing of
    /// that step is kept.
    #[error("{quantity} became infinite or not a number in epoch {epoch}, step {step}, at `{image}`")]
    NotFinite {
        /// What was not finite.
        quantity: Quantity,
        /// The epoch, from 1.
        epoch: usize,
        /// The step of that epoch, from 1.
        step: usize,
        /// What the row with the first such number is called.
        image: String,
    },
    /// The same in a row that is only looked at, after this epoch.
    #[error("{quantity} became infinite or not a number in the validation after epoch {epoch}, at `{image}`")]
    ValidationNotFinite {
        /// What was not finite.
        quantity: Quantity,
        /// The epoch, from 1.
        epoch: usize,
        /// What the row with the first such number is called.
        image: String,
    },

    /// A checkpoint of a training with other settings.
    #[error("the checkpoint was made with other settings: `{setting}` is {expected} there, found {found}")]
    OtherSettings {
        /// The setting's name.
        setting: String,
        /// Its value in the checkpoint.
        expected: String,
        /// Its value now.
        found: String,
    },
    /// A checkpoint of a training on other rows.
    #[error("the checkpoint was made with {expected} training rows, found {found}")]
    OtherRows {
        /// Training rows when the checkpoint was made.
        expected: usize,
        /// Training rows now.
        found: usize,
    },
    /// A checkpoint of a training on rows in other views.
    #[error("the checkpoint was made with each row in {expected} views, found {found}")]
    OtherViews {
        /// Views of each row when the checkpoint was made.
        expected: usize,
        /// Views of each row now.
        found: usize,
    },
    /// A checkpoint whose optimizer was another one.
    #[error("the checkpoint does not fit its own settings")]
    OptimizerState(#[from] optim::StateError),
}

/// What rows are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Training,
    /// To look at after each epoch.
    Validation,
}

/// What was not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// A number of a row, before anything was computed.
    Features,
    /// The loss.
    Loss,
    /// A gradient, or its square.
    Gradients,
    /// What the head says after the step, or its parameters.
    Answers,
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
            Self::Answers => "the output of the head",
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

impl From<layers::ConfigError> for Error {
    fn from(error: layers::ConfigError) -> Self {
        match error {
            layers::ConfigError::Empty { setting: "inputs" } => Self::NoColumns,
            layers::ConfigError::Empty { setting } => Self::setting(setting, "at least 1", 0),
            layers::ConfigError::Classes { found } => Self::Classes { found },
            layers::ConfigError::Dropout { found } => {
                Self::setting("dropout", "at least 0 and below 1", found)
            }
        }
    }
}
