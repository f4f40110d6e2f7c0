//! Settings of a training, as they stand in a TOML file.

mod check;
mod class_weight;
mod plan;

use serde::{Deserialize, Serialize};

use crate::layers::Activation;
use crate::optim::{AdamConfig, PlateauConfig, SgdConfig};

pub use class_weight::ClassWeight;
pub(super) use plan::Rates;

/// Everything that decides what a training does with its rows. Names are Keras' where it has one.
///
/// ```toml
/// hidden = [256]
/// dropout = 0.5
/// optimizer = "adamw"
/// learning_rate = 0.0003
/// schedule = "cosine"
/// warmup_steps = 100
/// class_weight = "auto"
/// patience = 5
/// epochs = 50
/// batch_size = 64
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
    /// Size of a step, above 0; 0.0003 by default. A warm-up ends here, a schedule falls from here.
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
    /// Share of every weight, biases too, that a step takes away, times the rate; at least 0. Without it `adamw`
    /// takes 0.004 and the others none.
    pub weight_decay: Option<f64>,
    /// Each gradient is made no longer than this, above 0. At most one of the three clips.
    pub clipnorm: Option<f64>,
    /// All gradients together are made no longer than this, above 0.
    pub global_clipnorm: Option<f64>,
    /// Each number of a gradient is moved to within this of 0, above 0.
    pub clipvalue: Option<f64>,

    /// How the rate goes on; `constant` by default.
    pub schedule: ScheduleKind,
    /// Steps in which the rate first goes up to `learning_rate` in a straight line; 0 by default.
    pub warmup_steps: u64,
    /// Where it starts from, at least 0; 0 by default.
    pub warmup_from: f64,
    /// Of `cosine`: the steps it takes, by default all that come after the warm-up. Of `exponential`: the steps of
    /// one `decay_rate`, by default those of an epoch. At least 1.
    pub decay_steps: Option<u64>,
    /// Of `exponential`: the factor by which the rate falls, above 0 and at most 1; 0.9 by default.
    pub decay_rate: f64,
    /// Of `exponential`: fall only at the end of every `decay_steps`; false by default.
    pub staircase: bool,
    /// Of `cosine`: what is left of the rate at the end, in 0 to 1; 0 by default.
    pub alpha: f64,
    /// Of `plateau`: what the rate is multiplied by, above 0 and below 1; 0.1 by default.
    pub plateau_factor: f64,
    /// Of `plateau`: epochs without improvement before that; 10 by default.
    pub plateau_patience: usize,
    /// Of `plateau`: improvements that are not larger do not count; 1e-4 by default.
    pub plateau_min_delta: f64,
    /// Of `plateau`: epochs after a reduction in which none are counted; 0 by default.
    pub plateau_cooldown: usize,
    /// Of `plateau`: the rate goes no lower; 0 by default.
    pub plateau_min_lr: f64,

    /// How much of each label is spread evenly over all classes, in [0, 1); 0 by default.
    pub label_smoothing: f64,
    /// How much each class counts in the loss; all the same by default.
    pub class_weight: Option<ClassWeight>,
    /// Adds `l2 · Σ kernel²` of each layer to the loss, as Keras' `kernel_regularizer=L2(l2)`; at least 0, which is
    /// the default.
    pub l2: f64,

    /// Passes over the rows, at least 1; 50 by default.
    pub epochs: usize,
    /// Rows of a step, at least 1 (the last step of an epoch takes what is left); 64 by default.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own or the given one; true by default.
    pub shuffle: bool,
    /// The figure that early stopping and the plateau look at; `val_loss` by default.
    pub monitor: Monitor,
    /// Early stopping: end after so many epochs without improvement. Without it no epoch is left out.
    pub patience: Option<usize>,
    /// Early stopping: improvements that are not larger do not count; 0 by default.
    pub min_delta: f64,
    /// Early stopping: end with the weights of the best epoch rather than the last; true by default (in Keras false).
    pub restore_best_weights: bool,

    /// The same seed gives the same head, bit for bit; below 2⁶³, which is what TOML can hold; 0 by default.
    pub seed: u64,
}

/// Which optimizer changes the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OptimizerKind {
    /// Adam, as in Keras.
    #[default]
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
    /// Stochastic gradient descent, with momentum if that is set.
    Sgd,
}

/// How the rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ScheduleKind {
    /// As it is.
    #[default]
    Constant,
    /// Down along half a cosine: Keras' `CosineDecay`.
    Cosine,
    /// Down by a factor again and again: Keras' `ExponentialDecay`.
    Exponential,
    /// Down by a factor whenever the monitored figure stands: Keras' `ReduceLROnPlateau`.
    Plateau,
}

/// A figure of an epoch to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Mean loss on the training rows.
    Loss,
    /// Accuracy on the training rows.
    Accuracy,
    /// Mean loss on the validation rows.
    #[default]
    ValLoss,
    /// Accuracy on the validation rows.
    ValAccuracy,
}

impl Default for TrainConfig {
    fn default() -> Self {
        let (adam, sgd, plateau) = (AdamConfig::default(), SgdConfig::default(), PlateauConfig::default());
        Self {
            hidden: vec![256],
            activation: Activation::Relu,
            dropout: 0.5,
            optimizer: OptimizerKind::Adam,
            // These three by cross-validation: bench/defaults.md.
            learning_rate: 3e-4,
            beta_1: adam.beta_1,
            beta_2: adam.beta_2,
            epsilon: adam.epsilon,
            momentum: sgd.momentum,
            nesterov: sgd.nesterov,
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            schedule: ScheduleKind::Constant,
            warmup_steps: 0,
            warmup_from: 0.0,
            decay_steps: None,
            decay_rate: 0.9,
            staircase: false,
            alpha: 0.0,
            plateau_factor: plateau.factor,
            plateau_patience: plateau.patience,
            plateau_min_delta: plateau.min_delta,
            plateau_cooldown: plateau.cooldown,
            plateau_min_lr: plateau.min_lr,
            label_smoothing: 0.0,
            class_weight: None,
            l2: 0.0,
            epochs: 50,
            batch_size: 64,
            shuffle: true,
            monitor: Monitor::ValLoss,
            patience: None,
            min_delta: 0.0,
            restore_best_weights: true,
            seed: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_gives_back_what_it_was_given() {
        let config = TrainConfig {
            hidden: vec![],
            dropout: 0.1 + 0.2,
            optimizer: OptimizerKind::AdamW,
            weight_decay: Some(0.01),
            schedule: ScheduleKind::Cosine,
            decay_steps: Some(7),
            class_weight: Some(ClassWeight::Given(vec![1.0, 0.1 + 0.2])),
            monitor: Monitor::ValAccuracy,
            patience: Some(3),
            ..Default::default()
        };
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config);
        assert_eq!(
            toml::from_str::<TrainConfig>("epochs = 3\nclass_weight = \"auto\"").unwrap(),
            TrainConfig { epochs: 3, class_weight: Some(ClassWeight::Auto), ..Default::default() }
        );
        assert!(toml::from_str::<TrainConfig>("epoch = 3").unwrap_err().to_string().contains("epoch"));
    }

    #[test]
    fn names_are_those_of_keras() {
        let text = "optimizer = \"adamw\"\nschedule = \"plateau\"\nmonitor = \"val_accuracy\"";
        let config: TrainConfig = toml::from_str(text).unwrap();
        assert_eq!(config.optimizer, OptimizerKind::AdamW);
        assert_eq!((config.schedule, config.monitor), (ScheduleKind::Plateau, Monitor::ValAccuracy));
    }
}
