//! The loop.

mod progress;
mod sound;
mod training_plan;
mod validate;

use std::{borrow::Cow, fmt};

use super::{
    Checkpoint, ClassWeight, Ended, EpochRecord, Error, Flow, History, Part, Quantity, Rows, TrainConfig,
    TrainEvent, TrainOutcome,
    batch::Batch,
    health::{culprit, first_bad_row, first_unanswered, has_numbers, usable},
    objective::{self, Targets},
    random::{Purpose, draw_views, generator, order},
};
use crate::autodiff::Tape;
use crate::layers::Head;
use crate::optim::{Clip, Optimizer};
use headstart_base::machine::awake;
use headstart_base::text::counted;

pub(super) use progress::{Progress, Tally};
use sound::Sound;
use training_plan::TrainingPlan;

/// A training that can be run, stopped, saved and gone on with.
pub struct Trainer {
    config: TrainConfig,
    head: Head,
    optimizer: Box<dyn Optimizer<f32>>,
    clip: Option<Clip>,
    progress: Progress,
    history: History,
    /// What the best epoch gave, where early stopping is to restore it.
    best: Option<Best>,
    /// To go back to from a head that gives no numbers.
    sound: Sound,
}

/// The weights that early stopping goes back to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Best {
    /// Counts from 1.
    pub epoch: usize,
    pub head: Head,
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
        match &config.class_weight {
            Some(ClassWeight::Given(factors)) if factors.len() != shape.classes => {
                let found = format_args!("{} for {}", factors.len(), counted(shape.classes as u64, "class"));
                return Err(Error::setting("class_weight", "one number for each class", found));
            }
            Some(ClassWeight::Named(_)) => {
                return Err(Error::setting("class_weight", "by place where classes have no names", "names"));
            }
            _ => {}
        }
        let (optimizer, clip) = (config.optimizer(&head.parameters())?, config.clip());
        let (progress, history) = Default::default();
        let sound = Sound::default();
        Ok(Self { config, head, optimizer, clip, progress, history, best: None, sound })
    }

    /// Go on where a checkpoint was taken: what comes is, bit for bit, what would have come without the stop.
    ///
    /// # Errors
    /// [`Error::OtherSettings`] unless `config` is that of the checkpoint. Only `epochs` may differ, and not even they
    /// while a cosine schedule takes its length from them.
    pub fn resume(config: &TrainConfig, checkpoint: Checkpoint) -> Result<Self, Error> {
        let config = config.clone().check()?;
        checkpoint.require_settings(&config)?;
        let mut trainer = Self::from_head(config, checkpoint.head)?;
        trainer.optimizer.set_state(checkpoint.optimizer)?;
        (trainer.progress, trainer.history) = (checkpoint.progress, checkpoint.history);
        trainer.best = checkpoint.best;
        Ok(trainer)
    }

    /// The head as it is now.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The head to keep if training ended now: with early stopping that of the best epoch, if it is to be restored.
    pub fn best_head(&self) -> &Head {
        self.best.as_ref().map_or(&self.head, |best| &best.head)
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
            best: self.best.clone(),
        }
    }

    /// What [`train`](super::train) returns, of a training that [`run`](Self::run) has `ended`; after an error that is
    /// [`Ended::Failed`], and the outcome that of the last good step.
    pub fn into_outcome(self, ended: Ended) -> TrainOutcome {
        let checkpoint = self.checkpoint();
        let best_epoch = self.best.as_ref().map(|best| best.epoch);
        let head = self.best.map_or(self.head, |best| best.head);
        TrainOutcome { head, best_epoch, history: self.history, ended, checkpoint }
    }

    /// Train until the last epoch is complete, early stopping has seen enough, or `on_event` says stop.
    ///
    /// # Errors
    /// As [`train`](super::train). The trainer is then where it was after the last good step, one after which the head still
    /// gave numbers: its [`checkpoint`](Self::checkpoint) is worth keeping.
    pub fn run(
        &mut self,
        rows: &dyn Rows,
        labels: &[usize],
        validation: Option<(&dyn Rows, &[usize])>,
        on_event: &mut dyn FnMut(TrainEvent) -> Flow,
    ) -> Result<Ended, Error> {
        self.require_fit(Part::Training, rows, labels)?;
        if let Some((rows, labels)) = validation {
            self.require_fit(Part::Validation, rows, labels)?;
        }
        self.require_same(rows)?;
        self.config.require_monitor(validation.is_some())?;
        self.sound = Sound::default();
        awake(|| {
            let ended = self.epochs(rows, labels, validation, on_event);
            self.back_to_numbers(ended, rows, labels, validation)
        })
    }

    fn epochs(
        &mut self,
        rows: &dyn Rows,
        labels: &[usize],
        validation: Option<(&dyn Rows, &[usize])>,
        on_event: &mut dyn FnMut(TrainEvent) -> Flow,
    ) -> Result<Ended, Error> {
        let TrainConfig { epochs, batch_size, .. } = self.config;
        let steps = rows.len().div_ceil(batch_size);
        let mut course = TrainingPlan::new(&self.config, steps, &self.history)?;
        let mut batch = Batch::new(rows.dim(), self.head.config().classes, self.targets(labels));
        while self.progress.epoch < epochs && !course.is_over() {
            let epoch = self.progress.epoch + 1;
            let order = self.order(rows.len(), self.progress.epoch);
            for chunk in order.chunks(batch_size).skip(self.progress.step) {
                let Progress { epoch: done, step, .. } = self.progress;
                batch.fill(Part::Training, rows, labels, &self.in_views(chunk, rows, done, step))?;
                self.optimizer.set_learning_rate(course.rate(epoch, self.progress.step + 1));
                self.step(&batch).map_err(|(quantity, index)| Error::NotFinite {
                    quantity,
                    epoch,
                    step: step + 1,
                    image: rows.name(batch.rows[index]),
                })?;
                let (step, tally) = (self.progress.step, self.progress.tally);
                let (loss, accuracy) = (tally.loss(), tally.accuracy());
                if on_event(TrainEvent::Step { epoch, epochs, step, steps, loss, accuracy }) == Flow::Stop {
                    return Ok(Ended::Stopped);
                }
            }
            let record = self.complete_epoch(validation, course.rate(epoch, steps))?;
            if course.observe(&record) {
                self.best = Some(Best { epoch, head: self.head.clone() });
            }
            let flow = on_event(TrainEvent::Epoch { record: &record, epochs, trainer: self });
            if flow == Flow::Stop && epoch < epochs && !course.is_over() {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::Completed)
    }

    /// What the training rows' labels become.
    fn targets(&self, labels: &[usize]) -> Targets {
        let classes = self.head.config().classes;
        let targets = Targets::new(self.config.label_smoothing, classes);
        match &self.config.class_weight {
            Some(weight) => targets.weighted(&weight.factors(labels, classes)),
            None => targets,
        }
    }

    /// The order of an epoch's rows; epochs count from 0.
    fn order(&self, rows: usize, epoch: usize) -> Vec<usize> {
        match self.config.shuffle {
            true => order(rows, &mut generator(self.config.seed, Purpose::Order, epoch, 0)),
            false => (0..rows).collect(),
        }
    }

    /// Where a step's rows are, each in a view of its own; epochs and steps count from 0.
    fn in_views<'r>(
        &self,
        chosen: &'r [usize],
        rows: &dyn Rows,
        epoch: usize,
        step: usize,
    ) -> Cow<'r, [usize]> {
        if rows.views() == 1 {
            return Cow::Borrowed(chosen);
        }
        let mut rng = generator(self.config.seed, Purpose::Views, epoch, step);
        Cow::Owned(draw_views(chosen, rows.views(), rows.len(), &mut rng))
    }

    /// One step. On an error nothing has changed, and it says what was not finite at which row of the batch. Only
    /// [`Quantity::Answers`] is found after the change.
    fn step(&mut self, batch: &Batch) -> Result<(), (Quantity, usize)> {
        if let Some(row) = first_bad_row(batch) {
            return Err((Quantity::Features, row));
        }
        let Progress { epoch, step, .. } = self.progress;
        let mut rng = generator(self.config.seed, Purpose::Dropout, epoch, step);
        let masks = self.head.draw_masks(batch.len(), &mut rng);

        let mut tape = Tape::new();
        let x = tape.shared_constant(batch.features.clone());
        let [loss, logits] =
            objective::record(&self.head, &mut tape, x, &batch.targets, &masks, self.config.l2);
        let (mean_loss, hits) = (tape.scalar(loss), batch.hits(tape.value(logits)));
        if !mean_loss.is_finite() {
            return Err((Quantity::Loss, culprit(&self.head, batch)));
        }
        let gradients = tape.factored_gradient(loss);
        if !usable(&gradients, batch) {
            return Err((Quantity::Gradients, culprit(&self.head, batch)));
        }
        let gradients = objective::clipped(gradients, self.clip);
        if self.sound.is_due() {
            self.sound.keep(self.checkpoint());
        }
        self.optimizer.update(&mut self.head.parameters_mut(), &gradients);

        self.progress.step += 1;
        self.progress.tally.add(mean_loss, hits, batch.len());
        if self.sound.every_step && !has_numbers(&self.head) {
            return Err((Quantity::Answers, 0));
        }
        if let Some(row) = self.sound.every_step.then(|| first_unanswered(&self.head, batch)).flatten() {
            return Err((Quantity::Answers, row));
        }
        Ok(())
    }

    /// Validate, and write the epoch down. The rate is told, for a training that was stopped just before this has
    /// forgotten it.
    fn complete_epoch(
        &mut self,
        validation: Option<(&dyn Rows, &[usize])>,
        learning_rate: f64,
    ) -> Result<EpochRecord, Error> {
        let epoch = self.progress.epoch + 1;
        let validation = validation.map(|(rows, labels)| self.validate(rows, labels, epoch)).transpose()?;
        let tally = self.progress.tally;
        let record = EpochRecord {
            epoch,
            loss: tally.loss(),
            accuracy: tally.accuracy(),
            val_loss: validation.map(|figures| figures.loss),
            val_accuracy: validation.map(|figures| figures.accuracy),
            learning_rate,
        };
        self.history.epochs.push(record);
        let Progress { rows, views, .. } = self.progress;
        self.progress = Progress { epoch, rows, views, ..Progress::default() };
        Ok(record)
    }

    /// That a training which has begun goes on with as many rows in as many views.
    fn require_same(&mut self, rows: &dyn Rows) -> Result<(), Error> {
        let views = Some(rows.views()).filter(|&views| views > 1);
        if self.progress.rows.is_none() {
            (self.progress.rows, self.progress.views) = (Some(rows.len()), views);
        }
        match self.progress.rows {
            Some(expected) if expected != rows.len() => Err(Error::OtherRows { expected, found: rows.len() }),
            _ if self.progress.views != views => {
                Err(Error::OtherViews { expected: self.progress.views.unwrap_or(1), found: rows.views() })
            }
            _ => Ok(()),
        }
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
