use std::io::Write;
use std::path::PathBuf;

use headstart::convert::cut::{CutOptions, Pool, cut};
use headstart::files::Inputs;

use super::about::AboutArgs;
use super::naming;
use crate::cli::args::LibraryArgs;
use crate::cli::console::{Console, stdout};
use crate::cli::output;
use crate::cli::{Status, graph_hint};
use headstart::onnx::network_files;

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
    /// How one vector is made of a transformer's tokens, where the network leaves that open: `cls` takes the class token, `mean`
    /// averages those of the patches
    #[arg(long, value_name = "HOW", value_parser = str::parse::<Pool>)]
    pool: Option<Pool>,
    #[command(flatten)]
    about: AboutArgs,
    /// An image to prove the cut on, instead of the program's four photographs; give two or more, at most 16 are used
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
    /// Print what was found and proven as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    library: LibraryArgs,
}

impl CutArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let options = self.options()?;
        let inputs = || {
            Inputs::default()
                .files(network_files(&self.network))
                .files(&self.images)
                .files(self.about.files())
        };
        output::check("--output", &self.output, inputs, || self.overwrite)?;
        let runtime = self.library.load(console)?;
        let cut = cut(&runtime, &self.network, &self.output, &options)
            .map_err(|error| naming(error, "cut", &self.network))?;
        let mut out = stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&cut)?)?;
        } else {
            writeln!(out, "{cut}")?;
        }
        if cut.recipe.is_none() {
            console.note(format_args!(
                "the file holds no recipe; {}",
                graph_hint::say_recipe(cut.guess.as_ref())
            ));
        }
        Ok(Status::Done)
    }

    fn options(&self) -> anyhow::Result<CutOptions> {
        Ok(CutOptions {
            feature_tensor: self.feature_tensor.clone(),
            pool: self.pool,
            recipe: self.about.recipe()?,
            name: self.about.name.clone(),
            labels: self.about.labels()?,
            source: self.about.source.clone(),
            licence: self.about.licence.clone(),
            images: self.images.clone(),
            overwrite: self.overwrite,
        })
    }
}
