//! Decode, batch, infer, hand on: four things at once, in bounded memory.
//!
//! ```text
//! decoders (threads)  --ready images-->  calling thread: batches, inference  --features-->  sink (thread)
//! ```
//!
//! Decoding runs beside inference, which fills every core by itself, and writing costs inference nothing. The last
//! channel has no room: while one batch is written, one more at most is being inferred, so that is what a kill can lose.
//!
//! All decoders together hold no more bytes of files, and of pixels, than a single image may have, whatever their number: who wants more
//! waits for the others. So a hundred-megapixel photo among thumbnails costs time, not memory.

mod decode;
mod infer;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trap;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use ndarray::{Array2, ArrayView4};

use super::batch::{BatchSize, Tuner};
use super::batcher::{Batcher, OnBatchSize};
use super::memory::Memory;
use super::{Error, ImageFailure};
use crate::ImageInput;
use decode::Shared;
use headstart_cache::{Key, Storage};
use headstart_image::{Heif, Recipe, View, Views};
use infer::Outcomes;

/// Decoded images that may wait where the batch size is not known beforehand: 38 MB of 224x224.
const AHEAD: usize = 64;

/// An image to look at; `id` is the caller's.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub id: usize,
    pub image: ImageInput,
    /// More than these will not be asked of it.
    pub views: Views,
}

/// What a file means to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Compute its features in these views, of which there is at least one.
    Compute(Views),
    /// There is nothing to compute.
    Skip,
}

/// What became of a job.
#[derive(Debug)]
pub(super) enum ImageOutcome {
    Skipped(Key),
    /// In all views that were admitted.
    Computed(Key),
    /// `key` is known if the file could be read.
    Failed {
        key: Option<Key>,
        failure: ImageFailure,
    },
}

/// A graph that turns a batch of images into as many rows of features.
pub(super) trait Infer {
    /// # Errors
    /// Out of memory, which fewer images may mend, or whatever stops the whole extraction: a graph that fails on one batch
    /// fails on all.
    fn infer(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, InferError>;

    /// Beyond this a larger batch is not worth trying.
    fn largest_batch(&self) -> usize;
}

/// Why a batch was not inferred.
pub(super) struct InferError {
    pub error: Error,
    pub out_of_memory: bool,
}

pub(super) struct Pipeline<'a> {
    pub recipe: &'a Recipe,
    pub heif: &'a Heif,
    pub batch_size: BatchSize,
    /// What [`BatchSize::Auto`] may try.
    pub batch_range: RangeInclusive<usize>,
    /// Threads that read, decode and resize.
    pub decoders: usize,
    /// What a row must fit into.
    pub storage: Storage,
    /// Set from outside to stop: the batch in inference is finished and written, no other is begun.
    pub cancel: &'a AtomicBool,
}

/// A view of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Of the job.
    pub id: usize,
    pub key: Key,
    pub view: View,
    /// Whether no other view of the job comes after it.
    pub last: bool,
}

enum Message {
    /// On its way to inference.
    Ready(Row, Vec<f32>),
    Done(usize, ImageOutcome),
}

/// Features of one batch.
pub(super) struct Batch {
    pub rows: Vec<Row>,
    /// `(rows.len(), feature_size)`
    pub features: Array2<f32>,
}

/// Hears what became of each job; its error ends the run.
pub(super) type OnOutcome<'a> = &'a mut dyn FnMut(usize, ImageOutcome) -> Result<(), Error>;

impl Pipeline<'_> {
    /// Take every job through. `admit` is asked in the decoding threads, by the key of a file's bytes; `model` is called when the first
    /// image is ready, so nothing is loaded when there is nothing to compute; `sink` gets each batch of features on a
    /// thread of its own; `on_outcome` hears of every job once, on the calling thread, in no particular order. A cancelled
    /// run leaves jobs unheard of. `on_batch_size` hears of every change of the batch size, on the calling thread.
    ///
    /// # Errors
    /// The first error of `model`, of inference, of `sink` or of `on_outcome` ends the run; what the sink took before that stays taken.
    /// An image that cannot be used is an [`ImageOutcome::Failed`], not an error.
    pub(super) fn run<M: Infer>(
        &self,
        jobs: &[Job],
        admit: &(dyn Fn(&Job, Key) -> Admission + Sync),
        model: impl FnOnce() -> Result<M, Error>,
        mut sink: impl FnMut(&Batch) -> Result<(), Error> + Send,
        on_outcome: OnOutcome<'_>,
        on_batch_size: OnBatchSize<'_>,
    ) -> Result<(), Error> {
        let shared = Shared::default();
        let rows = jobs.iter().map(|job| job.views.len()).sum::<usize>();
        // Two batches decoded ahead keep inference fed; more would only take memory.
        let ahead = match self.batch_size {
            BatchSize::Auto => AHEAD,
            BatchSize::Fixed(size) => 2 * size.min(rows.max(1)),
        };
        let (ready_in, ready_out) = bounded::<Message>(ahead);
        let (spare_in, spare_out) = bounded::<Vec<f32>>(2 * ahead);
        let (batch_in, batch_out) = bounded::<Batch>(0);
        thread::scope(|scope| {
            for _ in 0..self.decoders.clamp(1, jobs.len().max(1)) {
                let (ready, spare) = (ready_in.clone(), spare_out.clone());
                let shared = &shared;
                scope.spawn(move || self.decode(jobs, shared, admit, &spare, &ready));
            }
            drop(ready_in);
            let writer = scope.spawn(move || batch_out.iter().try_for_each(|batch| sink(&batch)));
            let tuner = Tuner::new(self.batch_size, self.batch_range.clone(), rows, Memory::watch());
            let mut gathered = Batcher::new(self.recipe.input_shape(), tuner, on_batch_size);
            let mut outcomes = Outcomes::new(on_outcome);
            let inferred = self.infer(&ready_out, &spare_in, model, batch_in, &mut gathered, &mut outcomes);
            // Decoders that wait for room in the channel see it closed; the others see the flag.
            shared.stop.store(true, Ordering::Relaxed);
            drop(ready_out);
            let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // A writer that failed is why the batches could not be handed on, so its error is the one to tell.
            written.and(inferred)
        })
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}
