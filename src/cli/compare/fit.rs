//! One fit, in a process of its own: a process can be stopped, a thread cannot.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context;
use headstart::baselines::{Choice, HeadMethod, Look, Score, evaluate, evaluate_in_views};
use headstart::cache::Store;
use headstart::dataset::split::Split;
use headstart::run::CachedRows;
use headstart::train::TrainConfig;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::super::Status;
use super::super::console::stdout;
use super::plan::{Plan, Use};

/// `headstart compare-fit PLAN CONTENDER FOLD`: the score as JSON on stdout. For [`compare`](super) alone, so not one of
/// the commands that help, completions and man page know of.
#[derive(Debug, PartialEq)]
pub struct Fit {
    plan: PathBuf,
    contender: usize,
    fold: usize,
}

impl Fit {
    pub const WORD: &str = "compare-fit";

    /// The fit that the arguments of this process (its own name first) ask for, if they do.
    pub fn asked(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let arguments: Vec<OsString> = arguments.into_iter().skip(1).collect();
        let [word, plan, contender, fold] = arguments.as_slice() else { return None };
        let number = |text: &OsString| text.to_str()?.parse().ok();
        (word == Self::WORD).then_some(())?;
        Some(Self { plan: plan.into(), contender: number(contender)?, fold: number(fold)? })
    }

    pub fn run(&self) -> anyhow::Result<Status> {
        end_with_parent();
        // A core to itself: others are fitted beside it.
        headstart::machine::use_threads(NonZeroUsize::new(1))?;
        let answer = self.answer(&Plan::read(&self.plan)?)?;
        writeln!(stdout(), "{}", serde_json::to_string(&answer)?)?;
        Ok(Status::Done)
    }

    fn answer(&self, plan: &Plan) -> anyhow::Result<Answer> {
        let contender = plan.contenders.get(self.contender).context("the plan has no such contender")?;
        let splits = plan.splits()?;
        let split = splits.get(self.fold).context("the plan has no such fold")?;
        let store = Store::open_dir(&plan.store)?;
        let before = waited_seconds();
        let score = match (&contender.choice, contender.views) {
            (Choice::Head(config), Use::Drawn) => plan.in_views(&store, config, split, Look::Plain)?,
            (Choice::Head(config), Use::Averaged) => plan.in_views(&store, config, split, Look::Averaged)?,
            (choice, _) => plan.plain(&store, choice, split)?,
        };
        let waited_seconds = before.zip(waited_seconds()).map(|(before, after)| after - before);
        Ok(Answer { score, waited_seconds })
    }
}

impl Plan {
    fn plain(&self, store: &Store, choice: &Choice, split: &Split) -> anyhow::Result<Score> {
        let selection = store.select(&self.ids)?;
        let mut features = Array2::zeros((0, 0));
        selection.gather(&(0..selection.len()).collect::<Vec<_>>(), &mut features)?;
        Ok(evaluate(choice.method().as_ref(), &features, &self.labels, self.classes, split)?)
    }

    /// Rows come from the cache as they are asked for: in all their views they may be more than memory holds.
    fn in_views(
        &self,
        store: &Store,
        config: &TrainConfig,
        split: &Split,
        look: Look,
    ) -> anyhow::Result<Score> {
        let names = (1..=self.labels.len()).map(|image| format!("image {image}")).collect();
        let views = self.in_views.len() / self.labels.len();
        let rows = CachedRows::in_views(store.select(&self.in_views)?, names, views);
        let method = HeadMethod(config.clone());
        Ok(evaluate_in_views(&method, &rows, &self.labels, self.classes, split, look)?)
    }
}

/// What the process of a fit says on its stdout.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub score: Score,
    /// Time of it in which the process could have worked and had no core to do so; `None` where the system does not tell.
    pub waited_seconds: Option<f64>,
}

/// That time for the first thread of this process, which is the one that fits: Linux keeps it in nanoseconds.
fn waited_seconds() -> Option<f64> {
    let figures = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: f64 = figures.split_whitespace().nth(1)?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

/// Whoever started this process keeps its stdin open and writes nothing; when it is gone, however it went, the pipe
/// closes, and nobody waits for an answer any more.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(130);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_word_asks_for_a_fit() {
        let asked = |line: &str| Fit::asked(line.split(' ').map(OsString::from));
        let fit = Fit { plan: "plan.json".into(), contender: 3, fold: 1 };
        assert_eq!(asked("headstart compare-fit plan.json 3 1"), Some(fit));
        for line in ["headstart", "headstart compare plan.json 3 1", "headstart compare-fit plan.json 3 x"] {
            assert_eq!(asked(line), None, "{line}");
        }
    }
}
