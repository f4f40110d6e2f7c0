//! Runs beside each other, from what they keep: neither features nor images are needed.

use std::path::{Path, PathBuf};

use headstart::evaluate::{Metrics, Paired};
use headstart::evaluation::{Outcome, outcomes};
use headstart::report::{Compared, ComparedOn, Comparison, Epoch, Setting};
use headstart::run::Run;

use super::page::epoch;
use crate::cli::Status;
use crate::cli::console::Console;
use crate::cli::runs::{Alike, Entry, Set, alike, differing, evaluations};

/// The page, and whether everything is on it that could be.
pub fn page(folders: &[PathBuf], console: &Console) -> anyhow::Result<(String, Status)> {
    let mut status = Status::Done;
    let mut warn = |message: String| {
        console.warn(message);
        status = Status::Partial;
    };
    let runs = folders.iter().map(|folder| Ok(Run::load(folder)?)).collect::<anyhow::Result<Vec<_>>>()?;
    let names: Vec<String> = runs.iter().map(Run::name).collect();
    let histories: Vec<Vec<Epoch>> =
        runs.iter().map(|run| run.history.epochs.iter().map(epoch).collect()).collect();
    let kept: Vec<Vec<Kept>> = folders.iter().map(|folder| kept(folder, &mut warn)).collect();
    let compared: Vec<Compared> = (0..runs.len())
        .map(|run| Compared {
            name: &names[run],
            history: &histories[run],
            seconds: runs[run].metrics.as_ref().map(|metrics| metrics.seconds),
        })
        .collect();
    let sets: Vec<Vec<&Set>> = kept.iter().map(|kept| kept.iter().map(|kept| &kept.set).collect()).collect();
    let lines = alike(&sets);
    let evaluations: Vec<ComparedOn> = lines.iter().map(|line| on(line, &kept)).collect();
    let comparison = Comparison {
        created: jiff::Timestamp::now(),
        runs: &compared,
        settings: &settings(folders)?,
        evaluations: &evaluations,
    };
    Ok((comparison.html(), status))
}

/// What a run keeps of one evaluation.
struct Kept {
    set: Set,
    metrics: Metrics,
    /// None if the file is not there or is no such file.
    outcomes: Option<Vec<Outcome>>,
}

fn kept(run: &Path, warn: &mut impl FnMut(String)) -> Vec<Kept> {
    let mut all = vec![];
    for folder in evaluations(run) {
        match Metrics::read(&folder.join("metrics.json")) {
            Ok(metrics) => {
                let outcomes = outcomes(&folder.join("predictions.csv"));
                let outcomes =
                    outcomes.map_err(|error| warn(format!("not compared image by image: {error}"))).ok();
                all.push(Kept { set: Set::of(&folder, &metrics), metrics, outcomes });
            }
            Err(error) => warn(format!("left out: {error}")),
        }
    }
    all
}

/// The runs that were evaluated on this.
fn on<'a>(line: &'a Alike, kept: &'a [Vec<Kept>]) -> ComparedOn<'a> {
    let of_run: Vec<Option<&Kept>> =
        kept.iter().zip(&line.places).map(|(of_run, place)| place.map(|place| &of_run[place])).collect();
    let first = of_run.iter().flatten().next().copied();
    let paired = |one: &Option<&Kept>| {
        let (first, one) = (first?, (*one)?);
        if std::ptr::eq(first, one) { None } else { pair(first.outcomes.as_ref()?, one.outcomes.as_ref()?) }
    };
    ComparedOn {
        title: &line.title,
        metrics: of_run.iter().map(|one| one.map(|kept| &kept.metrics)).collect(),
        paired: of_run.iter().map(paired).collect(),
    }
}

/// Only the same images with the same labels can be paired. Version 0.1.0 wrote paths as they stand in the manifest, later
/// ones write whole paths.
fn pair(a: &[Outcome], b: &[Outcome]) -> Option<Paired> {
    let is_end = |a: &str, b: &str| Path::new(a).ends_with(b.strip_prefix("./").unwrap_or(b));
    let is_same = |(a, b): (&Outcome, &Outcome)| {
        a.label == b.label && (a.path == b.path || is_end(&a.path, &b.path) || is_end(&b.path, &a.path))
    };
    if a.len() != b.len() || !a.iter().zip(b).all(is_same) {
        return None;
    }
    let correct = |outcomes: &[Outcome]| outcomes.iter().map(Outcome::is_correct).collect::<Vec<_>>();
    Paired::of(&correct(a), &correct(b))
}

fn settings(folders: &[PathBuf]) -> anyhow::Result<Vec<Setting>> {
    let entry = |folder: &PathBuf| match Entry::load(folder) {
        Ok((entry, _)) => Ok(entry),
        Err(broken) => Err(anyhow::anyhow!("{}", broken.reason)),
    };
    let entries = folders.iter().map(entry).collect::<anyhow::Result<Vec<_>>>()?;
    let setting =
        |name: String| Setting { values: entries.iter().map(|entry| entry.setting(&name)).collect(), name };
    Ok(differing(&entries).into_iter().map(setting).collect())
}
