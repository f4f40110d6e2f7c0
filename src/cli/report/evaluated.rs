//! An evaluation with all that its page shows.

use std::path::PathBuf;

use headstart::cache::{Key, Store, View};
use headstart::dataset::Manifest;
use headstart::evaluate::label_errors::Suspect;
use headstart::evaluate::{Metrics, Prediction};
use headstart::evaluation::EvaluationRecord;
use ndarray::ArrayView2;

use super::findings::{Leaks, Map, doubted};
use super::learnt::Learnt;
use crate::cli::features::Ready;

/// What was evaluated, and what came of it.
pub struct Subject<'a> {
    pub title: String,
    pub store: &'a Store,
    pub manifest: &'a Manifest,
    pub ready: &'a Ready,
    pub labels: &'a [Option<usize>],
    pub probabilities: ArrayView2<'a, f32>,
    pub metrics: Metrics,
    pub predictions: Vec<Prediction>,
}

/// An evaluation, and what was found by looking closer.
pub struct Evaluated {
    pub title: String,
    pub metrics: Metrics,
    pub predictions: Vec<Prediction>,
    /// Paths as the manifest has them, and files.
    pub images: Vec<(String, PathBuf)>,
    pub suspects: Option<Result<Vec<Suspect>, String>>,
    pub leaks: Option<Result<Leaks, String>>,
    pub map: Option<Result<Map, String>>,
}

impl Evaluated {
    /// Look closer.
    pub fn examine(subject: Subject, learnt: &Result<Learnt, String>) -> Self {
        let Subject { title, store, manifest, ready, labels, probabilities, metrics, predictions } = subject;
        let ids: &[(Key, View)] = &ready.ids;
        let leaks = learnt.as_ref().map_err(Clone::clone).and_then(|learnt| {
            Leaks::find(store, learnt, ids).map_err(|error| {
                format!("The images could not be compared with those of the training: {error:#}.")
            })
        });
        let map =
            Map::draw(store, ids).map_err(|error| format!("The images could not be placed: {error:#}."));
        let examples = ready.places.iter().map(|&place| &manifest.examples()[place]);
        Self {
            title,
            suspects: Some(doubted(probabilities, labels, leaks.as_ref().ok())),
            leaks: Some(leaks),
            map: Some(map),
            images: examples.map(|example| (example.path.clone(), example.file.clone())).collect(),
            metrics,
            predictions,
        }
    }

    /// With nothing but the figures: those of an evaluation that cannot be made again.
    pub fn figures(title: String, metrics: Metrics) -> Self {
        Self { title, metrics, predictions: vec![], images: vec![], suspects: None, leaks: None, map: None }
    }
}

/// What a set of images is called: its files, and what of them was looked at.
pub fn title(record: &EvaluationRecord) -> String {
    let name = |path: &String| {
        let path = PathBuf::from(path);
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let mut title = record.manifests.iter().map(name).collect::<Vec<_>>().join(", ");
    if let Some(part) = &record.split {
        title += &format!(", part {part}");
    }
    if !record.views.is_empty() {
        title += &format!(", views {}", record.views);
    }
    title
}
