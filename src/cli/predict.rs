use std::io::Write;
use std::path::{Path, PathBuf};

use headstart::dataset::Columns;
use headstart::evaluate::{OtherPrecision, Prediction};
use headstart::evaluation::{PredictionColumns, Writer};
use headstart::files::path_text;
use headstart::image::ViewKinds;
use headstart::image_files;
use headstart::project::{NoPrediction, PredictOptions};
use headstart::report::text::{clean, short};

use super::args::{AcceptArgs, BackboneArgs, RunsArgs, RuntimeArgs};
use super::calibrate::TemperatureArgs;
use super::console::{Console, count, stdout};
use super::error::Error;
use super::listener::Listener;
use super::{Status, interrupt, named_images};

/// Predict the classes of images
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
    pub(super) backbone: BackboneArgs,
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

/// A prediction, or why there is none.
type Said = Result<Prediction, NoPrediction>;

impl PredictArgs {
    /// `typed` are the flags that stand in the command line.
    pub fn run(&self, console: &Console, typed: &[String]) -> anyhow::Result<Status> {
        let mut columns = Columns::default();
        columns.path = self.path_column.clone().unwrap_or(columns.path);
        let mut listener = Listener::new(console);
        let files = listener.hear(|control| named_images::named(&self.images, &columns, control))?;
        let project = self.runs.of(self.backbone.project(&self.runtime));
        let predicted = if is_exported(&self.run) && !project.runs().has(&self.run) {
            self.check_export(typed)?;
            listener.hear(|control| project.predict_exported(&self.run, image_files(&files), control))?
        } else {
            self.backbone.tell(console);
            let run = self.temperature.of(project.runs().load_head(&self.run)?);
            let options = PredictOptions { views: self.views.clone(), accept: self.accept.accept() };
            listener.hear(|control| project.predict(&run, image_files(&files), &options, control))?
        };
        let said = predicted.predictions(self.top.into());
        tell_failures(&files, &said, console);
        self.print(&predicted.classes, &files, &said, predicted.other_precision.as_ref())?;
        Ok(match said.iter().all(Result::is_ok) {
            _ if interrupt::asked() => Status::Interrupted,
            true => Status::Done,
            false => Status::Partial,
        })
    }

    /// That there is such a file, and that nothing was asked for which is part of it already.
    fn check_export(&self, typed: &[String]) -> anyhow::Result<()> {
        let path = || self.run.clone();
        anyhow::ensure!(self.views.is_empty(), Error::ViewsOfExport { path: path() });
        anyhow::ensure!(!self.temperature.no_temperature, Error::TemperatureOfExport { path: path() });
        anyhow::ensure!(self.run.exists(), Error::NoExport { path: path() });
        let flags: Vec<String> =
            typed.iter().filter(|flag| OF_A_RUN.contains(&flag.as_str())).cloned().collect();
        anyhow::ensure!(flags.is_empty(), Error::FlagsOfExport { path: path(), flags });
        Ok(())
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
    let (stopped, failed): (Vec<_>, Vec<_>) =
        failed.partition(|(_, reason)| **reason == NoPrediction::Stopped);
    let named = stopped.len().min(FAILURES_NAMED);
    for (file, reason) in failed.iter().chain(&stopped[..named]) {
        console.warn(format_args!("`{}`: {reason}", file.display()));
    }
    if stopped.len() > named {
        let more = count(stopped.len() - named, "more image");
        console.warn(format_args!("{more}: {}", NoPrediction::Stopped));
    }
}

/// Whether what was given for a run is an exported file.
fn is_exported(path: &Path) -> bool {
    path.is_file() || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
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
        error: String,
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
        Err(error) => Answer::Failure { path, error: error.to_string() },
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
