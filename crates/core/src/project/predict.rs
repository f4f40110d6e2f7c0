//! What images show.

use std::thread;

use headstart_backbone::Engine;
use headstart_cache::{Key, Store, View};
use headstart_evaluate::{OtherPrecision, Prediction, mean_over_views};
use headstart_image::{ViewKinds, Views};
use ndarray::{Array2, ArrayView1};

use super::samples::in_views;
use super::{Accept, Error, Project};
use crate::extract::{CacheStatus, Computed, Extractor, FeatureCache, PLAIN};
use crate::run::Run;
use crate::{Control, ImageInput};

/// How to predict.
#[derive(Debug, Clone)]
pub struct PredictOptions {
    /// Views of each image that probabilities are averaged over, beside the plain one.
    pub views: ViewKinds,
    /// Which features the head may be shown.
    pub accept: Accept,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self { views: ViewKinds::default(), accept: Accept::Own }
    }
}

/// Why an image has no prediction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPrediction {
    /// It cannot be read as an image, for this reason.
    #[error("{0}")]
    Failed(String),
    /// The work was cancelled before it.
    #[error("not computed: the work was stopped")]
    Stopped,
}

/// The probabilities of the classes, or why there are none.
pub type Probabilities = Result<Vec<f32>, NoPrediction>;

/// What images show, in their order.
#[derive(Debug, Clone)]
pub struct Predicted {
    /// The classes.
    pub classes: Vec<String>,
    /// Of each image, the probability of each class.
    pub rows: Vec<Probabilities>,
    /// How the features differ from those that the head was trained on, if that was accepted.
    pub other_precision: Option<OtherPrecision>,
}

impl Predicted {
    /// What each image shows: so many guesses, the likeliest first.
    pub fn predictions(&self, top: usize) -> Vec<Result<Prediction, NoPrediction>> {
        let of = |row: &Probabilities| {
            row.as_ref().map(|row| Prediction::of(ArrayView1::from(row), None, top)).map_err(Clone::clone)
        };
        self.rows.iter().map(of).collect()
    }

    /// That all answers are numbers; `name` is what the error calls their source.
    pub(super) fn require_numbers(self, name: &str, images: &[ImageInput]) -> Result<Self, Error> {
        let is_none = |row: &Probabilities| row.as_ref().is_ok_and(|row| row.iter().any(|p| !p.is_finite()));
        match self.rows.iter().position(is_none) {
            Some(place) => {
                let image = images[place].name().into_owned();
                Err(Error::NoNumbers { run: name.to_owned(), image })
            }
            None => Ok(self),
        }
    }
}

impl Project {
    /// Predict the classes of images. Features come from the cache where it has them in every view; the others are computed, and not
    /// kept. A cancelled `control` ends the work after the batch in hand.
    ///
    /// # Errors
    /// As [`features_of`](Self::features_of) and [`Extractor::features_in`]; [`Error::NoNumbers`]. What is wrong with one image is
    /// in its row.
    pub fn predict<I: Into<ImageInput>>(
        &self,
        run: &Run,
        images: impl IntoIterator<Item = I>,
        options: &PredictOptions,
        control: &mut Control<'_>,
    ) -> Result<Predicted, Error> {
        let images: Vec<ImageInput> = images.into_iter().map(Into::into).collect();
        let source = thread::scope(|scope| {
            // All that can be done before the backbone's hash tells whether there is anything to compute.
            scope.spawn(|| Engine::prepare(&self.config().extract.engine.libraries));
            self.features_of(run, options.accept)
        })?;
        if let Some(other) = &source.other_precision {
            control.warn(format_args!("using features in {other}"));
        }
        let views = source.views(&options.views);
        let mut rows = match source.open_cache()? {
            Some(mut cache) => self.threads()?.run(|| cached(run, &mut cache, views, &images)),
            None => vec![None; images.len()],
        };
        let missing: Vec<usize> = (0..images.len()).filter(|&place| rows[place].is_none()).collect();
        let wanted: Vec<ImageInput> = missing.iter().map(|&place| images[place].clone()).collect();
        let extractor = Extractor::new(&source.backbone, source.extract_options());
        for (place, features) in missing.into_iter().zip(extractor.features_in(views, &wanted, control)?) {
            rows[place] = Some(row(features).map(|features| probabilities(run, &features, 1).remove(0)));
        }
        let rows = rows.into_iter().map(|row| row.expect("what the cache lacks was computed")).collect();
        let (classes, other_precision) = (run.info.classes.clone(), source.other_precision);
        Predicted { classes, rows, other_precision }.require_numbers(&run.name(), &images)
    }
}

/// What was computed of an image, or why there is nothing; `None` where the work was cancelled before it.
pub(super) fn row<T>(computed: Option<Computed<T>>) -> Result<T, NoPrediction> {
    let computed = computed.ok_or(NoPrediction::Stopped)?;
    computed.map_err(|failure| NoPrediction::Failed(failure.reason))
}

/// Images whose rows are gathered together.
const ROWS: usize = 256;

/// Probabilities of those images that the cache has in all of these views.
fn cached(
    run: &Run,
    cache: &mut FeatureCache,
    views: Views,
    images: &[ImageInput],
) -> Vec<Option<Probabilities>> {
    let mut rows = vec![None; images.len()];
    let statuses = cache.status_in(views, images);
    let ready = statuses.into_iter().enumerate().filter_map(|(place, status)| match status {
        CacheStatus::Ready(key) => Some((place, (key, PLAIN))),
        _ => None,
    });
    let (places, ids): (Vec<usize>, Vec<(Key, View)>) = ready.unzip();
    for (places, ids) in places.chunks(ROWS).zip(ids.chunks(ROWS)) {
        let together = gather(cache.store(), &in_views(ids, views));
        let said = together.map(|features| probabilities(run, &features, ids.len()));
        for (index, (&place, &id)) in places.iter().zip(ids).enumerate() {
            // Where one of them is damaged each is asked for by itself: that one is computed, like one that is not there.
            rows[place] = match &said {
                Some(said) => Some(Ok(said[index].clone())),
                None => gather(cache.store(), &in_views(&[id], views))
                    .map(|features| Ok(probabilities(run, &features, 1).remove(0))),
            };
        }
    }
    rows
}

/// All of these rows, if none is missing or damaged.
fn gather(store: &Store, ids: &[(Key, View)]) -> Option<Array2<f32>> {
    let selection = store.select(ids).ok()?;
    let mut rows = Array2::zeros((0, 0));
    selection.gather(&(0..selection.len()).collect::<Vec<_>>(), &mut rows).ok()?;
    Some(rows)
}

/// The mean over the views of each of so many images; all of them in the first view come first.
fn probabilities(run: &Run, features: &Array2<f32>, images: usize) -> Vec<Vec<f32>> {
    let said = run.probabilities(features.view());
    let mean = mean_over_views(said.view(), features.nrows() / images);
    mean.rows().into_iter().map(|row| row.to_vec()).collect()
}
