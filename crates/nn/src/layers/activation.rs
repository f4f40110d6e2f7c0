//! What stands between two dense layers.

use std::fmt;

use ndarray::{Array2, NdFloat};
use serde::{Deserialize, Serialize};

use crate::autodiff::{Op, Tape, Var, ops};

/// Activation of the hidden layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
}

impl Activation {
    /// All of them, for help texts.
    pub const ALL: [Self; 3] = [Self::Relu, Self::Tanh, Self::Sigmoid];

    pub(super) fn record<F: NdFloat>(self, tape: &mut Tape<'_, F>, x: Var) -> Var {
        match self {
            Self::Relu => tape.relu(x),
            Self::Tanh => tape.tanh(x),
            Self::Sigmoid => tape.sigmoid(x),
        }
    }

    /// The value alone, by the same ops that training uses.
    pub(super) fn apply<F: NdFloat>(self, x: &Array2<F>) -> Array2<F> {
        match self {
            Self::Relu => ops::Relu.forward([x]),
            Self::Tanh => ops::Tanh.forward([x]),
            Self::Sigmoid => ops::Sigmoid.forward([x]),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        })
    }
}

impl std::str::FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|activation| activation.to_string() == name);
        found.ok_or_else(|| format!("`{name}` is not one of `relu`, `tanh`, `sigmoid`"))
    }
}
