//! Stochastic gradient descent with momentum, as Keras has it.

use ndarray::{Array2, NdFloat, azip};

use super::{ConfigError, Optimizer, State, StateError, is_rate, require, zeros_like};
use crate::autodiff::float;

/// Settings of [`Sgd`], under Keras' names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdConfig {
    /// Size of a step, above 0; 0.01 by default.
    pub learning_rate: f64,
    /// How much of the last step is taken again, in [0, 1); 0 by default.
    pub momentum: f64,
    /// Look ahead along the momentum; false by default.
    pub nesterov: bool,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { learning_rate: 0.01, momentum: 0.0, nesterov: false }
    }
}

impl SgdConfig {
    /// These settings, if SGD can work with them.
    ///
    /// # Errors
    /// Names the first field out of range; NaN always is.
    pub fn check(self) -> Result<Self, ConfigError> {
        let Self { learning_rate, momentum, nesterov: _ } = self;
        require(is_rate(learning_rate), "learning_rate", "above 0 and finite", learning_rate)?;
        require((0.0..1.0).contains(&momentum), "momentum", "at least 0 and below 1", momentum)?;
        Ok(self)
    }
}

/// `m ← momentum · m - rate · g`, then `p ← p + m`, or with Nesterov's look ahead
/// `p ← p + momentum · m - rate · g`.
///
/// # Source
/// Keras' documentation of `SGD`. The rate stands inside the momentum, so a change of the rate is felt
/// gradually; in PyTorch it stands outside.
#[derive(Debug, Clone)]
pub struct Sgd<F = f32> {
    config: SgdConfig,
    step: u64,
    m: Vec<Array2<F>>,
}

impl<F: NdFloat> Sgd<F> {
    /// An optimizer for parameters of these shapes.
    ///
    /// # Errors
    /// As [`SgdConfig::check`].
    pub fn new(config: SgdConfig, params: &[&Array2<F>]) -> Result<Self, ConfigError> {
        Ok(Self { config: config.check()?, step: 0, m: zeros_like(params) })
    }
}

impl<F: NdFloat> Optimizer<F> for Sgd<F> {
    fn step(&mut self, params: &mut [&mut Array2<F>], grads: &[Array2<F>]) {
        assert_eq!(params.len(), self.m.len(), "the optimizer was built for another model");
        assert_eq!(params.len(), grads.len(), "one gradient for each parameter");
        self.step += 1;
        let (rate, momentum) = (float::<F>(self.config.learning_rate), float::<F>(self.config.momentum));
        for ((param, grad), m) in params.iter_mut().zip(grads).zip(&mut self.m) {
            azip!((m in &mut *m, &g in grad) *m = momentum * *m - rate * g);
            if self.config.nesterov {
                azip!((p in &mut **param, m in m, &g in grad) *p += momentum * *m - rate * g);
            } else {
                **param += &*m;
            }
        }
    }

    fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.config.learning_rate = rate;
    }

    fn state(&self) -> State<F> {
        State::new(self.step, [("momentum", &self.m)])
    }

    fn set_state(&mut self, state: State<F>) -> Result<(), StateError> {
        let step = state.step;
        let [m] = state.checked([("momentum", &self.m)])?;
        (self.step, self.m) = (step, m);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn two_steps(momentum: f64, nesterov: bool) -> f64 {
        let mut param = array![[1.0_f64]];
        let config = SgdConfig { learning_rate: 0.1, momentum, nesterov };
        let mut sgd = Sgd::new(config, &[&param]).unwrap();
        sgd.step(&mut [&mut param], &[array![[2.0]]]);
        sgd.step(&mut [&mut param], &[array![[1.0]]]);
        param[(0, 0)]
    }

    #[test]
    fn two_steps_by_hand() {
        for (momentum, nesterov, want) in [
            (0.0, false, 1.0 - 0.2 - 0.1),
            (0.5, false, 1.0 - 0.2 + (0.5 * -0.2 - 0.1)),
            (0.5, true, 1.0 + (0.5 * -0.2 - 0.2) + (0.5 * -0.2 - 0.1)),
        ] {
            let got = two_steps(momentum, nesterov);
            assert!((got - want).abs() < 1e-15, "momentum {momentum}, nesterov {nesterov}: {got} vs {want}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let bad = SgdConfig { momentum: f64::NAN, ..SgdConfig::default() };
        assert_eq!(bad.check().unwrap_err().setting, "momentum");
        let bad = SgdConfig { learning_rate: f64::INFINITY, ..SgdConfig::default() };
        assert_eq!(bad.check().unwrap_err().setting, "learning_rate");
    }
}
