//! Why a comparison cannot be made.

/// Why a method gave no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No method has this name.
    #[error("there is no method `{name}`; there are {}", known.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// The method gave up; the cause says why.
    #[error("`{method}` failed")]
    Failed {
        /// The method's name, as in a table.
        method: &'static str,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Infinity or not a number among the features.
    #[error("row {row} of the features holds a number that is not finite")]
    NotFinite {
        /// The row, from 0.
        row: usize,
    },
    /// What the method calls probabilities are none: usually it diverged.
    #[error("`{method}` gave numbers that are not probabilities: row {row} sums to {sum}")]
    NotProbabilities {
        /// The method's name, as in a table.
        method: &'static str,
        /// The row, from 0.
        row: usize,
        /// What it sums to, instead of one.
        sum: f64,
    },
    /// Nothing to tell apart.
    #[error("a classifier needs examples of at least 2 classes, found {found}")]
    Classes {
        /// Classes among the examples.
        found: usize,
    },
    /// Nothing to measure on.
    #[error("no rows are held out")]
    NothingHeldOut,
}

impl Error {
    pub(super) fn failed(
        method: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { method, source: source.into() }
    }
}
