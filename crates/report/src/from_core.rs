//! From what the core found to the page.

use std::path::Path;

#[cfg(feature = "maps")]
use headstart_base::machine::Threads;
use headstart_core::report_data::{ComparisonData, EvaluationData, ImageData, ReportData};
use headstart_image::{Heif, thumbnail};
use headstart_nn::train::EpochRecord;
#[cfg(feature = "maps")]
use ndarray::Array2;

use crate::{
    Compared, ComparedOn, Comparison, Epoch, Evaluation, Facts, Image, Leak, Leaks, Report, Setting,
    Thumbnail, Training,
};

/// The page of a report, with thumbnails of the images that it shows; `heif` decodes those of HEIC files. The same data gives the same page, byte for byte, on one
/// kind of processor.
pub fn page(data: &ReportData, heif: &Heif) -> String {
    let shown: Vec<Shown> = data.evaluations.iter().map(Shown::of).collect();
    let evaluations: Vec<Evaluation> =
        data.evaluations.iter().zip(&shown).map(|(one, shown)| shown.evaluation(one)).collect();
    let history: Vec<Epoch> = data.history.iter().map(epoch).collect();
    let judged = data.training.as_ref();
    let images: Vec<Image> = judged.map(|judged| images(&judged.images)).unwrap_or_default();
    let training =
        judged.map(|judged| Training { folds: judged.folds, images: &images, suspects: &judged.suspects });
    let facts: Vec<Facts> = data
        .facts
        .iter()
        .map(|table| Facts {
            heading: &table.heading,
            rows: table.rows.clone(),
            defaults: table.defaults.clone(),
        })
        .collect();
    let report = Report {
        title: &data.title,
        created: data.created,
        about: &data.about,
        classes: &data.classes,
        evaluations: &evaluations,
        history: &history,
        training,
        facts: &facts,
    };
    report.html(&mut |file, edge| small(file, edge, heif))
}

/// The page of a comparison of runs.
pub fn comparison_page(data: &ComparisonData) -> String {
    let histories: Vec<Vec<Epoch>> =
        data.runs.iter().map(|run| run.history.iter().map(epoch).collect()).collect();
    let runs: Vec<Compared> = data
        .runs
        .iter()
        .zip(&histories)
        .map(|(run, history)| Compared { name: &run.name, history, seconds: run.seconds })
        .collect();
    let settings = data.settings.iter().cloned().map(|(name, values)| Setting { name, values });
    let evaluations = data.evaluations.iter().map(|on| ComparedOn {
        title: &on.title,
        metrics: on.metrics.iter().map(Option::as_ref).collect(),
        paired: on.paired.clone(),
    });
    let comparison = Comparison {
        created: data.created,
        runs: &runs,
        settings: &settings.collect::<Vec<_>>(),
        evaluations: &evaluations.collect::<Vec<_>>(),
    };
    comparison.html()
}

/// What an evaluation on the page borrows from.
struct Shown<'a> {
    images: Vec<Image<'a>>,
    leaks: Vec<Leak<'a>>,
    #[cfg(feature = "maps")]
    map: Option<Result<crate::projection::Maps, String>>,
}

impl<'a> Shown<'a> {
    fn of(data: &'a EvaluationData) -> Self {
        let leak = |leak: &'a headstart_core::report_data::LeakData| Leak {
            image: leak.image,
            path: &leak.path,
            file: &leak.file,
            label: leak.label,
            cosine: leak.cosine,
            identical: leak.identical,
        };
        let leaks = data.leaks.as_ref().and_then(|leaks| leaks.as_ref().ok());
        Self {
            images: images(&data.images),
            leaks: leaks.map(|leaks| leaks.pairs.iter().map(leak).collect()).unwrap_or_default(),
            #[cfg(feature = "maps")]
            map: data.map.as_ref().map(|map| {
                let map = map.as_ref().map_err(String::clone)?;
                placed(map.features.clone())
                    .map_err(|error| format!("The images could not be placed: {error}."))
            }),
        }
    }

    fn evaluation(&'a self, data: &'a EvaluationData) -> Evaluation<'a> {
        let leaks = data.leaks.as_ref().map(|leaks| {
            leaks.as_ref().map_err(String::as_str).map(|leaks| Leaks {
                training: leaks.training,
                threshold: leaks.threshold,
                pairs: &self.leaks,
            })
        });
        Evaluation {
            title: &data.title,
            metrics: &data.metrics,
            images: &self.images,
            suspects: data.suspects.as_ref().map(|found| found.as_deref().map_err(String::as_str)),
            leaks,
            map: self.map(data),
        }
    }

    #[cfg(feature = "maps")]
    fn map(&'a self, data: &'a EvaluationData) -> Option<crate::Known<'a, crate::Map<'a>>> {
        let placed = self.map.as_ref()?.as_ref().map_err(String::as_str);
        let drawn = data.map.as_ref()?.as_ref().map_err(String::as_str);
        Some(drawn.and_then(|drawn| {
            placed.map(|maps| crate::Map {
                images: &drawn.images,
                pca: &maps.pca,
                explained: maps.explained,
                tsne: maps.tsne.as_deref(),
            })
        }))
    }

    #[cfg(not(feature = "maps"))]
    fn map(&self, _: &EvaluationData) -> Option<crate::Known<'a, crate::Map<'a>>> {
        None
    }
}

fn images(data: &[ImageData]) -> Vec<Image<'_>> {
    data.iter().map(|ImageData { path, file, prediction }| Image { path, file, prediction }).collect()
}

#[cfg(feature = "maps")]
fn placed(features: Array2<f32>) -> Result<crate::projection::Maps, Box<dyn std::error::Error>> {
    Ok(Threads::new(None)?.run(|| crate::projection::Maps::of(features))?)
}

fn small(file: &Path, edge: usize, heif: &Heif) -> Option<Thumbnail> {
    let small = thumbnail(&std::fs::read(file).ok()?, edge, heif).ok()?;
    Some(Thumbnail { media_type: small.media_type, bytes: small.bytes })
}

fn epoch(record: &EpochRecord) -> Epoch {
    Epoch {
        epoch: record.epoch,
        loss: record.loss,
        accuracy: Some(record.accuracy),
        validation_loss: record.val_loss,
        validation_accuracy: record.val_accuracy,
    }
}
