//! A learning rate that falls when nothing gets better any more.

use super::{ConfigError, is_rate, require};

/// Which way a figure gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// As a loss does.
    Lower,
    /// As an accuracy does.
    Higher,
}

impl Better {
    /// Whether `figure` beats `best` by more than `min_delta`; the first figure always does.
    pub fn improves(self, figure: f64, best: Option<f64>, min_delta: f64) -> bool {
        best.is_none_or(|best| match self {
            Self::Lower => figure + min_delta < best,
            Self::Higher => figure - min_delta > best,
        })
    }
}

/// Settings of a [`Plateau`], under Keras' names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlateauConfig {
    /// What the rate is multiplied by, above 0 and below 1; 0.1 by default.
    pub factor: f64,
    /// Epochs without improvement before that; 10 by default.
    pub patience: usize,
    /// Improvements that are not larger do not count; 1e-4 by default.
    pub min_delta: f64,
    /// Epochs after it in which none are counted; 0 by default.
    pub cooldown: usize,
    /// The rate goes no lower; 0 by default.
    pub min_lr: f64,
}

impl Default for PlateauConfig {
    fn default() -> Self {
        Self { factor: 0.1, patience: 10, min_delta: 1e-4, cooldown: 0, min_lr: 0.0 }
    }
}

/// Watches a figure epoch by epoch, and lowers the rate when it stands.
///
/// # Source
/// Keras' `ReduceLROnPlateau`, counter by counter: `tests/golden/make_trajectories.py`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plateau {
    config: PlateauConfig,
    better: Better,
    learning_rate: f64,
    best: Option<f64>,
    wait: usize,
    cooldown: usize,
}

impl Plateau {
    /// One that starts with this rate.
    ///
    /// # Errors
    /// Names the first setting out of range; NaN always is.
    pub fn new(config: PlateauConfig, better: Better, learning_rate: f64) -> Result<Self, ConfigError> {
        let PlateauConfig { factor, min_delta, min_lr, .. } = config;
        let from_zero = |number: f64| number >= 0.0 && number.is_finite();
        require(is_rate(learning_rate), "learning_rate", "above 0 and finite", learning_rate)?;
        require(factor > 0.0 && factor < 1.0, "plateau_factor", "above 0 and below 1", factor)?;
        require(from_zero(min_delta), "plateau_min_delta", "at least 0 and finite", min_delta)?;
        require(from_zero(min_lr), "plateau_min_lr", "at least 0 and finite", min_lr)?;
        Ok(Self { config, better, learning_rate, best: None, wait: 0, cooldown: 0 })
    }

    /// The rate now in force.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Take note of an epoch's figure.
    pub fn observe(&mut self, figure: f64) {
        let PlateauConfig { factor, patience, min_delta, cooldown, min_lr } = self.config;
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.wait = 0;
        }
        if self.better.improves(figure, self.best, min_delta) {
            (self.best, self.wait) = (Some(figure), 0);
        } else if self.cooldown == 0 {
            self.wait += 1;
            if self.wait >= patience && self.learning_rate > min_lr {
                self.learning_rate = (self.learning_rate * factor).max(min_lr);
                (self.wait, self.cooldown) = (0, cooldown);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(config: PlateauConfig, better: Better, figures: &[f64]) -> Vec<f64> {
        let mut plateau = Plateau::new(config, better, 1.0).unwrap();
        let observe = |&figure: &f64| {
            plateau.observe(figure);
            plateau.learning_rate()
        };
        figures.iter().map(observe).collect()
    }

    #[test]
    fn patience_cooldown_and_floor_by_hand() {
        let config = PlateauConfig { factor: 0.5, patience: 2, min_delta: 0.0, cooldown: 1, min_lr: 0.3 };
        // Two without improvement, one that cools down and already counts again, then to the floor.
        let got = rates(config, Better::Lower, &[3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
        assert_eq!(got, [1.0, 1.0, 0.5, 0.5, 0.3, 0.3, 0.3]);
        // An improvement starts the count anew.
        let got = rates(config, Better::Higher, &[1.0, 0.5, 2.0, 1.0, 1.0]);
        assert_eq!(got, [1.0, 1.0, 1.0, 1.0, 0.5]);
    }

    #[test]
    fn an_improvement_is_more_than_min_delta() {
        assert!(Better::Lower.improves(7.0, None, 1.0) && Better::Higher.improves(7.0, None, 1.0));
        assert!(!Better::Lower.improves(6.0, Some(7.0), 1.0) && Better::Lower.improves(5.9, Some(7.0), 1.0));
        assert!(
            !Better::Higher.improves(8.0, Some(7.0), 1.0) && Better::Higher.improves(8.1, Some(7.0), 1.0)
        );
        assert!(!Better::Lower.improves(f64::NAN, Some(7.0), 0.0));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let base = PlateauConfig::default;
        for (config, setting) in [
            (PlateauConfig { factor: 1.0, ..base() }, "plateau_factor"),
            (PlateauConfig { factor: f64::NAN, ..base() }, "plateau_factor"),
            (PlateauConfig { min_delta: -1.0, ..base() }, "plateau_min_delta"),
            (PlateauConfig { min_lr: f64::NAN, ..base() }, "plateau_min_lr"),
        ] {
            assert_eq!(Plateau::new(config, Better::Lower, 0.1).unwrap_err().setting, setting);
        }
    }
}
