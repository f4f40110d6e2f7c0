//! `headstart report`: the page of a run written anew, or one that compares several.

use std::path::PathBuf;

use headstart::Project;
use headstart::dataset::{Columns, Manifest};
use headstart::evaluation::EvaluationRecord;
use headstart::files::{self, Inputs, path_of_text};
use headstart::report;
use headstart::report_data::ComparisonData;
use headstart::run::Run;
use headstart::run_list::evaluations;

use super::Status;
use super::args::{BackboneArgs, RunsArgs};
use super::console::Console;
use super::listener::Listener;
use super::output;
use super::system::heif;

/// Write the report of a run again, with all its evaluations, or one that compares several runs
///
/// One run: each evaluation that the run keeps is computed again from the cached features, and the training images are
/// cross-validated to find labels that are likely wrong. Several runs: the settings that differ, the accuracies with their
/// intervals, the differences on the same images, and the curves in one drawing.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The runs: folders, names, or `latest`; the others are compared with the first
    #[arg(value_name = "RUN", required = true)]
    names: Vec<PathBuf>,
    /// The file to write (default: report.html in the run, or comparison.html in the folder of the runs)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Number of parts for cross-validating the training images: each is judged by a head trained on the others; 0 skips this
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = folds)]
    folds: usize,
    /// Replace the file even if it is not a report
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    folder: RunsArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
}

fn folds(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&folds| folds != 1 && folds <= 100);
    number.ok_or_else(|| "expected 0, or 2 to 100".into())
}

impl ReportArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let project = self.folder.of(Project::new(self.backbone.config()));
        let folder = project.runs();
        let runs = self.names.iter().map(|name| folder.find(name)).collect::<Result<Vec<_>, _>>()?;
        let default = match runs.as_slice() {
            [run] => run.join("report.html"),
            _ => folder.path().join("comparison.html"),
        };
        let path = self.output.clone().unwrap_or(default);
        let inputs = || self.inputs(&runs);
        output::check("--output", &path, inputs, || self.overwrite || output::is_report(&path))?;
        let mut listener = Listener::new(console);
        let (page, is_complete) = match runs.as_slice() {
            [run] => {
                let run = Run::load(run)?;
                files::check_writable(&path)?;
                self.backbone.tell(console);
                let data = listener.hear(|control| project.report(&run, self.folds, control))?;
                (report::page(&data, &heif()), data.is_complete)
            }
            runs => {
                let data = listener.hear(|control| ComparisonData::of(runs, control))?;
                (report::comparison_page(&data), data.is_complete)
            }
        };
        files::write_bytes(&path, page.as_bytes())?;
        console.note(format_args!("report: {}", path.display()));
        Ok(if is_complete { Status::Done } else { Status::Partial })
    }

    /// All that a page may be made of.
    fn inputs(&self, runs: &[PathBuf]) -> Inputs {
        let loaded = || runs.iter().filter_map(|run| Run::load(run).ok());
        let evaluations = || runs.iter().flat_map(|run| evaluations(run));
        let mut manifests: Vec<PathBuf> = vec![];
        for run in loaded() {
            let data = run.info.training().and_then(|training| training.data.clone()).unwrap_or_default();
            manifests.extend(data.manifests.iter().map(|path| path_of_text(path)));
        }
        for record in
            evaluations().filter_map(|folder| EvaluationRecord::read(&folder.join("evaluation.toml")).ok())
        {
            manifests.extend(record.manifests.iter().map(|path| path_of_text(path)));
        }
        let images = manifests.iter().filter_map(|path| Manifest::read(path, &Columns::default()).ok());
        let images: Vec<PathBuf> = images.flat_map(|manifest| manifest.files()).collect();
        let kept = ["evaluation.toml", "metrics.json", "predictions.csv"];
        self.backbone
            .inputs()
            .files(loaded().flat_map(|run| run.files()))
            .files(evaluations().flat_map(|folder| kept.map(|name| folder.join(name))))
            .all_in(manifests)
            .files(images)
    }
}
