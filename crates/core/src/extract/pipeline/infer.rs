//! From tensors to features, on the calling thread.

use std::collections::HashSet;

use crossbeam_channel::{Receiver, Sender};
use ndarray::Axis;

use super::{Batch, ImageOutcome, Infer, Message, OnOutcome, Pipeline, Row};
use crate::extract::batcher::Batcher;
use crate::extract::{Error, ImageFailure};

impl Pipeline<'_> {
    /// Gather batches, infer each, hand it to the writer.
    pub(super) fn infer<M: Infer>(
        &self,
        ready: &Receiver<Message>,
        spare: &Sender<Vec<f32>>,
        model: impl FnOnce() -> Result<M, Error>,
        writer: Sender<Batch>,
        gathered: &mut Batcher,
        outcomes: &mut Outcomes<'_>,
    ) -> Result<(), Error> {
        let mut model = Lazy::Unmade(Some(model));
        for message in ready {
            if self.is_cancelled() {
                return Ok(());
            }
            match message {
                Message::Done(id, outcome) => outcomes.done(id, outcome)?,
                Message::Ready(row, pixels) => {
                    gathered.push(row, &pixels);
                    let _ = spare.try_send(pixels);
                    if gathered.is_full() && !self.infer_batch(&mut model, gathered, &writer, outcomes)? {
                        return Ok(());
                    }
                }
            }
        }
        if !gathered.is_empty() && !self.is_cancelled() {
            self.infer_batch(&mut model, gathered, &writer, outcomes)?;
        }
        Ok(())
    }

    /// False if the writer is gone; its own error tells why.
    fn infer_batch<M: Infer>(
        &self,
        model: &mut Lazy<M, impl FnOnce() -> Result<M, Error>>,
        gathered: &mut Batcher,
        writer: &Sender<Batch>,
        outcomes: &mut Outcomes<'_>,
    ) -> Result<bool, Error> {
        let Batch { rows, features } = gathered.infer(model.get()?)?;
        let mut sound = Vec::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            match features.row(place).iter().find(|&&value| !self.storage.can_hold(value)) {
                None => sound.push(place),
                Some(&value) => outcomes.failed(*row, ImageFailure::not_kept(value))?,
            }
        }
        let kept = sound.iter().map(|&place| rows[place]).collect();
        let features = if sound.len() == rows.len() { features } else { features.select(Axis(0), &sound) };
        if writer.send(Batch { rows: kept, features }).is_err() {
            return Ok(false);
        }
        rows.into_iter().filter(|row| row.last).try_for_each(|row| outcomes.complete(row))?;
        Ok(true)
    }
}

/// Sees to it that each job has one outcome, however many views it has.
pub(super) struct Outcomes<'a> {
    on_outcome: OnOutcome<'a>,
    /// Jobs that failed in one view while others were on their way.
    failed: HashSet<usize>,
}

impl<'a> Outcomes<'a> {
    pub(super) fn new(on_outcome: OnOutcome<'a>) -> Self {
        Self { on_outcome, failed: HashSet::new() }
    }

    fn done(&mut self, id: usize, outcome: ImageOutcome) -> Result<(), Error> {
        if self.failed.remove(&id) { Ok(()) } else { (self.on_outcome)(id, outcome) }
    }

    /// A view whose features cannot be kept.
    fn failed(&mut self, Row { id, key, .. }: Row, failure: ImageFailure) -> Result<(), Error> {
        match self.failed.insert(id) {
            true => (self.on_outcome)(id, ImageOutcome::Failed { key: Some(key), failure }),
            false => Ok(()),
        }
    }

    /// The last view of its job has been dealt with, and so all others have.
    fn complete(&mut self, Row { id, key, .. }: Row) -> Result<(), Error> {
        self.done(id, ImageOutcome::Computed(key))
    }
}

/// A model that is made when it is first needed.
enum Lazy<M, F> {
    Unmade(Option<F>),
    Made(M),
}

impl<M, F: FnOnce() -> Result<M, Error>> Lazy<M, F> {
    fn get(&mut self) -> Result<&mut M, Error> {
        if let Self::Unmade(make) = self {
            let make = make.take().expect("a model that could not be made ends the run");
            *self = Self::Made(make()?);
        }
        let Self::Made(model) = self else { unreachable!("made just above") };
        Ok(model)
    }
}
