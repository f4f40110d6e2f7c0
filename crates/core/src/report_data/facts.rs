//! What the report on a run says of where it comes from.

use std::collections::BTreeSet;
use std::path::PathBuf;

use headstart_base::text::counted;
use headstart_nn::train::TrainConfig;

use super::{EvaluationData, FactsData, ReportData, TrainingData};
use crate::precision::trained_in;
use crate::run::{Calibration, Origin, Run, Training};

impl ReportData {
    /// Of a run, these evaluations of it, and what cross-validation said.
    pub(super) fn new(run: &Run, evaluations: Vec<EvaluationData>, training: Option<TrainingData>) -> Self {
        Self {
            title: run.name(),
            created: jiff::Timestamp::now(),
            about: about(run),
            classes: run.info.classes.clone(),
            history: run.history.epochs.clone(),
            training,
            facts: facts(run, &evaluations),
            evaluations,
            is_complete: true,
        }
    }
}

/// Where it comes from, for a reader who has nothing but the page.
fn about(run: &Run) -> String {
    let info = &run.info;
    let origin = match &info.origin {
        Origin::Trained(training) => {
            let images = &training.images;
            format!("Trained on {} of {}.", counted(images.images as u64, "image"), file_names(&images.path))
        }
        Origin::Imported(import) => format!("Its head was imported from {}.", file_names(&import.file)),
    };
    format!("It uses the features of {}. {origin}", info.backbone.name)
}

/// Without the folders, which mean nothing to somebody else.
fn file_names(paths: &str) -> String {
    let name = |path: &str| {
        let path = PathBuf::from(path);
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    paths.split(", ").map(name).collect::<Vec<_>>().join(", ")
}

fn facts(run: &Run, evaluated: &[EvaluationData]) -> Vec<FactsData> {
    let mut facts = vec![];
    if let Some(training) = run.info.training() {
        facts.push(settings(&training.settings));
    }
    let rows = provenance(run, evaluated).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    facts.push(FactsData { heading: "Provenance".into(), rows, defaults: vec![] });
    facts
}

/// Settings that somebody chose, and those that are the defaults.
fn settings(config: &TrainConfig) -> FactsData {
    let table = |config: &TrainConfig| toml::Table::try_from(config).expect("settings are TOML");
    let (own, default) = (table(config), table(&TrainConfig::default()));
    // What is not set has no entry.
    let value = |table: &toml::Table, name: &str| match table.get(name) {
        Some(toml::Value::String(word)) => word.clone(),
        Some(value) => value.to_string(),
        None => "none".into(),
    };
    let names: BTreeSet<&String> = own.keys().chain(default.keys()).collect();
    let all = names.into_iter().map(|name| (name.clone(), value(&own, name)));
    let (defaults, rows) = all.partition(|(name, value_here)| *value_here == value(&default, name));
    FactsData { heading: "Settings".into(), rows, defaults }
}

fn provenance<'a>(run: &'a Run, evaluated: &[EvaluationData]) -> Vec<(&'a str, String)> {
    let info = &run.info;
    let on = |one: &EvaluationData| match &one.metrics.other_precision {
        Some(other) => format!("{}, features in {other}", one.title),
        None => one.title.clone(),
    };
    let mut rows: Vec<(&str, String)> = evaluated.iter().map(|one| ("evaluated on", on(one))).collect();
    rows.extend(trained_in(info).map(|precision| ("precision", precision.to_string())));
    if let Some(calibration) = &run.calibration {
        let Calibration { temperature, fitted_on, .. } = calibration;
        rows.push((
            "temperature",
            format!("{temperature}, fitted on {}", with_count(&fitted_on.path, fitted_on.images)),
        ));
    }
    match &info.origin {
        Origin::Trained(training) => {
            let Training { images, validation, .. } = &**training;
            rows.push(("trained on", with_count(&images.path, images.images)));
            let digest = images.rows.as_ref().unwrap_or(&images.digest);
            rows.push(("training images' digest", digest.clone()));
            let views = training.views();
            if !views.is_empty() {
                rows.push(("views drawn from", views.to_string()));
            }
            if let Some(validation) = validation {
                rows.push(("validated on", with_count(&validation.path, validation.images)));
            }
            rows.push(("trained at", to_the_second(&info.created)));
        }
        Origin::Imported(import) => rows.extend([
            ("imported from", import.file.clone()),
            ("layers there", import.layers.join(", ")),
            ("imported at", to_the_second(&info.created)),
        ]),
    }
    rows.extend(run.metrics.as_ref().map(|metrics| ("trained in", format!("{:.1} s", metrics.seconds))));
    rows.extend([
        ("backbone", info.backbone.name.clone()),
        ("backbone's digest", info.backbone.digest.clone()),
        ("features' fingerprint", info.features.fingerprint.clone()),
    ]);
    rows.extend(info.versions.iter().map(|(name, version)| (name.as_str(), version.clone())));
    rows
}

fn with_count(path: &str, images: usize) -> String {
    format!("{path} ({})", counted(images as u64, "image"))
}

/// A time as people read it; as it stands if it is none.
fn to_the_second(time: &str) -> String {
    let read: Result<jiff::Timestamp, _> = time.parse();
    read.map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_were_changed_are_apart_from_the_defaults() {
        let config = TrainConfig { epochs: 7, patience: Some(3), ..TrainConfig::default() };
        let facts = settings(&config);
        let rows = [("epochs", "7"), ("patience", "3")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(facts.rows, rows);
        assert!(
            facts.defaults.contains(&("optimizer".into(), "adam".into())),
            "words without quotation marks"
        );
        assert!(!facts.defaults.iter().any(|(name, _)| name == "epochs"));
        assert!(settings(&TrainConfig::default()).rows.is_empty());
    }

    #[test]
    fn times_are_told_to_the_second() {
        assert_eq!(to_the_second("2026-11-30T18:02:25.520928696Z"), "2026-11-30 18:02:25 UTC");
        assert_eq!(to_the_second("once"), "once");
    }
}
