mod about;
mod cut;
mod fetch;
mod list;
mod quantize;

use std::io::Write;
use std::path::{Path, PathBuf};

use headstart::convert::import::{self, ImportOptions};
use headstart::convert::{Inspection, inspect};
use headstart::files::Inputs;
use headstart::image::recipe::Layout;
use headstart::onnx;

use self::about::AboutArgs;
use super::args::LibraryArgs;
use super::console::{self, Console, stdout};
use super::error::Error;
use super::output;
use super::recipes::RecipesArgs;
use super::{Status, graph_hint};

/// Look at backbones, and make them from other formats
#[derive(Debug, clap::Subcommand)]
pub enum BackboneCommand {
    List(list::ListArgs),
    Fetch(fetch::FetchArgs),
    Cut(cut::CutArgs),
    Import(ImportArgs),
    Inspect(InspectArgs),
    Quantize(Box<quantize::QuantizeArgs>),
    Recipes(RecipesArgs),
}

impl BackboneCommand {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        match self {
            Self::List(args) => args.run(),
            Self::Fetch(args) => args.run(console),
            Self::Cut(args) => args.run(console),
            Self::Import(args) => args.run(console),
            Self::Inspect(args) => args.run(console),
            Self::Quantize(args) => args.run(console),
            Self::Recipes(args) => args.run(),
        }
    }
}

/// With the file in the headline, where the error itself does not name it.
fn naming(error: impl Into<anyhow::Error>, what: &str, path: &Path) -> anyhow::Error {
    let (error, path) = (error.into(), path.display().to_string());
    let named = error.chain().any(|cause| cause.to_string().contains(&format!("`{path}`")));
    if named { error } else { error.context(format!("cannot {what} `{path}`")) }
}

/// Turn a TensorFlow.js layers model, or PyTorch weights of EfficientNet-Lite0, into an ONNX backbone
///
/// The classifier is cut off behind the pooled features; recipe, labels, source and licence are written into the file. A file of PyTorch is
/// read as data, and nothing in it is run.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The model.json, whose weight shards lie beside it; or a file that `torch.save` wrote (.pth, .pt, .bin)
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The ONNX file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
    /// Keep the classifier: the output is the network's own
    #[arg(long)]
    include_top: bool,
    #[command(flatten)]
    about: AboutArgs,
    /// Order of the input's axes: `nchw` or `nhwc`
    #[arg(long, value_name = "ORDER", default_value = "nchw", value_parser = layout)]
    layout: Layout,
    /// ONNX operator set
    #[arg(long, value_name = "N", default_value_t = ImportOptions::default().opset)]
    opset: i64,
}

fn layout(text: &str) -> Result<Layout, String> {
    match text {
        "nchw" => Ok(Layout::Nchw),
        "nhwc" => Ok(Layout::Nhwc),
        _ => Err("expected `nchw` or `nhwc`".into()),
    }
}

impl ImportArgs {
    fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let files = || import::files(&self.model).unwrap_or_else(|_| vec![self.model.clone()]);
        let inputs = || Inputs::default().files(files()).files(self.about.files());
        output::check("--output", &self.output, inputs, || self.overwrite)?;
        let options = ImportOptions {
            include_top: self.include_top,
            name: self.about.name.clone(),
            recipe: self.about.recipe()?,
            labels: self.about.labels()?,
            source: self.about.source.clone(),
            licence: self.about.licence.clone(),
            layout: self.layout,
            opset: self.opset,
        };
        let imported =
            import::import(&self.model, &options).map_err(|error| naming(error, "import", &self.model))?;
        onnx::write(&imported.model, &self.output)?;
        for note in &imported.notes {
            console.note(note);
        }
        stdout().path(&self.output)?;
        Ok(Status::Done)
    }
}

/// Tell what an ONNX file is, and whether it can serve as a backbone
///
/// Where there is an ONNX Runtime, the graph is loaded into it. Exit status: 0 if the file is sound, whether it can serve or not, 2 if it is
/// damaged, incomplete, or refused by ONNX Runtime.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The ONNX file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    library: LibraryArgs,
}

impl InspectArgs {
    fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let mut inspection = inspect(&self.file)?;
        match self.library.load(console) {
            Ok(runtime) => inspection.try_on(&runtime),
            Err(error) => console.detail(format_args!("the graph was not loaded: {error}")),
        }
        let mut out = stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&inspection)?)?;
        } else {
            writeln!(out, "{inspection}")?;
        }
        self.advise(&inspection, console)
    }

    /// What to do about a file that is not ready. A broken one is an error.
    fn advise(&self, inspection: &Inspection, console: &Console) -> anyhow::Result<Status> {
        let remedy = inspection.refusal.as_deref().and_then(graph_hint::for_backbone);
        if inspection.broken {
            console::tell_error(Error::Broken { path: self.file.clone() });
        }
        match remedy {
            Some(remedy) if inspection.broken => console::tell(format_args!("\nhint: {remedy}")),
            Some(remedy) => console.note(format_args!("hint: {remedy}")),
            None => {}
        }
        Ok(if inspection.broken { Status::Error } else { Status::Done })
    }
}
