//! One fit, in a process of its own: a process can be stopped, a thread cannot.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use headstart::baseline::{Score, evaluate};
use headstart::cache::Store;
use headstart::dataset::split;
use ndarray::Array2;

use super::super::Status;
use super::plan::Plan;

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
        let score = self.score(&Plan::read(&self.plan)?)?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&score)?)?;
        Ok(Status::Done)
    }

    fn score(&self, plan: &Plan) -> anyhow::Result<Score> {
        let contender = plan.contenders.get(self.contender).context("the plan has no such contender")?;
        let folds = split::folds(&plan.labels, plan.folds, plan.seed)?;
        let fold = folds.get(self.fold).context("the plan has no such fold")?;
        let store = Store::open_dir(&plan.store)?;
        let selection = store.select(&plan.ids)?;
        let mut features = Array2::zeros((0, 0));
        selection.gather(&(0..selection.len()).collect::<Vec<_>>(), &mut features)?;
        let method = contender.choice.method();
        Ok(evaluate(method.as_ref(), &features, &plan.labels, plan.classes, fold)?)
    }
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
