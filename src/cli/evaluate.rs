use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::Control;
use headstart::dataset::Manifest;
use headstart::evaluate::metrics::{self, Coverage};
use headstart::evaluate::{Intervals, Metrics, Requirement, scored};
use headstart::evaluation::PredictionColumns;
use headstart::files::{NewFolder, check_writable};
use headstart::image::ViewKinds;
use headstart::project::{EvaluateOptions, Evaluation, Page};
use headstart::report::{self, text};
use headstart::run::Run;
use ndarray::ArrayView2;

use super::Status;
use super::args::{AcceptArgs, BackboneArgs, ManifestArgs, RunsArgs, RuntimeArgs};
use super::calibrate::{self, TemperatureArgs};
use super::console::{Console, stdout, terminal_width};
use super::listener::Listener;
use super::output;
use super::system::heif;

/// Measure a run on labelled images: accuracy, figures of each class, confusion matrix, report
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// The run: its folder, its name, or `latest`
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Use only the images of this split, as the manifest's split column names it
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Average the probabilities over these views of each image too: `flip`, `crop5`, `crop10`, as `extract --views` computes
    /// them (default: the plain image alone, however the head was trained)
    #[arg(long, value_name = "VIEWS", default_value_t)]
    views: ViewKinds,
    /// Folder for predictions.csv, metrics.json and report.html (default: in the run, named after the manifest and views)
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace files of these names in the folder of --output that are no evaluation
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Guesses per image in predictions.csv
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Give predictions.csv a column for the probability of each class
    #[arg(long)]
    probabilities: bool,
    /// Accept only predictions of at least this confidence: predictions.csv marks them, and a table shows how many there are and
    /// how many are right
    #[arg(long, value_name = "P", value_parser = probability)]
    min_confidence: Option<f32>,
    /// Fit a temperature on these images and keep it in the run: of the predictions with confidence 0.8, about 80 % are then right.
    /// The run must not have been trained on these images. Another fit replaces it
    #[arg(long, conflicts_with_all = ["views", "no_temperature", "accept_precision"])]
    calibrate: bool,
    #[command(flatten)]
    temperature: TemperatureArgs,
    /// End with status 1 unless a figure is at least this, such as `accuracy=0.9`, or at most, such as `log_loss=0.5`; may be given several times
    #[arg(long, value_name = "FIGURE=VALUE")]
    require: Vec<Requirement>,
    /// Number of bootstrap samples for the 95 % intervals; 0 leaves these out
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    resamples: u32,
    /// Do not write report.html. This also skips what takes long for thousands of images: a map of them, and a search for
    /// images that were trained on
    #[arg(long)]
    no_report: bool,
    /// Print metrics.json instead of tables
    #[arg(long)]
    json: bool,
    /// Compute features that are missing first
    #[arg(long)]
    extract: bool,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    runs: RunsArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    accept: AcceptArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl EvaluateArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let project = self.runs.of(self.backbone.project(&self.runtime));
        self.backbone.tell(console);
        let run = self.temperature.of(project.run(&self.run)?);
        let mut listener = Listener::new(console);
        let mut manifest = listener.hear(|control| self.manifest.read(control))?;
        if let Some(part) = &self.split {
            manifest = manifest.split(part)?;
        }
        // What cannot be written is told before anything is computed.
        let output = match &self.output {
            Some(folder) => {
                self.check_output(folder, &run, &manifest)?;
                Some(Output::create(folder.clone())?)
            }
            None => check_writable(&run.dir().join("metrics.json")).map(|()| None)?,
        };
        let evaluate =
            |control: &mut Control<'_>| project.evaluate(&run, &manifest, &self.options(), control);
        let mut evaluation = listener.hear(evaluate)?;
        let output = match output {
            Some(output) => output,
            None => {
                let folder = listener.hear(|control| evaluation.folder(control));
                self.check_output(&folder, &run, &manifest)?;
                Output::create(folder)?
            }
        };
        let html = (!self.no_report).then(|| report::page(&evaluation.report_data(), &heif()));
        let page = match &html {
            Some(html) => Page::Write(html),
            None if output::is_report(&output.path("report.html")) => Page::Remove,
            None => Page::Leave,
        };
        listener.hear(|control| evaluation.write(&output.folder, self.columns(), page, control))?;
        if html.is_some() {
            console.note(format_args!("report: {}", output.path("report.html").display()));
        }
        self.print(&evaluation)?;
        let metrics = &evaluation.metrics;
        let missed: Vec<_> = self.require.iter().filter_map(|required| required.missed(metrics)).collect();
        for missed in &missed {
            console.warn(missed);
        }
        let left_out = evaluation.samples().left_out() > 0;
        Ok(if left_out || !missed.is_empty() { Status::Partial } else { Status::Done })
    }

    fn options(&self) -> EvaluateOptions {
        EvaluateOptions {
            split: self.split.clone(),
            views: self.views.clone(),
            extract: self.extract,
            calibrate: self.calibrate,
            accept: self.accept.accept(),
            resamples: self.resamples,
        }
    }

    fn columns(&self) -> PredictionColumns {
        PredictionColumns {
            top: usize::from(self.top),
            probabilities: self.probabilities,
            min_confidence: self.min_confidence,
        }
    }

    /// That nothing is lost by writing there. The folders in the run are our own.
    fn check_output(&self, folder: &Path, run: &Run, manifest: &Manifest) -> anyhow::Result<()> {
        let inputs = || {
            let inputs = self.backbone.inputs().all_in(self.manifest.paths()).files(manifest.files());
            inputs.files(run.files())
        };
        let may_replace = || self.overwrite || self.output.is_none() || output::is_evaluation(folder);
        let files = Evaluation::FILES.map(|name| folder.join(name)).into();
        output::check_all("--output", folder, files, inputs, may_replace)
    }

    fn print(&self, evaluation: &Evaluation<'_>) -> anyhow::Result<()> {
        let metrics = &evaluation.metrics;
        let mut out = stdout();
        if self.json {
            out.write_all(metrics.to_json().as_bytes())?;
            return Ok(());
        }
        out.write_all(tables(metrics).as_bytes())?;
        if let Some(least) = self.min_confidence {
            let labels = evaluation.samples().labels();
            let answered = coverage(evaluation.probabilities.view(), &labels, least);
            writeln!(out, "{}", text::coverage(metrics, answered.as_ref()))?;
        }
        Ok(())
    }
}

fn probability(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    number.ok_or_else(|| "expected a probability from 0 to 1".to_owned())
}

/// What is answered of the rows that have a label, at the user's own threshold.
fn coverage(probabilities: ArrayView2<f32>, labels: &[Option<usize>], least: f32) -> Option<Coverage> {
    let (scored, known) = scored(probabilities, labels);
    metrics::coverage(scored.view(), &known, &[f64::from(least)]).pop()
}

fn tables(metrics: &Metrics) -> String {
    let space = text::Space { width: terminal_width(), ..text::Space::default() };
    let unscored = metrics.examples - metrics.scored;
    let mut headline = format!(
        "accuracy {:.4} ({} of {}), loss {:.4}",
        metrics.accuracy, metrics.correct, metrics.scored, metrics.log_loss
    );
    if unscored > 0 {
        headline += &format!(", {unscored} without a label not counted");
    }
    let intervals = metrics.intervals.as_ref().map(|intervals| {
        let Intervals { level, accuracy, balanced_accuracy, log_loss, .. } = intervals;
        let range = |[low, high]: &[f64; 2]| format!("{low:.4} to {high:.4}");
        let loss = log_loss.as_ref().map_or(String::new(), |ends| format!(", loss {}", range(ends)));
        format!(
            "{:.0} % intervals: accuracy {}, balanced accuracy {}{loss}\n",
            100.0 * level,
            range(accuracy),
            range(balanced_accuracy)
        )
    });
    let intervals = intervals.unwrap_or_default();
    let change = calibrate::change(metrics).map(|line| line + "\n").unwrap_or_default();
    // The headline last, where it still stands when long tables have scrolled by.
    format!(
        "{}\n{}\n{change}{intervals}{headline}\n",
        text::per_class(metrics, space),
        text::confusion(metrics, space)
    )
}

/// The folder of an evaluation; it goes away again, if it is new, unless something is written into it.
struct Output {
    folder: PathBuf,
    _made: NewFolder,
}

impl Output {
    fn create(folder: PathBuf) -> anyhow::Result<Self> {
        let made = NewFolder::make(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        let output = Self { folder, _made: made };
        check_writable(&output.path("metrics.json"))?;
        Ok(output)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
