//! The images that a run was trained on, found again.

use std::path::Path;

use anyhow::Context;
use headstart::cache::{Key, View};
use headstart::dataset::{Classes, Manifest};
use headstart::extract::FeatureCache;
use headstart::image::ViewKinds;
use headstart::run::Run;

use crate::cli::console::Console;
use crate::cli::features::Lookup;
use crate::cli::parts::{Images, Origin, Part, Parts};
use crate::cli::source::Source;

/// What a run learnt from.
pub struct Learnt {
    manifest: Manifest,
    part: Part,
}

impl Learnt {
    /// Look them up; a sentence that says why, if they cannot be.
    pub fn find(run: &Run, source: &Source, cache: &mut FeatureCache) -> Result<Self, String> {
        Self::look_up(run, source, cache).map_err(|error| {
            format!("The images that it was trained on could not be found again: {error:#}.")
        })
    }

    fn look_up(run: &Run, source: &Source, cache: &mut FeatureCache) -> anyhow::Result<Self> {
        // Whoever asked about other images is not to be told of these.
        let console = &Console::silent();
        let info = &run.info;
        let training = info.training().context("the head was trained elsewhere")?;
        let choice = training.data.as_ref().context("the run does not say which they were")?;
        let parts = Parts::of_run(Origin { run, training })?;
        let classes = Classes::new(info.classes.iter().cloned())?;
        let lookup = Lookup { source, console, failures_named: false, all: &[] };
        let all = Part::find(&lookup, Some(cache), &parts.training, &ViewKinds::default(), &classes)?;
        let seed = training.settings.seed;
        let part = Images::choose(all, None, choice, &classes, seed)?.training;
        let same = training.images.rows.is_none() || training.images.rows == part.info().rows;
        anyhow::ensure!(same, "manifest or images have changed since");
        Ok(Self { manifest: parts.training, part })
    }

    pub fn ids(&self) -> &[(Key, View)] {
        self.part.ids()
    }

    /// Each with its class.
    pub fn keys(&self) -> Vec<(Key, usize)> {
        self.part.keys()
    }

    pub fn labels(&self) -> &[usize] {
        &self.part.labels
    }

    /// As the manifest has it.
    pub fn path(&self, place: usize) -> &str {
        &self.manifest.examples()[self.part.places()[place]].path
    }

    pub fn file(&self, place: usize) -> &Path {
        &self.manifest.examples()[self.part.places()[place]].file
    }
}
