//! Stochastic gradient descent with momentum, as Keras has it.

use ndarray::{Array2, NdFloat};

use super::{
    ConfigError, Optimizer, State, StateError, WeightDecay, blocks::update_blocks, flushed, is_decay,
    is_rate, require, zeros_like,
};
use crate::autodiff::{Gradient, float};

/// Settings of [`Sgd`], under Keras' names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdConfig {
    /// Size of a step, above 0; 0.01 by default.
    pub learning_rate: f64,
    /// How much of the last step is taken again, in [0, 1); 0 by default.
    pub momentum: f64,
    /// Look ahead along the momentum; false by default.
    pub nesterov: bool,
    /// Share of every parameter that a step takes away, times the rate; at least 0, which is the default.
    pub weight_decay: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { learning_rate: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

impl SgdConfig {
    /// These settings, if SGD can work with them.
    ///
    /// # Errors
    /// Names the first field out of range; NaN always is.
    pub fn check(self) -> Result<Self, ConfigError> {
        let Self { learning_rate, momentum, nesterov: _, weight_decay } = self;
        require(is_rate(learning_rate), "learning_rate", "above 0 and finite", learning_rate)?;
        require((0.0..1.0).contains(&momentum), "momentum", "at least 0 and below 1", momentum)?;
        require(is_decay(weight_decay), "weight_decay", "at least 0 and finite", weight_decay)?;
        Ok(self)
    }
}

/// `m ← momentum · m - rate · g`, then `p ← p + m`, or with Nesterov's look ahead
/// `p ← p + momentum · m - rate · g`. With weight decay, `p ← p - p · decay · rate` comes first.
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
    fn update(&mut self, params: &mut [&mut Array2<F>], gradients: &[Gradient<F>]) {
        assert_eq!(params.len(), self.m.len(), "the optimizer was built for another model");
        assert_eq!(params.len(), gradients.len(), "one gradient for each parameter");
        self.step += 1;
        let SgdConfig { learning_rate, momentum, nesterov, weight_decay } = self.config;
        let (rate, momentum) = (float::<F>(learning_rate), float(momentum));
        let decay = WeightDecay { weight_decay: float(weight_decay), rate };
        let update = Update { rate, momentum, nesterov, decay };
        for ((param, gradient), m) in params.iter_mut().zip(gradients).zip(&mut self.m) {
            update_blocks(param, gradient, [m], |p, g, [m]| update.apply(p, g, m));
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

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Update<F> {
    rate: F,
    momentum: F,
    nesterov: bool,
    decay: WeightDecay<F>,
}

impl<F: NdFloat> Update<F> {
    #[inline(always)]
    fn apply(self, params: &mut [F], gradients: &[F], m: &mut [F]) {
        let Self { rate, momentum, nesterov, decay } = self;
        let all = params.iter_mut().zip(gradients).zip(m);
        if nesterov {
            for ((p, &g), m) in all {
                *m = flushed(momentum * *m - rate * g);
                *p = decay.of(*p) + (momentum * *m - rate * g);
            }
        } else {
            for ((p, &g), m) in all {
                *m = flushed(momentum * *m - rate * g);
                *p = decay.of(*p) + *m;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn two_steps(momentum: f64, nesterov: bool) -> f64 {
        let mut param = array![[1.0_f64]];
        let config = SgdConfig { learning_rate: 0.1, momentum, nesterov, ..SgdConfig::default() };
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
    fn weights_decay_by_the_rate_before_the_step() {
        let mut param = array![[2.0_f64, -4.0]];
        let config = SgdConfig { learning_rate: 0.5, weight_decay: 0.25, ..SgdConfig::default() };
        let mut sgd = Sgd::new(config, &[&param]).unwrap();
        sgd.step(&mut [&mut param], &[array![[1.0, 0.0]]]);
        assert_eq!(param, array![[2.0 - 0.25 - 0.5, -4.0 + 0.5]]);
    }

    #[test]
    fn arrays_laid_out_by_columns_are_updated_alike() {
        let (param, grad) = (array![[1.0_f32, 2.0], [4.0, 5.0]], array![[0.1_f32, -0.2], [0.0, 1.0]]);
        let by_columns = |array: &Array2<f32>| array.t().as_standard_layout().into_owned().reversed_axes();
        for nesterov in [false, true] {
            let step = |mut param: Array2<f32>, grad: Array2<f32>| {
                let config = SgdConfig { momentum: 0.9, nesterov, weight_decay: 0.1, ..SgdConfig::default() };
                Sgd::new(config, &[&param]).unwrap().step(&mut [&mut param], &[grad]);
                param
            };
            let want = step(param.clone(), grad.clone());
            assert_eq!(step(by_columns(&param), grad.clone()), want);
            assert_eq!(step(param.clone(), by_columns(&grad)), want);
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
