//! Training a head on rows of features.
//!
//! [`train`] is the whole of it; a [`Trainer`] is the same in parts, to look at between epochs, to save as a
//! [`Checkpoint`] and to go on with.
//!
//! One seed gives one result, bit for bit: initial weights, the order of each epoch and the dropout masks of
//! each step come from generators of their own, which are functions of the seed, the epoch and the step.
//!
//! A training uses the threads that it is run on, and no others: `threads.run(|| train(…))` with
//! [`Threads::for_training`](headstart_base::machine::Threads::for_training), or the calling one alone. Their number changes
//! no bit.

mod batch;
mod checkpoint;
mod config;
mod data;
mod error;
mod event;
#[cfg(test)]
mod golden;
mod health;
mod history;
mod objective;
mod random;
mod stopping;
mod trainer;

pub use checkpoint::Checkpoint;
pub use config::{ClassWeight, Monitor, OptimizerKind, ScheduleKind, TrainConfig};
pub use data::Rows;
pub use error::{Error, Part, Quantity};
pub use event::{Ended, Flow, TrainEvent};
pub use history::{EpochRecord, History};
pub use trainer::Trainer;

use crate::layers::Head;

/// What a training ends with.
#[derive(Debug)]
pub struct TrainOutcome {
    /// The head after the last step, or with early stopping after the best epoch.
    pub head: Head,
    /// That epoch, counted from 1, if the head is not simply the last.
    pub best_epoch: Option<usize>,
    /// Figures of each completed epoch.
    pub history: History,
    /// Whether it came to its end or the caller stopped it.
    pub ended: Ended,
    /// All that is needed to go on.
    pub checkpoint: Checkpoint,
}

/// Train a head from scratch.
///
/// # Shapes
/// - `rows`: features, `n` rows
/// - `labels`: `n` indices below `classes`
/// - `validation`: features and labels that are only looked at, after each epoch
///
/// # Errors
/// [`Error`]: settings out of range, labels that do not fit, rows that cannot be read, numbers that are not finite.
///
/// ```
/// use headstart_nn::train::{Ended, TrainEvent, Flow, TrainConfig, train};
/// use ndarray::array;
///
/// let rows = array![[0.0, 1.0], [1.0, 0.0], [0.1, 0.9], [0.9, 0.1]];
/// let config = TrainConfig { hidden: vec![8], epochs: 40, batch_size: 2, learning_rate: 0.01, ..Default::default() };
/// let mut losses = Vec::new();
/// let outcome = train(&config, &rows, &[0, 1, 0, 1], 2, None, &mut |event| {
///     if let TrainEvent::Epoch { record, .. } = event {
///         losses.push(record.loss);
///     }
///     Flow::Continue
/// })?;
/// assert_eq!((outcome.ended, losses.len()), (Ended::Completed, 40));
/// assert!(outcome.head.probabilities(rows.view())[(0, 0)] > 0.5);
/// # Ok::<(), headstart_nn::train::Error>(())
/// ```
pub fn train(
    config: &TrainConfig,
    rows: &dyn Rows,
    labels: &[usize],
    classes: usize,
    validation: Option<(&dyn Rows, &[usize])>,
    on_event: &mut dyn FnMut(TrainEvent) -> Flow,
) -> Result<TrainOutcome, Error> {
    let mut trainer = Trainer::new(config, rows.dim(), classes)?;
    let ended = trainer.run(rows, labels, validation, on_event)?;
    Ok(trainer.into_outcome(ended))
}

#[cfg(test)]
mod tests;
