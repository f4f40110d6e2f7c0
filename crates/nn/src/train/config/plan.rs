//! What the settings are made into.

use ndarray::{Array2, NdFloat};

use super::{Monitor, OptimizerKind, ScheduleKind, TrainConfig};
use crate::layers::HeadConfig;
use crate::optim::{
    Adam, AdamConfig, Better, Clip, ConfigError, Decay, Optimizer, Plateau, PlateauConfig, Schedule, Sgd,
    SgdConfig,
};
use crate::train::{EpochRecord, Error};

impl TrainConfig {
    pub(in crate::train) fn head(&self, inputs: usize, classes: usize) -> HeadConfig {
        let Self { activation, dropout, .. } = *self;
        HeadConfig { inputs, hidden: self.hidden.clone(), activation, dropout, classes }
    }

    pub(in crate::train) fn optimizer<F: NdFloat>(
        &self,
        params: &[&Array2<F>],
    ) -> Result<Box<dyn Optimizer<F>>, ConfigError> {
        Ok(match self.optimizer {
            OptimizerKind::Adam | OptimizerKind::AdamW => Box::new(Adam::new(self.adam(), params)?),
            OptimizerKind::Sgd => Box::new(Sgd::new(self.sgd(), params)?),
        })
    }

    pub(in crate::train) fn clip(&self) -> Option<Clip> {
        let Self { clipnorm, global_clipnorm, clipvalue, .. } = *self;
        let norm = clipnorm.map(Clip::Norm).or(global_clipnorm.map(Clip::GlobalNorm));
        norm.or(clipvalue.map(Clip::Value))
    }

    /// The rate of each step, with so many steps an epoch.
    pub(in crate::train) fn rates(&self, steps: u64) -> Result<Rates, ConfigError> {
        let Self { learning_rate, warmup_steps, warmup_from, decay_rate, staircase, alpha, .. } = *self;
        let all = steps.saturating_mul(self.epochs as u64);
        let decay = match self.schedule {
            ScheduleKind::Constant | ScheduleKind::Plateau => Decay::Constant,
            ScheduleKind::Cosine => {
                let left = all.saturating_sub(warmup_steps).max(1);
                Decay::Cosine { steps: self.decay_steps.unwrap_or(left), alpha }
            }
            ScheduleKind::Exponential => {
                Decay::Exponential { steps: self.decay_steps.unwrap_or(steps), rate: decay_rate, staircase }
            }
        };
        let schedule = Schedule { learning_rate, warmup_steps, warmup_from, decay }.check()?;
        let plateau = match self.schedule {
            ScheduleKind::Plateau => {
                Some(Plateau::new(self.plateau(), self.monitor.better(), learning_rate)?)
            }
            _ => None,
        };
        Ok(Rates { schedule, plateau })
    }

    /// Whether the number of epochs says more than when to end.
    pub(in crate::train) fn epochs_shape_the_rate(&self) -> bool {
        self.schedule == ScheduleKind::Cosine && self.decay_steps.is_none()
    }

    /// With validation rows or without, the monitored figure must be there if it decides something.
    pub(in crate::train) fn require_monitor(&self, validation: bool) -> Result<(), Error> {
        let decides = self.patience.is_some() || self.schedule == ScheduleKind::Plateau;
        match self.monitor {
            Monitor::ValLoss | Monitor::ValAccuracy if decides && !validation => Err(Error::setting(
                "monitor",
                "`loss` or `accuracy` if no images are held out for validation",
                self.monitor.name(),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn adam(&self) -> AdamConfig {
        let Self { learning_rate, beta_1, beta_2, epsilon, .. } = *self;
        let base = match self.optimizer {
            OptimizerKind::AdamW => AdamConfig::adamw(),
            _ => AdamConfig::default(),
        };
        let weight_decay = self.weight_decay.unwrap_or(base.weight_decay);
        AdamConfig { learning_rate, beta_1, beta_2, epsilon, weight_decay }
    }

    pub(super) fn sgd(&self) -> SgdConfig {
        let Self { learning_rate, momentum, nesterov, .. } = *self;
        SgdConfig { learning_rate, momentum, nesterov, weight_decay: self.weight_decay.unwrap_or(0.0) }
    }

    pub(super) fn plateau(&self) -> PlateauConfig {
        PlateauConfig {
            factor: self.plateau_factor,
            patience: self.plateau_patience,
            min_delta: self.plateau_min_delta,
            cooldown: self.plateau_cooldown,
            min_lr: self.plateau_min_lr,
        }
    }
}

impl Monitor {
    /// Its value in a record, if it was measured.
    pub fn figure(self, record: &EpochRecord) -> Option<f64> {
        match self {
            Self::Loss => Some(record.loss),
            Self::Accuracy => Some(record.accuracy),
            Self::ValLoss => record.val_loss,
            Self::ValAccuracy => record.val_accuracy,
        }
    }

    /// Which way it gets better.
    pub fn better(self) -> Better {
        match self {
            Self::Loss | Self::ValLoss => Better::Lower,
            Self::Accuracy | Self::ValAccuracy => Better::Higher,
        }
    }

    /// As it is called in the history and in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
        }
    }
}

/// The rate of each step.
#[derive(Debug, Clone)]
pub(in crate::train) struct Rates {
    schedule: Schedule,
    plateau: Option<Plateau>,
}

impl Rates {
    /// Steps of all epochs count from 0.
    pub(crate) fn of_step(&self, step: u64) -> f64 {
        self.schedule.rate(step)
    }

    /// Take note of the monitored figure of an epoch.
    pub(crate) fn observe(&mut self, figure: f64) {
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(figure);
            self.schedule.learning_rate = plateau.learning_rate();
        }
    }
}
