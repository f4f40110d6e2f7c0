//! What an evaluation found, and its files.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use headstart_base::files::FileSet;
use headstart_base::text::counted;
use headstart_evaluate::{Metrics, OtherPrecision, Prediction, predict};
use ndarray::Array2;

use super::{Error, FeatureSource, Samples, TrainingImages, evaluation_folder};
use crate::Control;
use crate::dataset::Manifest;
use crate::evaluation::{EvaluationRecord, PredictionColumns, ScoredImage, Writer, looks_like_a_formula};
use crate::extract::FeatureCache;
use crate::run::Run;

/// What a run says of labelled images, and how good that is.
pub struct Evaluation<'m> {
    /// The figures.
    pub metrics: Metrics,
    /// Probabilities `(images, classes)`.
    pub probabilities: Array2<f32>,
    /// What was evaluated, for whoever wants to do it again.
    pub record: EvaluationRecord,
    pub(super) run: Run,
    pub(super) manifest: Cow<'m, Manifest>,
    pub(super) samples: Samples,
    pub(super) source: FeatureSource,
    pub(super) cache: FeatureCache,
    pub(super) outcomes: Vec<(ScoredImage, f64)>,
}

/// What becomes of the page of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page<'p> {
    /// It is written.
    Write(&'p str),
    /// That of an earlier evaluation, which shows other figures, is removed.
    Remove,
    /// There is none, or one that is somebody else's.
    Leave,
}

impl Evaluation<'_> {
    /// The files of an evaluation.
    pub const FILES: [&'static str; 4] =
        ["evaluation.toml", "predictions.csv", "report.html", "metrics.json"];

    /// The run, with the temperature that was used.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The images that were evaluated.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Where they are listed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) fn outcomes(&self) -> &[(ScoredImage, f64)] {
        &self.outcomes
    }

    /// Their features.
    pub fn cache(&self) -> &FeatureCache {
        &self.cache
    }

    /// How the features differ from those that the run was trained on, if they do.
    pub fn other_precision(&self) -> Option<&OtherPrecision> {
        self.source.other_precision.as_ref()
    }

    /// What the run says of each image: so many guesses.
    pub fn predictions(&self, guesses: usize) -> Vec<Prediction> {
        predict(self.probabilities.view(), &self.samples.labels(), guesses)
    }

    /// The images that the run was trained on; a sentence that says why, if they are not to be found.
    ///
    /// # Errors
    /// That sentence.
    pub fn training_images(&mut self) -> Result<TrainingImages, String> {
        TrainingImages::find(&self.run, &self.source, &mut self.cache)
    }

    /// Where it is kept in the run, unless a folder is named: after the manifest and the views, but not in the place of an
    /// evaluation of other images.
    pub fn folder(&self, control: &mut Control<'_>) -> PathBuf {
        let other = self.source.other_precision.as_ref();
        evaluation_folder::in_run(&self.run, &self.record, &self.outcomes, other, control)
    }

    /// Write it into a folder: all of its files or none, so that a disk which fills up leaves those of an earlier evaluation.
    ///
    /// # Errors
    /// If one of them cannot be written.
    pub fn write(
        &self,
        folder: &Path,
        columns: PredictionColumns,
        page: Page<'_>,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        let path = |name: &str| folder.join(name);
        let mut files = FileSet::default();
        files.write(&path("evaluation.toml"), |out| out.write_all(self.record.to_toml().as_bytes()))?;
        // predictions.csv lies elsewhere than the manifest, and is a manifest itself.
        let examples = self.manifest.examples();
        let names: Vec<String> = self.samples.iter().map(|sample| examples[sample.row].located()).collect();
        files.write(&path("predictions.csv"), |out| self.write_predictions(&names, columns, out))?;
        warn_of_formulas(names.iter().chain(&self.run.info.classes), control);
        match page {
            Page::Write(html) => files.write(&path("report.html"), |out| out.write_all(html.as_bytes()))?,
            Page::Remove => files.remove(&path("report.html")),
            Page::Leave => {}
        }
        // The last is the seal: an evaluation without figures is told as one that is not complete.
        files.write(&path("metrics.json"), |out| out.write_all(self.metrics.to_json().as_bytes()))?;
        Ok(files.put()?)
    }

    fn write_predictions(
        &self,
        names: &[String],
        columns: PredictionColumns,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let classes = &self.run.info.classes;
        let guesses = columns.guesses(classes.len());
        let mut writer = Writer::new(out, classes, columns)?;
        // Each is gone when it is written: with a column for each class they would be many times what is kept of them.
        for ((name, row), sample) in names.iter().zip(self.probabilities.rows()).zip(self.samples.iter()) {
            writer.row(name, &Prediction::of(row, sample.label, guesses))?;
        }
        writer.finish()
    }
}

/// `predictions.csv` may be opened in a spreadsheet, and names be somebody else's.
fn warn_of_formulas<'a>(names: impl Iterator<Item = &'a String>, control: &mut Control<'_>) {
    let like_formulas: Vec<&String> = names.filter(|name| looks_like_a_formula(name)).collect();
    if let Some(first) = like_formulas.first() {
        control.warn(format_args!(
            "{} in predictions.csv {} to a spreadsheet, the first is `{first}`: import the file as text",
            counted(like_formulas.len() as u64, "name"),
            if like_formulas.len() == 1 { "is a formula" } else { "are formulas" }
        ));
    }
}
