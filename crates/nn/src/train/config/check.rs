//! Which settings can be trained with.

use super::{ClassWeight, OptimizerKind, ScheduleKind, TrainConfig};
use crate::train::Error;

/// Units of a hidden layer beyond which a head is a slip of the finger, and no memory holds it.
const MOST_UNITS: usize = 65_536;

impl TrainConfig {
    /// These settings, if they can be trained with.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first that is out of range; NaN always is.
    pub fn check(self) -> Result<Self, Error> {
        self.adam().check()?;
        self.sgd().check()?;
        if let Some(clip) = self.clip() {
            clip.check()?;
        }
        // With any number of steps the same is right or wrong.
        self.rates(1)?;
        self.check_counts()?;
        self.check_loss()?;
        self.check_use()?;
        Ok(self)
    }

    fn check_counts(&self) -> Result<(), Error> {
        let positive = |setting, found: usize| {
            let error = || Error::setting(setting, "at least 1", found);
            if found == 0 { Err(error()) } else { Ok(()) }
        };
        positive("epochs", self.epochs)?;
        positive("batch_size", self.batch_size)?;
        self.hidden.iter().try_for_each(|&units| positive("hidden", units))?;
        if let Some(units) = self.hidden.iter().find(|&&units| units > MOST_UNITS) {
            return Err(Error::setting("hidden", "at most 65536", units));
        }
        if i64::try_from(self.seed).is_err() {
            return Err(Error::setting("seed", "below 2^63", self.seed));
        }
        Ok(())
    }

    fn check_loss(&self) -> Result<(), Error> {
        for (setting, share) in [("dropout", self.dropout), ("label_smoothing", self.label_smoothing)] {
            if !(0.0..1.0).contains(&share) {
                return Err(Error::setting(setting, "at least 0 and below 1", share));
            }
        }
        let from_zero = |number: f64| number >= 0.0 && number.is_finite();
        for (setting, number) in [("l2", self.l2), ("min_delta", self.min_delta)] {
            if !from_zero(number) {
                return Err(Error::setting(setting, "at least 0 and finite", number));
            }
        }
        let Some(weight) = &self.class_weight else { return Ok(()) };
        let factors = weight.written();
        // Classes that are not named count, so all that are named may count nothing.
        let some_class_counts =
            !matches!(weight, ClassWeight::Given(_)) || factors.iter().any(|&factor| factor > 0.0);
        if !some_class_counts || !factors.iter().all(|&factor| from_zero(factor)) {
            return Err(Error::setting(
                "class_weight",
                "finite, never below 0, and above 0 for some class",
                format_args!("{factors:?}"),
            ));
        }
        Ok(())
    }

    /// A setting that would silently do nothing is a misunderstanding.
    fn check_use(&self) -> Result<(), Error> {
        use ScheduleKind::{Cosine, Exponential, Plateau};
        let default = Self::default();
        let clips = [self.clipnorm, self.global_clipnorm, self.clipvalue];
        if clips.iter().flatten().count() > 1 {
            return Err(Error::setting(
                "clipnorm",
                "the only one of `clipnorm`, `global_clipnorm` and `clipvalue`",
                "several",
            ));
        }
        if self.optimizer != OptimizerKind::Sgd && (self.momentum != 0.0 || self.nesterov) {
            let found = if self.optimizer == OptimizerKind::Adam { "adam" } else { "adamw" };
            return Err(Error::setting("optimizer", "`sgd` if `momentum` or `nesterov` is set", found));
        }
        let name = match self.schedule {
            ScheduleKind::Constant => "constant",
            Cosine => "cosine",
            Exponential => "exponential",
            Plateau => "plateau",
        };
        for (used, schedules, expected) in [
            (
                self.decay_steps.is_some(),
                &[Cosine, Exponential][..],
                "`cosine` or `exponential` if `decay_steps` is set",
            ),
            (
                self.staircase || self.decay_rate != default.decay_rate,
                &[Exponential],
                "`exponential` if `decay_rate` or `staircase` is set",
            ),
            (self.alpha != 0.0, &[Cosine], "`cosine` if `alpha` is set"),
            (self.plateau() != default.plateau(), &[Plateau], "`plateau` if a setting of the plateau is set"),
        ] {
            if used && !schedules.contains(&self.schedule) {
                return Err(Error::setting("schedule", expected, name));
            }
        }
        if self.warmup_from != 0.0 && self.warmup_steps == 0 {
            return Err(Error::setting("warmup_steps", "at least 1 if `warmup_from` is set", 0));
        }
        if self.patience.is_none() && self.min_delta != 0.0 {
            return Err(Error::setting("patience", "set if `min_delta` is set", "none"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_named() {
        let base = TrainConfig::default;
        assert!(base().check().is_ok());
        let cosine = || TrainConfig { schedule: ScheduleKind::Cosine, ..base() };
        let given = |factors: &[f64]| Some(ClassWeight::Given(factors.into()));
        for (config, name) in [
            (TrainConfig { learning_rate: f64::NAN, ..base() }, "learning_rate"),
            (TrainConfig { learning_rate: 0.0, ..base() }, "learning_rate"),
            (TrainConfig { beta_2: 1.0, ..base() }, "beta_2"),
            (TrainConfig { momentum: -0.5, ..base() }, "momentum"),
            (TrainConfig { weight_decay: Some(-0.5), ..base() }, "weight_decay"),
            (TrainConfig { clipnorm: Some(0.0), ..base() }, "clipnorm"),
            (TrainConfig { global_clipnorm: Some(f64::NAN), ..base() }, "global_clipnorm"),
            (TrainConfig { clipvalue: Some(-1.0), ..base() }, "clipvalue"),
            (TrainConfig { decay_steps: Some(0), ..cosine() }, "decay_steps"),
            (TrainConfig { alpha: 1.5, ..cosine() }, "alpha"),
            (TrainConfig { warmup_steps: 1, warmup_from: f64::NAN, ..base() }, "warmup_from"),
            (TrainConfig { schedule: ScheduleKind::Exponential, decay_rate: 0.0, ..base() }, "decay_rate"),
            (
                TrainConfig { schedule: ScheduleKind::Plateau, plateau_factor: 1.0, ..base() },
                "plateau_factor",
            ),
            (TrainConfig { epochs: 0, ..base() }, "epochs"),
            (TrainConfig { batch_size: 0, ..base() }, "batch_size"),
            (TrainConfig { hidden: vec![8, 0], ..base() }, "hidden"),
            (TrainConfig { dropout: f64::NAN, ..base() }, "dropout"),
            (TrainConfig { dropout: 1.0, ..base() }, "dropout"),
            (TrainConfig { label_smoothing: 1.0, ..base() }, "label_smoothing"),
            (TrainConfig { l2: f64::INFINITY, ..base() }, "l2"),
            (TrainConfig { class_weight: given(&[1.0, -1.0]), ..base() }, "class_weight"),
            (TrainConfig { class_weight: given(&[0.0, 0.0]), ..base() }, "class_weight"),
            (TrainConfig { patience: Some(1), min_delta: f64::NAN, ..base() }, "min_delta"),
            (TrainConfig { seed: u64::MAX, ..base() }, "seed"),
        ] {
            let Err(Error::Setting { setting, .. }) = config.check() else { panic!("{name} passed") };
            assert_eq!(setting, name);
        }
    }

    #[test]
    fn a_setting_that_would_do_nothing_is_refused() {
        let base = TrainConfig::default;
        for (config, name) in [
            (TrainConfig { momentum: 0.9, ..base() }, "optimizer"),
            (TrainConfig { nesterov: true, optimizer: OptimizerKind::AdamW, ..base() }, "optimizer"),
            (TrainConfig { clipnorm: Some(1.0), clipvalue: Some(1.0), ..base() }, "clipnorm"),
            (TrainConfig { decay_steps: Some(9), ..base() }, "schedule"),
            (TrainConfig { alpha: 0.1, ..base() }, "schedule"),
            (TrainConfig { staircase: true, schedule: ScheduleKind::Cosine, ..base() }, "schedule"),
            (TrainConfig { decay_rate: 0.5, ..base() }, "schedule"),
            (TrainConfig { plateau_cooldown: 1, ..base() }, "schedule"),
            (TrainConfig { warmup_from: 0.1, ..base() }, "warmup_steps"),
            (TrainConfig { min_delta: 0.1, ..base() }, "patience"),
        ] {
            let Err(Error::Setting { setting, .. }) = config.check() else { panic!("{name} passed") };
            assert_eq!(setting, name);
        }
    }
}
