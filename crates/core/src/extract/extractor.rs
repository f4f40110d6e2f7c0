//! Fills a cache.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView4};

use super::pipeline::{Admission, Batch, ImageOutcome, Infer, InferError, Job, Pipeline};
use super::plan::Plan;
use super::recorder::Recorder;
use super::{BatchSize, Error, FeatureCache, ImageFailure, Shard};
use crate::{Control, ImageInput};
use headstart_backbone::{Backbone, Engine, EngineOptions};
use headstart_cache::{FailureKind, Key, Provenance, SegmentWriter, Storage, Store};
use headstart_image::Views;

/// How to extract.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// Images per run of the graph.
    pub batch_size: BatchSize,
    /// Threads that read, decode and resize beside inference.
    pub decoders: usize,
    /// What computes, and in what: the precision is that of the cache which is filled. `max_batch` follows from the batch size.
    pub engine: EngineOptions,
}

/// What a cache is filled with. By default with all that it lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FillOptions {
    /// Hash every file again, whatever the memo says.
    pub rehash: bool,
    /// Try again what failed before and has not changed.
    pub retry_failed: bool,
    /// Compute only images of this shard, so that machines which share nothing divide the work; `None` computes all.
    pub shard: Option<Shard>,
    /// Stop with an error once more images than this have failed, known failures included; `None` goes on to the end.
    pub max_failures: Option<usize>,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self {
            batch_size: BatchSize::Auto,
            // Inference has every core too, but large photographs may take more time to decode than to infer.
            decoders: available_parallelism().map_or(1, NonZeroUsize::get),
            engine: EngineOptions::default(),
        }
    }
}

/// What happens on the way.
#[derive(Debug)]
pub enum ExtractEvent<'a> {
    /// Once, at first: of `images` different ones `cached` are known to have features, `to_do` are to be looked at.
    Planned {
        /// What computes them.
        backbone: &'a Backbone,
        /// Views of each image, the plain one among them.
        views: usize,
        /// Different images.
        images: usize,
        /// Images that are known to have features.
        cached: usize,
        /// Images that are to be looked at.
        to_do: usize,
    },
    /// Once, at first, where nothing is kept: so many images are looked at.
    Computing {
        /// Images to look at.
        images: usize,
    },
    /// The graph is loaded; only if something is computed.
    Loaded {
        /// The graph, the device and the library.
        engine: &'a Engine,
    },
    /// From here on so many images are run at once; `out_of_memory`: because more did not fit.
    BatchSize {
        /// Images that are run at once.
        images: usize,
        /// Whether more did not fit into memory.
        out_of_memory: bool,
    },
    /// One image of those to do is done, in whatever way.
    Progress,
    /// Once, at last, unless an error ended it.
    Filled {
        /// What was done.
        summary: &'a Summary,
        /// How long it took.
        elapsed: Duration,
        /// The folder of the features.
        folder: &'a Path,
    },
    /// An image gives no features. `known`: it was tried before and has not changed since.
    Failed {
        /// Its place among the different images.
        place: usize,
        /// The image.
        image: &'a ImageInput,
        /// The key of its bytes, if it could be read.
        key: Option<Key>,
        /// What went wrong.
        failure: &'a ImageFailure,
        /// Whether it was tried before and has not changed since.
        known: bool,
    },
}

/// An image's features, or why it has none.
pub type Computed<T> = Result<T, ImageFailure>;

/// What an extraction did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Different images.
    pub images: usize,
    /// Those that had features in every view before, under whatever name.
    pub cached: usize,
    /// Those of which some view was computed now, and none is missing any more.
    pub computed: usize,
    /// Rows that were computed for that: one for each view.
    pub rows: usize,
    /// Those without features; each was told by [`ExtractEvent::Failed`].
    pub failed: usize,
    /// Those that have no features here and that another shard is to compute.
    pub elsewhere: usize,
    /// How many of them failed in which way.
    pub failures: BTreeMap<FailureKind, usize>,
    /// Whether it was stopped from outside before the end.
    pub cancelled: bool,
}

/// Computes features of one backbone.
pub struct Extractor<'a> {
    pub(super) backbone: &'a Backbone,
    pub(super) options: ExtractOptions,
}

impl Infer for Engine {
    fn infer(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, InferError> {
        self.session.run(images).map_err(|error| {
            let out_of_memory = error.is_out_of_memory();
            InferError { error: error.into(), out_of_memory }
        })
    }

    fn largest_batch(&self) -> usize {
        Engine::largest_batch(self)
    }
}

impl<'a> Extractor<'a> {
    /// An extractor that has not begun; it loads nothing yet.
    pub fn new(backbone: &'a Backbone, options: ExtractOptions) -> Self {
        Self { backbone, options }
    }

    /// Compute the features of those `images` that `cache` lacks in these views, and keep them there.
    ///
    /// ONNX Runtime is loaded when the first image needs it. A cancelled `control` ends the work after the batch that is in
    /// inference: it is written, and the summary says [`cancelled`](Summary::cancelled).
    ///
    /// # Errors
    /// What stops everything: no runtime or device, a graph that fails, a cache that cannot be written, more failures than
    /// [`FillOptions::max_failures`]. What was written stays.
    /// [`Error::OtherPrecision`] if the cache is for features of another precision than the options ask for.
    pub fn fill(
        &self,
        cache: &mut FeatureCache,
        views: Views,
        images: &[ImageInput],
        options: FillOptions,
        control: &mut Control<'_>,
    ) -> Result<Summary, Error> {
        self.fill_and_give(cache, views, images, options, control, &|_| {})
    }

    /// The same; `give` gets each batch once it is written, on a thread of its own.
    pub(super) fn fill_and_give(
        &self,
        cache: &mut FeatureCache,
        views: Views,
        images: &[ImageInput],
        options: FillOptions,
        control: &mut Control<'_>,
        give: &(dyn Fn(&Batch) + Sync),
    ) -> Result<Summary, Error> {
        self.check_precision(cache)?;
        let cancel = control.token().clone();
        let _watch = control.watch();
        let mut on_event = |event: ExtractEvent<'_>| control.tell(crate::Event::Extract(event));
        let events = RefCell::new(&mut on_event as &mut dyn FnMut(ExtractEvent<'_>));
        let outcome = self.fill_from(cache, (views, images, options), cancel.flag(), events, give);
        if outcome.is_err() {
            cache.store.remove_if_empty();
        }
        // Also after an error: whoever asks the cache then is to see what there is.
        cache.reload()?;
        outcome
    }

    fn fill_from(
        &self,
        cache: &mut FeatureCache,
        (views, images, options): (Views, &[ImageInput], FillOptions),
        cancel: &AtomicBool,
        on_event: RefCell<&mut dyn FnMut(ExtractEvent)>,
        give: &(dyn Fn(&Batch) + Sync),
    ) -> Result<Summary, Error> {
        let started = Instant::now();
        let FeatureCache { store, memo, failures } = cache;
        let plan = Plan::new((images, views, options), store, memo, failures, cancel);
        let views = views.len();
        on_event.borrow_mut()(plan.event(self.backbone, views));
        let mut recorder = Recorder::new(&plan, store, memo, failures, &on_event, options.max_failures);
        recorder.known()?;
        if !plan.jobs.is_empty() {
            self.compute(&plan, store, &mut recorder, cancel, &on_event, give)?;
        }
        let mut summary = recorder.finish()?;
        summary.cancelled = cancel.load(Ordering::Relaxed);
        cache.reload()?;
        // Also what others wrote counts as done from here on.
        cache.store.sync()?;
        let (elapsed, folder) = (started.elapsed(), cache.store.dir());
        on_event.borrow_mut()(ExtractEvent::Filled { summary: &summary, elapsed, folder });
        Ok(summary)
    }

    fn compute(
        &self,
        plan: &Plan,
        store: &Store,
        recorder: &mut Recorder,
        cancel: &AtomicBool,
        on_event: &RefCell<&mut dyn FnMut(ExtractEvent)>,
        give: &(dyn Fn(&Batch) + Sync),
    ) -> Result<(), Error> {
        let writer = Mutex::new(None::<SegmentWriter>);
        let model = || {
            let engine = self.engine(MANY)?;
            // Made only now: a run that computes nothing leaves no file.
            *lock(&writer) = Some(store.writer(self.provenance(&engine))?);
            on_event.borrow_mut()(ExtractEvent::Loaded { engine: &engine });
            Ok(engine)
        };
        let written = AtomicUsize::new(0);
        let sink = |batch: &Batch| {
            let ids: Vec<_> = batch.rows.iter().map(|row| (row.key, row.view.number())).collect();
            lock(&writer).as_mut().expect("made with the model").append(&ids, batch.features.view())?;
            written.fetch_add(ids.len(), Ordering::Relaxed);
            give(batch);
            Ok(())
        };
        let admit = plan.admission(store);
        let outcome = self.pipeline(cancel, store.storage()).run(
            &plan.jobs,
            &admit,
            model,
            sink,
            &mut |id, outcome| recorder.record(id, outcome),
            &tell_batch_size(on_event),
        );
        // Also after an error: what was written before it is to reach the disk.
        let closed = lock(&writer).take().map_or(Ok(()), SegmentWriter::close);
        recorder.written(written.into_inner());
        outcome?;
        Ok(closed?)
    }

    /// Features of `images` without any cache: row `i` for image `i`, or why it has none; `None` for those that a cancelled
    /// call did not come to.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    pub fn features(
        &self,
        images: &[ImageInput],
        control: &mut Control<'_>,
    ) -> Result<Vec<Option<Computed<Vec<f32>>>>, Error> {
        let rows = self.features_in(Views::PLAIN, images, control)?;
        let plain = |rows: Array2<f32>| rows.into_raw_vec_and_offset().0;
        Ok(rows.into_iter().map(|rows| rows.map(|rows| rows.map(plain))).collect())
    }

    /// Features of `images` in some views without any cache: an array `(views.len(), d)` for each image, a row for each view
    /// in their order, or why it has none; `None` for those that a cancelled call did not come to.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    pub fn features_in(
        &self,
        views: Views,
        images: &[ImageInput],
        control: &mut Control<'_>,
    ) -> Result<Vec<Option<Computed<Array2<f32>>>>, Error> {
        let cancel = control.token().clone();
        let _watch = control.watch();
        let mut on_event = |event: ExtractEvent<'_>| control.tell(crate::Event::Extract(event));
        let on_event: RefCell<&mut dyn FnMut(ExtractEvent)> = RefCell::new(&mut on_event);
        on_event.borrow_mut()(ExtractEvent::Computing { images: images.len() });
        let jobs: Vec<Job> =
            (0..).zip(images).map(|(id, image)| Job { id, image: image.clone(), views }).collect();
        let size = self.backbone.feature_size();
        let parts = Mutex::new(vec![Vec::with_capacity(views.len() * size); images.len()]);
        let mut results = vec![None; images.len()];
        let model = || {
            let engine = self.engine(images.len() * views.len())?;
            on_event.borrow_mut()(ExtractEvent::Loaded { engine: &engine });
            Ok(engine)
        };
        let sink = |batch: &Batch| {
            let mut parts = lock(&parts);
            for (row, features) in batch.rows.iter().zip(batch.features.rows()) {
                // Views of a job come in their order.
                parts[row.id].extend(features);
            }
            Ok(())
        };
        let admit = |job: &Job, _: Key| Admission::Compute(job.views);
        let mut on_outcome = |id: usize, outcome| {
            on_event.borrow_mut()(ExtractEvent::Progress);
            results[id] = Some(match outcome {
                ImageOutcome::Failed { failure, .. } => Err(failure),
                ImageOutcome::Computed(_) | ImageOutcome::Skipped(_) => Ok(()),
            });
            Ok(())
        };
        let on_batch_size = tell_batch_size(&on_event);
        self.pipeline(cancel.flag(), Storage::F32).run(
            &jobs,
            &admit,
            model,
            sink,
            &mut on_outcome,
            &on_batch_size,
        )?;
        let parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let array =
            |part| Array2::from_shape_vec((views.len(), size), part).expect("every view was computed");
        let both = results.into_iter().zip(parts);
        Ok(both.map(|(result, part)| result.map(|result| result.map(|()| array(part)))).collect())
    }

    fn check_precision(&self, cache: &FeatureCache) -> Result<(), Error> {
        let expected = &cache.store.fingerprint().parts().precision;
        let found = self.backbone.precision(self.options.engine.session.precision)?;
        let same = expected == found.name();
        if same { Ok(()) } else { Err(Error::OtherPrecision { expected: expected.clone(), found }) }
    }

    /// For so many rows, if that is known.
    fn engine(&self, rows: usize) -> Result<Engine, Error> {
        let max_batch = match self.options.batch_size {
            BatchSize::Auto => LARGEST,
            BatchSize::Fixed(size) => size,
        };
        let mut options = self.options.engine.clone();
        options.session.max_batch = Some(max_batch);
        options.session.sleepy |= rows <= FEW;
        Ok(Engine::start(self.backbone, &options)?)
    }

    fn pipeline<'p>(&'p self, cancel: &'p AtomicBool, storage: Storage) -> Pipeline<'p> {
        // A graph that takes only so many images at once leaves nothing to search.
        let batch_range = self.backbone.batch_size().map_or(FIRST..=LARGEST, |size| size..=size);
        Pipeline {
            recipe: self.backbone.recipe(),
            heif: &self.options.engine.libraries.heif,
            batch_size: self.options.batch_size,
            batch_range,
            decoders: self.options.decoders,
            storage,
            cancel,
        }
    }

    fn provenance(&self, engine: &Engine) -> Provenance {
        Provenance {
            version: String::new(),
            runtime: format!("onnxruntime {}", engine.runtime.version()),
            device: engine.selection.describe(),
            batch: self.options.batch_size.to_string(),
        }
    }
}

/// Where the search for a batch size begins: a processor gains nothing by more, and a kill costs two batches.
const FIRST: usize = 8;
/// Where it ends.
const LARGEST: usize = 64;
/// No more rows than this are done before threads that spin would pay.
const FEW: usize = 2 * FIRST;
const MANY: usize = usize::MAX;

fn tell_batch_size<'a>(on_event: &'a RefCell<&mut dyn FnMut(ExtractEvent)>) -> impl Fn(usize, bool) + 'a {
    |images, out_of_memory| on_event.borrow_mut()(ExtractEvent::BatchSize { images, out_of_memory })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
