//! What the figures of each epoch decide about the next ones.

use crate::train::{
    EpochRecord, Error, History, Monitor, TrainConfig, config::Rates, stopping::EarlyStopping,
};

/// The rate of each step, and when to end.
///
/// All of it follows from the settings and the history, so a checkpoint need not hold it.
pub(super) struct TrainingPlan {
    rates: Rates,
    stopping: Option<EarlyStopping>,
    restore_best_weights: bool,
    monitor: Monitor,
    /// Of an epoch.
    steps: usize,
}

impl TrainingPlan {
    /// That of a training with so many steps an epoch, as far as it has come.
    pub(super) fn new(config: &TrainConfig, steps: usize, history: &History) -> Result<Self, Error> {
        let TrainConfig { patience, min_delta, monitor, restore_best_weights, .. } = *config;
        let stopping = patience.map(|patience| EarlyStopping::new(patience, min_delta, monitor.better()));
        let rates = config.rates(steps as u64)?;
        let mut course = Self { rates, stopping, restore_best_weights, monitor, steps };
        for record in &history.epochs {
            course.observe(record);
        }
        Ok(course)
    }

    /// The rate of a step; epoch and step count from 1.
    pub(super) fn rate(&self, epoch: usize, step: usize) -> f64 {
        self.rates.of_step(((epoch - 1) * self.steps + step - 1) as u64)
    }

    /// Take note of an epoch; whether its weights are to be kept as the best so far.
    pub(super) fn observe(&mut self, record: &EpochRecord) -> bool {
        // Absent only if nothing looks at it.
        let Some(figure) = self.monitor.figure(record) else { return false };
        self.rates.observe(figure);
        let is_best = self.stopping.as_mut().is_some_and(|stopping| stopping.observe(figure));
        is_best && self.restore_best_weights
    }

    /// Whether early stopping has seen enough.
    pub(super) fn is_over(&self) -> bool {
        self.stopping.as_ref().is_some_and(EarlyStopping::is_over)
    }
}
