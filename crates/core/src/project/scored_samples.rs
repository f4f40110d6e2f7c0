//! What a head says of a manifest's images, and how good that is.

use headstart_evaluate::metrics;
use headstart_evaluate::{Metrics, OtherPrecision, mean_over_views};
use headstart_nn::layers::Temperature;
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::logits::logits;
use super::{Error, EvaluateOptions, FeatureSource, Lookup, Project, Samples};
use crate::Control;
use crate::dataset::{Classes, Manifest};
use crate::evaluation::ScoredImage;
use crate::extract::FeatureCache;
use crate::run::{ManifestInfo, Run};

/// What a head says of a manifest's images.
pub(super) struct ScoredSamples {
    pub(super) samples: Samples,
    /// `(views * images, classes)`: all images in one view, then all in the next.
    pub(super) logits: Array2<f32>,
    views: usize,
    /// The images that have a label.
    pub(super) images: ManifestInfo,
    /// Where the features are not of the precision that the head was trained on.
    other_precision: Option<OtherPrecision>,
}

impl Project {
    /// Look the images up, and ask the head about them.
    pub(super) fn score(
        &self,
        run: &Run,
        source: &FeatureSource,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        options: &EvaluateOptions,
        control: &mut Control<'_>,
    ) -> Result<ScoredSamples, Error> {
        let views = &options.views;
        let lookup = Lookup { failures_told: options.extract, ..Lookup::default() };
        let labels = labels(manifest, &Classes::new(run.info.classes.iter().cloned())?)?;
        let Some(cache) = cache else {
            // Without a cache nothing has features, and the error says so.
            source.samples(None, manifest, &labels, views, lookup, control)?;
            unreachable!("samples need a cache");
        };
        let samples = source.samples(Some(cache), manifest, &labels, views, lookup, control)?;
        let views = source.views(views);
        let rows = samples.select(cache.store(), views)?;
        let logits = self.threads()?.run(|| logits(&run.head, &rows))?;
        if let Some(row) = logits.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
            let image = samples.get(row % samples.len()).path.clone();
            return Err(Error::NoNumbers { run: run.name(), image });
        }
        let images = samples.info();
        let other_precision = source.other_precision.clone();
        Ok(ScoredSamples { samples, logits, views: views.len(), images, other_precision })
    }
}

impl ScoredSamples {
    /// Each view has the temperature, and then the mean is taken.
    fn at(&self, temperature: Temperature) -> Array2<f32> {
        mean_over_views(temperature.probabilities(self.logits.clone()).view(), self.views)
    }

    /// What `predictions.csv` says of the images that have a label, and how sure it is of each.
    pub(super) fn outcomes(&self, run: &Run) -> Vec<(ScoredImage, f64)> {
        let said = self.at(run.temperature());
        let name = |class: usize| run.info.classes[class].clone();
        let rows = self.samples.iter().zip(said.rows());
        rows.filter_map(|(sample, row)| {
            let (class, confidence) = metrics::best(row);
            let (path, label) = (sample.path.clone(), name(sample.label?));
            Some((ScoredImage { path, label, prediction: name(class) }, f64::from(confidence)))
        })
        .collect()
    }

    /// How good they are, with the temperature of the run: probabilities `(images, classes)`, and figures.
    pub(super) fn assess(&self, run: &Run, resamples: u32) -> Result<(Array2<f32>, Metrics), Error> {
        let labels = self.samples.labels();
        let probabilities = self.at(run.temperature());
        // One seed: whoever asks twice hears the same.
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let metrics = Metrics::of(probabilities.view(), &labels, &run.info.classes)?;
        let resamples = resamples as usize;
        let mut metrics = metrics.with_intervals(probabilities.view(), &labels, resamples, &mut rng);
        if let Some(calibration) = &run.calibration {
            let before = self.at(Temperature::ONE);
            let fitted_here = calibration.fitted_on.rows == self.images.rows;
            let temperature = calibration.temperature;
            metrics = metrics.with_calibration(temperature, fitted_here, before.view(), &labels)?;
        }
        let other_precision = self.other_precision.clone();
        Ok((probabilities, Metrics { other_precision, ..metrics }))
    }
}

/// Of those rows that have one; that none has is an error.
pub(super) fn labels(manifest: &Manifest, classes: &Classes) -> Result<Vec<Option<usize>>, Error> {
    let labels = manifest.labels_if_any(classes)?;
    if labels.iter().all(Option::is_none) {
        // The same question asked strictly, for its answer says why there are none.
        manifest.labels(classes)?;
    }
    Ok(labels)
}
