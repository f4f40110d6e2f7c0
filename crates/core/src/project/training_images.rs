//! The images that a run was trained on, found again.

use std::path::Path;

use headstart_cache::{Key, View};
use headstart_image::ViewKinds;

use super::error::with_causes;
use super::manifests::TrainedRun;
use super::train::chosen;
use super::training_data::TrainingData;
use super::{Error, FeatureSource, Lookup, Samples};
use crate::Control;
use crate::dataset::{Classes, Manifest};
use crate::extract::FeatureCache;
use crate::run::Run;

/// What a run learned from.
#[derive(Debug)]
pub struct TrainingImages {
    manifest: Manifest,
    samples: Samples,
}

impl TrainingImages {
    /// Look them up; a sentence that says why, if they cannot be.
    ///
    /// # Errors
    /// That sentence.
    pub fn find(run: &Run, source: &FeatureSource, cache: &mut FeatureCache) -> Result<Self, String> {
        Self::look_up(run, source, cache).map_err(|reason| {
            format!("The images that it was trained on could not be found again: {reason}.")
        })
    }

    fn look_up(run: &Run, source: &FeatureSource, cache: &mut FeatureCache) -> Result<Self, String> {
        let in_words = |error: Error| with_causes(&error);
        let info = &run.info;
        let training = info.training().ok_or("the head was trained elsewhere")?;
        let choice = training.data.as_ref().ok_or("the run does not say which they were")?;
        let manifest = TrainingData::of_run(TrainedRun { run, training })?.training;
        let classes = Classes::new(info.classes.iter().cloned()).map_err(|error| error.to_string())?;
        let labels = manifest.labels(&classes).map_err(|error| error.to_string())?;
        let labels: Vec<Option<usize>> = labels.into_iter().map(Some).collect();
        // Whoever asked about other images is not to be told of these.
        let (lookup, control) = (Lookup::default(), &mut Control::silent());
        let all = source.samples(Some(cache), &manifest, &labels, &ViewKinds::default(), lookup, control);
        let samples = all.and_then(|all| chosen(all, choice, &classes, training.settings.seed));
        let samples = samples.map_err(in_words)?;
        if training.images.rows.is_some() && training.images.rows != samples.info().rows {
            return Err("manifest or images have changed since".into());
        }
        Ok(Self { manifest, samples })
    }

    /// They themselves.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// What their features are kept under.
    pub fn ids(&self) -> Vec<(Key, View)> {
        self.samples.ids()
    }

    /// Each one's class.
    pub fn labels(&self) -> Vec<usize> {
        self.samples.known_labels()
    }

    /// The class of one.
    pub fn label(&self, place: usize) -> usize {
        self.samples.get(place).label.expect("images are trained on by their labels")
    }

    /// The path of one, as the manifest has it.
    pub fn path(&self, place: usize) -> &str {
        &self.samples.get(place).path
    }

    /// The file of one.
    pub fn file(&self, place: usize) -> &Path {
        &self.manifest.examples()[self.samples.get(place).row].file
    }
}
