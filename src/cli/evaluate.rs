use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::cache::Store;
use headstart::dataset::{Classes, Columns, Manifest, Whereabouts};
use headstart::evaluate::OtherPrecision;
use headstart::evaluate::metrics::{self, Coverage};
use headstart::evaluate::{Intervals, Metrics, Prediction, Requirement, mean_over_views, predict, scored};
use headstart::evaluation::{EvaluationRecord, Outcome, PredictionColumns, Writer, looks_like_a_formula};
use headstart::extract::FeatureCache;
use headstart::files::{FileSet, NewFolder, check_writable, path_text};
use headstart::image::ViewKinds;
use headstart::nn::Temperature;
use headstart::report::text;
use headstart::run::{ManifestInfo, Run, RunImages};
use ndarray::{Array2, ArrayView2, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs};
use super::calibrate::{self, TemperatureArgs};
use super::console::{Console, chain, count, stdout, terminal_width};
use super::error::Error;
use super::features::{Lookup, Ready, in_views};
use super::leaks::{self, Looked};
use super::output;
use super::parts::folder_of;
use super::place;
use super::report::{Evaluated, Learnt, Subject, evaluation_page, title};
use super::run_name::RunsArgs;
use super::source::{AcceptArgs, Source};
use super::{Status, extract};

/// Rows that go through the head together.
const ROWS: usize = 1024;
/// Guesses of an image that its page tells.
const GUESSES: usize = 2;

/// Measure a run on labelled images: accuracy, figures of each class, confusion matrix, report
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// The run: its folder, its name, or `latest`
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Use only the images of this part of the manifest's split column
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
    /// Accept only answers of at least this confidence: predictions.csv marks them, and a table shows how many there are and how many are right
    #[arg(long, value_name = "P", value_parser = probability)]
    min_confidence: Option<f32>,
    /// Fit a temperature on these images and keep it in the run: of the answers with confidence 0.8, about 80 % are then right.
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
    backbone: BackboneArgs,
    #[command(flatten)]
    accept: AcceptArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl EvaluateArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let mut run = self.temperature.load(&self.runs, &self.run)?;
        let mut manifest = self.manifest.read(console)?;
        if let Some(part) = &self.split {
            manifest = manifest.split(part)?;
        }
        // What is wrong with labels is told before anything is computed.
        labels(&manifest, &Classes::new(run.info.classes.iter().cloned())?)?;
        let source = Source::open_for(&run, &self.backbone, Some(self.accept))?;
        let other_precision = source.other_precision.as_ref();
        if let Some(other) = other_precision {
            anyhow::ensure!(
                !self.calibrate,
                "a temperature needs features as the head was trained on, found features in {other}"
            );
            console.warn(format_args!("using features in {other}"));
        }
        // What cannot be written is told before anything is computed.
        let output = match &self.output {
            Some(folder) => {
                self.check_output(folder, &run, &manifest)?;
                Some(Output::create(folder.clone())?)
            }
            None => check_writable(&run.dir().join("metrics.json")).map(|()| None)?,
        };
        let wanted = || vec![(manifest.files(), self.views.clone())];
        let mut cache = match extract::open_cache(&source, wanted, self.extract, &self.runtime, console)? {
            ControlFlow::Continue(cache) => cache,
            ControlFlow::Break(status) => return Ok(status),
        };
        let lookup = Lookup { source: &source, console, failures_named: self.extract, all: &[] };
        let answers = Answers::of(&run, &lookup, &mut cache, &manifest, &self.views)?;
        self.tell_leaks(&run, &lookup, cache.as_mut(), &manifest, &answers)?;
        let record = self.record(&run, &answers.images);
        let other_precision = source.other_precision.as_ref();
        let output = match output {
            Some(output) => output,
            None => {
                let outcomes = answers.outcomes(&run, &manifest);
                let folder = place::in_run(&run, &record, &outcomes, other_precision, console);
                self.check_output(&folder, &run, &manifest)?;
                Output::create(folder)?
            }
        };
        if self.calibrate {
            calibrate::require_others(&run, &answers.images, console)?;
            let (logits, known) = scored(answers.logits.view(), &answers.labels);
            calibrate::calibrate(&mut run, logits.view(), &known, answers.images.clone(), console)?;
        }
        let assessed = answers.assess(&run, self.resamples)?;
        let Assessed { ready, labels, probabilities, metrics } = &assessed;
        let classes = &run.info.classes;
        let columns = PredictionColumns {
            top: usize::from(self.top),
            probabilities: self.probabilities,
            min_confidence: self.min_confidence,
        };
        // All of these files or none: a disk that fills up leaves those of an earlier evaluation.
        let mut files = FileSet::default();
        files.write(&output.path("evaluation.toml"), |out| out.write_all(record.to_toml().as_bytes()))?;
        // predictions.csv lies elsewhere than the manifest, and is a manifest itself.
        let names = ready.located(&manifest);
        let predictions =
            Predictions { names: &names, probabilities: probabilities.view(), labels, classes, columns };
        files.write(&output.path("predictions.csv"), |out| predictions.write(out))?;
        warn_of_formulas(names.iter().chain(classes), console);
        if !self.no_report {
            let cache = cache.as_mut().expect("a cache that is not there has no features");
            let learnt = Learnt::find(&run, &source, cache);
            let subject = assessed.subject(title(&record), cache.store(), &manifest);
            let page = evaluation_page(&run, &Evaluated::examine(subject, &learnt), &learnt);
            files.write(&output.path("report.html"), |out| out.write_all(page.as_bytes()))?;
        } else if output::is_report(&output.path("report.html")) {
            // It shows the figures of an earlier evaluation.
            files.remove(&output.path("report.html"));
        }
        // The last is the seal: an evaluation without figures is told as one that is not complete.
        files.write(&output.path("metrics.json"), |out| out.write_all(metrics.to_json().as_bytes()))?;
        files.put()?;
        if !self.no_report {
            console.note(format_args!("report: {}", output.path("report.html").display()));
        }

        let mut out = stdout();
        if self.json {
            out.write_all(metrics.to_json().as_bytes())?;
        } else {
            out.write_all(tables(metrics).as_bytes())?;
            if let Some(least) = self.min_confidence {
                let answered = coverage(probabilities.view(), labels, least);
                writeln!(out, "{}", text::coverage(metrics, answered.as_ref()))?;
            }
        }
        let missed: Vec<_> = self.require.iter().filter_map(|required| required.missed(metrics)).collect();
        for missed in &missed {
            console.warn(missed);
        }
        let left_out = manifest.len() > ready.ids.len();
        Ok(if left_out || !missed.is_empty() { Status::Partial } else { Status::Done })
    }

    /// That nothing is lost by writing there. The folders in the run are our own.
    fn check_output(&self, folder: &Path, run: &Run, manifest: &Manifest) -> anyhow::Result<()> {
        let inputs = || {
            let inputs = self.backbone.inputs().all_in(self.manifest.paths()).files(manifest.files());
            inputs.files(run.files())
        };
        let may_replace = || self.overwrite || self.output.is_none() || output::is_evaluation(folder);
        let files = FILES.map(|name| folder.join(name)).into();
        output::check_all("--output", folder, files, inputs, may_replace)
    }

    /// What is evaluated, for whoever wants to do it again.
    fn record(&self, run: &Run, images: &ManifestInfo) -> EvaluationRecord {
        let typed = self.manifest.paths();
        let paths = typed.iter().map(|path| path_text(path).into_owned()).collect();
        let columns = self.manifest.columns_over(Columns::default());
        EvaluationRecord {
            digest: Some(images.digest.clone()),
            rows: images.rows.clone(),
            places: Whereabouts::of(typed, &folder_of(run)),
            ..EvaluationRecord::new(paths, columns, self.split.clone(), self.views.clone())
        }
    }

    /// Say which of the images the run was trained on, and which are there twice.
    fn tell_leaks(
        &self,
        run: &Run,
        lookup: &Lookup,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        answers: &Answers,
    ) -> anyhow::Result<()> {
        let Answers { ready, labels, .. } = answers;
        let classes = Classes::new(run.info.classes.iter().cloned())?;
        let names = ready.names(manifest);
        let looked = Looked { ids: &ready.ids, names: &names, labels, classes: &classes };
        let mut found = looked.tell(leaks::Use::Evaluated, lookup.console);
        match known_images(run, lookup.source, cache, lookup.console) {
            Some(known) => found |= leaks::tell_evaluated(&run.name(), &known, &looked, lookup.console),
            None if run.info.training().is_some() => lookup
                .console
                .detail(format_args!("`{}` does not say which images it was trained on", run.name())),
            None => {}
        }
        if found {
            let manifests = self.manifest.paths().iter().map(PathBuf::as_path);
            leaks::tell_more(lookup.source, manifests, manifest.columns(), lookup.console);
        }
        Ok(())
    }
}

/// Which images the run was trained on: as it says, or, for a run of version 0.1.0, as its manifests and the cache say.
fn known_images(
    run: &Run,
    source: &Source,
    cache: Option<&mut FeatureCache>,
    console: &Console,
) -> Option<RunImages> {
    let told = run.images().unwrap_or_else(|error| {
        console.warn(format_args!("{}: the run cannot tell which images it knows", chain(&error.into())));
        None
    });
    told.or_else(|| Learnt::find(run, source, cache?).ok().map(|learnt| RunImages::new(&learnt.keys(), &[])))
}

/// What a head says of a manifest's images.
pub struct Answers {
    ready: Ready,
    /// Of those images that are ready.
    labels: Vec<Option<usize>>,
    /// `(views * images, classes)`: all images in one view, then all in the next.
    logits: Array2<f32>,
    views: usize,
    /// Those that have a label.
    images: ManifestInfo,
    /// Where the features are not of the precision that the head was trained on.
    other_precision: Option<OtherPrecision>,
}

impl Answers {
    pub fn of(
        run: &Run,
        lookup: &Lookup,
        cache: &mut Option<FeatureCache>,
        manifest: &Manifest,
        views: &ViewKinds,
    ) -> anyhow::Result<Self> {
        let source = lookup.source;
        let labels = labels(manifest, &Classes::new(run.info.classes.iter().cloned())?)?;
        let ready = lookup.find(cache.as_mut(), manifest, views)?;
        let store = cache.as_ref().expect("a cache that is not there has no features").store();
        let views = source.views(views);
        let logits = logits(run, &store.select(&in_views(&ready.ids, views))?)?;
        if let Some(row) = logits.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
            // All images in one view, then all in the next.
            let image = ready.names(manifest).swap_remove(row % ready.ids.len());
            return Err(Error::NoNumbers { run: run.name(), image }.into());
        }
        let labels = ready.pick(&labels);
        let images = scored_images(manifest, &ready, &labels);
        let other_precision = source.other_precision.clone();
        Ok(Self { ready, labels, logits, views: views.len(), images, other_precision })
    }

    /// The images that they are scored on.
    pub fn images(&self) -> &ManifestInfo {
        &self.images
    }

    /// What `predictions.csv` says of the images that have a label, and how sure it is of each.
    pub fn outcomes(&self, run: &Run, manifest: &Manifest) -> Vec<(Outcome, f64)> {
        let said = mean_over_views(run.temperature().probabilities(self.logits.clone()).view(), self.views);
        let name = |class: usize| run.info.classes[class].clone();
        let names = self.ready.names(manifest).into_iter().zip(&self.labels);
        let rows = names.zip(said.rows());
        rows.filter_map(|((path, label), row)| {
            let (class, confidence) = metrics::best(row);
            let outcome = Outcome { path, label: name((*label)?), prediction: name(class) };
            Some((outcome, f64::from(confidence)))
        })
        .collect()
    }

    /// How good they are, with the temperature of the run.
    pub fn assess(self, run: &Run, resamples: u32) -> anyhow::Result<Assessed> {
        let Self { ready, labels, logits, views, images, other_precision } = self;
        // Each view has the run's temperature, and then the mean is taken.
        let at = |temperature: Temperature, logits| {
            mean_over_views(temperature.probabilities(logits).view(), views)
        };
        let before = run.calibration.as_ref().map(|_| at(Temperature::ONE, logits.clone()));
        let probabilities = at(run.temperature(), logits);
        // One seed: whoever asks twice hears the same.
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut metrics = Metrics::of(probabilities.view(), &labels, &run.info.classes)?.with_intervals(
            probabilities.view(),
            &labels,
            resamples as usize,
            &mut rng,
        );
        if let (Some(calibration), Some(before)) = (&run.calibration, &before) {
            let fitted_here = calibration.fitted_on.rows == images.rows;
            metrics =
                metrics.with_calibration(calibration.temperature, fitted_here, before.view(), &labels)?;
        }
        let metrics = Metrics { other_precision, ..metrics };
        Ok(Assessed { ready, labels, probabilities, metrics })
    }
}

/// What a run says of a manifest's images, and how good that is.
pub struct Assessed {
    ready: Ready,
    /// Of those images that are ready.
    labels: Vec<Option<usize>>,
    /// `(images, classes)`.
    probabilities: Array2<f32>,
    metrics: Metrics,
}

impl Assessed {
    /// All of it for a closer look, with what it comes from.
    pub fn subject<'a>(&'a self, title: String, store: &'a Store, manifest: &'a Manifest) -> Subject<'a> {
        let Self { ready, labels, probabilities, metrics } = self;
        let (probabilities, metrics) = (probabilities.view(), metrics.clone());
        let predictions = predict(probabilities, labels, GUESSES);
        Subject { title, store, manifest, ready, labels, probabilities, metrics, predictions }
    }
}

/// Of those rows that have one; that none has is an error.
fn labels(manifest: &Manifest, classes: &Classes) -> anyhow::Result<Vec<Option<usize>>> {
    let labels = manifest.labels_if_any(classes)?;
    if labels.iter().all(Option::is_none) {
        // The same question asked strictly, for its answer says why there are none.
        manifest.labels(classes)?;
    }
    Ok(labels)
}

/// `predictions.csv` may be opened in a spreadsheet, and names be somebody else's.
fn warn_of_formulas<'a>(names: impl Iterator<Item = &'a String>, console: &Console) {
    let like_formulas: Vec<&String> = names.filter(|name| looks_like_a_formula(name)).collect();
    if let Some(first) = like_formulas.first() {
        console.warn(format_args!(
            "{} in predictions.csv {} to a spreadsheet, the first is `{first}`: import the file as text",
            count(like_formulas.len(), "name"),
            if like_formulas.len() == 1 { "is a formula" } else { "are formulas" }
        ));
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

/// The images that figures are of.
fn scored_images(manifest: &Manifest, ready: &Ready, labels: &[Option<usize>]) -> ManifestInfo {
    let labelled = ready.ids.iter().zip(labels).filter_map(|(&id, label)| Some((id, (*label)?)));
    let (ids, labels): (Vec<_>, Vec<_>) = labelled.unzip();
    ManifestInfo {
        path: path_text(manifest.source()).into_owned(),
        digest: manifest.digest().to_hex().to_string(),
        images: labels.len(),
        rows: Some(ManifestInfo::digest_of_rows(&ids, &labels)),
    }
}

/// What the head says of each row, in batches, so that the features need not fit into memory.
fn logits(run: &Run, rows: &headstart::cache::Selection) -> anyhow::Result<Array2<f32>> {
    let mut all = Array2::zeros((rows.len(), run.info.classes.len()));
    let mut features = Array2::zeros((0, 0));
    for start in (0..rows.len()).step_by(ROWS) {
        let places: Vec<usize> = (start..rows.len().min(start + ROWS)).collect();
        rows.gather(&places, &mut features)?;
        all.slice_mut(s![start..start + places.len(), ..]).assign(&run.head.logits(features.view()));
    }
    Ok(all)
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

/// What `evaluate` writes into its folder.
const FILES: [&str; 4] = ["evaluation.toml", "predictions.csv", "report.html", "metrics.json"];

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

/// What goes into `predictions.csv`.
struct Predictions<'p> {
    names: &'p [String],
    probabilities: ArrayView2<'p, f32>,
    labels: &'p [Option<usize>],
    classes: &'p [String],
    columns: PredictionColumns,
}

impl Predictions<'_> {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Self { names, probabilities, labels, classes, columns } = self;
        let guesses = columns.guesses(classes.len());
        let mut writer = Writer::new(out, classes, *columns)?;
        // Each is gone when it is written: with a column for each class they would be many times what is kept of them.
        for ((name, row), &label) in names.iter().zip(probabilities.rows()).zip(*labels) {
            writer.row(name, &Prediction::of(row, label, guesses))?;
        }
        writer.finish()
    }
}
