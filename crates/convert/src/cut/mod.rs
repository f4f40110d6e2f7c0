//! Any image classifier becomes a backbone: its pooled features are found, what follows is cut off, and the result is
//! proven to be right by running both.
//!
//! How the features are found, first things first: the user names the tensor; the file is a known one; an output is
//! called what features are called; the walk back from an output ends at its last trained layer, whose input comes
//! from a pool; an output is pooled and no classifier follows; an output is the last map of a network, which is then
//! averaged by added nodes; an output holds the last tokens of a transformer, which become one vector as [`Pool`] says. Where
//! two answers remain it is an error that lists them.

mod batch;
mod error;
mod find;
mod finish;
#[doc(hidden)]
pub mod images;
mod input;
mod network;
mod observe;
mod open_end;
mod overrides;
mod probe;
mod proof;
mod quantised;
mod reason;
mod report;
mod rewrite;
mod same;
mod tokens;
mod write;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use error::{Candidate, Error, Result};
pub use proof::{Measured, Proof};
pub use reason::Reason;
pub use tokens::Pool;

use self::network::Network;
use headstart_backbone::runtime::Runtime;
use headstart_backbone::{Guess, guess, zoo};
use headstart_base::files::as_path_text;
use headstart_image::Recipe;
use headstart_onnx::{self as onnx, Model, Walk};

/// What the file does not say itself, and how it is cut.
#[derive(Debug, Clone, Default)]
pub struct CutOptions {
    /// The tensor with the features, instead of the one that would be found.
    pub feature_tensor: Option<String>,
    /// How the tokens of a transformer become one vector, where the network leaves that open.
    pub pool: Option<Pool>,
    /// How the network's images were prepared, instead of what the file says or shows; it is written into the file.
    pub recipe: Option<Recipe>,
    /// What the backbone is called.
    pub name: Option<String>,
    /// The classes that the network was trained on, in the order of its outputs; may be empty.
    pub labels: Vec<String>,
    /// Where the weights come from.
    pub source: Option<String>,
    /// Under which licence they may be used.
    pub licence: Option<String>,
    /// Images to prove the cut on, instead of the four photographs in the program.
    pub images: Vec<PathBuf>,
    /// Replace what stands where the file is to be written.
    pub overwrite: bool,
}

/// A network that was cut, and how.
#[derive(Debug, Clone, Serialize)]
pub struct Cut {
    /// The file that was written.
    #[serde(serialize_with = "as_path_text")]
    pub output: PathBuf,
    /// The features' name in the network.
    pub tensor: String,
    /// Their name as the output of the file: another one if nodes were added.
    pub feature_tensor: String,
    /// Features for each image.
    pub feature_size: usize,
    /// Why this tensor holds the features.
    #[serde(serialize_with = "as_text")]
    pub reason: Reason,
    /// The input's name.
    pub input: String,
    /// The input's shape, for people.
    pub input_shape: String,
    /// What the file has no longer.
    pub removed: Removed,
    /// What was changed or guessed, one sentence each.
    pub notes: Vec<String>,
    /// How images are prepared, if that is known.
    #[serde(serialize_with = "as_optional_text")]
    pub recipe: Option<Recipe>,
    /// What the recipe seems to be, where neither the file nor the caller says it: it is in the file if it is certain.
    pub guess: Option<Guess>,
    /// Names of the classes of the classifier that was cut off; may be empty.
    pub labels: Vec<String>,
    /// What was measured on images.
    pub proof: Proof,
}

/// What the file has no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Operators.
    pub nodes: usize,
    /// Numbers in weights.
    pub parameters: u64,
}

fn as_text<S: serde::Serializer>(reason: &Reason, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(reason)
}

fn as_optional_text<S: serde::Serializer>(
    recipe: &Option<Recipe>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    match recipe {
        Some(recipe) => to.serialize_some(&recipe.to_value()),
        None => to.serialize_none(),
    }
}

/// Cut the network in `path` behind its pooled features, prove it, and write it to `output`.
///
/// # Shapes
/// The written graph takes what the network takes, as 32-bit floats, and gives `(n, d)` 32-bit floats.
///
/// # Errors
/// [`Error::Ambiguous`] lists tensors to choose from; [`Error::NotForImages`], [`Error::Detector`] and
/// [`Error::NoFeatures`] say why there is nothing to find; [`Error::Disproved`] tells which check failed. Nothing is
/// written then.
pub fn cut(runtime: &Runtime, path: &Path, output: &Path, options: &CutOptions) -> Result<Cut> {
    write::check_target(path, output, options.overwrite)?;
    let bytes = onnx::read_bytes(path)?;
    let model = onnx::decode(path, bytes.clone())?;
    write::check_weights(path, output, &model, options.overwrite)?;
    onnx::check(path, &model, &[])?;
    let published = zoo::lookup(&bytes);
    // Of the network as it was published: the cut takes away what tells networks apart.
    let guess = guess::recipe(&model, &bytes);
    drop(bytes);
    let mut network = Network::read(path, model, published, guess, &runtime.libraries().heif, options)?;
    let observed = network.observe(runtime, options)?;
    network.write_proven(runtime, output, &observed, options)
}

/// The tensors of `model` that could be its features, as far as the graph alone tells: none, the one that [`cut`] would
/// take, or several to choose from.
pub fn candidates(model: &Model) -> Vec<Candidate> {
    let inlined = onnx::inlined(model);
    let Some(graph) = &inlined.graph else { return vec![] };
    let walk = Walk::new(graph);
    if input::check_any(&walk).is_err() {
        return vec![];
    }
    match find::find(&inlined, &walk, graph) {
        Ok(found) => vec![Candidate { tensor: found.tensor, what: found.reason.to_string() }],
        Err(Error::Ambiguous { candidates } | Error::NotPooled { candidates, .. }) => candidates,
        Err(_) => vec![],
    }
}
