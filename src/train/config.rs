//! Settings of a training, as they stand in a TOML file.

use serde::{Deserialize, Serialize};

use super::Error;
use crate::{
    nn::{Activation, Head, HeadConfig},
    optim::{self, Adam, AdamConfig, Optimizer, Sgd, SgdConfig},
};

/// Everything that decides what a training does with its rows. Names are Keras'.
///
/// ```toml
/// hidden = [256]
/// dropout = 0.5
/// optimizer = "adam"
/// learning_rate = 0.001
/// epochs = 50
/// batch_size = 32
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Units of each hidden layer; none makes a linear head. `[256]` by default.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers; `relu` by default.
    pub activation: Activation,
    /// Fraction of hidden units dropped while training, in [0, 1); 0.5 by default.
    pub dropout: f64,
    /// `adam` by default.
    pub optimizer: OptimizerKind,
    /// Size of a step, above 0; 0.001 by default.
    pub learning_rate: f64,
    /// Adam's, in [0, 1); 0.9 by default.
    pub beta_1: f64,
    /// Adam's, in [0, 1); 0.999 by default.
    pub beta_2: f64,
    /// Adam's, above 0; 1e-7 by default.
    pub epsilon: f64,
    /// SGD's, in [0, 1); 0 by default.
    pub momentum: f64,
    /// SGD's; false by default.
    pub nesterov: bool,
    /// Passes over the rows, at least 1; 50 by default.
    pub epochs: usize,
    /// Rows of a step, at least 1 (the last step of an epoch takes what is left); 32 by default.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own or the given one; true by default.
    pub shuffle: bool,
    /// The same seed gives the same head, bit for bit; below 2⁶³, which is what TOML can hold; 0 by default.
    pub seed: u64,
}

/// Which optimizer changes the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OptimizerKind {
    #[default]
    Adam,
    Sgd,
}

impl Default for TrainConfig {
    fn default() -> Self {
        let (adam, sgd) = (AdamConfig::default(), SgdConfig::default());
        Self {
            hidden: vec![256],
            activation: Activation::Relu,
            dropout: 0.5,
            optimizer: OptimizerKind::Adam,
            learning_rate: adam.learning_rate,
            beta_1: adam.beta_1,
            beta_2: adam.beta_2,
            epsilon: adam.epsilon,
            momentum: sgd.momentum,
            nesterov: sgd.nesterov,
            epochs: 50,
            batch_size: 32,
            shuffle: true,
            seed: 0,
        }
    }
}

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
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::setting("dropout", "at least 0 and below 1", self.dropout));
        }
        if i64::try_from(self.seed).is_err() {
            return Err(Error::setting("seed", "below 2^63", self.seed));
        }
        // A setting that would silently do nothing is a misunderstanding.
        if self.optimizer == OptimizerKind::Adam && (self.momentum != 0.0 || self.nesterov) {
            return Err(Error::setting("optimizer", "`sgd` where there is momentum", "adam"));
        }
        Ok(self)
    }

    pub(super) fn head(&self, inputs: usize, classes: usize) -> HeadConfig {
        let Self { activation, dropout, .. } = *self;
        HeadConfig { inputs, hidden: self.hidden.clone(), activation, dropout, classes }
    }

    pub(super) fn optimizer(&self, head: &Head) -> Result<Box<dyn Optimizer<f32>>, optim::ConfigError> {
        Ok(match self.optimizer {
            OptimizerKind::Adam => Box::new(Adam::new(self.adam(), &head.parameters())?),
            OptimizerKind::Sgd => Box::new(Sgd::new(self.sgd(), &head.parameters())?),
        })
    }

    fn adam(&self) -> AdamConfig {
        let Self { learning_rate, beta_1, beta_2, epsilon, .. } = *self;
        AdamConfig { learning_rate, beta_1, beta_2, epsilon }
    }

    fn sgd(&self) -> SgdConfig {
        let Self { learning_rate, momentum, nesterov, .. } = *self;
        SgdConfig { learning_rate, momentum, nesterov }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_named() {
        let base = TrainConfig::default;
        assert!(base().check().is_ok());
        for (config, name) in [
            (TrainConfig { learning_rate: f64::NAN, ..base() }, "learning_rate"),
            (TrainConfig { learning_rate: 0.0, ..base() }, "learning_rate"),
            (TrainConfig { beta_2: 1.0, ..base() }, "beta_2"),
            (TrainConfig { momentum: -0.5, ..base() }, "momentum"),
            (TrainConfig { momentum: 0.9, ..base() }, "optimizer"),
            (TrainConfig { epochs: 0, ..base() }, "epochs"),
            (TrainConfig { batch_size: 0, ..base() }, "batch_size"),
            (TrainConfig { hidden: vec![8, 0], ..base() }, "hidden"),
            (TrainConfig { dropout: f64::NAN, ..base() }, "dropout"),
            (TrainConfig { dropout: 1.0, ..base() }, "dropout"),
            (TrainConfig { seed: u64::MAX, ..base() }, "seed"),
        ] {
            let Err(Error::Setting { setting, .. }) = config.check() else { panic!("{name} passed") };
            assert_eq!(setting, name);
        }
    }

    #[test]
    fn toml_gives_back_what_it_was_given() {
        let config = TrainConfig {
            hidden: vec![],
            dropout: 0.1 + 0.2,
            optimizer: OptimizerKind::Sgd,
            ..Default::default()
        };
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config);
        assert_eq!(
            toml::from_str::<TrainConfig>("epochs = 3").unwrap(),
            TrainConfig { epochs: 3, ..Default::default() }
        );
        assert!(toml::from_str::<TrainConfig>("epoch = 3").unwrap_err().to_string().contains("epoch"));
    }
}
