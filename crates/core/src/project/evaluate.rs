//! How good a run is on labelled images.

use std::borrow::Cow;
use std::path::Path;

use headstart_base::files::path_text;
use headstart_evaluate::scored;
use headstart_image::ViewKinds;

use super::error::with_causes;
use super::manifests::folder_of;
use super::scored_samples::{ScoredSamples, labels};
use super::{Accept, Error, Evaluation, FeatureSource, Project, Samples, TrainingImages, UseOfCopies};
use crate::dataset::{Classes, Manifest, Whereabouts};
use crate::evaluation::EvaluationRecord;
use crate::extract::FeatureCache;
use crate::run::{Run, RunImages};
use crate::{Control, Event};

/// How to evaluate.
#[derive(Debug, Clone)]
pub struct EvaluateOptions {
    /// The part of the manifest that is evaluated, if not all: the manifest that is given holds it alone.
    pub split: Option<String>,
    /// Views of each image that probabilities are averaged over, beside the plain one.
    pub views: ViewKinds,
    /// Compute features that are missing first.
    pub extract: bool,
    /// Fit a temperature on these images, and keep it in the run.
    pub calibrate: bool,
    /// Which features the head may be shown.
    pub accept: Accept,
    /// Bootstrap samples for the 95 % intervals; 0 leaves these out.
    pub resamples: u32,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            split: None,
            views: ViewKinds::default(),
            extract: false,
            calibrate: false,
            accept: Accept::Own,
            resamples: 1000,
        }
    }
}

impl Project {
    /// Measure a run on labelled images.
    ///
    /// # Errors
    /// Labels that the run does not know, or none at all; as [`features_of`](Self::features_of);
    /// [`Error::NoFeatures`], [`Error::NoNumbers`], [`Error::TrainedOnThese`], [`Error::Calibration`].
    pub fn evaluate<'m>(
        &self,
        run: &Run,
        manifest: &'m Manifest,
        options: &EvaluateOptions,
        control: &mut Control<'_>,
    ) -> Result<Evaluation<'m>, Error> {
        self.evaluate_cow(run, Cow::Borrowed(manifest), options, control)
    }

    /// The same, with the manifest in what is returned.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_owned(
        &self,
        run: &Run,
        manifest: Manifest,
        options: &EvaluateOptions,
        control: &mut Control<'_>,
    ) -> Result<Evaluation<'static>, Error> {
        self.evaluate_cow(run, Cow::Owned(manifest), options, control)
    }

    fn evaluate_cow<'m>(
        &self,
        run: &Run,
        manifest: Cow<'m, Manifest>,
        options: &EvaluateOptions,
        control: &mut Control<'_>,
    ) -> Result<Evaluation<'m>, Error> {
        let mut run = run.clone();
        // What is wrong with labels is told before anything is computed.
        let classes = Classes::new(run.info.classes.iter().cloned())?;
        labels(&manifest, &classes)?;
        let source = self.features_of(&run, options.accept)?;
        if let Some(other) = &source.other_precision {
            if options.calibrate {
                return Err(Error::TemperatureOfOthers { found: other.clone() });
            }
            control.warn(format_args!("using features in {other}"));
        }
        let files = || manifest.files();
        let mut cache = source.open_or_fill(&files, &options.views, options.extract, control)?;
        let answers = self.score(&run, &source, cache.as_mut(), &manifest, options, control)?;
        let mut cache = cache.expect("a cache that is not there has no features");
        tell_leaks(&run, &source, &mut cache, &manifest, &answers.samples, control)?;
        if options.calibrate {
            run.require_others(&answers.images, control)?;
            let (logits, known) = scored(answers.logits.view(), &answers.samples.labels());
            run.fit_temperature(logits.view(), &known, answers.images.clone(), control)?;
        }
        let (probabilities, metrics) = answers.assess(&run, options.resamples)?;
        let record = record(&run, &manifest, options, &answers);
        let (outcomes, samples) = (answers.outcomes(&run), answers.samples);
        Ok(Evaluation { metrics, probabilities, record, run, manifest, samples, source, cache, outcomes })
    }
}

/// What is evaluated, for whoever wants to do it again.
fn record(
    run: &Run,
    manifest: &Manifest,
    options: &EvaluateOptions,
    answers: &ScoredSamples,
) -> EvaluationRecord {
    let paths: Vec<&Path> = manifest.sources().collect();
    let texts = paths.iter().map(|path| path_text(path).into_owned()).collect();
    let (columns, images) = (manifest.columns().clone(), &answers.images);
    EvaluationRecord {
        digest: Some(images.digest.clone()),
        rows: images.rows.clone(),
        places: Whereabouts::of(&paths, &folder_of(run)),
        ..EvaluationRecord::new(texts, columns, options.split.clone(), options.views.clone())
    }
}

/// Say which of the images the run was trained on, and which are there twice.
fn tell_leaks(
    run: &Run,
    source: &FeatureSource,
    cache: &mut FeatureCache,
    manifest: &Manifest,
    samples: &Samples,
    control: &mut Control<'_>,
) -> Result<(), Error> {
    let classes = Classes::new(run.info.classes.iter().cloned())?;
    let mut found = samples.tell_copies(UseOfCopies::Evaluated, &classes, control);
    match known_images(run, source, cache, control) {
        Some(known) => found |= samples.tell_known(&run.name(), &known, control),
        None if run.info.training().is_some() => {
            control.detail(format_args!("`{}` does not say which images it was trained on", run.name()))
        }
        None => {}
    }
    if found {
        control.tell(Event::Copies(&source.request(manifest, &[], &ViewKinds::default())));
    }
    Ok(())
}

/// Which images the run was trained on: as it says, or, for a run of version 0.1.0, as its manifests and the cache say.
fn known_images(
    run: &Run,
    source: &FeatureSource,
    cache: &mut FeatureCache,
    control: &mut Control<'_>,
) -> Option<RunImages> {
    let told = run.images().unwrap_or_else(|error| {
        let why = with_causes(&error);
        control.warn(format_args!("{why}: images that the run was trained on cannot be found"));
        None
    });
    told.or_else(|| {
        let found = TrainingImages::find(run, source, cache).ok()?;
        Some(RunImages::new(&found.samples().keys(), &[]))
    })
}
