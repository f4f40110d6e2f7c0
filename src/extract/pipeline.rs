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

use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use ndarray::{Array2, ArrayView4, Axis};

use super::batch::{BatchSize, Tuner};
use super::budget::Budget;
use super::failure::read_image;
use super::gathered::{Gathered, OnBatchSize};
use super::memory::Memory;
use super::{Error, ImageFailure};
use crate::cache::{Key, Storage};
use crate::preprocess::{Limits, Preprocessor, Recipe, decoding_takes};

/// Decoded images that may wait where the batch size is not known beforehand: 38 MB of 224x224.
const AHEAD: usize = 64;

/// An image file to look at; `id` is the caller's.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: usize,
    pub file: PathBuf,
}

/// What the bytes of a file mean to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Compute its features.
    Compute(Key),
    /// There is nothing to compute.
    Skip(Key),
}

/// What became of a job.
#[derive(Debug)]
pub enum Outcome {
    Skipped(Key),
    Computed(Key),
    /// `key` is known if the file could be read.
    Failed {
        key: Option<Key>,
        failure: ImageFailure,
    },
}

/// A graph that turns a batch of images into as many rows of features.
pub trait Infer {
    /// # Errors
    /// Out of memory, which fewer images may mend, or whatever stops the whole extraction: a graph that fails on one batch
    /// fails on all.
    fn infer(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, InferError>;

    /// Beyond this a larger batch is not worth trying.
    fn largest_batch(&self) -> usize;
}

/// Why a batch was not inferred.
pub struct InferError {
    pub error: Error,
    pub out_of_memory: bool,
}

pub struct Pipeline<'a> {
    pub recipe: &'a Recipe,
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

/// What decoders have in common.
#[derive(Default)]
struct Shared {
    /// Number of the next job.
    next: AtomicUsize,
    stop: AtomicBool,
    room: Room,
}

/// What decoders may hold together.
struct Room {
    files: Budget,
    pixels: Budget,
}

impl Default for Room {
    /// What one image may have: so each finds room, if need be alone.
    fn default() -> Self {
        let limits = Limits::default();
        Self { files: Budget::new(limits.file), pixels: Budget::new(limits.memory) }
    }
}

/// Bytes that all decoders together may keep from one image to the next, to spare asking for them again.
const KEPT: u64 = 1 << 28;

/// An image on its way to inference.
struct Ready {
    id: usize,
    key: Key,
    pixels: Vec<f32>,
}

enum Message {
    Ready(Ready),
    Done(usize, Outcome),
}

/// Features of one batch.
pub struct Batch {
    /// The job behind each row, and its key.
    pub rows: Vec<(usize, Key)>,
    /// `(rows.len(), feature_size)`
    pub features: Array2<f32>,
}

/// Hears what became of each job; its error ends the run.
pub type OnOutcome<'a> = &'a mut dyn FnMut(usize, Outcome) -> Result<(), Error>;

impl Pipeline<'_> {
    /// Take every job through. `admit` looks at a file's bytes in the decoding threads; `model` is called when the first
    /// image is ready, so nothing is loaded when there is nothing to compute; `sink` gets each batch of features on a
    /// thread of its own; `on_outcome` hears of every job once, on the calling thread, in no particular order. A cancelled
    /// run leaves jobs unheard of. `on_batch_size` hears of every change of the batch size, on the calling thread.
    ///
    /// # Errors
    /// The first error of `model`, of inference, of `sink` or of `on_outcome` ends the run; what the sink took before that stays taken.
    /// An image that cannot be used is an [`Outcome::Failed`], not an error.
    pub fn run<M: Infer>(
        &self,
        jobs: &[Job],
        admit: &(dyn Fn(&Job, &[u8]) -> Admission + Sync),
        model: impl FnOnce() -> Result<M, Error>,
        mut sink: impl FnMut(&Batch) -> Result<(), Error> + Send,
        on_outcome: OnOutcome<'_>,
        on_batch_size: OnBatchSize<'_>,
    ) -> Result<(), Error> {
        let shared = Shared::default();
        // Two batches decoded ahead keep inference fed; more would only take memory.
        let ahead = match self.batch_size {
            BatchSize::Auto => AHEAD,
            BatchSize::Fixed(size) => 2 * size.min(jobs.len().max(1)),
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
            let tuner = Tuner::new(self.batch_size, self.batch_range.clone(), jobs.len(), Memory::watch());
            let mut gathered = Gathered::new(self.recipe.input_shape(), tuner, on_batch_size);
            let inferred = self.infer(&ready_out, &spare_in, model, batch_in, &mut gathered, on_outcome);
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

    fn decode(
        &self,
        jobs: &[Job],
        shared: &Shared,
        admit: &(dyn Fn(&Job, &[u8]) -> Admission + Sync),
        spare: &Receiver<Vec<f32>>,
        ready: &Sender<Message>,
    ) {
        let mut preprocessor = self.preprocessor();
        while !shared.stop.load(Ordering::Relaxed) && !self.is_cancelled() {
            let Some(job) = jobs.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { return };
            let pixels = spare.try_recv().unwrap_or_default();
            if ready.send(self.prepare(job, &shared.room, admit, &mut preprocessor, pixels)).is_err() {
                return;
            }
        }
    }

    fn preprocessor(&self) -> Preprocessor {
        Preprocessor::new(self.recipe.clone()).expect("the recipe of an opened backbone was checked")
    }

    /// Read, ask, decode one file.
    fn prepare(
        &self,
        job: &Job,
        room: &Room,
        admit: &(dyn Fn(&Job, &[u8]) -> Admission + Sync),
        preprocessor: &mut Preprocessor,
        mut pixels: Vec<f32>,
    ) -> Message {
        let _file = room.files.take(fs::metadata(&job.file).map_or(0, |metadata| metadata.len()));
        let bytes = match read_image(&job.file) {
            Ok(bytes) => bytes,
            Err(error) => {
                let failure = ImageFailure::read(&error);
                return Message::Done(job.id, Outcome::Failed { key: None, failure });
            }
        };
        let key = match admit(job, &bytes) {
            Admission::Skip(key) => return Message::Done(job.id, Outcome::Skipped(key)),
            Admission::Compute(key) => key,
        };
        pixels.resize(self.recipe.len(), 0.0);
        let takes = decoding_takes(&bytes);
        let _pixels = room.pixels.take(takes);
        let prepared = preprocessor.run(&bytes, &mut pixels);
        if takes > KEPT / self.decoders.max(1) as u64 {
            // Its buffers are as large as the largest image so far.
            *preprocessor = self.preprocessor();
        }
        match prepared {
            Ok(_) => Message::Ready(Ready { id: job.id, key, pixels }),
            Err(error) => {
                Message::Done(job.id, Outcome::Failed { key: Some(key), failure: ImageFailure::from(&error) })
            }
        }
    }

    /// Gather batches, infer each, hand it to the writer.
    fn infer<M: Infer>(
        &self,
        ready: &Receiver<Message>,
        spare: &Sender<Vec<f32>>,
        model: impl FnOnce() -> Result<M, Error>,
        writer: Sender<Batch>,
        gathered: &mut Gathered,
        on_outcome: OnOutcome<'_>,
    ) -> Result<(), Error> {
        let mut model = Lazy::Unmade(Some(model));
        for message in ready {
            if self.is_cancelled() {
                return Ok(());
            }
            match message {
                Message::Done(id, outcome) => on_outcome(id, outcome)?,
                Message::Ready(Ready { id, key, pixels }) => {
                    gathered.push(id, key, &pixels);
                    let _ = spare.try_send(pixels);
                    if gathered.is_full() && !self.infer_batch(&mut model, gathered, &writer, on_outcome)? {
                        return Ok(());
                    }
                }
            }
        }
        if !gathered.is_empty() && !self.is_cancelled() {
            self.infer_batch(&mut model, gathered, &writer, on_outcome)?;
        }
        Ok(())
    }

    /// False if the writer is gone; its own error tells why.
    fn infer_batch<M: Infer>(
        &self,
        model: &mut Lazy<M, impl FnOnce() -> Result<M, Error>>,
        gathered: &mut Gathered,
        writer: &Sender<Batch>,
        on_outcome: OnOutcome<'_>,
    ) -> Result<bool, Error> {
        let Batch { rows, features } = gathered.infer(model.get()?)?;
        let mut sound = Vec::with_capacity(rows.len());
        for (row, &(id, key)) in rows.iter().enumerate() {
            match features.row(row).iter().find(|&&value| !self.storage.can_hold(value)) {
                None => sound.push(row),
                Some(&value) => {
                    let failure = ImageFailure::not_kept(value);
                    on_outcome(id, Outcome::Failed { key: Some(key), failure })?;
                }
            }
        }
        let kept: Vec<(usize, Key)> = sound.iter().map(|&row| rows[row]).collect();
        let features = if kept.len() == rows.len() { features } else { features.select(Axis(0), &sound) };
        if writer.send(Batch { rows: kept.clone(), features }).is_err() {
            return Ok(false);
        }
        kept.into_iter().try_for_each(|(id, key)| on_outcome(id, Outcome::Computed(key)))?;
        Ok(true)
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
