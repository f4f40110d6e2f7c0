//! A run as lists show it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headstart_base::files::as_path_text;
use headstart_evaluate::Metrics;
use headstart_nn::layers::Temperature;
use headstart_nn::train::TrainConfig;
use serde::Serialize;

use super::EvaluatedSet;
use crate::precision::trained_in;
use crate::project::with_causes;
use crate::run::{Calibration, Origin, RunInfo, RunSummary, TrainingMetrics};

/// What a run was made with, and what came of it.
#[derive(Debug, Serialize)]
pub struct RunEntry {
    /// Name of its folder.
    pub name: String,
    /// Its folder.
    #[serde(serialize_with = "as_path_text")]
    pub path: PathBuf,
    /// When, as it says.
    pub created: String,
    /// None of a head that was imported.
    #[serde(flatten)]
    pub metrics: Option<TrainingMetrics>,
    /// Every setting, and what it was trained on; what is not set is absent.
    pub settings: toml::Table,
    /// Those that are not as they would be if nobody had said anything.
    #[serde(skip)]
    pub unusual: Vec<String>,
    /// What it was evaluated on.
    pub evaluations: Vec<KeptEvaluation>,
}

/// What `headstart evaluate` kept in the run.
#[derive(Debug, Serialize)]
pub struct KeptEvaluation {
    /// What it was of.
    #[serde(flatten)]
    pub set: EvaluatedSet,
    /// The part of the images that it is right for.
    pub accuracy: f64,
    /// Mean log-loss.
    pub log_loss: f64,
    /// Images that were scored.
    pub images: u64,
}

/// What should be a run, or part of one, and cannot be read.
#[derive(Debug, Serialize)]
pub struct BrokenRun {
    /// Where.
    #[serde(serialize_with = "as_path_text")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl BrokenRun {
    fn new(path: &Path, error: &dyn std::error::Error) -> Self {
        let reason = with_causes(error).lines().collect::<Vec<_>>().join(" ");
        Self { path: path.into(), reason }
    }

    fn unfinished(evaluation: &Path) -> Self {
        let reason = "this evaluation is not complete: `metrics.json` is missing; evaluate again".into();
        Self { path: evaluation.into(), reason }
    }
}

impl RunEntry {
    /// The run in this folder, and those of its evaluations that cannot be read.
    ///
    /// # Errors
    /// If there is no run there, or a damaged one.
    pub fn load(dir: &Path) -> Result<(Self, Vec<BrokenRun>), BrokenRun> {
        let run = RunSummary::load(dir).map_err(|error| BrokenRun::new(dir, &error))?;
        let (mut found, mut broken) = (vec![], vec![]);
        for folder in evaluations(dir) {
            let path = folder.join("metrics.json");
            match Metrics::read(&path) {
                Ok(metrics) => found.push(KeptEvaluation::new(&folder, &metrics)),
                Err(_) if !path.exists() => broken.push(BrokenRun::unfinished(&folder)),
                Err(error) => broken.push(BrokenRun::new(&path, &error)),
            }
        }
        Ok((Self::new(run, found), broken))
    }

    fn new(run: RunSummary, evaluations: Vec<KeptEvaluation>) -> Self {
        let settings = settings(&run.info, run.calibration.as_ref());
        let defaults = table(&TrainConfig::default());
        let asked = |name: &String| !OF_THE_DATA.contains(&name.as_str()) || CHOSEN.contains(&name.as_str());
        let unusual =
            settings.iter().filter(|&(name, value)| asked(name) && defaults.get(name) != Some(value));
        Self {
            name: run.name(),
            path: run.dir().to_path_buf(),
            created: run.info.created.clone(),
            unusual: unusual.map(|(name, _)| name.clone()).collect(),
            settings,
            metrics: run.metrics,
            evaluations,
        }
    }

    /// When, if it can be understood.
    pub fn created(&self) -> Option<jiff::Timestamp> {
        self.created.parse().ok()
    }

    /// A setting as it is typed.
    pub fn setting(&self, name: &str) -> String {
        match self.settings.get(name) {
            Some(toml::Value::String(word)) => word.clone(),
            Some(value) => value.to_string(),
            None => "none".into(),
        }
    }

    /// Epochs that it was to have.
    pub fn epochs_asked(&self) -> Option<usize> {
        usize::try_from(self.settings.get("epochs")?.as_integer()?).ok()
    }
}

impl KeptEvaluation {
    fn new(folder: &Path, metrics: &Metrics) -> Self {
        let set = EvaluatedSet::of(folder, metrics);
        Self { set, accuracy: metrics.accuracy, log_loss: metrics.log_loss, images: metrics.scored }
    }
}

/// The folders of a run's evaluations, by name. An empty one is what an evaluation that failed left behind in version
/// 0.1.0, and is passed over.
pub fn evaluations(run: &Path) -> Vec<PathBuf> {
    let entries =
        |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let all = entries(&run.join("evaluation"));
    let mut folders: Vec<PathBuf> = all.filter(|path| entries(path).next().is_some()).collect();
    folders.sort();
    folders
}

/// What is not a setting of the training, but decides its result too.
const OF_THE_DATA: [&str; 12] = [
    "imported_from",
    "trained_on",
    "images",
    "validation",
    "validated_on",
    "shots",
    "views",
    "temperature",
    "precision",
    "backbone",
    "features",
    "headstart",
];
/// Of these, what a user asks for as for a setting.
const CHOSEN: [&str; 5] = ["imported_from", "validation", "shots", "views", "temperature"];

fn table(config: &TrainConfig) -> toml::Table {
    toml::Table::try_from(config).expect("settings are TOML")
}

fn settings(info: &RunInfo, calibration: Option<&Calibration>) -> toml::Table {
    let training = info.training();
    let mut all = training.map_or_else(toml::Table::new, |training| table(&training.settings));
    let data = training.and_then(|training| training.data.as_ref());
    let validation = training.and_then(|training| training.validation.as_ref());
    let imported_from = match &info.origin {
        Origin::Imported(import) => Some(toml::Value::from(import.file.as_str())),
        Origin::Trained(_) => None,
    };
    let text = |text: &str| Some(toml::Value::from(text));
    let number = |number: usize| i64::try_from(number).ok().map(toml::Value::from);
    let facts: [Option<toml::Value>; OF_THE_DATA.len()] = [
        imported_from,
        training.and_then(|training| text(&training.images.path)),
        training.and_then(|training| number(training.images.images)),
        data.and_then(|data| data.validation).map(toml::Value::from),
        validation.and_then(|part| text(&part.path)),
        data.and_then(|data| data.shots).and_then(number),
        Some(info.views()).filter(|views| !views.is_empty()).and_then(|views| text(&views.to_string())),
        calibration.map(|calibration| rounded(calibration.temperature)),
        trained_in(info).and_then(|precision| text(precision.name())),
        text(&info.backbone.name),
        text(&format!("{:.12}", info.features.fingerprint)),
        info.versions.get("headstart").and_then(|version| text(version)),
    ];
    let facts = OF_THE_DATA.iter().zip(facts);
    all.extend(facts.filter_map(|(name, value)| Some(((*name).to_owned(), value?))));
    all
}

/// As many digits as mean anything, and can be read.
fn rounded(temperature: Temperature) -> toml::Value {
    ((1e4 * temperature.get()).round() / 1e4).into()
}

/// Settings that these runs do not have in common, sorted.
pub fn differing(runs: &[RunEntry]) -> Vec<String> {
    let names: BTreeSet<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    let differs = |name: &&String| {
        runs.windows(2).any(|pair| pair[0].settings.get(name.as_str()) != pair[1].settings.get(name.as_str()))
    };
    names.into_iter().filter(differs).cloned().collect()
}

#[cfg(test)]
mod tests {
    use headstart_nn::train::{Ended, Monitor};

    use super::*;

    /// A run of three epochs with this accuracy in validation, and a loss that is the same.
    fn entry(name: &str, created: &str, val_accuracy: Option<f64>) -> RunEntry {
        let metrics = TrainingMetrics {
            epochs: 3,
            ended: Ended::Completed,
            best_epoch: None,
            loss: Some(0.25),
            accuracy: Some(0.9),
            val_loss: val_accuracy,
            val_accuracy,
            seconds: 75.0,
        };
        RunEntry {
            name: name.into(),
            path: Path::new("runs").join(name),
            created: created.into(),
            metrics: Some(metrics),
            settings: table(&TrainConfig { epochs: 3, ..TrainConfig::default() }),
            unusual: vec!["epochs".into()],
            evaluations: vec![],
        }
    }

    #[test]
    fn what_only_one_of_them_has_differs_too() {
        let mut runs = vec![entry("a", "", None), entry("b", "", None), entry("c", "", None)];
        assert!(differing(&runs).is_empty());
        let patient = TrainConfig { patience: Some(3), monitor: Monitor::Loss, ..TrainConfig::default() };
        runs[2].settings = table(&patient);
        assert_eq!(differing(&runs), ["epochs", "monitor", "patience"]);
        assert_eq!((runs[0].setting("patience"), runs[2].setting("patience")), ("none".into(), "3".into()));
        assert_eq!((runs[2].setting("monitor"), runs[2].setting("hidden")), ("loss".into(), "[256]".into()));
    }
}
