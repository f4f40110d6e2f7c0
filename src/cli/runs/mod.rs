//! `headstart runs`: what was trained, in one list, or some of it side by side.

mod table;

use std::io::Write;
use std::path::PathBuf;

use headstart::run::TrainingMetrics;
use headstart::run_list::{BrokenRun, RunEntry, differing};
use serde::Serialize;

use super::Status;
use super::args::RunsArgs;
use super::console::{Console, stdout, terminal_width};

/// List runs, or compare some of them
///
/// Without names, a line for each run: the precision of its features, how good its head was on the images that it was trained
/// and validated on, and which of its settings are not the defaults. With names, these runs side by side: what they differ in, their figures, and what
/// `headstart evaluate` found, as far as it is kept in the runs.
#[derive(Debug, clap::Args)]
pub struct RunsCommand {
    /// Runs to compare: folders, names, or `latest`
    #[arg(value_name = "RUN")]
    names: Vec<PathBuf>,
    /// What comes first: the newest, the first by name, or the best by a figure [default: date, or the order in which
    /// runs are named]
    #[arg(long, value_name = "BY")]
    sort: Option<Sort>,
    /// Print JSON, with all settings
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runs: RunsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    Date,
    Name,
    Accuracy,
    ValAccuracy,
    Loss,
    ValLoss,
    Time,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'d> {
    runs: &'d [RunEntry],
    /// Settings that the runs do not have in common.
    differing: &'d [String],
    broken: &'d [BrokenRun],
}

impl RunsCommand {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let folders = self.folders()?;
        let (mut runs, mut broken) = (vec![], vec![]);
        for folder in folders {
            match RunEntry::load(&folder) {
                Ok((run, damaged)) => {
                    runs.push(run);
                    broken.extend(damaged);
                }
                Err(error) => broken.push(error),
            }
        }
        match self.sort {
            Some(sort) => sort.apply(&mut runs),
            None if self.names.is_empty() => Sort::Date.apply(&mut runs),
            None => {}
        }
        for BrokenRun { path, reason } in &broken {
            console.warn(format_args!("skipped `{}`: {reason}", path.display()));
        }
        self.print(&runs, &broken, console)?;
        Ok(if broken.is_empty() { Status::Done } else { Status::Partial })
    }

    fn folders(&self) -> anyhow::Result<Vec<PathBuf>> {
        let runs = self.runs.folder();
        Ok(match self.names.as_slice() {
            [] => runs.all()?,
            names => names.iter().map(|name| runs.find(name)).collect::<Result<_, _>>()?,
        })
    }

    fn print(&self, runs: &[RunEntry], broken: &[BrokenRun], console: &Console) -> anyhow::Result<()> {
        let mut out = stdout();
        // A program that reads on wants all of a line.
        let width = if out.is_terminal() { terminal_width() } else { usize::MAX };
        if self.json {
            let document = Document { runs, differing: &differing(runs), broken };
            writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
        } else if runs.is_empty() {
            // Otherwise there are some, and it was told why none of them can be shown.
            if self.names.is_empty() && broken.is_empty() {
                console.note(format_args!("no runs in `{}`", self.runs.folder().path().display()));
            }
        } else if self.names.is_empty() {
            out.write_all(table::list(runs, width).as_bytes())?;
        } else {
            out.write_all(table::side_by_side(runs, width).as_bytes())?;
        }
        Ok(())
    }
}

impl Sort {
    /// What is asked for first; runs that lack the figure last, and equals by name.
    fn apply(self, runs: &mut [RunEntry]) {
        runs.sort_by(|a, b| a.name.cmp(&b.name));
        let smallest_first = |figure: fn(&RunEntry) -> Option<f64>| {
            move |a: &RunEntry, b: &RunEntry| {
                let key = |run: &RunEntry| figure(run).unwrap_or(f64::INFINITY);
                key(a).total_cmp(&key(b))
            }
        };
        fn of(run: &RunEntry, figure: fn(&TrainingMetrics) -> Option<f64>) -> Option<f64> {
            run.metrics.as_ref().and_then(figure)
        }
        match self {
            Self::Name => {}
            Self::Date => runs.sort_by_key(|run| std::cmp::Reverse(run.created())),
            Self::Accuracy => {
                runs.sort_by(smallest_first(|run| of(run, |metrics| metrics.accuracy).map(|share| -share)))
            }
            Self::ValAccuracy => {
                runs.sort_by(smallest_first(|run| {
                    of(run, |metrics| metrics.val_accuracy).map(|share| -share)
                }));
            }
            Self::Loss => runs.sort_by(smallest_first(|run| of(run, |metrics| metrics.loss))),
            Self::ValLoss => runs.sort_by(smallest_first(|run| of(run, |metrics| metrics.val_loss))),
            Self::Time => runs.sort_by(smallest_first(|run| of(run, |metrics| Some(metrics.seconds)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::table::tests::entry;
    use super::*;

    #[test]
    fn the_newest_or_the_best_comes_first_and_what_lacks_the_figure_last() {
        let mut runs = vec![
            entry("b", "2026-11-23T09:00:00.5Z", Some(0.5)),
            entry("c", "2026-11-23T09:00:00Z", None),
            entry("d", "2026-11-22T09:00:00Z", Some(0.75)),
            entry("a", "no date", Some(0.5)),
        ];
        let mut order = |sort: Sort| {
            sort.apply(&mut runs);
            runs.iter().map(|run| run.name.clone()).collect::<String>()
        };
        assert_eq!(order(Sort::Name), "abcd");
        assert_eq!(order(Sort::Date), "bcda");
        assert_eq!(order(Sort::ValAccuracy), "dabc");
        assert_eq!(order(Sort::ValLoss), "abdc");
    }
}
