//! Learning rates that follow a plan, with Keras' formulas.

use std::f64::consts::PI;

use super::{ConfigError, is_rate, require};

/// The rate of each step: up in a straight line, then down by a curve.
///
/// ```
/// use headstart_nn::optim::{Decay, Schedule};
///
/// let decay = Decay::Cosine { steps: 100, alpha: 0.0 };
/// let schedule = Schedule { learning_rate: 0.01, warmup_steps: 10, warmup_from: 0.0, decay }.check()?;
/// assert_eq!([0, 5, 10].map(|step| schedule.rate(step)), [0.0, 0.005, 0.01]);
/// assert!(schedule.rate(110) < 1e-12);
/// # Ok::<(), headstart_nn::optim::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Where the warm-up ends and the decay starts, above 0.
    pub learning_rate: f64,
    /// Steps of the warm-up, 0 for none; the decay counts its own from there.
    pub warmup_steps: u64,
    /// Where the warm-up starts, at least 0; with 0 the first step changes nothing, as in Keras.
    pub warmup_from: f64,
    /// How it falls from there.
    pub decay: Decay,
}

/// How a rate falls, in steps from the end of the warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Decay {
    /// It does not.
    Constant,
    /// Along half a cosine to `alpha` times the rate in `steps`, and no further: Keras' `CosineDecay`.
    Cosine {
        /// Steps until it has fallen all the way, at least 1.
        steps: u64,
        /// The part of the rate that is left then.
        alpha: f64,
    },
    /// By the factor `rate` in every `steps`, with a `staircase` all at once at their end: Keras'
    /// `ExponentialDecay`.
    Exponential {
        /// Steps in which it falls by `rate`, at least 1.
        steps: u64,
        /// The factor.
        rate: f64,
        /// Whether it falls only at the end of every `steps`.
        staircase: bool,
    },
}

impl Schedule {
    /// This schedule, if it can be followed.
    ///
    /// # Errors
    /// Names the first field out of range; NaN always is.
    pub fn check(self) -> Result<Self, ConfigError> {
        let Self { learning_rate, warmup_from, decay, .. } = self;
        require(is_rate(learning_rate), "learning_rate", "above 0 and finite", learning_rate)?;
        let from_zero = warmup_from >= 0.0 && warmup_from.is_finite();
        require(from_zero, "warmup_from", "at least 0 and finite", warmup_from)?;
        let some_steps = |steps: u64| require(steps > 0, "decay_steps", "at least 1", steps as f64);
        match decay {
            Decay::Constant => Ok(()),
            Decay::Cosine { steps, alpha } => some_steps(steps)
                .and_then(|()| require((0.0..=1.0).contains(&alpha), "alpha", "in 0 to 1", alpha)),
            Decay::Exponential { steps, rate, .. } => some_steps(steps).and_then(|()| {
                require(rate > 0.0 && rate <= 1.0, "decay_rate", "above 0 and at most 1", rate)
            }),
        }?;
        Ok(self)
    }

    /// The rate of a step; steps count from 0.
    ///
    /// # Source
    /// Keras' documentation of `CosineDecay` and `ExponentialDecay`. Their curves are those of Loshchilov & Hutter
    /// 2017, arXiv:1608.03983, without restarts; the warm-up is that of Goyal et al. 2017, arXiv:1706.02677.
    pub fn rate(&self, step: u64) -> f64 {
        let Self { learning_rate, warmup_steps, warmup_from, decay } = *self;
        let Some(decaying) = step.checked_sub(warmup_steps) else {
            return (learning_rate - warmup_from) * (step as f64 / warmup_steps as f64) + warmup_from;
        };
        match decay {
            Decay::Constant => learning_rate,
            Decay::Cosine { steps, alpha } => {
                let done = decaying.min(steps) as f64 / steps as f64;
                learning_rate * ((1.0 - alpha) * (0.5 * (1.0 + (PI * done).cos())) + alpha)
            }
            Decay::Exponential { steps, rate, staircase } => {
                let times = decaying as f64 / steps as f64;
                learning_rate * rate.powf(if staircase { times.floor() } else { times })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Schedule =
        Schedule { learning_rate: 0.5, warmup_steps: 0, warmup_from: 0.0, decay: Decay::Constant };

    fn rates<const N: usize>(schedule: Schedule, steps: [u64; N]) -> [f64; N] {
        steps.map(|step| schedule.check().unwrap().rate(step))
    }

    #[test]
    fn curves_by_hand() {
        let close = |got: &[f64], want: &[f64]| {
            assert!(
                got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-15),
                "{got:?} vs {want:?}"
            );
        };
        assert_eq!(rates(BASE, [0, 1, 1_000_000]), [0.5; 3]);
        // A third of the way down a cosine is 3/4 of its height, two thirds 1/4; after the end it stays.
        let cosine = Schedule { decay: Decay::Cosine { steps: 3, alpha: 0.2 }, ..BASE };
        close(&rates(cosine, [0, 1, 2, 3, 9]), &[0.5, 0.5 * 0.8, 0.5 * 0.4, 0.1, 0.1]);
        let exponential =
            |staircase| Schedule { decay: Decay::Exponential { steps: 2, rate: 0.25, staircase }, ..BASE };
        close(&rates(exponential(false), [0, 1, 2, 3]), &[0.5, 0.25, 0.125, 0.0625]);
        close(&rates(exponential(true), [0, 1, 2, 3]), &[0.5, 0.5, 0.125, 0.125]);
    }

    #[test]
    fn the_decay_counts_from_the_end_of_the_warmup() {
        let decay = Decay::Exponential { steps: 1, rate: 0.5, staircase: false };
        let schedule = Schedule { warmup_steps: 4, warmup_from: 0.25, decay, ..BASE };
        assert_eq!(rates(schedule, [0, 1, 2, 4, 5, 6]), [0.25, 0.3125, 0.375, 0.5, 0.25, 0.125]);
        // From above it is a way down.
        assert_eq!(rates(Schedule { warmup_steps: 2, warmup_from: 1.5, ..BASE }, [0, 1, 2]), [1.5, 1.0, 0.5]);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let cosine = |steps, alpha| Schedule { decay: Decay::Cosine { steps, alpha }, ..BASE };
        let exponential =
            |steps, rate| Schedule { decay: Decay::Exponential { steps, rate, staircase: false }, ..BASE };
        for (schedule, setting) in [
            (Schedule { learning_rate: f64::NAN, ..BASE }, "learning_rate"),
            (Schedule { warmup_from: -0.1, ..BASE }, "warmup_from"),
            (cosine(0, 0.0), "decay_steps"),
            (cosine(1, f64::NAN), "alpha"),
            (exponential(0, 0.5), "decay_steps"),
            (exponential(1, 0.0), "decay_rate"),
            (exponential(1, 1.1), "decay_rate"),
        ] {
            assert_eq!(schedule.check().unwrap_err().setting, setting);
        }
    }
}
