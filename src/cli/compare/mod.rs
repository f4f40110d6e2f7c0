//! `headstart compare`: several heads and baselines, the same folds for all, one table.

mod contenders;
mod fit;
mod plan;
mod pool;
mod standings;
mod table;

use std::io::Write;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use headstart::baselines::Choice;
use headstart::cache::Store;
use headstart::dataset::Classes;
use headstart::dataset::split::Split;
use headstart::image::ViewKinds;

use self::fit::Answer;
pub use self::fit::Fit;
use self::plan::{Division, Plan};
use self::pool::{Ended, Pool};
use self::standings::{Facts, Outcome, Standings, Unused};
use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs};
use super::console::{Console, count, stdout};
use super::error::Error;
use super::features::{Lookup, in_views};
use super::leaks::{self, Looked};
use super::making::Making;
use super::parts::{Divided, too_few};
use super::progress::Progress;
use super::settings::Axis;
use super::settings::SettingsArgs;
use super::source::Source;
use super::{Status, extract, interrupt};

/// Cross-validate heads and other classifiers on the same cached features, and print one table
///
/// Every method learns from the same stratified folds and is measured on what they hold out: accuracy, log-loss and
/// seconds, as mean ± standard deviation over the folds, the best first. To try many settings quickly, hold
/// out a fraction once instead (--validation), and compare the best few over folds. `mlp` is the head that `train` would train with
/// the same settings, `linear` the same without hidden layers; `logistic` and `bayes` are linfa's, `knn`, `forest` and
/// `svm` are smartcore's.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// What to compare
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "mlp,linear,logistic,knn,forest,svm",
        value_parser = clap::builder::PossibleValuesParser::new(Choice::NAMES)
    )]
    heads: Vec<String>,
    /// Settings of the head to try in all combinations, such as `learning_rate=1e-4,1e-3 dropout=0,0.5`
    #[arg(long, value_name = "SETTING=VALUE,…", num_args = 1.., value_parser = Axis::parse)]
    grid: Vec<Axis>,
    /// Number of parts for cross-validation, each held out once
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    folds: u16,
    /// Hold out this fraction of each class once, as `train` does, instead of folds: one fit for each method
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true, conflicts_with = "folds")]
    validation: Option<f64>,
    /// Compare each of our own heads in three forms: trained on plain images; trained on one view of each image at each step,
    /// chosen by chance from the plain image and these (`flip`, `crop5`, `crop10`); and trained so and measured on the average
    /// over all views
    #[arg(long, value_name = "VIEWS", default_value_t)]
    views: ViewKinds,
    /// Let every method learn from only K images of each class, chosen by the seed; the held-out images stay the same
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    shots: Option<u16>,
    /// Seconds that a method may take for a fold before it is stopped
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    time_limit: Duration,
    /// Number of fits at the same time, one thread each (default: all cores)
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Print JSON, with the figures of every fold
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV
    #[arg(long)]
    csv: bool,
    /// Compute features that are missing first
    #[arg(long)]
    extract: bool,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|limit| !limit.is_zero()).ok_or_else(|| "expected a number of seconds above 0".into())
}

impl CompareArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let config = self.settings.config()?;
        let mut contenders = contenders::contenders(&self.heads, &config, &self.grid)?;
        // As `train` does: who chooses a head by its figures on the `test` rows has none left to measure it on.
        let Divided { training: manifest, note, .. } = Divided::of(self.manifest.read(console)?, false)?;
        if let Some(note) = note {
            console.note(note);
        }
        let classes = manifest.classes()?;
        contenders::place_weights(&mut contenders, classes.names())?;
        let labels = manifest.labels(&classes)?;
        let files = || manifest.files();
        let making = Making::of(&files, &self.runtime);
        let source = Source::open(&self.backbone, self.extract.then_some(&making), console)?;
        let cancel = interrupt::listen();
        if !self.views.is_empty() {
            contenders = contenders::with_views(contenders);
        }
        let wanted = || vec![(manifest.files(), self.views.clone())];
        let mut cache = match extract::open_cache(&source, wanted, self.extract, &self.runtime, console)? {
            ControlFlow::Continue(cache) => cache,
            ControlFlow::Break(status) => return Ok(status),
        };
        let lookup = Lookup { source: &source, console, failures_named: self.extract, all: &[] };
        let ready = lookup.find(cache.as_mut(), &manifest, &self.views)?;
        let left_out = manifest.len() - ready.ids.len();
        let names = ready.names(&manifest);
        let store = cache.as_ref().expect("a cache that is not there has no features").store();
        let mut plan = Plan {
            store: store.dir().to_path_buf(),
            labels: ready.pick(&labels),
            in_views: match self.views.is_empty() {
                true => vec![],
                false => in_views(&ready.ids, source.views(&self.views)),
            },
            ids: ready.ids,
            classes: classes.len(),
            division: self.validation.map_or(Division::Folds(self.folds.into()), Division::Fraction),
            shots: self.shots.map(usize::from),
            seed: config.seed,
            rounds: vec![],
            contenders,
        };
        // A division that cannot be made is one error here instead of one from every fit.
        let unusable = plan.unusable().map_err(|error| too_few(error, &classes))?;
        plan.rounds = (0..plan.division.rounds())
            .filter(|round| unusable.iter().all(|unusable| unusable.fold != round + 1))
            .collect();
        let labels: Vec<Option<usize>> = plan.labels.iter().copied().map(Some).collect();
        let looked = Looked { ids: &plan.ids, names: &names, labels: &labels, classes: &classes };
        if looked.tell(leaks::Use::HeldOutTogether, console) {
            let manifests = self.manifest.paths().iter().map(PathBuf::as_path);
            leaks::tell_more(&source, manifests, manifest.columns(), console);
        }
        tell_rare_classes(&plan, &classes, console);
        let unused = unusable.into_iter().map(|unusable| Unused::of(unusable, &classes)).collect();
        anyhow::ensure!(!plan.rounds.is_empty(), Error::NoUsableFold { folds: plan.division.rounds() });
        let facts = self.facts(&plan, unused, store, console);

        let (outcomes, times) = compete(&plan, &self.pool(), cancel.flag(), console)?;
        let standings = Standings::new(facts, &plan.contenders, &outcomes);
        let mut out = stdout();
        match (self.json, self.csv) {
            (true, _) => writeln!(out, "{}", serde_json::to_string_pretty(&standings)?)?,
            (_, true) => table::csv(&standings, &mut out)?,
            _ => {
                write!(out, "{}", table::text(&standings))?;
                console.note(table::legend(&standings));
            }
        }
        times.warn(console);
        Ok(match () {
            () if interrupt::asked() => Status::Interrupted,
            () if standings.complete() && left_out == 0 => Status::Done,
            () => Status::Partial,
        })
    }

    fn pool(&self) -> Pool {
        Pool { jobs: self.jobs.unwrap_or(cores()).get(), time_limit: self.time_limit }
    }

    fn facts(&self, plan: &Plan, unused: Vec<Unused>, store: &Store, console: &Console) -> Facts {
        let facts = Facts {
            images: plan.labels.len(),
            copies: plan.copies().repeated(),
            classes: plan.classes,
            features: store.dim(),
            folds: plan.division.rounds(),
            unused,
            validation: self.validation,
            shots: plan.shots,
            views: self.views.clone(),
            seed: plan.seed,
            fits_at_once: self.pool().jobs.min(plan.fits()),
            cores: cores().get(),
            time_limit_seconds: self.time_limit.as_secs_f64(),
        };
        if facts.fits_at_once > facts.cores {
            console.warn(format_args!(
                "{} at a time on {}: they wait for each other, so the times are too long",
                count(facts.fits_at_once, "fit"),
                count(facts.cores, "core")
            ));
        }
        let division = match plan.division {
            Division::Folds(folds) => format!("in {folds} folds"),
            Division::Fraction(fraction) => format!("{fraction} of each class held out"),
        };
        console.note(format_args!(
            "{} of {}, {division}{}; {}, {} at a time, one thread each",
            count(facts.images, "image"),
            count(facts.classes, "class"),
            facts.shots.map_or(String::new(), |shots| format!(", {shots} of each to learn from")),
            count(plan.contenders.len(), "method"),
            count(facts.fits_at_once, "fit")
        ));
        facts
    }
}

fn cores() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// A class whose images are all held out together is one that no method can learn in that fold.
fn tell_rare_classes(plan: &Plan, classes: &Classes, console: &Console) {
    let Ok(splits) = plan.splits() else { return };
    for (class, name) in classes.names().iter().enumerate() {
        let is_lost = |split: &Split| split.train.iter().all(|&image| plan.labels[image] != class);
        let lost: Vec<String> = (1..)
            .zip(&splits)
            .filter(|(_, split)| is_lost(split))
            .map(|(fold, _)| fold.to_string())
            .collect();
        if !lost.is_empty() {
            let folds = if lost.len() == 1 { "fold" } else { "folds" };
            console.warn(format_args!(
                "no image of `{name}` is left to learn from in {folds} {}: too few different images for {}",
                lost.join(", "),
                count(splits.len(), "fold")
            ));
        }
    }
}

/// Let every contender have a go at every fold, each in a process of its own; the outcomes are in the order of
/// [`Plan::fits`]. A contender that failed or ran out of time in one fold is not asked again.
fn compete(
    plan: &Plan,
    pool: &Pool,
    cancel: &AtomicBool,
    console: &Console,
) -> anyhow::Result<(Vec<Outcome>, Times)> {
    let program = std::env::current_exe().context("cannot find this program, to run it for each fit")?;
    let file = plan.write()?;
    let gave_up: Vec<AtomicBool> = plan.contenders.iter().map(|_| AtomicBool::new(false)).collect();
    let mut outcomes = vec![Outcome::Skipped; plan.fits()];
    let mut times = Times::default();
    let mut progress = Progress::new(console, "fits", plan.fits());
    pool.run(
        plan.fits(),
        &|fit| {
            let (contender, _) = plan.fit(fit);
            (!gave_up[contender].load(Ordering::Relaxed))
                .then(|| command(&program, file.path(), plan.fit(fit)))
        },
        cancel,
        &mut |fit, ended| {
            progress.advance(1);
            let (contender, _) = plan.fit(fit);
            outcomes[fit] = outcome(ended, &mut times);
            if matches!(outcomes[fit], Outcome::Failed(_)) {
                gave_up[contender].store(true, Ordering::Relaxed);
            }
        },
    );
    Ok((outcomes, times))
}

fn command(program: &Path, plan: &Path, (contender, fold): (usize, usize)) -> Command {
    let mut command = Command::new(program);
    command.arg(Fit::WORD).arg(plan).args([contender.to_string(), fold.to_string()]);
    command
}

/// How long fits took, and how much of that they waited for a core.
#[derive(Debug, Default)]
struct Times {
    fits: f64,
    waited: f64,
}

impl Times {
    /// The part of the time that a fit may wait for a core before its time is no longer that of a core to itself.
    const BEARABLE: f64 = 0.1;

    fn add(&mut self, answer: &Answer) {
        self.fits += answer.score.fit_seconds + answer.score.predict_seconds;
        self.waited += answer.waited_seconds.unwrap_or(0.0);
    }

    /// What was waited, as a part of the whole, if that is too much.
    fn excess(&self) -> Option<f64> {
        Some(self.waited / self.fits).filter(|&part| part > Self::BEARABLE)
    }

    fn warn(&self, console: &Console) {
        if let Some(part) = self.excess() {
            console.warn(format_args!(
                "the cores were busy with something else: fits waited {:.0} % of their time, so the times are too long",
                part * 100.0
            ));
        }
    }
}

fn outcome(ended: Ended, times: &mut Times) -> Outcome {
    match ended {
        Ended::Done(text) => match serde_json::from_str::<Answer>(&text) {
            Ok(answer) => {
                times.add(&answer);
                Outcome::Scored(answer.score)
            }
            Err(error) => Outcome::Failed(format!("gave an answer that cannot be read: {error}")),
        },
        Ended::Crashed(reason) => Outcome::Failed(reason),
        Ended::OutOfTime(limit) => Outcome::Failed(format!("stopped after {} s", limit.as_secs_f64())),
        Ended::Skipped | Ended::Cancelled => Outcome::Skipped,
    }
}

#[cfg(test)]
mod tests {
    use headstart::baselines::Score;

    use super::*;

    #[test]
    fn times_are_doubted_when_fits_waited_for_a_core() {
        let answer = |fit_seconds, waited_seconds| {
            let score = Score { accuracy: 1.0, log_loss: None, fit_seconds, predict_seconds: 0.0 };
            serde_json::to_string(&Answer { score, waited_seconds }).unwrap()
        };
        let mut times = Times::default();
        assert_eq!(times.excess(), None);
        for (text, excess) in [
            (answer(8.0, Some(0.5)), None),
            // A system that does not tell.
            (answer(2.0, None), None),
            (answer(10.0, Some(4.5)), Some(0.25)),
        ] {
            assert!(matches!(outcome(Ended::Done(text), &mut times), Outcome::Scored(_)));
            assert_eq!(times.excess(), excess);
        }
    }

    #[test]
    fn a_time_limit_is_a_time_that_can_pass() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "NaN", "inf", "1e30", "long"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
