//! The loop.

use std::fmt;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{
    Checkpoint, Ended, EpochRecord, Error, Event, Flow, History, Outcome, Part, Quantity, Rows, TrainConfig,
    batch::Batch,
    health::{all_finite, culprit, first_bad_row, usable},
    random::{Purpose, generator, order},
};
use crate::{autodiff::Tape, nn::Head, optim::Optimizer};

/// Rows that are looked at together in validation; the figures are sums over rows, whatever it is.
const VALIDATION_BATCH: usize = 256;

/// A training that can be run, stopped, saved and gone on with.
pub struct Trainer {
    config: TrainConfig,
    head: Head,
    optimizer: Box<dyn Optimizer<f32>>,
    progress: Progress,
    history: History,
}

/// How far a training is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    /// Completed epochs.
    pub epoch: usize,
    /// Steps taken of the current one.
    pub step: usize,
    /// Sums over the rows of those steps.
    pub tally: Tally,
    /// Training rows of an epoch, once that is known.
    pub rows: Option<usize>,
}

/// Sums over rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tally {
    pub loss: f64,
    pub hits: usize,
    pub rows: usize,
}

impl Tally {
    fn add(&mut self, mean_loss: f32, hits: usize, rows: usize) {
        self.loss += f64::from(mean_loss) * rows as f64;
        self.hits += hits;
        self.rows += rows;
    }

    fn loss(&self) -> f64 {
        self.loss / self.rows as f64
    }

    fn accuracy(&self) -> f64 {
        self.hits as f64 / self.rows as f64
    }
}

impl Trainer {
    /// A training that has not begun.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Classes`], [`Error::NoColumns`].
    pub fn new(config: &TrainConfig, dim: usize, classes: usize) -> Result<Self, Error> {
        let config = config.clone().check()?;
        let head = Head::new(config.head(dim, classes), &mut generator(config.seed, Purpose::Weights, 0, 0))?;
        Self::from_head(config, head)
    }

    /// A training that has not begun, from given weights instead of drawn ones.
    ///
    /// # Errors
    /// [`Error::Setting`], also where the head has another shape than the settings say.
    pub fn from_head(config: TrainConfig, head: Head) -> Result<Self, Error> {
        let config = config.check()?;
        let shape = head.config();
        if *shape != config.head(shape.inputs, shape.classes) {
            return Err(Error::setting(
                "hidden",
                "the shape of the given head",
                format_args!("{:?}", config.hidden),
            ));
        }
        let optimizer = config.optimizer(&head)?;
        Ok(Self { config, head, optimizer, progress: Progress::default(), history: History::default() })
    }

    /// Go on where a checkpoint was taken: what comes is, bit for bit, what would have come without the stop.
    ///
    /// # Errors
    /// [`Error::OtherSettings`] unless `config` is that of the checkpoint; only `epochs` may differ.
    pub fn resume(config: &TrainConfig, checkpoint: Checkpoint) -> Result<Self, Error> {
        let config = config.clone().check()?;
        checkpoint.require_settings(&config)?;
        let mut trainer = Self::from_head(config, checkpoint.head)?;
        trainer.optimizer.set_state(checkpoint.optimizer)?;
        (trainer.progress, trainer.history) = (checkpoint.progress, checkpoint.history);
        Ok(trainer)
    }

    /// The head as it is now.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Figures of the epochs completed so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Everything that [`resume`](Self::resume) needs.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            config: self.config.clone(),
            head: self.head.clone(),
            optimizer: self.optimizer.state(),
            progress: self.progress.clone(),
            history: self.history.clone(),
        }
    }

    pub(super) fn into_outcome(self, ended: Ended) -> Outcome {
        let checkpoint = self.checkpoint();
        Outcome { head: self.head, history: self.history, ended, checkpoint }
    }

    /// Train until the last epoch is complete or `on_event` says stop.
    ///
    /// # Errors
    /// As [`train`](super::train). The trainer is then where it was after the last good step.
    pub fn run(
        &mut self,
        rows: &dyn Rows,
        labels: &[usize],
        validation: Option<(&dyn Rows, &[usize])>,
        on_event: &mut dyn FnMut(Event) -> Flow,
    ) -> Result<Ended, Error> {
        self.require_fit(Part::Training, rows, labels)?;
        if let Some((rows, labels)) = validation {
            self.require_fit(Part::Validation, rows, labels)?;
        }
        let expected = *self.progress.rows.get_or_insert(rows.len());
        if expected != rows.len() {
            return Err(Error::OtherRows { expected, found: rows.len() });
        }
        let TrainConfig { epochs, batch_size, .. } = self.config;
        let steps = rows.len().div_ceil(batch_size);
        let mut batch = Batch::new(rows.dim(), self.head.config().classes);
        while self.progress.epoch < epochs {
            let epoch = self.progress.epoch + 1;
            let order = self.order(rows.len());
            for chunk in order.chunks(batch_size).skip(self.progress.step) {
                batch.fill(Part::Training, rows, labels, chunk)?;
                self.step(&batch).map_err(|(quantity, index)| Error::NotFinite {
                    quantity,
                    epoch,
                    step: self.progress.step + 1,
                    image: rows.name(batch.rows[index]),
                })?;
                let (step, tally) = (self.progress.step, self.progress.tally);
                let (loss, accuracy) = (tally.loss(), tally.accuracy());
                if on_event(Event::Step { epoch, epochs, step, steps, loss, accuracy }) == Flow::Stop {
                    return Ok(Ended::Stopped);
                }
            }
            let record = self.complete_epoch(validation)?;
            let flow = on_event(Event::Epoch { record: &record, epochs, trainer: self });
            if flow == Flow::Stop && epoch < epochs {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::Completed)
    }

    /// The order of the current epoch's rows.
    fn order(&self, rows: usize) -> Vec<usize> {
        match self.config.shuffle {
            true => order(rows, &mut generator(self.config.seed, Purpose::Order, self.progress.epoch, 0)),
            false => (0..rows).collect(),
        }
    }

    /// One step. On an error nothing has changed, and it says what was not finite at which row of the batch.
    fn step(&mut self, batch: &Batch) -> Result<(), (Quantity, usize)> {
        if !all_finite(&batch.features) {
            let row = first_bad_row(&batch.features).expect("the pass above met one");
            return Err((Quantity::Features, row));
        }
        let Progress { epoch, step, .. } = self.progress;
        let mut rng = generator(self.config.seed, Purpose::Dropout, epoch, step);
        let masks = self.head.draw_masks(batch.len(), &mut rng);

        let mut tape = Tape::new();
        let features = tape.constant(&batch.features);
        let logits = self.head.forward(&mut tape, features, &masks);
        let loss = tape.softmax_cross_entropy(logits, &batch.one_hot);
        let (mean_loss, hits) = (tape.scalar(loss), batch.hits(tape.value(logits)));
        if !mean_loss.is_finite() {
            return Err((Quantity::Loss, culprit(&self.head, batch)));
        }
        let gradients = tape.gradient(loss);
        if !usable(&gradients) {
            return Err((Quantity::Gradients, culprit(&self.head, batch)));
        }
        self.optimizer.step(&mut self.head.parameters_mut(), &gradients);

        self.progress.step += 1;
        self.progress.tally.add(mean_loss, hits, batch.len());
        Ok(())
    }

    /// Validate, and write the epoch down.
    fn complete_epoch(&mut self, validation: Option<(&dyn Rows, &[usize])>) -> Result<EpochRecord, Error> {
        let epoch = self.progress.epoch + 1;
        let validation = validation.map(|(rows, labels)| self.validate(rows, labels, epoch)).transpose()?;
        let tally = self.progress.tally;
        let record = EpochRecord {
            epoch,
            loss: tally.loss(),
            accuracy: tally.accuracy(),
            val_loss: validation.map(|tally| tally.loss()),
            val_accuracy: validation.map(|tally| tally.accuracy()),
            learning_rate: self.optimizer.learning_rate(),
        };
        self.history.epochs.push(record);
        self.progress = Progress { epoch, rows: self.progress.rows, ..Progress::default() };
        Ok(record)
    }

    fn validate(&self, rows: &dyn Rows, labels: &[usize], epoch: usize) -> Result<Tally, Error> {
        let mut batch = Batch::new(rows.dim(), self.head.config().classes);
        let mut tally = Tally::default();
        let all: Vec<usize> = (0..rows.len()).collect();
        for chunk in all.chunks(VALIDATION_BATCH) {
            batch.fill(Part::Validation, rows, labels, chunk)?;
            let error = |quantity, index: usize| Error::ValidationNotFinite {
                quantity,
                epoch,
                image: rows.name(batch.rows[index]),
            };
            if let Some(index) = first_bad_row(&batch.features) {
                return Err(error(Quantity::Features, index));
            }
            let logits: Array2<f32> = self.head.logits(batch.features.view());
            let mut tape = Tape::new();
            let on_tape = tape.constant(&logits);
            let loss = tape.softmax_cross_entropy(on_tape, &batch.one_hot);
            if !tape.scalar(loss).is_finite() {
                return Err(error(Quantity::Loss, culprit(&self.head, &batch)));
            }
            tally.add(tape.scalar(loss), batch.hits(&logits), batch.len());
        }
        Ok(tally)
    }

    fn require_fit(&self, part: Part, rows: &dyn Rows, labels: &[usize]) -> Result<(), Error> {
        let (expected, found) = (self.head.config().inputs, rows.dim());
        if expected != found {
            return Err(Error::FeatureSize { part, expected, found });
        }
        if rows.is_empty() {
            return Err(Error::NoRows { part });
        }
        if rows.len() != labels.len() {
            return Err(Error::LabelCount { part, rows: rows.len(), labels: labels.len() });
        }
        let classes = self.head.config().classes;
        match labels.iter().position(|&label| label >= classes) {
            Some(row) => Err(Error::Label { image: rows.name(row), label: labels[row], classes }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Trainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("config", &self.config)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
