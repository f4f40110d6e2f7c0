//! The shape of a head, as data.

use serde::{Deserialize, Serialize};

use super::Activation;

/// A head: any number of hidden layers, then one output for each class.
///
/// Each hidden size stands for `Dense(size, activation) - Dropout(dropout)`; a linear head has none, and then
/// activation and dropout have nothing to act on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Size of a row of features.
    pub inputs: usize,
    /// Units of each hidden layer, first to last.
    pub hidden: Vec<usize>,
    /// Activation of each hidden layer.
    pub activation: Activation,
    /// Fraction of hidden units dropped while training, in [0, 1).
    pub dropout: f64,
    /// Number of classes, at least 2.
    pub classes: usize,
}

/// A head that cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A layer without units or inputs.
    #[error("`{setting}` must be at least 1, found 0")]
    Empty {
        /// The setting's name.
        setting: &'static str,
    },
    /// Nothing to tell apart.
    #[error("a classifier needs at least 2 classes, found {found}")]
    Classes {
        /// The number of classes that was asked for.
        found: usize,
    },
    /// Outside of [0, 1), or NaN.
    #[error("`dropout` must be at least 0 and below 1, found {found}")]
    Dropout {
        /// The rate that was asked for.
        found: f64,
    },
}

impl HeadConfig {
    /// This shape, if a head can have it.
    ///
    /// # Errors
    /// Names the first field out of range; NaN always is.
    pub fn check(self) -> Result<Self, ConfigError> {
        if self.inputs == 0 {
            return Err(ConfigError::Empty { setting: "inputs" });
        }
        if self.hidden.contains(&0) {
            return Err(ConfigError::Empty { setting: "hidden" });
        }
        if self.classes < 2 {
            return Err(ConfigError::Classes { found: self.classes });
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ConfigError::Dropout { found: self.dropout });
        }
        Ok(self)
    }

    /// `(inputs, units)` of each dense layer, the last of which gives the logits.
    pub fn shapes(&self) -> Vec<(usize, usize)> {
        let inputs = [self.inputs].into_iter().chain(self.hidden.iter().copied());
        let units = self.hidden.iter().copied().chain([self.classes]);
        inputs.zip(units).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> HeadConfig {
        HeadConfig { inputs: 8, hidden: vec![4, 3], activation: Activation::Relu, dropout: 0.5, classes: 2 }
    }

    #[test]
    fn shapes_follow_one_another() {
        assert_eq!(config().shapes(), [(8, 4), (4, 3), (3, 2)]);
        assert_eq!(HeadConfig { hidden: vec![], ..config() }.shapes(), [(8, 2)]);
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let refused = |config: HeadConfig| config.check().unwrap_err();
        assert_eq!(config().check(), Ok(config()));
        assert_eq!(refused(HeadConfig { inputs: 0, ..config() }), ConfigError::Empty { setting: "inputs" });
        assert_eq!(
            refused(HeadConfig { hidden: vec![4, 0], ..config() }),
            ConfigError::Empty { setting: "hidden" }
        );
        assert_eq!(refused(HeadConfig { classes: 1, ..config() }), ConfigError::Classes { found: 1 });
        for dropout in [1.0, -0.1, f64::NAN] {
            assert!(matches!(refused(HeadConfig { dropout, ..config() }), ConfigError::Dropout { .. }));
        }
    }
}
