//! Rows as they come, for whoever would rather ask than be told.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use ndarray::{Array2, ArrayView1, s};

use super::pipeline::{Batch, Row};
use super::plan::different;
use super::{CacheStatus, Error, ExtractEvent, Extractor, FeatureCache, FillOptions, ImageFailure, Summary};
use headstart_cache::{Key, Store};
use headstart_image::Views;

use crate::{CancelToken, Control, ImageInput};

/// Images that may wait to be asked for; then the work waits.
const WAITING: usize = 256;

/// What became of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageResult {
    /// The image.
    pub image: ImageInput,
    /// Under which it stands in the cache; none of an image that could not be read.
    pub key: Option<Key>,
    /// Its features, `(views, d)`, a row for each view that was asked for in the order of their numbers, the plain one first; or
    /// why it has none.
    pub features: Result<Array2<f32>, ImageFailure>,
}

/// No result was ready in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no result is ready yet")]
pub struct NotYet;

type Finished = Result<(Summary, FeatureCache), Error>;

/// Results of [`Extractor::results`], each different image once, in the order in which they are known.
///
/// Dropping it stops the work as [`cancel`](Self::cancel) does, and waits for the batch in hand.
pub struct Results {
    rows: Receiver<ImageResult>,
    cancel: CancelToken,
    worker: Option<JoinHandle<Finished>>,
    outcome: Option<Finished>,
}

impl Extractor<'_> {
    /// The features of `images` in these views, one image after the other: at once where the cache has them all, the
    /// others as they are computed and kept. The work is done on other threads, and waits when nobody asks for what is ready.
    ///
    /// An error ends the results; [`Results::finish`] tells it.
    ///
    /// ```no_run
    /// use headstart_backbone::Backbone;
    /// use headstart_cache::Storage;
    /// use headstart_image::Views;
    /// use headstart_core::extract::{ExtractOptions, Extractor, FailureKind, FeatureCache, FillOptions, fingerprint};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
    /// let fingerprint = fingerprint(&backbone, Storage::F32)?;
    /// let cache = FeatureCache::create_or_open(folder.path(), backbone.name(), &fingerprint)?;
    /// let extractor = Extractor::new(&backbone, ExtractOptions::default());
    ///
    /// let files = ["cat.jpg", "coffee.jpg", "README.md", "gone.jpg"].map(|name| format!("data/photos/{name}"));
    /// let (views, images) = (Views::PLAIN, headstart_core::files(files));
    /// let mut results = extractor.results(cache, views, images, FillOptions::default(), |_| {});
    /// for image in &mut results {
    ///     match image.features {
    ///         Ok(features) => assert_eq!(features.dim(), (1, 2048)),
    ///         Err(failure) => assert!([FailureKind::Missing, FailureKind::Unsupported].contains(&failure.kind)),
    ///     }
    /// }
    /// let (summary, cache) = results.finish()?;
    /// assert_eq!((summary.computed, summary.failed, cache.store().len()), (2, 2, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn results(
        &self,
        cache: FeatureCache,
        views: Views,
        images: Vec<ImageInput>,
        options: FillOptions,
        mut listener: impl FnMut(crate::Event<'_>) + Send + 'static,
    ) -> Results {
        let (to_caller, rows) = bounded(WAITING);
        let cancel = CancelToken::default();
        let (backbone, engine, stop) = (self.backbone.clone(), self.options.clone(), cancel.clone());
        let worker = std::thread::spawn(move || {
            let images = different(&images);
            let outlet = Outlet { to_caller, stop, images, views, state: Mutex::default() };
            outlet.run(&Extractor { backbone: &backbone, options: engine }, cache, options, &mut listener)
        });
        Results { rows, cancel, worker: Some(worker), outcome: None }
    }
}

impl Results {
    /// End the work after the batch in inference, which is still kept. Results that are ready are still given.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// As [`next`](Iterator::next), but wait no longer than this.
    ///
    /// # Errors
    /// [`NotYet`] if nothing was ready by then; ask again.
    pub fn next_within(&mut self, wait: Duration) -> Result<Option<ImageResult>, NotYet> {
        match self.rows.recv_timeout(wait) {
            Ok(row) => Ok(Some(row)),
            Err(RecvTimeoutError::Timeout) => Err(NotYet),
            Err(RecvTimeoutError::Disconnected) => {
                self.join();
                Ok(None)
            }
        }
    }

    /// What was done, and the cache with all that was kept. Results that nobody asked for are passed over, not the work.
    ///
    /// # Errors
    /// As [`Extractor::fill`].
    pub fn finish(mut self) -> Result<(Summary, FeatureCache), Error> {
        self.by_ref().for_each(drop);
        self.outcome.take().expect("there once the results have ended")
    }

    fn join(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.outcome = Some(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    }
}

impl Iterator for Results {
    type Item = ImageResult;

    fn next(&mut self) -> Option<ImageResult> {
        let row = self.rows.recv().ok();
        if row.is_none() {
            self.join();
        }
        row
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        self.cancel();
        // Whoever waits for room finds that nobody listens.
        self.rows = crossbeam_channel::never();
        if let Some(worker) = self.worker.take() {
            // A panic over there was told by the panic's own message; a second one here would abort.
            let _ = worker.join();
        }
    }
}

/// The worker's side: gives each image once.
struct Outlet {
    to_caller: Sender<ImageResult>,
    stop: CancelToken,
    /// The different ones: what is told of them goes by their places.
    images: Vec<ImageInput>,
    views: Views,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    given: HashSet<usize>,
    /// Rows of images of which some view is still to come, one after the other.
    begun: HashMap<usize, Vec<f32>>,
}

impl Outlet {
    fn run(
        &self,
        extractor: &Extractor,
        mut cache: FeatureCache,
        options: FillOptions,
        to_caller: &mut (dyn FnMut(crate::Event<'_>) + Send),
    ) -> Finished {
        if !options.rehash {
            self.give_known(&cache);
        }
        let mut listener = |event: crate::Event<'_>| {
            if let crate::Event::Extract(ExtractEvent::Failed { place, key, failure, .. }) = event {
                self.give(place, key, Err(failure.clone()));
            }
            to_caller(event);
        };
        let mut control = Control::new(self.stop.clone(), &mut listener);
        let written = |batch: &Batch| self.written(batch);
        let summary =
            extractor.fill_and_give(&mut cache, self.views, &self.images, options, &mut control, &written)?;
        self.give_rest(&mut cache);
        Ok((summary, cache))
    }

    /// A batch was written.
    fn written(&self, batch: &Batch) {
        for (row, features) in batch.rows.iter().zip(batch.features.rows()) {
            if let Some(features) = self.collect(row, features) {
                self.give(row.id, Some(row.key), Ok(features));
            }
        }
    }

    /// All views of an image once the last of them is there. Where some had been kept before, it is given in the end.
    fn collect(&self, row: &Row, features: ArrayView1<f32>) -> Option<Array2<f32>> {
        let mut state = self.state();
        let rows = state.begun.entry(row.id).or_default();
        rows.extend(features);
        let rows = if row.last { state.begun.remove(&row.id)? } else { return None };
        Array2::from_shape_vec((self.views.len(), features.len()), rows).ok()
    }

    /// Each image once; whoever has gone needs no more.
    fn give(&self, place: usize, key: Option<Key>, features: Result<Array2<f32>, ImageFailure>) {
        let first = self.state().given.insert(place);
        let result = ImageResult { image: self.images[place].clone(), key, features };
        if first && self.to_caller.send(result).is_err() {
            self.stop.cancel();
        }
    }

    /// What the cache has, as far as that is known without reading files.
    fn give_known(&self, cache: &FeatureCache) {
        for (place, image) in self.images.iter().enumerate().take_while(|_| !self.stop.is_cancelled()) {
            if let Some(key) = image.path().and_then(|file| cache.known_key(file)) {
                self.give_from(cache.store(), place, key);
            }
        }
    }

    /// Images with the bytes of another, which have features without having been computed, and those of which only some views
    /// were missing.
    fn give_rest(&self, cache: &mut FeatureCache) {
        let given = self.state().given.clone();
        for (place, image) in self.images.iter().enumerate().filter(|(place, _)| !given.contains(place)) {
            if self.stop.is_cancelled() {
                return;
            }
            if let [CacheStatus::Ready(key)] = cache.status(std::slice::from_ref(image))[..] {
                self.give_from(cache.store(), place, key);
            }
        }
    }

    /// A row that turns out damaged is not given: its image is computed.
    fn give_from(&self, store: &Store, place: usize, key: Key) {
        let mut features = Array2::zeros((self.views.len(), store.dim()));
        for (row, view) in self.views.iter().enumerate() {
            let Some(id) = store.find(&key, view.number()) else { return };
            if store.gather(&[id], &mut features.slice_mut(s![row..=row, ..])).is_err() {
                return;
            }
        }
        self.give(place, Some(key), Ok(features));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
