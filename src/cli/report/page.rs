//! From what was found to the page.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headstart::evaluate::Prediction;
use headstart::evaluate::label_errors::Suspect;
use headstart::image::thumbnail;
use headstart::report::text::counted;
use headstart::report::{self, Evaluation, Report};
use headstart::run::{Calibration, Origin, Run, Training};
use headstart::train::{EpochRecord, TrainConfig};

use super::evaluated::Evaluated;
use super::learnt::Learnt;
use headstart::precision::trained_in;

/// What cross-validation said of the training images.
pub struct Judged<'a> {
    pub folds: usize,
    pub learnt: &'a Learnt,
    pub predictions: Vec<Prediction>,
    pub suspects: Vec<Suspect>,
}

/// The page of one evaluation.
pub fn evaluation_page(run: &Run, evaluated: &Evaluated, learnt: &Result<Learnt, String>) -> String {
    page(run, std::slice::from_ref(evaluated), learnt.as_ref().ok(), None)
}

/// The page of a run. `learnt` are the images that it was trained on, as far as evaluations name some of them.
pub fn page(run: &Run, evaluated: &[Evaluated], learnt: Option<&Learnt>, judged: Option<&Judged>) -> String {
    let borrowed: Vec<Borrowed> = evaluated.iter().map(|one| Borrowed::of(one, learnt)).collect();
    let evaluations: Vec<Evaluation> =
        evaluated.iter().zip(&borrowed).map(|(one, borrowed)| borrowed.evaluation(one, learnt)).collect();
    let history: Vec<_> = run.history.epochs.iter().map(epoch).collect();
    let images = judged.map(training_images).unwrap_or_default();
    let training = judged.map(|judged| report::Training {
        folds: judged.folds,
        images: &images,
        suspects: &judged.suspects,
    });
    let report = Report {
        title: &run.name(),
        created: jiff::Timestamp::now(),
        about: &about(run),
        classes: &run.info.classes,
        evaluations: &evaluations,
        history: &history,
        training,
        facts: &facts(run, evaluated),
    };
    report.html(&mut small)
}

/// What an evaluation on the page borrows from.
struct Borrowed<'a> {
    images: Vec<report::Image<'a>>,
    leaks: Vec<report::Leak<'a>>,
}

impl<'a> Borrowed<'a> {
    fn of(evaluated: &'a Evaluated, learnt: Option<&'a Learnt>) -> Self {
        let images = evaluated.images.iter().zip(&evaluated.predictions);
        let images =
            images.map(|((path, file), prediction)| report::Image { path, file, prediction }).collect();
        let found = evaluated.leaks.as_ref().and_then(|leaks| leaks.as_ref().ok());
        let pairs = found.zip(learnt).map(|(leaks, learnt)| {
            let leak = |pair: &super::findings::Leak| report::Leak {
                image: pair.image,
                path: learnt.path(pair.learnt),
                file: learnt.file(pair.learnt),
                label: learnt.labels()[pair.learnt],
                cosine: pair.cosine,
                identical: pair.identical,
            };
            leaks.pairs.iter().map(leak).collect()
        });
        Self { images, leaks: pairs.unwrap_or_default() }
    }

    fn evaluation(&'a self, evaluated: &'a Evaluated, learnt: Option<&Learnt>) -> Evaluation<'a> {
        let known = evaluated.leaks.as_ref().map(|leaks| {
            leaks.as_ref().map_err(String::as_str).map(|leaks| report::Leaks {
                training: learnt.map_or(0, |learnt| learnt.ids().len()),
                threshold: leaks.threshold,
                pairs: &self.leaks,
            })
        });
        Evaluation {
            title: &evaluated.title,
            metrics: &evaluated.metrics,
            images: &self.images,
            suspects: evaluated.suspects.as_ref().map(|found| found.as_deref().map_err(String::as_str)),
            leaks: known,
            map: evaluated.map.as_ref().map(|map| {
                map.as_ref().map_err(String::as_str).map(|map| report::Map {
                    images: &map.images,
                    pca: &map.maps.pca,
                    explained: map.maps.explained,
                    tsne: map.maps.tsne.as_deref(),
                })
            }),
        }
    }
}

fn training_images<'a>(judged: &'a Judged) -> Vec<report::Image<'a>> {
    let image = |(place, prediction): (usize, &'a Prediction)| report::Image {
        path: judged.learnt.path(place),
        file: judged.learnt.file(place),
        prediction,
    };
    judged.predictions.iter().enumerate().map(image).collect()
}

fn small(file: &Path, edge: usize) -> Option<report::Thumbnail> {
    let small = thumbnail(&std::fs::read(file).ok()?, edge).ok()?;
    Some(report::Thumbnail { media_type: small.media_type, bytes: small.bytes })
}

pub fn epoch(record: &EpochRecord) -> report::Epoch {
    report::Epoch {
        epoch: record.epoch,
        loss: record.loss,
        accuracy: Some(record.accuracy),
        validation_loss: record.val_loss,
        validation_accuracy: record.val_accuracy,
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
    format!("It goes by the features of {}. {origin}", info.backbone.name)
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

fn facts(run: &Run, evaluated: &[Evaluated]) -> Vec<report::Facts<'static>> {
    let mut facts = vec![];
    if let Some(training) = run.info.training() {
        facts.push(settings(&training.settings));
    }
    let rows = provenance(run, evaluated).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    facts.push(report::Facts { heading: "Provenance", rows, defaults: vec![] });
    facts
}

/// Settings that somebody chose, and those that are the defaults.
fn settings(config: &TrainConfig) -> report::Facts<'static> {
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
    report::Facts { heading: "Settings", rows, defaults }
}

fn provenance<'a>(run: &'a Run, evaluated: &[Evaluated]) -> Vec<(&'a str, String)> {
    let info = &run.info;
    let on = |one: &Evaluated| match &one.metrics.other_precision {
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
