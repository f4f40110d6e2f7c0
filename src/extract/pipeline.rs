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

use std::collections::HashSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, SendError, Sender, bounded};
use ndarray::{Array2, ArrayView4, Axis};

use super::batch::{BatchSize, Tuner};
use super::budget::Budget;
use super::failure::read_image;
use super::gathered::{Gathered, OnBatchSize};
use super::memory::Memory;
use super::{Error, ImageFailure};
use crate::cache::{Key, Storage};
use crate::preprocess::{self, Limits, Preprocessor, Recipe, View, Views, decoding_takes};

/// Decoded images that may wait where the batch size is not known beforehand: 38 MB of 224x224.
const AHEAD: usize = 64;

/// An image file to look at; `id` is the caller's.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: usize,
    pub file: PathBuf,
    /// More than these will not be asked of it.
    pub views: Views,
}

/// What the bytes of a file mean to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Compute its features in these views, of which there is at least one.
    Compute(Key, Views),
    /// There is nothing to compute.
    Skip(Key),
}

/// What became of a job.
#[derive(Debug)]
pub enum Outcome {
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

/// A view of an image.
#[derive(Debug, Clone, Copy)]
pub struct Row {
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
    Done(usize, Outcome),
}

/// Features of one batch.
pub struct Batch {
    pub rows: Vec<Row>,
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
            let mut gathered = Gathered::new(self.recipe.input_shape(), tuner, on_batch_size);
            let mut outcomes = Outcomes { on_outcome, failed: HashSet::new() };
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
            if self.prepare(job, &shared.room, admit, &mut preprocessor, spare, ready).is_err() {
                return;
            }
        }
    }

    fn preprocessor(&self) -> Preprocessor {
        Preprocessor::new(self.recipe.clone()).expect("the recipe of an opened backbone was checked")
    }

    /// Read, ask, decode one file, and hand on each view of it; an error if nobody takes any more.
    fn prepare(
        &self,
        job: &Job,
        room: &Room,
        admit: &(dyn Fn(&Job, &[u8]) -> Admission + Sync),
        preprocessor: &mut Preprocessor,
        spare: &Receiver<Vec<f32>>,
        ready: &Sender<Message>,
    ) -> Result<(), SendError<Message>> {
        let done = |outcome| ready.send(Message::Done(job.id, outcome));
        let _file = room.files.take(fs::metadata(&job.file).map_or(0, |metadata| metadata.len()));
        let bytes = match read_image(&job.file) {
            Ok(bytes) => bytes,
            Err(error) => return done(Outcome::Failed { key: None, failure: ImageFailure::read(&error) }),
        };
        let (key, views) = match admit(job, &bytes) {
            Admission::Skip(key) => return done(Outcome::Skipped(key)),
            Admission::Compute(key, views) => (key, views),
        };
        let takes = decoding_takes(&bytes);
        let _pixels = room.pixels.take(takes);
        let sent = self.prepare_views(
            Row { id: job.id, key, view: View::PLAIN, last: false },
            views,
            &bytes,
            preprocessor,
            spare,
            ready,
        );
        if takes > KEPT / self.decoders.max(1) as u64 {
            // Its buffers are as large as the largest image so far.
            *preprocessor = self.preprocessor();
        }
        sent
    }

    /// Decode one image and hand on each view of it.
    fn prepare_views(
        &self,
        job: Row,
        views: Views,
        bytes: &[u8],
        preprocessor: &mut Preprocessor,
        spare: &Receiver<Vec<f32>>,
        ready: &Sender<Message>,
    ) -> Result<(), SendError<Message>> {
        let failed = |error: &preprocess::Error| {
            let outcome = Outcome::Failed { key: Some(job.key), failure: error.into() };
            ready.send(Message::Done(job.id, outcome))
        };
        let mut image = match preprocessor.open(bytes) {
            Ok(image) => image,
            Err(error) => return failed(&error),
        };
        let last = views.iter().next_back();
        for view in views.iter() {
            let mut pixels = spare.try_recv().unwrap_or_default();
            pixels.resize(self.recipe.len(), 0.0);
            if let Err(error) = image.tensor(view, &mut pixels) {
                return failed(&error);
            }
            let row = Row { view, last: Some(view) == last, ..job };
            ready.send(Message::Ready(row, pixels))?;
        }
        Ok(())
    }

    /// Gather batches, infer each, hand it to the writer.
    fn infer<M: Infer>(
        &self,
        ready: &Receiver<Message>,
        spare: &Sender<Vec<f32>>,
        model: impl FnOnce() -> Result<M, Error>,
        writer: Sender<Batch>,
        gathered: &mut Gathered,
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
        gathered: &mut Gathered,
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
struct Outcomes<'a> {
    on_outcome: OnOutcome<'a>,
    /// Jobs that failed in one view while others were on their way.
    failed: HashSet<usize>,
}

impl Outcomes<'_> {
    fn done(&mut self, id: usize, outcome: Outcome) -> Result<(), Error> {
        if self.failed.remove(&id) { Ok(()) } else { (self.on_outcome)(id, outcome) }
    }

    /// A view whose features cannot be kept.
    fn failed(&mut self, Row { id, key, .. }: Row, failure: ImageFailure) -> Result<(), Error> {
        match self.failed.insert(id) {
            true => (self.on_outcome)(id, Outcome::Failed { key: Some(key), failure }),
            false => Ok(()),
        }
    }

    /// The last view of its job has been dealt with, and so all others have.
    fn complete(&mut self, Row { id, key, .. }: Row) -> Result<(), Error> {
        self.done(id, Outcome::Computed(key))
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::preprocess::ViewKinds;
    use crate::preprocess::recipe::{Channels, Layout, Resize};

    /// Images of two pixels, whose first one decides.
    fn recipe() -> Recipe {
        Recipe {
            resize: Resize::Stretch { width: 2, height: 1 },
            mean: [0.0; 3],
            channels: Channels::Rgb,
            layout: Layout::Nhwc,
            ..Recipe::preset("keras-resnet50").unwrap()
        }
    }

    /// Gives the first number of each image; where that is 255, something that is no number.
    struct First;

    impl Infer for First {
        fn infer(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, InferError> {
            let first = |i| Some(images[(i, 0, 0, 0)]).filter(|&value| value < 255.0).unwrap_or(f32::NAN);
            Ok(Array2::from_shape_fn((images.len_of(Axis(0)), 1), |(i, _)| first(i)))
        }

        fn largest_batch(&self) -> usize {
            64
        }
    }

    type Told = (usize, &'static str);

    /// What became of each file in some views, and the rows that were written: file, view and number.
    fn run(files: &[PathBuf], views: Views, batch: usize) -> (Vec<Told>, Vec<(usize, u16, f32)>) {
        let (recipe, cancel) = (recipe(), AtomicBool::new(false));
        let batch_size = BatchSize::Fixed(batch);
        let pipeline = Pipeline {
            recipe: &recipe,
            batch_size,
            batch_range: 1..=1,
            decoders: 3,
            storage: Storage::F32,
            cancel: &cancel,
        };
        let jobs: Vec<Job> =
            files.iter().enumerate().map(|(id, file)| Job { id, file: file.clone(), views }).collect();
        let (mut told, written) = (vec![], Mutex::new(vec![]));
        let sink = |batch: &Batch| {
            let rows = batch.rows.iter().zip(batch.features.rows());
            written
                .lock()
                .unwrap()
                .extend(rows.map(|(row, features)| (row.id, row.view.number(), features[0])));
            Ok(())
        };
        let admit = |job: &Job, bytes: &[u8]| Admission::Compute(Key::of(bytes), job.views);
        let mut on_outcome = |id, outcome| {
            told.push((
                id,
                match outcome {
                    Outcome::Computed(_) => "computed",
                    Outcome::Skipped(_) => "skipped",
                    Outcome::Failed { .. } => "failed",
                },
            ));
            Ok(())
        };
        pipeline.run(&jobs, &admit, || Ok(First), sink, &mut on_outcome, &|_, _| {}).unwrap();
        let mut written = written.into_inner().unwrap();
        told.sort_unstable();
        written.sort_by_key(|&(id, view, _)| (id, view));
        (told, written)
    }

    /// Two grey pixels.
    fn image(folder: &tempfile::TempDir, left: u8, right: u8) -> PathBuf {
        let file = folder.path().join(format!("{left}-{right}.png"));
        image::RgbImage::from_raw(2, 1, [[left; 3], [right; 3]].concat()).unwrap().save(&file).unwrap();
        file
    }

    #[test]
    fn a_file_with_several_views_has_one_outcome_and_a_row_for_each() {
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken.png");
        std::fs::write(&broken, b"\x89PNG\r\n\x1a\n").unwrap();
        let flip: Views = "flip".parse::<ViewKinds>().unwrap().of(&recipe());
        // A number in neither, one, or both views is none.
        let files = [
            image(&folder, 10, 20),
            image(&folder, 30, 255),
            broken,
            image(&folder, 255, 40),
            image(&folder, 255, 255),
        ];
        let told = vec![(0, "computed"), (1, "failed"), (2, "failed"), (3, "failed"), (4, "failed")];
        // What is finite is kept: it is right whatever the other view is.
        let rows = vec![(0, 0, 10.0), (0, 1, 20.0), (1, 0, 30.0), (3, 1, 40.0)];
        for batch in [1, 2, 3, 100] {
            assert_eq!(run(&files, flip, batch), (told.clone(), rows.clone()), "batches of {batch}");
        }
        let plain = vec![(0, "computed"), (1, "computed"), (2, "failed"), (3, "failed"), (4, "failed")];
        assert_eq!(run(&files, Views::PLAIN, 2), (plain, vec![(0, 0, 10.0), (1, 0, 30.0)]));
    }
}
