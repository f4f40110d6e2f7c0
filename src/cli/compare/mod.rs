//! `headstart compare`: several heads and baselines, the same folds for all, one table.

mod fit;
mod pool;
mod table;

use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use headstart::baselines::Choice;
use headstart::compare::{CompareOptions, ComparisonFacts, Division, FitOutcome, Plan, Ranking};
use headstart::image::ViewKinds;
use headstart::settings::Axis;

use self::fit::Answer;
pub use self::fit::FitArgs;
use self::pool::{Ended, Pool};
use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs};
use super::console::{Console, count, stdout};
use super::listener::Listener;
use super::progress::Progress;
use super::settings::SettingsArgs;
use super::{Status, interrupt};

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
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|limit| !limit.is_zero()).ok_or_else(|| "expected a number of seconds above 0".into())
}

impl CompareArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let options = self.options()?;
        let project = self.backbone.project(&self.runtime);
        self.backbone.tell(console);
        let mut listener = Listener::new(console);
        let _watch = interrupt::token().watch();
        let comparison = listener.hear(|control| -> anyhow::Result<_> {
            Ok(project.comparison(self.manifest.read(control)?, &options, control)?)
        })?;
        let plan = &comparison.plan;
        let limit = self.time_limit.as_secs_f64();
        let facts = comparison.facts(self.pool().jobs, cores().get(), limit);
        tell(&facts, plan, console);
        let (outcomes, times) = compete(plan, &self.pool(), interrupt::token().flag(), console)?;
        let ranking = Ranking::new(facts, &plan.contenders, &outcomes);
        let mut out = stdout();
        match (self.json, self.csv) {
            (true, _) => writeln!(out, "{}", serde_json::to_string_pretty(&ranking)?)?,
            (_, true) => table::csv(&ranking, &mut out)?,
            _ => {
                write!(out, "{}", table::text(&ranking))?;
                console.note(table::legend(&ranking));
            }
        }
        times.warn(console);
        Ok(match () {
            () if interrupt::asked() => Status::Interrupted,
            () if ranking.complete() && comparison.left_out == 0 => Status::Done,
            () => Status::Partial,
        })
    }

    fn options(&self) -> anyhow::Result<CompareOptions> {
        Ok(CompareOptions {
            settings: self.settings.config()?,
            methods: self.heads.clone(),
            grid: self.grid.clone(),
            division: self.validation.map_or(Division::Folds(self.folds.into()), Division::Fraction),
            shots: self.shots.map(usize::from),
            views: self.views.clone(),
            extract: self.extract,
        })
    }

    fn pool(&self) -> Pool {
        Pool { jobs: self.jobs.unwrap_or(cores()).get(), time_limit: self.time_limit }
    }
}

/// What is about to be done.
fn tell(facts: &ComparisonFacts, plan: &Plan, console: &Console) {
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
}

fn cores() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// Let every contender have a go at every fold, each in a process of its own; the outcomes are in the order of
/// [`Plan::fits`]. A contender that failed or ran out of time in one fold is not asked again.
fn compete(
    plan: &Plan,
    pool: &Pool,
    cancel: &AtomicBool,
    console: &Console,
) -> anyhow::Result<(Vec<FitOutcome>, Times)> {
    let program = std::env::current_exe().context("cannot find this program, to run it for each fit")?;
    let file = plan.write().context("cannot write a temporary file")?;
    let gave_up: Vec<AtomicBool> = plan.contenders.iter().map(|_| AtomicBool::new(false)).collect();
    let mut outcomes = vec![FitOutcome::Skipped; plan.fits()];
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
            if matches!(outcomes[fit], FitOutcome::Failed(_)) {
                gave_up[contender].store(true, Ordering::Relaxed);
            }
        },
    );
    Ok((outcomes, times))
}

fn command(program: &Path, plan: &Path, (contender, fold): (usize, usize)) -> Command {
    let mut command = Command::new(program);
    command.arg(FitArgs::NAME).arg(plan).args([contender.to_string(), fold.to_string()]);
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
        self.fits += answer.seconds;
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

fn outcome(ended: Ended, times: &mut Times) -> FitOutcome {
    match ended {
        Ended::Done(text) => match serde_json::from_str::<Answer>(&text) {
            Ok(answer) => {
                times.add(&answer);
                FitOutcome::Scored(answer.score)
            }
            Err(error) => FitOutcome::Failed(format!("gave an answer that cannot be read: {error}")),
        },
        Ended::Crashed(reason) => FitOutcome::Failed(reason),
        Ended::OutOfTime(limit) => FitOutcome::Failed(format!("stopped after {} s", limit.as_secs_f64())),
        Ended::Skipped | Ended::Cancelled => FitOutcome::Skipped,
    }
}

#[cfg(test)]
mod tests {
    use headstart::baselines::Score;

    use super::*;

    #[test]
    fn times_are_doubted_when_fits_waited_for_a_core() {
        let answer = |seconds, waited_seconds| {
            let score = Score { accuracy: 1.0, log_loss: None, fit_seconds: 0.1, predict_seconds: 0.0 };
            serde_json::to_string(&Answer { score, seconds, waited_seconds }).unwrap()
        };
        let mut times = Times::default();
        assert_eq!(times.excess(), None);
        for (text, excess) in [
            (answer(8.0, Some(0.5)), None),
            // A system that does not tell.
            (answer(2.0, None), None),
            (answer(10.0, Some(4.5)), Some(0.25)),
        ] {
            assert!(matches!(outcome(Ended::Done(text), &mut times), FitOutcome::Scored(_)));
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
