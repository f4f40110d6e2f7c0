//! What a report shows, as data: a front renders it.
//!
//! [`ReportData`] is of one run, with its evaluations and what was found by looking closer; [`ComparisonData`] is of several runs
//! beside each other.

mod comparison;
#[cfg(feature = "compare")]
mod cross_validate;
mod evaluated;
mod facts;
mod findings;
mod project;

use std::path::PathBuf;

use headstart_evaluate::label_errors::Suspect;
use headstart_evaluate::{Metrics, Paired, Prediction};
use headstart_nn::train::EpochRecord;
use ndarray::Array2;

/// All that the report on a run shows.
#[derive(Debug, Clone)]
pub struct ReportData {
    /// The run's name.
    pub title: String,
    /// When the report was made.
    pub created: jiff::Timestamp,
    /// Where the classifier comes from, in a sentence or two.
    pub about: String,
    /// Names of the classes, in the order of their indices.
    pub classes: Vec<String>,
    /// How good it is, on one set of images after the other.
    pub evaluations: Vec<EvaluationData>,
    /// How training went, epoch by epoch.
    pub history: Vec<EpochRecord>,
    /// What cross-validation says of the training images, if that was done.
    pub training: Option<TrainingData>,
    /// Tables of what was set and what was used.
    pub facts: Vec<FactsData>,
    /// Whether everything is there that could be.
    pub is_complete: bool,
}

/// What was found, or a sentence that says why it is not known.
pub type Known<T> = Result<T, String>;

/// An evaluation on one set of images.
#[derive(Debug, Clone)]
pub struct EvaluationData {
    /// What the set is called.
    pub title: String,
    /// The figures.
    pub metrics: Metrics,
    /// What was said of each image; none if that is not known any more.
    pub images: Vec<ImageData>,
    /// Labels that are likely wrong; rows are places in `images`.
    pub suspects: Option<Known<Vec<Suspect>>>,
    /// Images that were trained on too.
    pub leaks: Option<Known<LeaksData>>,
    /// Images to be placed on a map.
    pub map: Option<Known<MapData>>,
}

/// An image and what was said of it.
#[derive(Debug, Clone)]
pub struct ImageData {
    /// Its path as the manifest has it.
    pub path: String,
    /// Where it lies.
    pub file: PathBuf,
    /// What was said.
    pub prediction: Prediction,
}

/// What was said of the training images by heads that had not seen them.
#[derive(Debug, Clone)]
pub struct TrainingData {
    /// Parts that each were held out once.
    pub folds: usize,
    /// What was said of each image.
    pub images: Vec<ImageData>,
    /// Labels that are likely wrong; rows are places in `images`.
    pub suspects: Vec<Suspect>,
}

/// Evaluated images that the classifier was trained on, or nearly.
#[derive(Debug, Clone)]
pub struct LeaksData {
    /// Images that it was trained on.
    pub training: usize,
    /// The least cosine of nearly the same images; `None` if only files were compared.
    pub threshold: Option<f32>,
    /// The same files first.
    pub pairs: Vec<LeakData>,
}

/// An evaluated image and one that was trained on.
#[derive(Debug, Clone)]
pub struct LeakData {
    /// Its place among the evaluation's images.
    pub image: usize,
    /// The path of the other one, as its manifest has it.
    pub path: String,
    /// Where that lies.
    pub file: PathBuf,
    /// Its class.
    pub label: usize,
    /// Of the angle between their features.
    pub cosine: f32,
    /// Whether the files are the same, byte for byte.
    pub identical: bool,
}

/// Features of images that a map is to show.
#[derive(Debug, Clone)]
pub struct MapData {
    /// Which: places among the evaluation's images. If not all, they were drawn, the same ones each time.
    pub images: Vec<usize>,
    /// Their features, `(images, d)`.
    pub features: Array2<f32>,
}

/// A table of names and values under a heading, such as "Settings".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactsData {
    /// The heading.
    pub heading: String,
    /// Names and values, in the order in which to show them.
    pub rows: Vec<(String, String)>,
    /// Those that are as they always are unless somebody changes them.
    pub defaults: Vec<(String, String)>,
}

/// All that a comparison of runs shows.
#[derive(Debug, Clone)]
pub struct ComparisonData {
    /// When it was made.
    pub created: jiff::Timestamp,
    /// The first is what the others are compared with.
    pub runs: Vec<ComparedRun>,
    /// Settings that the runs do not have in common, each with its values as they are typed.
    pub settings: Vec<(String, Vec<String>)>,
    /// What they were evaluated on.
    pub evaluations: Vec<ComparedOnData>,
    /// Whether everything is there that could be.
    pub is_complete: bool,
}

/// One of the runs.
#[derive(Debug, Clone)]
pub struct ComparedRun {
    /// What it is called.
    pub name: String,
    /// How training went, epoch by epoch.
    pub history: Vec<EpochRecord>,
    /// How long that took; `None` if it was trained elsewhere.
    pub seconds: Option<f64>,
}

/// A set of images on which some of the runs were evaluated.
#[derive(Debug, Clone)]
pub struct ComparedOnData {
    /// What the set is called.
    pub title: String,
    /// The figures of each run that was.
    pub metrics: Vec<Option<Metrics>>,
    /// Each run beside the first of them that was, where both saw the same images with the same labels.
    pub paired: Vec<Option<Paired>>,
}
