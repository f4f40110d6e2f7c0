use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::cache::OtherPrecision;
use headstart::dataset::{Classes, Manifest};
use headstart::evaluate::metrics::{self, Coverage};
use headstart::evaluate::{
    Intervals, Metrics, Prediction, PredictionColumns, Requirement, Writer, mean_over_views, predict, scored,
};
use headstart::preprocess::{ViewKinds, thumbnail};
use headstart::report::{self, Report, text};
use headstart::train::Run;
use ndarray::{Array2, ArrayView2, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs};
use super::console::{Console, terminal_width};
use super::features::{Ready, in_views};
use super::precision::trained_in;
use super::run_name::RunsArgs;
use super::source::{AcceptArgs, Source};
use super::{Status, extract};

/// Rows that go through the head together.
const ROWS: usize = 1024;
/// Twice the width at which the report shows them.
const THUMBNAIL_EDGE: usize = 320;

/// Measure a run on labelled images: accuracy, figures of each class, confusion matrix, report
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// The run: its folder, its name, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
    /// Only the images of this part, as the manifest's split column names it
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Look at each image in these views too, and take the mean of the probabilities: `flip`, `crop5`, `crop10`, as
    /// `extract --views` computes them; without them the plain image counts, however the head was trained
    #[arg(long, value_name = "VIEWS", default_value_t)]
    views: ViewKinds,
    /// Folder for predictions.csv, metrics.json and report.html (default: in the run, named after the manifest and views)
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Guesses per image in predictions.csv
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Give predictions.csv a column for the probability of each class
    #[arg(long)]
    probabilities: bool,
    /// Count as an answer only what is at least so sure: predictions.csv tells which, a table what it costs and brings
    #[arg(long, value_name = "P", value_parser = probability)]
    min_confidence: Option<f32>,
    /// End with status 1 unless a figure is at least this, such as `accuracy=0.9`, or at most, such as `log_loss=0.5`; may be given several times
    #[arg(long, value_name = "FIGURE=VALUE")]
    require: Vec<Requirement>,
    /// How often the images are drawn anew for the 95 % intervals; 0 leaves these out
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    resamples: u32,
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
        let run = self.runs.load(&self.run)?;
        let mut manifest = self.manifest.read(console)?;
        if let Some(part) = &self.split {
            manifest = manifest.split(part)?;
        }
        let classes = Classes::new(run.info.classes.iter().cloned())?;
        let labels = labels(&manifest, &classes)?;
        let source = Source::open_for(&run, &self.backbone, Some(self.accept))?;
        let other_precision = source.other_precision.as_ref();
        if let Some(other) = other_precision {
            console.warn(format_args!("features in {other}"));
        }
        let output = self.output.clone().unwrap_or_else(|| self.in_run(&run, &manifest, other_precision));
        let output = Output::create(output)?;
        let wanted = || vec![(manifest.files(), self.views.clone())];
        let mut cache = match extract::open_cache(&source, wanted, self.extract, &self.runtime, console)? {
            ControlFlow::Continue(cache) => cache,
            ControlFlow::Break(status) => return Ok(status),
        };
        let ready = Ready::find(&source, cache.as_mut(), &manifest, &self.views, console)?;
        let store = cache.as_ref().expect("a cache that is not there has no features").store();

        let views = source.views(&self.views);
        let said = probabilities(&run, &store.select(&in_views(&ready.ids, views))?)?;
        let probabilities = mean_over_views(said.view(), views.len());
        let labels = ready.pick(&labels);
        // One seed: whoever asks twice hears the same.
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let metrics = Metrics::of(probabilities.view(), &labels, classes.names())?.with_intervals(
            probabilities.view(),
            &labels,
            self.resamples as usize,
            &mut rng,
        );
        let metrics = Metrics { other_precision: other_precision.cloned(), ..metrics };
        let columns = PredictionColumns {
            top: usize::from(self.top),
            probabilities: self.probabilities,
            min_confidence: self.min_confidence,
        };
        let predictions = predict(probabilities.view(), &labels, columns.guesses(classes.len()));
        metrics.write(&output.path("metrics.json"))?;
        output.predictions(&ready.names(&manifest), &predictions, classes.names(), columns)?;
        output.report(&run, &manifest, &self.views, &ready, &metrics, &predictions)?;

        let mut out = std::io::stdout().lock();
        if self.json {
            out.write_all(metrics.to_json().as_bytes())?;
        } else {
            out.write_all(tables(&metrics).as_bytes())?;
            if let Some(least) = self.min_confidence {
                let answered = coverage(probabilities.view(), &labels, least);
                writeln!(out, "{}", text::coverage(&metrics, answered.as_ref()))?;
            }
        }
        console.note(format_args!("report: {}", output.path("report.html").display()));
        let missed: Vec<_> = self.require.iter().filter_map(|required| required.missed(&metrics)).collect();
        for missed in &missed {
            console.warn(missed);
        }
        let left_out = manifest.len() > ready.ids.len();
        Ok(if left_out || !missed.is_empty() { Status::Partial } else { Status::Done })
    }

    /// `runs/NAME/evaluation/MANIFEST`, with `+flip` behind it if views were averaged, and `+int8` if the head was trained on
    /// another precision: those are other figures.
    fn in_run(&self, run: &Run, manifest: &Manifest, other: Option<&OtherPrecision>) -> PathBuf {
        let stem = manifest.source().file_stem().unwrap_or("manifest".as_ref());
        let mut name = stem.to_os_string();
        if !self.views.is_empty() {
            name.push(format!("+{}", self.views.to_string().replace(',', "+")));
        }
        if let Some(other) = other {
            name.push(format!("+{}", other.seen));
        }
        run.dir().join("evaluation").join(name)
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

fn probability(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    number.ok_or_else(|| "expected a probability from 0 to 1".to_owned())
}

/// What is answered of the rows that have a label, at the user's own threshold.
fn coverage(probabilities: ArrayView2<f32>, labels: &[Option<usize>], least: f32) -> Option<Coverage> {
    let (scored, known) = scored(probabilities, labels);
    metrics::coverage(scored.view(), &known, &[f64::from(least)]).pop()
}

/// What the run says of each row, in batches, so that the features need not fit into memory.
fn probabilities(run: &Run, rows: &headstart::cache::Selection) -> anyhow::Result<Array2<f32>> {
    let mut all = Array2::zeros((rows.len(), run.info.classes.len()));
    let mut features = Array2::zeros((0, 0));
    for start in (0..rows.len()).step_by(ROWS) {
        let places: Vec<usize> = (start..rows.len().min(start + ROWS)).collect();
        rows.gather(&places, &mut features)?;
        all.slice_mut(s![start..start + places.len(), ..]).assign(&run.head.probabilities(features.view()));
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
        format!(
            "{:.0} % intervals: accuracy {}, balanced accuracy {}, loss {}\n",
            100.0 * level,
            range(accuracy),
            range(balanced_accuracy),
            range(log_loss)
        )
    });
    let intervals = intervals.unwrap_or_default();
    // The headline last, where it still stands when long tables have scrolled by.
    format!(
        "{}\n{}\n{intervals}{headline}\n",
        text::per_class(metrics, space),
        text::confusion(metrics, space)
    )
}

/// The folder of an evaluation.
struct Output(PathBuf);

impl Output {
    fn create(folder: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn predictions(
        &self,
        names: &[String],
        predictions: &[Prediction],
        classes: &[String],
        columns: PredictionColumns,
    ) -> anyhow::Result<()> {
        let path = self.path("predictions.csv");
        let write = || {
            let mut writer = Writer::new(BufWriter::new(File::create(&path)?), classes, columns)?;
            for (name, prediction) in names.iter().zip(predictions) {
                writer.row(name, prediction)?;
            }
            writer.finish()
        };
        write().with_context(|| format!("cannot write `{}`", path.display()))
    }

    fn report(
        &self,
        run: &Run,
        manifest: &Manifest,
        views: &ViewKinds,
        ready: &Ready,
        metrics: &Metrics,
        predictions: &[Prediction],
    ) -> anyhow::Result<()> {
        let examples: Vec<_> = ready.places.iter().map(|&place| &manifest.examples()[place]).collect();
        let images: Vec<_> = examples
            .iter()
            .zip(predictions)
            .map(|(example, prediction)| report::Image { path: &example.path, prediction })
            .collect();
        let history: Vec<_> = run.history.epochs.iter().map(epoch).collect();
        let facts = facts(run, manifest, views, metrics.other_precision.as_ref());
        let report = Report {
            title: &run.name(),
            created: jiff::Timestamp::now(),
            metrics,
            history: &history,
            images: &images,
            facts: &facts,
        };
        let page = report.html(&mut |index| small(&examples[index].file));
        let path = self.path("report.html");
        std::fs::write(&path, page).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

fn small(file: &Path) -> Option<report::Thumbnail> {
    let small = thumbnail(&std::fs::read(file).ok()?, THUMBNAIL_EDGE).ok()?;
    Some(report::Thumbnail { media_type: small.media_type, bytes: small.bytes })
}

fn epoch(record: &headstart::train::EpochRecord) -> report::Epoch {
    report::Epoch {
        epoch: record.epoch,
        loss: record.loss,
        accuracy: Some(record.accuracy),
        validation_loss: record.val_loss,
        validation_accuracy: record.val_accuracy,
    }
}

fn facts<'a>(
    run: &Run,
    manifest: &Manifest,
    views: &ViewKinds,
    other: Option<&OtherPrecision>,
) -> Vec<report::Facts<'a>> {
    let info = &run.info;
    let settings = toml::Table::try_from(&info.settings).expect("settings are TOML");
    let rows = |pairs: &[(&str, String)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    let precision = match other {
        Some(other) => other.to_string(),
        None => trained_in(info).map(|precision| precision.to_string()).unwrap_or_default(),
    };
    vec![
        report::Facts {
            heading: "Settings",
            rows: settings.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
        },
        report::Facts {
            heading: "Provenance",
            rows: rows(&[
                ("evaluated on", manifest.source().display().to_string()),
                ("views averaged", views.to_string()),
                ("precision", precision),
                ("trained on", format!("{} ({} images)", info.training.path, info.training.images)),
                ("views drawn from", info.views().to_string()),
                ("trained at", info.created.clone()),
                ("trained in", format!("{:.1} s", run.metrics.seconds)),
                ("backbone", info.backbone.name.clone()),
                ("backbone's digest", info.backbone.digest.clone()),
                ("features' fingerprint", info.features.fingerprint.clone()),
                ("headstart", info.versions.get("headstart").cloned().unwrap_or_default()),
            ]),
        },
    ]
}
