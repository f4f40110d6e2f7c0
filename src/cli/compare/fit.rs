//! One fit, in a process of its own: a process can be stopped, a thread cannot.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use headstart::baselines::Score;
use headstart::compare::Plan;
use serde::{Deserialize, Serialize};

use super::super::Status;
use super::super::console::stdout;

/// Fit one contender on one fold; the score as JSON on stdout.
///
/// For [`compare`](super) alone, so not one of the commands that people are told of.
#[derive(Debug, Args)]
pub struct FitArgs {
    plan: PathBuf,
    contender: usize,
    fold: usize,
}

impl FitArgs {
    pub const NAME: &str = "compare-fit";

    pub fn command() -> clap::Command {
        Self::augment_args(clap::Command::new(Self::NAME).hide(true))
    }

    pub fn run(&self) -> anyhow::Result<Status> {
        end_with_parent();
        // On no threads but this one: others are fitted beside it.
        let answer = self.answer(&self.read()?)?;
        writeln!(stdout(), "{}", serde_json::to_string(&answer)?)?;
        Ok(Status::Done)
    }

    fn read(&self) -> anyhow::Result<Plan> {
        Plan::read(&self.plan).with_context(|| format!("cannot read the plan `{}`", self.plan.display()))
    }

    fn answer(&self, plan: &Plan) -> anyhow::Result<Answer> {
        plan.contenders.get(self.contender).context("the plan has no such contender")?;
        anyhow::ensure!(self.fold < plan.division.rounds(), "the plan has no such fold");
        let (started, before) = (Instant::now(), waited_seconds());
        let score = plan.score(self.contender, self.fold)?;
        let waited_seconds = before.zip(waited_seconds()).map(|(before, after)| after - before);
        Ok(Answer { score, seconds: started.elapsed().as_secs_f64(), waited_seconds })
    }
}

/// What the process of a fit says on its stdout.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub score: Score,
    /// Time that all of it took, reading the features too.
    pub seconds: f64,
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
