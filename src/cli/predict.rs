use std::io::Write;
use std::path::PathBuf;

use headstart::cache::{Key, Store, View};
use headstart::dataset::Columns;
use headstart::evaluate::OtherPrecision;
use headstart::evaluate::{Prediction, mean_over_views};
use headstart::evaluation::{PredictionColumns, Writer};
use headstart::extract::{Extractor, FeatureCache, PLAIN, Standing};
use headstart::files::path_text;
use headstart::image::{ViewKinds, Views};
use headstart::image_files;
use headstart::report::text::{clean, short};
use headstart::run::Run;
use ndarray::{Array2, ArrayView1};

use super::args::{BackboneArgs, RuntimeArgs};
use super::calibrate::TemperatureArgs;
use super::console::{Console, count, stdout};
use super::error::Error;
use super::exported::{self, Row};
use super::features::in_views;
use super::progress::Progress;
use super::run_name::RunsArgs;
use super::source::{AcceptArgs, Source};
use super::{Status, extract, images, interrupt};

/// Predict what images show
#[derive(Debug, clap::Args)]
pub struct PredictArgs {
    /// The run: its folder, its name, or `latest`; or an ONNX file that `export` wrote
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Images, folders of images, manifests (CSV), or patterns such as 'photos/**/*.jpg' in quotes; `-` reads paths from
    /// stdin, one a line
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// Classes per image
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Average the probabilities over these views of each image too: `flip`, `crop5`, `crop10`
    #[arg(long, value_name = "VIEWS", default_value_t)]
    views: ViewKinds,
    /// Column of a manifest with the path of the image, relative to the manifest's own folder [default: path]
    #[arg(long, value_name = "NAME", help_heading = "Manifest")]
    path_column: Option<String>,
    #[command(flatten)]
    temperature: TemperatureArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    runs: RunsArgs,
    #[command(flatten)]
    backbone: BackboneArgs,
    #[command(flatten)]
    accept: AcceptArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One row per image
    Csv,
    /// One JSON object per line
    Jsonl,
}

/// All of these rows, if none is missing or damaged.
fn gather(store: &Store, ids: &[(Key, View)]) -> Option<Array2<f32>> {
    let selection = store.select(ids).ok()?;
    let mut rows = Array2::zeros((0, 0));
    selection.gather(&(0..selection.len()).collect::<Vec<_>>(), &mut rows).ok()?;
    Some(rows)
}

/// A prediction, or why there is none.
type Said = Result<Prediction, String>;

impl PredictArgs {
    /// `typed` are the flags that stand in the command line.
    pub fn run(&self, console: &Console, typed: &[String]) -> anyhow::Result<Status> {
        let mut columns = Columns::default();
        columns.path = self.path_column.clone().unwrap_or(columns.path);
        let files = images::named(&self.images, &columns, console)?;
        let is_file = exported::is_one(&self.run) && !self.runs.has(&self.run);
        anyhow::ensure!(self.views.is_empty() || !is_file, Error::ViewsOfExport { path: self.run.clone() });
        anyhow::ensure!(
            !self.temperature.no_temperature || !is_file,
            Error::TemperatureOfExport { path: self.run.clone() }
        );
        if is_file {
            self.check_export(typed)?;
        }
        let (classes, said, other) = match is_file {
            true => {
                let (classes, said) = exported::answers(&self.run, &files, &self.runtime, console)?;
                (classes, said, None)
            }
            false => self.of_run(&files, console)?,
        };
        self.check_numbers(&files, &said)?;
        let top = |row: Vec<f32>| Prediction::of(ArrayView1::from(&row), None, usize::from(self.top));
        let said: Vec<Said> = said.into_iter().map(|row| row.map(top)).collect();
        tell_failures(&files, &said, console);
        self.print(&classes, &files, &said, other.as_ref())?;
        Ok(match said.iter().all(Result::is_ok) {
            _ if interrupt::asked() => Status::Interrupted,
            true => Status::Done,
            false => Status::Partial,
        })
    }

    /// That there is such a file, and that nothing was asked for which is part of it already.
    fn check_export(&self, typed: &[String]) -> anyhow::Result<()> {
        anyhow::ensure!(self.run.exists(), Error::NoExport { path: self.run.clone() });
        let flags: Vec<String> =
            typed.iter().filter(|flag| OF_A_RUN.contains(&flag.as_str())).cloned().collect();
        anyhow::ensure!(flags.is_empty(), Error::FlagsOfExport { path: self.run.clone(), flags });
        Ok(())
    }

    /// That all answers are numbers.
    fn check_numbers(&self, files: &[PathBuf], said: &[Row]) -> anyhow::Result<()> {
        let is_none = |row: &Row| row.as_ref().is_ok_and(|row| row.iter().any(|p| !p.is_finite()));
        let Some(place) = said.iter().position(is_none) else { return Ok(()) };
        let image = path_text(&files[place]).into_owned();
        Err(Error::NoNumbers { run: path_text(&self.run).into_owned(), image }.into())
    }

    /// Classes of the run, for each file their probabilities, and what is told of the features.
    fn of_run(
        &self,
        files: &[PathBuf],
        console: &Console,
    ) -> anyhow::Result<(Vec<String>, Vec<Row>, Option<OtherPrecision>)> {
        let run = self.temperature.load_head(&self.runs, &self.run)?;
        let source = Source::open_for(&run, &self.backbone, Some(self.accept))?;
        if let Some(other) = &source.other_precision {
            console.warn(format_args!("using features in {other}"));
        }
        let rows = self.answers(&run, &source, files, console)?;
        Ok((run.info.classes, rows, source.other_precision))
    }

    /// From the cache where it has them in every view; the others are computed and not kept.
    fn answers(
        &self,
        run: &Run,
        source: &Source,
        files: &[PathBuf],
        console: &Console,
    ) -> anyhow::Result<Vec<Row>> {
        let views = source.views(&self.views);
        let mut rows = match source.open_cache()? {
            Some(mut cache) => cached(run, &mut cache, views, files),
            None => vec![None; files.len()],
        };
        let missing: Vec<usize> = (0..files.len()).filter(|&place| rows[place].is_none()).collect();
        let wanted: Vec<PathBuf> = missing.iter().map(|&place| files[place].clone()).collect();
        let extractor = Extractor::new(&source.backbone, source.extract_options(&self.runtime));
        let mut progress = Progress::new(console, "images", wanted.len());
        let mut listener = extract::advancing(&mut progress, console);
        let mut control = interrupt::control(&mut listener);
        let computed = extractor.features_in(views, &image_files(wanted), &mut control)?;
        for (place, features) in missing.into_iter().zip(computed) {
            rows[place] =
                Some(exported::told(features).map(|features| probabilities(run, &features, 1).remove(0)));
        }
        Ok(rows.into_iter().map(|row| row.expect("what the cache lacks was computed")).collect())
    }

    fn print(
        &self,
        classes: &[String],
        files: &[PathBuf],
        said: &[Said],
        other: Option<&OtherPrecision>,
    ) -> anyhow::Result<()> {
        let mut out = stdout();
        let answered = files.iter().zip(said);
        match self.format {
            Format::Table => {
                for (file, said) in answered {
                    let words = match said {
                        Ok(prediction) => line(prediction, classes),
                        Err(_) => "no prediction".into(),
                    };
                    writeln!(out, "{}", clean(&format!("{}: {words}", file.display())))?;
                }
            }
            Format::Csv => {
                let columns =
                    PredictionColumns { top: usize::from(self.top), ..PredictionColumns::default() };
                let mut writer = Writer::new(out, classes, columns)?;
                for (file, said) in answered {
                    if let Ok(prediction) = said {
                        writer.row(&path_text(file), prediction)?;
                    }
                }
                writer.finish()?;
            }
            Format::Jsonl => {
                for (file, said) in answered {
                    let path = path_text(file);
                    writeln!(out, "{}", serde_json::to_string(&answer(&path, said, classes, other))?)?;
                }
            }
        }
        Ok(())
    }
}

/// Flags that say what features a run is shown; an exported file has all of that inside.
const OF_A_RUN: [&str; 9] = [
    "--backbone",
    "--recipe",
    "--exif",
    "--decode",
    "--feature-tensor",
    "--cache",
    "--storage",
    "--precision",
    "--accept-precision",
];

/// Images without an answer that are named one by one, of each kind; the rest is counted.
const FAILURES_NAMED: usize = 5;

/// Say which images have no answer: each by its name, but of those that Ctrl-C came before only some.
fn tell_failures(files: &[PathBuf], said: &[Said], console: &Console) {
    let failed = files.iter().zip(said).filter_map(|(file, said)| Some((file, said.as_ref().err()?)));
    let (stopped, failed): (Vec<_>, Vec<_>) = failed.partition(|(_, reason)| *reason == exported::STOPPED);
    let named = stopped.len().min(FAILURES_NAMED);
    for (file, reason) in failed.iter().chain(&stopped[..named]) {
        console.warn(format_args!("`{}`: {reason}", file.display()));
    }
    if stopped.len() > named {
        let more = count(stopped.len() - named, "more image");
        console.warn(format_args!("{more}: {}", exported::STOPPED));
    }
}

/// Images whose rows are gathered together.
const ROWS: usize = 256;

/// Probabilities of those images that the cache has in all of these views.
fn cached(run: &Run, cache: &mut FeatureCache, views: Views, files: &[PathBuf]) -> Vec<Option<Row>> {
    let mut rows = vec![None; files.len()];
    let standings = cache.standing_in(views, &image_files(files));
    let ready = standings.into_iter().enumerate().filter_map(|(place, standing)| match standing {
        Standing::Ready(key) => Some((place, (key, PLAIN))),
        _ => None,
    });
    let (places, ids): (Vec<usize>, Vec<(Key, View)>) = ready.unzip();
    for (places, ids) in places.chunks(ROWS).zip(ids.chunks(ROWS)) {
        let together = gather(cache.store(), &in_views(ids, views));
        let said = together.map(|features| probabilities(run, &features, ids.len()));
        for (index, (&place, &id)) in places.iter().zip(ids).enumerate() {
            // Where one of them is damaged each is asked for by itself: that one is computed, like one that is not there.
            rows[place] = match &said {
                Some(said) => Some(Ok(said[index].clone())),
                None => gather(cache.store(), &in_views(&[id], views))
                    .map(|features| Ok(probabilities(run, &features, 1).remove(0))),
            };
        }
    }
    rows
}

/// The mean over the views of each of so many images; all of them in the first view come first.
fn probabilities(run: &Run, features: &Array2<f32>, images: usize) -> Vec<Vec<f32>> {
    let said = run.probabilities(features.view());
    let mean = mean_over_views(said.view(), features.nrows() / images);
    mean.rows().into_iter().map(|row| row.to_vec()).collect()
}

/// `cat 0.9712, dog 0.0201, frog 0.0044`
fn line(prediction: &Prediction, classes: &[String]) -> String {
    let words: Vec<_> =
        prediction.top.iter().map(|&(class, p)| format!("{} {p:.4}", short(&classes[class]))).collect();
    words.join(", ")
}

/// A line of JSON.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Prediction {
        path: &'a str,
        prediction: &'a str,
        confidence: f32,
        top: Vec<Guess<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        other_precision: Option<&'a OtherPrecision>,
    },
    Failure {
        path: &'a str,
        error: &'a str,
    },
}

#[derive(serde::Serialize)]
struct Guess<'a> {
    class: &'a str,
    probability: f32,
}

fn answer<'a>(
    path: &'a str,
    said: &'a Said,
    classes: &'a [String],
    other_precision: Option<&'a OtherPrecision>,
) -> Answer<'a> {
    match said {
        Err(error) => Answer::Failure { path, error },
        Ok(prediction) => Answer::Prediction {
            path,
            prediction: &classes[prediction.class()],
            confidence: prediction.confidence(),
            top: prediction
                .top
                .iter()
                .map(|&(class, probability)| Guess { class: &classes[class], probability })
                .collect(),
            other_precision,
        },
    }
}
