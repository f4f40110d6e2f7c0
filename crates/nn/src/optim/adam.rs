//! Adam, in the form that Keras gives it.

use ndarray::{Array2, NdFloat};

use super::{
    ConfigError, Optimizer, State, StateError, WeightDecay, blocks::update_blocks, flushed, is_decay,
    is_rate, require, zeros_like,
};
use crate::autodiff::{Gradient, float};

/// Settings of [`Adam`], under Keras' names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Size of a step, above 0; 0.001 by default.
    pub learning_rate: f64,
    /// Decay of the mean gradient, in [0, 1); 0.9 by default.
    pub beta_1: f64,
    /// Decay of the mean squared gradient, in [0, 1); 0.999 by default.
    pub beta_2: f64,
    /// Added to the root of the uncorrected second moment, above 0; 1e-7 by default.
    pub epsilon: f64,
    /// Share of every parameter that a step takes away, times the rate; at least 0, which is the default. With
    /// more this is Keras' `AdamW`.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, weight_decay: 0.0 }
    }
}

impl AdamConfig {
    /// The defaults of Keras' `AdamW`: those of Adam with a weight decay of 0.004.
    pub fn adamw() -> Self {
        Self { weight_decay: 0.004, ..Self::default() }
    }

    /// These settings, if Adam can work with them.
    ///
    /// # Errors
    /// Names the first field out of range; NaN always is.
    pub fn check(self) -> Result<Self, ConfigError> {
        let Self { learning_rate, beta_1, beta_2, epsilon, weight_decay } = self;
        require(is_rate(learning_rate), "learning_rate", "above 0 and finite", learning_rate)?;
        require((0.0..1.0).contains(&beta_1), "beta_1", "at least 0 and below 1", beta_1)?;
        require((0.0..1.0).contains(&beta_2), "beta_2", "at least 0 and below 1", beta_2)?;
        require(is_rate(epsilon), "epsilon", "above 0 and finite", epsilon)?;
        require(is_decay(weight_decay), "weight_decay", "at least 0 and finite", weight_decay)?;
        Ok(self)
    }
}

/// `m ← m + (1 - β₁)(g - m)`, `v ← v + (1 - β₂)(g² - v)`, `p ← p - α m / (√v + ε)`, where
/// `α = rate · √(1 - β₂ᵗ) / (1 - β₁ᵗ)` at step `t`, which counts from 1. With weight decay, `p ← p - p · decay · rate`
/// comes first.
///
/// # Source
/// Kingma & Ba 2015, arXiv:1412.6980, the remark before section 2.1, which is what Keras implements. PyTorch
/// follows Algorithm 1, where epsilon joins the root of the *corrected* moment: its steps are larger while
/// gradients are near epsilon.
#[derive(Debug, Clone)]
pub struct Adam<F = f32> {
    config: AdamConfig,
    step: u64,
    m: Vec<Array2<F>>,
    v: Vec<Array2<F>>,
}

impl<F: NdFloat> Adam<F> {
    /// An optimizer for parameters of these shapes.
    ///
    /// # Errors
    /// As [`AdamConfig::check`].
    pub fn new(config: AdamConfig, params: &[&Array2<F>]) -> Result<Self, ConfigError> {
        Ok(Self { config: config.check()?, step: 0, m: zeros_like(params), v: zeros_like(params) })
    }
}

impl<F: NdFloat> Optimizer<F> for Adam<F> {
    fn update(&mut self, params: &mut [&mut Array2<F>], gradients: &[Gradient<F>]) {
        assert_eq!(params.len(), self.m.len(), "the optimizer was built for another model");
        assert_eq!(params.len(), gradients.len(), "one gradient for each parameter");
        self.step += 1;
        let AdamConfig { learning_rate, beta_1, beta_2, epsilon, weight_decay } = self.config;
        // Both bias corrections, folded into the rate, with the roundings of Keras, which has the powers in the
        // type of the parameters: in f32 this makes the first steps 2e-5 of themselves longer, there and here.
        let correction = |beta: f64| {
            let beta = float::<F>(beta).to_f64().expect("a float is an f64");
            F::one() - float::<F>(beta.powf(self.step as f64))
        };
        let rate = float::<F>(learning_rate);
        let update = Update {
            alpha: rate * correction(beta_2).sqrt() / correction(beta_1),
            gain_1: float::<F>(1.0 - beta_1),
            gain_2: float::<F>(1.0 - beta_2),
            epsilon: float::<F>(epsilon),
            decay: WeightDecay { weight_decay: float(weight_decay), rate },
        };
        let slots = self.m.iter_mut().zip(&mut self.v);
        for ((param, gradient), (m, v)) in params.iter_mut().zip(gradients).zip(slots) {
            update_blocks(param, gradient, [m, v], |p, g, [m, v]| update.apply(p, g, m, v));
        }
    }

    fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.config.learning_rate = rate;
    }

    fn state(&self) -> State<F> {
        State::new(self.step, [("m", &self.m), ("v", &self.v)])
    }

    fn set_state(&mut self, state: State<F>) -> Result<(), StateError> {
        let step = state.step;
        let [m, v] = state.checked([("m", &self.m), ("v", &self.v)])?;
        (self.step, self.m, self.v) = (step, m, v);
        Ok(())
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Update<F> {
    alpha: F,
    gain_1: F,
    gain_2: F,
    epsilon: F,
    decay: WeightDecay<F>,
}

impl<F: NdFloat> Update<F> {
    #[inline(always)]
    fn apply(self, params: &mut [F], gradients: &[F], m: &mut [F], v: &mut [F]) {
        let Self { alpha, gain_1, gain_2, epsilon, decay } = self;
        for (((p, &g), m), v) in params.iter_mut().zip(gradients).zip(m).zip(v) {
            *m = flushed(*m + (g - *m) * gain_1);
            *v = flushed(*v + (g * g - *v) * gain_2);
            *p = decay.of(*p) - *m * alpha / (v.sqrt() + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::optim::{Sgd, SgdConfig};

    // Made by make_adam.py: hyperparameters, then gradients and parameters of each step.
    const GOLDEN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/adam_keras.csv"));

    /// Replays the golden steps in `F`; the largest deviation from Keras, relative to the parameter.
    fn deviation<F: NdFloat>(dtype: &str) -> f64 {
        let (mut params, mut rows, mut worst) = (array![[]], 0, 0.0_f64);
        let mut adam = None;
        for line in GOLDEN.lines().filter(|line| line.starts_with(dtype)) {
            let cells: Vec<f64> = line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect();
            let [step, learning_rate, beta_1, beta_2, epsilon, g0, g1, g2, p0, p1, p2] = cells[..] else {
                panic!("golden row: {line}")
            };
            let row = |cells: [f64; 3]| array![cells.map(float::<F>)];
            if step == 0.0 {
                params = row([p0, p1, p2]);
                let config = AdamConfig { learning_rate, beta_1, beta_2, epsilon, ..AdamConfig::default() };
                adam = Some(Adam::new(config, &[&params]).unwrap());
                continue;
            }
            adam.as_mut().unwrap().step(&mut [&mut params], &[row([g0, g1, g2])]);
            for (got, want) in params.iter().zip([p0, p1, p2]) {
                worst = worst.max((got.to_f64().unwrap() - want).abs() / want.abs());
            }
            rows += 1;
        }
        assert_eq!(rows, 40, "golden file was cut short");
        worst
    }

    #[test]
    fn adam_follows_keras_in_f64() {
        let worst = deviation::<f64>("float64");
        // Measured 0: the same bits. A few units in the last place for another mathematical library.
        assert!(worst < 1e-14, "{worst:e}");
    }

    #[test]
    fn adam_follows_keras_in_f32() {
        let worst = deviation::<f32>("float32");
        // Measured 5.0e-8, half a unit in the last place; with corrections taken in f64 it would be 1.6e-6.
        assert!(worst < 2.5e-7, "{worst:e}");
    }

    #[test]
    fn epsilon_joins_the_uncorrected_root() {
        let mut param = array![[0.0_f64]];
        let mut adam = Adam::new(AdamConfig::default(), &[&param]).unwrap();
        adam.step(&mut [&mut param], &[array![[1e-6]]]);
        // √v is 1e-6 · √0.001 = 3.16e-8, less than epsilon; Algorithm 1 would step by nearly the whole rate.
        let want = -1e-3 * 0.001_f64.sqrt() * 1e-6 / (1e-6 * 0.001_f64.sqrt() + 1e-7);
        assert!((param[(0, 0)] - want).abs() < 1e-15, "{} vs {want}", param[(0, 0)]);
        assert!(want.abs() < 0.25e-3);
    }

    #[test]
    fn a_state_taken_and_set_goes_on_as_if_nothing_had_happened() {
        let grads = [array![[0.3_f32, -2.0]], array![[1e-4]]];
        let fresh = || (array![[1.0_f32, 2.0]], array![[3.0_f32]]);
        let (mut a, mut b) = fresh();
        let mut straight = Adam::new(AdamConfig::default(), &[&a, &b]).unwrap();
        straight.step(&mut [&mut a, &mut b], &grads);
        let mut resumed = Adam::new(AdamConfig::default(), &[&a, &b]).unwrap();
        resumed.set_state(straight.state()).unwrap();
        let (mut c, mut d) = (a.clone(), b.clone());
        straight.step(&mut [&mut a, &mut b], &grads);
        resumed.step(&mut [&mut c, &mut d], &grads);
        assert_eq!((a, b, straight.state()), (c, d, resumed.state()));
    }

    #[test]
    fn arrays_laid_out_by_columns_are_updated_alike() {
        let (param, grad) =
            (array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]], array![[0.1_f32, -0.2, 3.0], [0.0, 1.0, -1.0]]);
        let step = |mut param: Array2<f32>, grad: Array2<f32>| {
            Adam::new(AdamConfig::default(), &[&param]).unwrap().step(&mut [&mut param], &[grad]);
            param
        };
        let by_columns = |array: &Array2<f32>| array.t().as_standard_layout().into_owned().reversed_axes();
        let want = step(param.clone(), grad.clone());
        assert_eq!(step(by_columns(&param), grad.clone()), want);
        assert_eq!(step(param, by_columns(&grad)), want);
    }

    #[test]
    fn moments_that_fade_end_at_zero_and_not_among_denormal_numbers() {
        let mut param = array![[1.0_f32]];
        let mut adam = Adam::new(AdamConfig::default(), &[&param]).unwrap();
        adam.step(&mut [&mut param], &[array![[1.0]]]);
        for _ in 0..2000 {
            adam.step(&mut [&mut param], &[array![[0.0]]]);
            assert!(!adam.m[0][(0, 0)].is_subnormal());
        }
        assert_eq!(adam.m[0], array![[0.0]]);
        assert!(adam.v[0][(0, 0)] > 1e-4);
    }

    #[test]
    fn a_state_of_something_else_is_refused() {
        let (param, other) = (array![[1.0_f32, 2.0]], array![[1.0_f32]]);
        let mut adam = Adam::new(AdamConfig::default(), &[&param]).unwrap();
        let of_other = Adam::new(AdamConfig::default(), &[&other]).unwrap().state();
        assert!(matches!(adam.set_state(of_other), Err(StateError::Shapes { .. })));
        let of_sgd = Sgd::new(SgdConfig::default(), &[&param]).unwrap().state();
        assert!(matches!(adam.set_state(of_sgd), Err(StateError::Slots { .. })));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let base = AdamConfig::default();
        for (config, setting) in [
            (AdamConfig { learning_rate: f64::NAN, ..base }, "learning_rate"),
            (AdamConfig { learning_rate: -1e-3, ..base }, "learning_rate"),
            (AdamConfig { beta_1: 1.0, ..base }, "beta_1"),
            (AdamConfig { beta_2: f64::NAN, ..base }, "beta_2"),
            (AdamConfig { epsilon: 0.0, ..base }, "epsilon"),
            (AdamConfig { weight_decay: -0.1, ..base }, "weight_decay"),
        ] {
            assert_eq!(config.check().unwrap_err().setting, setting);
        }
    }
}
