//! The dense layer.

use ndarray::{Array2, NdFloat};
use rand::Rng;

use super::glorot_uniform;
use crate::autodiff::{Tape, Var};

/// `y = x · kernel + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense<F = f32> {
    /// `(inputs, units)`.
    pub kernel: Array2<F>,
    /// `(1, units)`.
    pub bias: Array2<F>,
    /// Whether training changes it; a frozen layer is a constant on the tape.
    pub trainable: bool,
}

impl<F: NdFloat> Dense<F> {
    /// A fresh layer: Glorot-uniform kernel, zero bias, trainable.
    pub fn new(inputs: usize, units: usize, rng: &mut impl Rng) -> Self {
        Self { kernel: glorot_uniform(inputs, units, rng), bias: Array2::zeros((1, units)), trainable: true }
    }

    /// Record the layer: `(n, inputs)` to `(n, units)`.
    pub fn forward<'a>(&'a self, tape: &mut Tape<'a, F>, x: Var) -> Var {
        let parameters = self.watch(tape);
        Self::forward_with(tape, parameters, x)
    }

    /// Kernel and bias on the tape, watched if they are trainable.
    pub(super) fn watch<'a>(&'a self, tape: &mut Tape<'a, F>) -> [Var; 2] {
        [&self.kernel, &self.bias].map(|p| if self.trainable { tape.watch(p) } else { tape.constant(p) })
    }

    pub(super) fn forward_with(tape: &mut Tape<'_, F>, [kernel, bias]: [Var; 2], x: Var) -> Var {
        let product = tape.matmul(x, kernel);
        tape.add_bias(product, bias)
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.kernel.len() + self.bias.len()
    }
}
