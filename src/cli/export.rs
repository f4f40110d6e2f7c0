use std::io::Write;
use std::path::PathBuf;

use headstart::Project;
use headstart::export::{Form, OPSETS, Options};

use super::Status;
use super::args::{AcceptArgs, BackboneArgs, LibraryArgs, RunsArgs};
use super::calibrate::TemperatureArgs;
use super::console::{Console, stdout};
use super::listener::Listener;
use super::output;

/// Write a run as one ONNX file: backbone and head in one graph, class names and recipe inside
///
/// The file works wherever ONNX does. Its input is an image as the recipe prepares it, or with `--with-preprocessing` a decoded
/// image of any size; its output is the probabilities of the classes. Before the file gets its name, it is checked on real
/// images: it must give what the run gives.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The run: its folder, its name, or `latest`
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The ONNX file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
    /// Take decoded RGB images, uint8 `(1, h, w, 3)` of any size: resizing, cropping and normalising become part of the graph
    #[arg(long, conflicts_with = "head_only")]
    with_preprocessing: bool,
    /// Write the head alone, which takes features
    #[arg(long)]
    head_only: bool,
    /// Compute in 16-bit floats; inputs and outputs stay as they are
    #[arg(long)]
    f16: bool,
    /// Version of ONNX's operators, for runtimes that do not read the backbone's (default: the backbone's)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(OPSETS))]
    opset: Option<i64>,
    #[command(flatten)]
    temperature: TemperatureArgs,
    /// An image to check the file on, instead of the program's four photographs; give two or more
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
    /// Print as JSON what was written and how close it is to the run
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runs: RunsArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    accept: AcceptArgs,
    #[command(flatten, next_help_heading = "ONNX Runtime")]
    library: LibraryArgs,
}

impl ExportArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let mut config = self.backbone.config();
        self.backbone.tell(console);
        config.extract.engine.libraries = self.library.libraries();
        let project = self.runs.of(Project::new(config));
        let run = self.temperature.of(project.runs().load_head(&self.run)?);
        let inputs = || self.backbone.inputs().files(run.files()).files(&self.images);
        output::check("--output", &self.output, inputs, || self.overwrite)?;
        let (options, accept) = (self.options(), self.accept.accept());
        let exported = Listener::new(console)
            .hear(|control| project.export(&run, &self.output, &options, accept, control))?;
        let mut out = stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&exported)?)?;
        } else {
            writeln!(out, "{exported}")?;
        }
        Ok(Status::Done)
    }

    fn options(&self) -> Options {
        let form = match (self.with_preprocessing, self.head_only) {
            (true, _) => Form::Image,
            (_, true) => Form::Features,
            _ => Form::Tensor,
        };
        Options {
            form,
            half: self.f16,
            opset: self.opset,
            images: self.images.clone(),
            overwrite: self.overwrite,
            other_precision: None,
        }
    }
}
