//! `headstart report`: the page of a run written anew, or one that compares several.

mod anew;
mod comparison;
mod evaluated;
mod findings;
mod learnt;
mod page;

use std::path::{Path, PathBuf};

use anyhow::Context;

pub use self::evaluated::{Evaluated, Subject, title};
pub use self::learnt::Learnt;
pub use self::page::write_evaluation;
use super::Status;
use super::args::BackboneArgs;
use super::console::Console;
use super::run_name::RunsArgs;

/// Write the page of a run anew, with all its evaluations, or one that compares several runs
///
/// Of one run: each evaluation that is kept in it is made again from the cached features, and the training images are
/// cross-validated, to find labels among them that are likely wrong. Of several: the settings that differ, accuracies with their
/// intervals, differences on the same images, and the curves over each other.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The runs: folders, names, or `latest`; of several, the first is what the others are compared with
    #[arg(value_name = "RUN", required = true)]
    names: Vec<String>,
    /// The file to write (default: report.html in the run, or comparison.html in the folder of the runs)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Parts that the training images are divided into, each judged by a head trained on the others; 0 leaves that out
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = folds)]
    folds: usize,
    #[command(flatten)]
    folder: RunsArgs,
    #[command(flatten)]
    backbone: BackboneArgs,
}

fn folds(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&folds| folds != 1 && folds <= 100);
    number.ok_or_else(|| "expected 0, or 2 to 100".into())
}

impl ReportArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let (page, default, status) = match self.names.as_slice() {
            [name] => {
                let run = self.folder.load(name)?;
                let (page, status) = anew::page(&run, &self.backbone, self.folds, console)?;
                (page, run.dir().join("report.html"), status)
            }
            names => {
                let runs =
                    names.iter().map(|name| self.folder.find(name)).collect::<anyhow::Result<Vec<_>>>()?;
                let (page, status) = comparison::page(&runs, console)?;
                (page, self.folder.folder().join("comparison.html"), status)
            }
        };
        let path = self.output.clone().unwrap_or(default);
        write(&path, &page)?;
        console.note(format_args!("report: {}", path.display()));
        Ok(status)
    }
}

fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    std::fs::write(path, page).with_context(|| format!("cannot write `{}`", path.display()))
}
