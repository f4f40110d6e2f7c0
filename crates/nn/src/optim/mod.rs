//! Optimizers, with Keras' semantics.
//!
//! An [`Optimizer`] changes parameters in place from their gradients. Gradients are plain arrays between the
//! tape and the optimizer: [`Clip`] them, scale them, look at them there. The rate is read at each step, so that a
//! [`Schedule`] is [`set_learning_rate`](Optimizer::set_learning_rate) before each step.

mod adam;
mod blocks;
mod clip;
mod plateau;
mod schedule;
mod sgd;
mod state;

use ndarray::{Array2, NdFloat};

use crate::autodiff::Gradient;

pub use adam::{Adam, AdamConfig};
pub use clip::Clip;
pub use plateau::{Better, Plateau, PlateauConfig};
pub use schedule::{Decay, Schedule};
pub use sgd::{Sgd, SgdConfig};
pub use state::{Slot, State, StateError};

/// Changes parameters in place, given their gradients.
///
/// State is kept in parameter order: hand over the same parameters in the same order at each step.
pub trait Optimizer<F: NdFloat>: Send + Sync {
    /// One update.
    ///
    /// # Panics
    /// If `params` are not those that this optimizer was built for, or there is not one gradient for each of them.
    fn update(&mut self, params: &mut [&mut Array2<F>], gradients: &[Gradient<F>]);

    /// One update, from gradients that are arrays.
    ///
    /// # Panics
    /// As [`update`](Self::update).
    fn step(&mut self, params: &mut [&mut Array2<F>], gradients: &[Array2<F>]) {
        let gradients: Vec<Gradient<F>> = gradients.iter().map(Gradient::from).collect();
        self.update(params, &gradients);
    }

    /// The rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Another rate from the next step on.
    fn set_learning_rate(&mut self, rate: f64);

    /// Everything it has learned about the parameters, for a checkpoint.
    fn state(&self) -> State<F>;

    /// Go on from such a state.
    ///
    /// # Errors
    /// If it is the state of another kind of optimizer, or for parameters of other shapes; nothing is changed then.
    fn set_state(&mut self, state: State<F>) -> Result<(), StateError>;
}

/// A setting that no optimizer can work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{setting}` must be {expected}, found {found}")]
pub struct ConfigError {
    /// Name of the field.
    pub setting: &'static str,
    /// The values it may have.
    pub expected: &'static str,
    /// The value it had.
    pub found: f64,
}

/// NaN is in no range, so it is refused too.
fn require(
    holds: bool,
    setting: &'static str,
    expected: &'static str,
    found: f64,
) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError { setting, expected, found }) }
}

/// Decoupled weight decay as Keras has it: `p ← p - p · weight_decay · rate`, biases too, before the step itself.
///
/// # Source
/// Loshchilov & Hutter 2019, arXiv:1711.05101, where the rate is only a schedule's multiplier; Keras and PyTorch
/// multiply by the whole rate, so their `weight_decay` is larger for the same effect.
#[derive(Clone, Copy)]
struct WeightDecay<F> {
    weight_decay: F,
    rate: F,
}

impl<F: NdFloat> WeightDecay<F> {
    #[inline(always)]
    fn of(self, p: F) -> F {
        p - p * self.weight_decay * self.rate
    }
}

/// A moment, or 0 where it is as good as that: below 1e-31 in `f32`, far too little to change a parameter.
///
/// The moments of a unit that is never active halve every seven steps. A thousand steps later what is left of them are denormal
/// numbers, with which processors are slow: they doubled the time of a step of one example.
#[inline(always)]
fn flushed<F: NdFloat>(moment: F) -> F {
    if moment.abs() < F::min_positive_value() / F::epsilon() { F::zero() } else { moment }
}

fn is_decay(weight_decay: f64) -> bool {
    weight_decay >= 0.0 && weight_decay.is_finite()
}

fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate.is_finite()
}

/// Zeros for each parameter.
fn zeros_like<F: NdFloat>(params: &[&Array2<F>]) -> Vec<Array2<F>> {
    params.iter().map(|param| Array2::zeros(param.dim())).collect()
}
