//! Why a use case cannot be carried out.

use std::io;
use std::path::PathBuf;

use headstart_backbone as backbone;
use headstart_base::files::{TargetError, WriteError};
use headstart_base::machine::ThreadsError;
use headstart_base::text::counted;
use headstart_cache as cache;
use headstart_convert::quantize;
use headstart_evaluate as evaluate;
use headstart_image::{self as preprocess, ViewKinds};
use headstart_nn::train;

use super::{FeatureRequest, OtherKind, ProjectConfig};
use crate::dataset::{self, split};
use crate::{export, extract, run};

/// Why a use case cannot be carried out. What it passes on from deeper below is [`cause`](Self::cause).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It was asked to stop before there was anything to give back.
    #[error("stopped before the end")]
    Cancelled,
    /// Images have no features yet.
    #[error("{missing} of {} {} no features{} yet, the first is `{first}`", counted(*images as u64, "image"), if *missing == 1 { "has" } else { "have" }, in_views(&request.views))]
    NoFeatures {
        /// How many have none.
        missing: usize,
        /// How many images there are.
        images: usize,
        /// The first that has none.
        first: PathBuf,
        /// What computes them.
        request: Box<FeatureRequest>,
        /// Features that the cache has of all these images.
        elsewhere: Option<OtherKind>,
    },
    /// Every image failed.
    #[error("no image is left: all of {images} failed")]
    NothingLeft {
        /// How many there were.
        images: usize,
        /// To compute them again says why.
        request: Box<FeatureRequest>,
    },
    /// Every image of a class failed.
    #[error("{} without an image that has features: {}", counted(classes.len() as u64, "class"), names(classes))]
    ClassesLost {
        /// The classes.
        classes: Vec<String>,
    },
    /// A head understands no other features than those that it was trained on.
    #[error(
        "the run `{run}` was trained on other features than this backbone gives: {what} is {found}, expected {expected}"
    )]
    OtherFeatures {
        /// The run's name.
        run: String,
        /// The first thing that differs.
        what: String,
        /// What the run was trained on.
        expected: String,
        /// What this backbone gives.
        found: String,
        /// They are the same network's in another precision, and the command takes such features on request.
        acceptable: bool,
        /// Settings that lead to the run's features, by the names of [`ProjectConfig`]'s fields; none if it takes another
        /// backbone.
        settings: Box<[(&'static str, String)]>,
    },
    /// The int8 graph that a run was trained on is gone.
    #[error("the run `{}` was trained on int8 features, but their int8 graph is not in `{folder}`", run.display())]
    LostInt8Graph {
        /// The run's folder.
        run: PathBuf,
        /// Where the graph should be.
        folder: PathBuf,
        /// Where it was looked for.
        config: Box<ProjectConfig>,
    },
    /// Manifests of the names that a run kept hold other images.
    #[error("{} {} other images than the run `{run}` was trained on", path_names(paths), if paths.len() == 1 { "holds" } else { "hold" })]
    OtherImages {
        /// The run's name.
        run: String,
        /// Its folder.
        dir: PathBuf,
        /// The manifests.
        paths: Vec<PathBuf>,
    },
    /// Int8 features need a graph that is made of one's own images.
    #[error("there is no int8 graph of this backbone yet, expected `{path}`")]
    NoInt8Graph {
        /// Where it would be.
        path: PathBuf,
        /// Where it was looked for.
        config: Box<ProjectConfig>,
    },
    /// `auto` was never measured here.
    #[error("no precision was chosen for this backbone yet")]
    NothingChosen {
        /// Where it was looked for.
        config: Box<ProjectConfig>,
    },
    /// A split column that names no training rows.
    #[error("the split column has no rows to train on: found {}", names(found))]
    NothingToTrainOn {
        /// The parts that it names.
        found: Vec<String>,
    },
    /// There is no run of that name.
    #[error("there is no run `{name}` in `{folder}`")]
    NoRun {
        /// The name.
        name: String,
        /// The folder of the runs.
        folder: PathBuf,
        /// The runs that are there.
        found: Vec<String>,
    },
    /// There is no run at that path.
    #[error("there is no run at `{}`", path.display())]
    NoRunAt {
        /// The path.
        path: PathBuf,
    },
    /// A run is not replaced unless that is asked for.
    #[error("there is a run `{path}` already")]
    RunIsThere {
        /// Its folder.
        path: PathBuf,
    },
    /// The run that would be replaced holds what is read.
    #[error("`{}` is not replaced: this command reads `{}` in it", path.display(), input.display())]
    RunIsInput {
        /// The run's folder.
        path: PathBuf,
        /// What is read there.
        input: PathBuf,
    },
    /// What is no run is never replaced.
    #[error("`{}` exists already, and is not a run", path.display())]
    NameTaken {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the runs cannot be written to.
    #[error("cannot write to the folder `{}` of the runs", path.display())]
    RunsNotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder cannot be made.
    #[error("cannot make the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of the runs cannot be made.
    #[error("cannot make the folder `{}` for runs", path.display())]
    RunsFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of the runs cannot be read.
    #[error("cannot read the folder `{}` of the runs", path.display())]
    ReadRuns {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that was given as a recipe is none.
    #[error("`{}` is not a recipe", path.display())]
    NotARecipe {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: preprocess::Error,
    },
    /// A temperature is fitted on images that the head has not seen.
    #[error(
        "the run `{run}` was trained on these images, so its confidence on them is higher than on new images"
    )]
    TrainedOnThese {
        /// The run's name.
        run: String,
    },
    /// There is nothing to fit a temperature on.
    #[error("no images are held out to fit a temperature on")]
    NothingHeldOut,
    /// A temperature is for features as the head was trained on.
    #[error("a temperature needs features of the precision that the head was trained on, found {found}")]
    TemperatureOfOthers {
        /// What the features are in, and what the head was trained on.
        found: evaluate::OtherPrecision,
    },
    /// An imported head has no training.
    #[error("the head of the run `{run}` was imported: there is no training to continue or to repeat")]
    NotTrained {
        /// The run's name.
        run: String,
    },
    /// A run that does not say what it was trained on.
    #[error("the run `{}` does not say which images it was trained on", run.display())]
    ImagesUnknown {
        /// The run's folder.
        run: PathBuf,
    },
    /// A class has fewer images than are to be taken of each.
    #[error("cannot take {shots} images of each class: `{class}` has {}", counted(*images as u64, "image"))]
    TooFewImages {
        /// Images to be taken of each class.
        shots: usize,
        /// The class.
        class: String,
        /// How many it has.
        images: usize,
    },
    /// Every fold leaves fewer than two classes.
    #[error("none of {} can be used: each leaves fewer than two classes to learn from", counted(*folds as u64, "fold"))]
    NoUsableFold {
        /// How many folds there are.
        folds: usize,
    },
    /// The run has all epochs that were asked for.
    #[error("the run `{run}` already has {}, and {epochs} were asked for", counted(*done as u64, "epoch"))]
    NothingLeftToTrain {
        /// The run's name.
        run: String,
        /// Epochs that it has.
        done: usize,
        /// Epochs that were asked for.
        epochs: usize,
    },
    /// A training that early stopping ended is not continued.
    #[error("early stopping ended the run `{run}` after {}", counted(*epochs as u64, "epoch"))]
    StoppedEarly {
        /// The run's name.
        run: String,
        /// Epochs that it has.
        epochs: usize,
        /// It counted progress by a least step, which means nothing without a patience.
        min_delta: bool,
    },
    /// The head's answers are not finite.
    #[error("the output of `{run}` for `{image}` is infinite or not a number")]
    NoNumbers {
        /// The run, or the exported file.
        run: String,
        /// The first image without numbers.
        image: String,
    },
    /// The training failed when some epochs were done; those are kept.
    #[error("the training failed; the head and the checkpoint of the last good step are in `{run}`")]
    BrokenOff {
        /// The run's folder.
        run: PathBuf,
        /// Why.
        source: train::Error,
    },
    /// There are no features of this kind.
    #[error("there is no cache of them in `{}`", folder.display())]
    NoCache {
        /// The folder of the cache.
        folder: PathBuf,
    },
    /// An evaluation cannot be made again.
    #[error("{reason}")]
    CannotRepeat {
        /// Why not.
        reason: String,
    },
    /// A file may not be written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A manifest cannot be read or used.
    #[error(transparent)]
    Dataset(Box<dataset::Error>),
    /// Images cannot be divided so.
    #[error(transparent)]
    Split(#[from] split::Error),
    /// The backbone cannot be opened or run.
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
    /// There is no usable ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] backbone::library::Error),
    /// A recipe is not one.
    #[error(transparent)]
    Recipe(#[from] preprocess::Error),
    /// Features cannot be computed.
    #[error(transparent)]
    Extract(#[from] extract::Error),
    /// The cache cannot be read or written.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// No int8 graph can be made.
    #[error(transparent)]
    Quantize(#[from] quantize::Error),
    /// The training failed.
    #[error(transparent)]
    Train(#[from] train::Error),
    /// A run cannot be read or written.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// No temperature can be fitted.
    #[error(transparent)]
    Calibration(#[from] evaluate::CalibrationError),
    /// Figures cannot be computed.
    #[error(transparent)]
    Metrics(#[from] evaluate::Error),
    /// Threads cannot be started.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    /// Settings that cannot be.
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingError),
    /// A method gives up.
    #[cfg(feature = "compare")]
    #[error(transparent)]
    Baseline(#[from] headstart_baselines::Error),
    /// An exported model cannot be read or run.
    #[error(transparent)]
    Export(#[from] export::Error),
    /// An ONNX file cannot be read.
    #[error(transparent)]
    Onnx(#[from] headstart_onnx::Error),
}

impl Error {
    /// These are not the images that the run was trained on.
    pub(super) fn other_images(run: &crate::run::Run, paths: &[PathBuf]) -> Self {
        Self::OtherImages { run: run.name(), dir: run.dir().to_path_buf(), paths: paths.to_vec() }
    }

    /// The error that this one only passes on, if it does.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Target(error) => error,
            Self::Write(error) => error,
            Self::Dataset(error) => error.as_ref(),
            Self::Split(error) => error,
            Self::Backbone(error) => error,
            Self::Runtime(error) => error,
            Self::Recipe(error) => error,
            Self::Extract(error) => error,
            Self::Cache(error) => error,
            Self::Quantize(error) => error,
            Self::Train(error) => error,
            Self::Run(error) => error,
            Self::Calibration(error) => error,
            Self::Metrics(error) => error,
            Self::Threads(error) => error,
            Self::Settings(error) => error,
            #[cfg(feature = "compare")]
            Self::Baseline(error) => error,
            Self::Export(error) => error,
            Self::Onnx(error) => error,
            _ => return None,
        })
    }
}

// It is large, and every result would be as large.
impl From<dataset::Error> for Error {
    fn from(error: dataset::Error) -> Self {
        Self::Dataset(Box::new(error))
    }
}

/// An error and its causes in one line, nothing of it twice.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut said: Vec<String> = vec![];
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said.join(": ")
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// `a.csv`, `b.csv`
pub(super) fn path_names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

fn in_views(views: &ViewKinds) -> String {
    if views.is_empty() { String::new() } else { format!(" in the views `{views}`") }
}
