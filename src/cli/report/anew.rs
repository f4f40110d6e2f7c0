//! The page of one run, with its evaluations made again.

use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::baselines::{HeadMethod, out_of_fold};
use headstart::cache::Store;
use headstart::dataset::{Copies, Manifest, Whereabouts, split};
use headstart::evaluate::label_errors::suspects;
use headstart::evaluate::{Metrics, predict};
use headstart::evaluation::{EvaluationRecord, Outcome, confidences, outcomes};
use headstart::extract::FeatureCache;
use headstart::files::path_of_text;
use headstart::run::Run;
use headstart::train::TrainConfig;
use ndarray::Array2;

use super::evaluated::{Evaluated, title};
use super::learnt::Learnt;
use super::page::{self, Judged};
use crate::cli::Status;
use crate::cli::args::BackboneArgs;
use crate::cli::console::{Console, chain};
use crate::cli::evaluate::Answers;
use crate::cli::features::Lookup;
use crate::cli::found::{self, Found};
use crate::cli::hint::hint;
use crate::cli::parts::{folder_of, names};
use crate::cli::progress::Progress;
use crate::cli::runs::evaluations;
use crate::cli::source::Source;

/// As `evaluate` draws them unless told otherwise.
const RESAMPLES: u32 = 1000;

/// The features that a run knows, with what names them.
struct Features {
    source: Source,
    /// There is one.
    cache: Option<FeatureCache>,
}

impl Features {
    fn store(&self) -> &Store {
        self.cache.as_ref().expect("without one there are no features").store()
    }
}

/// The page, and whether everything is on it that could be.
pub fn page(
    run: &Run,
    args: &BackboneArgs,
    folds: usize,
    console: &Console,
) -> anyhow::Result<(String, Status)> {
    let mut status = Status::Done;
    let mut warn = |message: String| {
        console.warn(message);
        status = Status::Partial;
    };
    // Without features the page still has figures and curves.
    let mut features = open(run, args)
        .map_err(|error| {
            let hint = hint(&error).map_or(String::new(), |hint| format!("; {hint}"));
            warn(format!("the page has no images, because there are no features: {}{hint}", chain(&error)))
        })
        .ok();
    let learnt = match &mut features {
        Some(Features { source, cache: Some(cache) }) => Learnt::find(run, source, cache),
        _ => Err("There are no features to compare.".into()),
    };
    let mut evaluated = vec![];
    for folder in evaluations(run.dir()) {
        match again(run, &folder, features.as_mut(), &learnt) {
            Ok(one) => evaluated.push(one),
            Err(error) => {
                warn(format!(
                    "`{}` could not be made again, so its figures are as they were: {}",
                    folder.display(),
                    chain(&error)
                ));
                match Metrics::read(&folder.join("metrics.json")) {
                    Ok(metrics) => evaluated.push(Evaluated::figures(name(&folder), metrics)),
                    Err(error) => warn(format!("left out: {error}")),
                }
            }
        }
    }
    let judged = match (&features, &learnt) {
        _ if folds == 0 => None,
        (Some(features), Ok(learnt)) => cross_validate(run, features, learnt, folds, console)
            .map_err(|error| warn(format!("the training images were not cross-validated: {}", chain(&error))))
            .ok(),
        (Some(_), Err(reason)) => {
            warn(format!("the training images were not cross-validated: {reason}"));
            None
        }
        (None, _) => None,
    };
    Ok((page::page(run, &evaluated, learnt.as_ref().ok(), judged.as_ref()), status))
}

fn open(run: &Run, args: &BackboneArgs) -> anyhow::Result<Features> {
    let source = Source::open_for(run, args, None)?;
    let cache = source.open_cache()?;
    anyhow::ensure!(cache.is_some(), "there is no cache of them in `{}`", args.cache.display());
    Ok(Features { source, cache })
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The evaluation in this folder once more.
fn again(
    run: &Run,
    folder: &Path,
    features: Option<&mut Features>,
    learnt: &Result<Learnt, String>,
) -> anyhow::Result<Evaluated> {
    let record = EvaluationRecord::read(&folder.join("evaluation.toml"))?;
    if let Some(other) = Metrics::read(&folder.join("metrics.json"))?.other_precision {
        anyhow::bail!("its features were in {other}");
    }
    let Some(features) = features else { anyhow::bail!("there are no features") };
    let manifest = manifest_of(run, &record)?;
    let Features { source, cache } = features;
    let console = &Console::silent();
    let lookup = Lookup { source, console, failures_named: false, all: &[] };
    let answers = Answers::of(run, &lookup, cache, &manifest, &record.views)?;
    let is_same = match &record.rows {
        Some(rows) => answers.images().rows.as_ref() == Some(rows),
        None => is_as_predicted(run, folder, &record, &answers.outcomes(run, &manifest)),
    };
    anyhow::ensure!(is_same, "images of `{}` are not those that were evaluated", manifest.source().display());
    let assessed = answers.assess(run, RESAMPLES)?;
    let subject = assessed.subject(title(&record), features.store(), &manifest);
    Ok(Evaluated::examine(subject, learnt))
}

/// The images that were evaluated, wherever their manifests are now.
fn manifest_of(run: &Run, record: &EvaluationRecord) -> anyhow::Result<Manifest> {
    let columns = record.columns();
    let read = |paths: &[PathBuf]| -> anyhow::Result<Manifest> {
        let manifest = Manifest::read_all(paths, &columns)?;
        Ok(match &record.split {
            Some(part) => manifest.split(part)?,
            None => manifest,
        })
    };
    let is_same = |manifest: &Manifest| {
        record.digest.as_ref().is_none_or(|digest| *digest == *manifest.digest().to_hex())
    };
    let places = Whereabouts::candidates(record.places.as_ref(), &record.manifests, &folder_of(run));
    match found::find(places, read, is_same)? {
        // The error names what was typed.
        None => read(&record.manifests.iter().map(|path| path_of_text(path)).collect::<Vec<_>>()),
        Some(Found { read, is_same: true, .. }) => Ok(read),
        Some(Found { paths, .. }) => {
            anyhow::bail!("{} is not what was evaluated: its rows are others", names(&paths))
        }
    }
}

/// Whether these are the images of an evaluation by version 0.1.0, which kept no digest of them: the same paths and labels, and the
/// head says the same of them. On another processor it may say something else of one in a hundred.
fn is_as_predicted(run: &Run, folder: &Path, record: &EvaluationRecord, found: &[(Outcome, f64)]) -> bool {
    /// Numbers that differ by no more are the same but for rounding.
    const ROUNDING: f64 = 1e-3;
    let path = folder.join("predictions.csv");
    let (Ok(kept), Ok(sure)) = (outcomes(&path), confidences(&path)) else { return true };
    // A temperature that was fitted since then changes how sure it is.
    let is_comparable = run.calibration.as_ref().is_none_or(|fitted| fitted.created < record.created);
    let is_same_row = |(a, (b, _)): (&Outcome, &(Outcome, f64))| a.is_of_same_image(b);
    let rows = kept.iter().zip(&sure).zip(found);
    let changed = rows.filter(|((kept, sure), (found, now))| {
        kept.prediction != found.prediction || (is_comparable && (*sure - now).abs() > ROUNDING)
    });
    let changed = changed.count();
    kept.len() == found.len() && kept.iter().zip(found).all(is_same_row) && changed * 100 <= kept.len()
}

/// Let heads trained as this run's judge the training images that they have not seen.
fn cross_validate<'a>(
    run: &Run,
    features: &Features,
    learnt: &'a Learnt,
    folds: usize,
    console: &Console,
) -> anyhow::Result<Judged<'a>> {
    let training = run.info.training().context("it was not trained here")?;
    // Exactly as long as the run's own head was trained, for there is nothing to stop by.
    let metrics = run.metrics.as_ref().context("it was not trained here")?;
    let epochs = metrics.best_epoch.unwrap_or(metrics.epochs).max(1);
    let config = TrainConfig { epochs, patience: None, ..training.settings.clone() };
    let splits = split::image_folds(learnt.labels(), &Copies::of(learnt.ids()), folds, config.seed)?;
    let selection = features.store().select(learnt.ids())?;
    let mut rows = Array2::zeros((0, 0));
    selection.gather(&(0..selection.len()).collect::<Vec<_>>(), &mut rows)?;
    let mut progress = Progress::new(console, "folds", folds);
    let classes = run.info.classes.len();
    let method = HeadMethod(config);
    let said = out_of_fold(&method, &rows, learnt.labels(), classes, &splits, || progress.advance(1))?;
    let labels: Vec<Option<usize>> = learnt.labels().iter().copied().map(Some).collect();
    Ok(Judged {
        folds,
        learnt,
        predictions: predict(said.view(), &labels, 1),
        suspects: suspects(said.view(), learnt.labels()),
    })
}
