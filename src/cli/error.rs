//! What the program finds wrong that the library cannot.

use std::collections::BTreeSet;
use std::path::PathBuf;

use headstart::dataset::Skipped;
use headstart::evaluate::OtherPrecision;
use headstart::files::{TargetError, path_text};
use headstart::image::{Recipe, ViewKinds};
use headstart::run::Run;
use headstart::train;
use serde_json::Value;

use super::console::count;
use super::parts::names;
use super::source::Source;

/// What only the program can find wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{missing} of {} {} no features{} yet, the first is `{first}`", count(*.images, "image"), if *.missing == 1 { "has" } else { "have" }, in_views(.views))]
    NoFeatures {
        missing: usize,
        images: usize,
        first: PathBuf,
        views: ViewKinds,
        /// What computes them.
        command: String,
        /// Flags that lead to features of other kinds, which the cache has of all these images.
        elsewhere: Option<String>,
    },
    #[error("no image is left: all of {images} failed")]
    NothingLeft {
        images: usize,
        /// What says why.
        command: String,
    },
    #[error("{} without an image that has features: {}", count(.classes.len(), "class"), .classes.join(", "))]
    ClassesLost { classes: Vec<String> },
    #[error(
        "the run `{run}` was trained on other features than this backbone gives: {what} is {found}, expected {expected}"
    )]
    OtherFeatures {
        run: String,
        what: String,
        expected: String,
        found: String,
        /// They are the same network's in another precision, and the command takes such features on request.
        acceptable: bool,
        /// The flags that lead to the run's features; none if it takes another backbone.
        flags: Vec<String>,
    },
    #[error("the run `{}` was trained on int8 features, and their graph is not in `{folder}`", .run.display())]
    LostInt8Graph { run: PathBuf, folder: PathBuf, flags: Vec<String> },
    #[error("{} {} other images than the run `{run}` was trained on", names(.paths), if .paths.len() == 1 { "holds" } else { "hold" })]
    OtherImages { run: String, dir: PathBuf, paths: Vec<PathBuf> },
    #[error("there is no int8 graph of this backbone yet, expected `{path}`")]
    NoInt8Graph { path: PathBuf, flags: Vec<String> },
    #[error("no precision was chosen for this backbone yet")]
    NothingChosen { flags: Vec<String> },
    #[error("the split column has no rows to train on: found {}", found.join(", "))]
    NothingToTrainOn { found: Vec<String> },
    #[error("there is no run `{name}` in `{folder}`")]
    NoRun { name: String, folder: PathBuf, found: Vec<String> },
    #[error("there is a run `{path}` already")]
    RunIsThere { path: PathBuf },
    #[error("`{}` is not replaced, because `{}` in it is read here", path.display(), input.display())]
    RunIsInput { path: PathBuf, input: PathBuf },
    #[error("`{}` exists already, and is not a run", path.display())]
    NameTaken { path: PathBuf },
    #[error("there is no run at `{}`", path.display())]
    NoRunAt { path: PathBuf },
    #[error("{source}")]
    Target { flag: &'static str, named: PathBuf, source: TargetError },
    #[error("`{path}` is broken")]
    Broken { path: PathBuf },
    #[error("there is no feature cache in `{path}`")]
    NoCache { path: PathBuf },
    #[error("{failed} of {} failed", count(*.images, "image"))]
    ImagesFailed { images: usize, failed: usize },
    #[error("`{path}` is an exported model and takes one view per image")]
    ViewsOfExport { path: PathBuf },
    #[error("`{path}` is an exported model: its temperature, if any, is part of the graph")]
    TemperatureOfExport { path: PathBuf },
    #[error("the run `{run}` was trained on these images, and is surer of them than of new ones")]
    TrainedOnThese { run: String },
    #[error("no images are held out to fit a temperature on")]
    NothingHeldOut,
    #[error("{}", match .others {
        0 => format!("`{pattern}` matches no file"),
        others => format!("`{pattern}` matches {}, and none is an image by its name", count(*others, "file")),
    })]
    NothingMatches { pattern: String, others: usize },
    #[error("no images were given")]
    NoImages,
    #[error("`{}` holds no images: found {}", path_text(folder), found.all())]
    NoImagesIn { folder: PathBuf, found: Box<Skipped> },
    #[error("the head of the run `{run}` was imported: there is no training to continue or to repeat")]
    NotTrained { run: String },
    #[error("the run `{}` does not tell on which images it was trained", .run.display())]
    ImagesUnknown { run: PathBuf },
    #[error("cannot take {shots} images of each class: `{class}` has {}", count(*.images, "image"))]
    TooFewImages { shots: usize, class: String, images: usize },
    #[error("none of {} can be used: each leaves fewer than two classes to learn from", count(*.folds, "fold"))]
    NoUsableFold { folds: usize },
    #[error("the run `{run}` already has {}, and {epochs} were asked for", count(*.done, "epoch"))]
    NothingLeftToTrain { run: String, done: usize, epochs: usize },
    #[error("early stopping ended the run `{run}` after {}", count(*.epochs, "epoch"))]
    StoppedEarly {
        run: String,
        epochs: usize,
        /// It counted progress by a least step, which means nothing without a patience.
        min_delta: bool,
    },
    #[error("`{run}` gives no numbers for `{image}`: its answers are infinite or not a number")]
    NoNumbers { run: String, image: String },
    #[error("there is no file `{}`", .path.display())]
    NoExport { path: PathBuf },
    #[error("`{}` is an exported model, and takes no `{}`", .path.display(), .flags.join("`, `"))]
    FlagsOfExport { path: PathBuf, flags: Vec<String> },
    #[error("cannot write to the folder `{}` of the runs", .path.display())]
    RunsNotWritable { path: PathBuf, source: std::io::Error },
    #[error("the training failed; the head and the checkpoint of the last good step are in `{run}`")]
    BrokenOff { run: PathBuf, source: train::Error },
}

impl Error {
    /// The first thing that differs between the features of a run and those of a backbone.
    pub fn other_features(run: &Run, source: &Source, other: Option<&OtherPrecision>) -> Self {
        let (info, backbone) = (&run.info, &source.backbone);
        let digest = |digest: &str| format!("`{}…`", &digest[..digest.len().min(12)]);
        let differences = [
            ("the feature size", info.features.size.to_string(), backbone.feature_size().to_string()),
            ("the graph", digest(&info.backbone.digest), digest(&backbone.digest().to_hex())),
        ];
        // No flag but `--backbone` makes another network of it.
        let is_other_network = other.is_none() && differences.iter().any(|(_, a, b)| a != b);
        let flags = if is_other_network { vec![] } else { differing_flags(run, source) };
        let told = |what: &str, expected: &str, found: &str| {
            let (run, what) = (run.name(), what.to_owned());
            let (expected, found) = (expected.into(), found.into());
            Self::OtherFeatures { run, what, expected, found, acceptable: false, flags: flags.clone() }
        };
        // An int8 graph is another graph, but that is not what anybody would want to hear.
        if let Some(OtherPrecision { trained_on, seen }) = other {
            return told("the precision", &format!("`{trained_on}`"), &format!("`{seen}`"));
        }
        if let Some((what, expected, found)) = differences.iter().find(|(_, a, b)| a != b) {
            return told(what, expected, found);
        }
        for (field, what) in [("precision", "the precision"), ("storage", "the storage")] {
            let word = |text: &str| {
                let parts: Value = serde_json::from_str(text).unwrap_or_default();
                parts[field].as_str().map(|word| format!("`{word}`")).unwrap_or_default()
            };
            let (expected, found) = (word(&info.features.fingerprint_text), word(source.fingerprint.text()));
            if expected != found && !expected.is_empty() {
                return told(what, &expected, &found);
            }
        }
        let expected = serde_json::from_str(&info.recipe).unwrap_or_default();
        if let Some((field, a, b)) = first_difference(&expected, &source.fingerprint.parts().recipe) {
            return told(&format!("`{field}` of the recipe"), &a, &b);
        }
        let found = digest(&source.fingerprint.hash().to_hex());
        told("the fingerprint", &digest(&info.features.fingerprint), &found)
    }

    /// Such features are taken on request.
    pub fn acceptable(self, yes: bool) -> Self {
        match self {
            Self::OtherFeatures { run, what, expected, found, flags, .. } => {
                Self::OtherFeatures { run, what, expected, found, acceptable: yes, flags }
            }
            other => other,
        }
    }

    /// These are not the images that the run was trained on.
    pub fn other_images(run: &Run, paths: &[PathBuf]) -> Self {
        Self::OtherImages { run: run.name(), dir: run.dir().to_path_buf(), paths: paths.to_vec() }
    }
}

/// The flags that bring the features of this backbone to those of the run; none if it takes another backbone.
fn differing_flags(run: &Run, source: &Source) -> Vec<String> {
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (expected, found) = (value(&run.info.features.fingerprint_text), value(source.fingerprint.text()));
    let (recipe, found_recipe) = (value(&run.info.recipe), &source.fingerprint.parts().recipe);
    let mut flags = vec![];
    if without(&recipe, &SMALL) != without(found_recipe, &SMALL) {
        let known = Recipe::presets().iter().find(|preset| {
            let not_of_a_preset = [&SMALL[..], &["layout"]].concat();
            without(&preset.recipe().to_value(), &not_of_a_preset) == without(&recipe, &not_of_a_preset)
        });
        match known {
            Some(preset) => flags.push(format!("--recipe {}", preset.name)),
            None => return vec![],
        }
    }
    for (values, found, field) in [
        (&recipe, found_recipe, "exif"),
        (&recipe, found_recipe, "decode"),
        (&expected, &found, "precision"),
        (&expected, &found, "storage"),
    ] {
        if let Some(word) = values[field].as_str().filter(|_| values[field] != found[field]) {
            flags.push(format!("--{field} {word}"));
        }
    }
    flags
}

/// Parts of a recipe that have a flag of their own, or that no user chooses.
const SMALL: [&str; 3] = ["exif", "decode", "decoder"];

fn without(recipe: &Value, fields: &[&str]) -> Value {
    let mut recipe = recipe.clone();
    if let Some(recipe) = recipe.as_object_mut() {
        recipe.retain(|name, _| !fields.contains(&name.as_str()));
    }
    recipe
}

/// The first field in which two recipes differ, and its values.
fn first_difference(a: &Value, b: &Value) -> Option<(String, String, String)> {
    let (a, b) = (a.as_object()?, b.as_object()?);
    let text = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
    let fields: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let field = fields.into_iter().find(|&field| a.get(field) != b.get(field))?;
    Some((field.clone(), text(a.get(field)), text(b.get(field))))
}

fn in_views(views: &ViewKinds) -> String {
    if views.is_empty() { String::new() } else { format!(" in the views `{views}`") }
}
