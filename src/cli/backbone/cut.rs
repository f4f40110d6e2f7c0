use std::io::Write;
use std::path::PathBuf;

use headstart::backbone::cut::{CutOptions, cut};
use headstart::backbone::import;
use headstart::backbone::runtime::Runtime;

use crate::cli::Status;
use crate::cli::args::read_recipe;
use crate::cli::console::Console;

/// Cut an image classifier behind its pooled features, and prove the cut
///
/// The features are found by walking back from the network's output; what follows them is removed. The written file is
/// then run beside the whole network on real images: it must give the same features, for an image alone and among
/// others, and the classifier's weights times these features must be the network's own scores. What is not proven is
/// not written.
#[derive(Debug, clap::Args)]
pub struct CutArgs {
    /// The ONNX file of the whole network
    #[arg(value_name = "FILE")]
    network: PathBuf,
    /// The ONNX file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
    /// Tensor that holds the features, instead of the one that would be found
    #[arg(long, value_name = "NAME")]
    feature_tensor: Option<String>,
    /// How the network's images were preprocessed, to be written into the file: a preset or a TOML file
    #[arg(long, value_name = "PRESET|FILE")]
    recipe: Option<String>,
    /// Name of the backbone (default: the file's)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// JSON file with the names of the network's own classes
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Where the weights come from, to be written into the file
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Licence of the weights, to be written into the file
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// An image to prove the cut on, instead of the program's four photographs; give two or more, at most 16 are used
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
    /// Print what was found and proven as JSON
    #[arg(long)]
    json: bool,
    /// Shared library of ONNX Runtime (default: ORT_DYLIB_PATH, models/runtime, beside the program, Python's)
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

impl CutArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let options = self.options()?;
        let runtime = Runtime::load(self.onnxruntime.as_deref())?;
        console.detail(format_args!("ONNX Runtime {} ({})", runtime.version(), runtime.library().display()));
        let cut = cut(&runtime, &self.network, &self.output, &options)?;
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&cut)?)?;
        } else {
            writeln!(out, "{cut}")?;
        }
        Ok(Status::Done)
    }

    fn options(&self) -> anyhow::Result<CutOptions> {
        Ok(CutOptions {
            feature_tensor: self.feature_tensor.clone(),
            recipe: self.recipe.as_deref().map(read_recipe).transpose()?,
            name: self.name.clone(),
            labels: self.labels.as_deref().map(import::read_labels).transpose()?.unwrap_or_default(),
            source: self.source.clone(),
            licence: self.licence.clone(),
            images: self.images.clone(),
            overwrite: self.overwrite,
        })
    }
}
