//! An evaluation with all that its page shows.

use std::path::PathBuf;

use headstart_evaluate::Metrics;

use super::findings::doubted;
use super::{EvaluationData, ImageData, LeaksData, MapData, ReportData};
use crate::evaluation::EvaluationRecord;
use crate::project::{Evaluation, TrainingImages, with_causes};

/// Guesses of an image that its page tells.
const GUESSES: usize = 2;

impl Evaluation<'_> {
    /// What the page of this evaluation shows.
    pub fn report_data(&mut self) -> ReportData {
        let trained_on = self.training_images();
        let data = EvaluationData::examine(self, &trained_on);
        ReportData::new(self.run(), vec![data], None)
    }
}

impl EvaluationData {
    /// Look closer.
    pub(super) fn examine(evaluation: &Evaluation<'_>, trained_on: &Result<TrainingImages, String>) -> Self {
        let (samples, store) = (evaluation.samples(), evaluation.cache().store());
        let ids = samples.ids();
        let leaks = trained_on.as_ref().map_err(Clone::clone).and_then(|trained_on| {
            LeaksData::find(store, trained_on, &ids).map_err(|error| {
                let why = with_causes(&error);
                format!("The images could not be compared with those of the training: {why}.")
            })
        });
        let map = MapData::draw(store, &ids)
            .map_err(|error| format!("The images could not be placed: {}.", with_causes(&error)));
        let probabilities = evaluation.probabilities.view();
        let examples = evaluation.manifest().examples();
        let images = samples.iter().zip(evaluation.predictions(GUESSES));
        let images = images.map(|(sample, prediction)| ImageData {
            path: sample.path.clone(),
            file: examples[sample.row].file.clone(),
            prediction,
        });
        Self {
            title: title(&evaluation.record),
            metrics: evaluation.metrics.clone(),
            images: images.collect(),
            suspects: Some(doubted(probabilities, &samples.labels(), leaks.as_ref().ok())),
            leaks: Some(leaks),
            map: Some(map),
        }
    }

    /// With nothing but the figures: those of an evaluation that cannot be made again.
    pub(super) fn figures(title: String, metrics: Metrics) -> Self {
        Self { title, metrics, images: vec![], suspects: None, leaks: None, map: None }
    }
}

/// What a set of images is called: its files, and what of them was looked at.
fn title(record: &EvaluationRecord) -> String {
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
