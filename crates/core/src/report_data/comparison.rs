//! Runs beside each other, from what they keep: neither features nor images are needed.

use std::path::{Path, PathBuf};

use headstart_evaluate::{Metrics, Paired};

use super::{ComparedOnData, ComparedRun, ComparisonData};
use crate::Control;
use crate::evaluation::{ScoredImage, outcomes};
use crate::project::{Error, with_causes};
use crate::run::Run;
use crate::run_list::{EvaluatedSet, RunEntry, SameSet, differing, evaluations, same_sets};

impl ComparisonData {
    /// Of the runs in these folders. What cannot be compared is told, and the comparison is not complete then.
    ///
    /// # Errors
    /// If one of them is no run, or a damaged one.
    pub fn of(folders: &[PathBuf], control: &mut Control<'_>) -> Result<Self, Error> {
        let mut is_complete = true;
        let mut warn = |message: String| {
            control.warn(message);
            is_complete = false;
        };
        let runs = folders.iter().map(|folder| Run::load(folder)).collect::<Result<Vec<_>, _>>()?;
        let kept: Vec<Vec<Kept>> = folders.iter().map(|folder| kept(folder, &mut warn)).collect();
        let sets: Vec<Vec<&EvaluatedSet>> =
            kept.iter().map(|kept| kept.iter().map(|kept| &kept.set).collect()).collect();
        let evaluations = same_sets(&sets).iter().map(|line| on(line, &kept)).collect();
        let compared = runs.into_iter().map(|run| ComparedRun {
            name: run.name(),
            seconds: run.metrics.as_ref().map(|metrics| metrics.seconds),
            history: run.history.epochs,
        });
        Ok(Self {
            created: jiff::Timestamp::now(),
            runs: compared.collect(),
            settings: settings(folders)?,
            evaluations,
            is_complete,
        })
    }
}

/// What a run keeps of one evaluation.
struct Kept {
    set: EvaluatedSet,
    metrics: Metrics,
    /// None if the file is not there or is no such file.
    outcomes: Option<Vec<ScoredImage>>,
}

fn kept(run: &Path, warn: &mut impl FnMut(String)) -> Vec<Kept> {
    let mut all = vec![];
    for folder in evaluations(run) {
        match Metrics::read(&folder.join("metrics.json")) {
            Ok(metrics) => {
                let outcomes = outcomes(&folder.join("predictions.csv"));
                let outcomes = outcomes
                    .map_err(|error| warn(format!("not compared image by image: {}", with_causes(&error))))
                    .ok();
                all.push(Kept { set: EvaluatedSet::of(&folder, &metrics), metrics, outcomes });
            }
            Err(error) => warn(format!("left out: {}", with_causes(&error))),
        }
    }
    all
}

/// The runs that were evaluated on this.
fn on(line: &SameSet, kept: &[Vec<Kept>]) -> ComparedOnData {
    let of_run: Vec<Option<&Kept>> =
        kept.iter().zip(&line.places).map(|(of_run, place)| place.map(|place| &of_run[place])).collect();
    let first = of_run.iter().flatten().next().copied();
    let paired = |one: &Option<&Kept>| {
        let (first, one) = (first?, (*one)?);
        if std::ptr::eq(first, one) { None } else { pair(first.outcomes.as_ref()?, one.outcomes.as_ref()?) }
    };
    ComparedOnData {
        title: line.title.clone(),
        metrics: of_run.iter().map(|one| one.map(|kept| kept.metrics.clone())).collect(),
        paired: of_run.iter().map(paired).collect(),
    }
}

/// Only the same images with the same labels can be paired. Version 0.1.0 wrote paths as they stand in the manifest, later
/// ones write whole paths.
fn pair(a: &[ScoredImage], b: &[ScoredImage]) -> Option<Paired> {
    let is_end = |a: &str, b: &str| Path::new(a).ends_with(b.strip_prefix("./").unwrap_or(b));
    let is_same = |(a, b): (&ScoredImage, &ScoredImage)| {
        a.label == b.label && (a.path == b.path || is_end(&a.path, &b.path) || is_end(&b.path, &a.path))
    };
    if a.len() != b.len() || !a.iter().zip(b).all(is_same) {
        return None;
    }
    let correct = |outcomes: &[ScoredImage]| outcomes.iter().map(ScoredImage::is_correct).collect::<Vec<_>>();
    Paired::of(&correct(a), &correct(b))
}

fn settings(folders: &[PathBuf]) -> Result<Vec<(String, Vec<String>)>, Error> {
    let entry = |folder: &PathBuf| match RunEntry::load(folder) {
        Ok((entry, _)) => Ok(entry),
        Err(broken) => Err(Error::CannotRepeat { reason: broken.reason }),
    };
    let entries = folders.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let values = |name: &str| entries.iter().map(|entry| entry.setting(name)).collect();
    Ok(differing(&entries).into_iter().map(|name| (name.clone(), values(&name))).collect())
}
