use std::path::PathBuf;

use super::guess::Guess;
use crate::{onnx, preprocess};

/// Why a file cannot serve as a backbone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    #[error("`{path}` says something about itself that is not valid: entry `{key}`")]
    Metadata { path: PathBuf, key: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{path}` does not say how images are prepared for it{}", supposed(guess.as_deref()))]
    NoRecipe {
        path: PathBuf,
        /// What it may be, if anything can be told; never a certain guess, for that one is used.
        guess: Option<Box<Guess>>,
    },
    #[error("`{path}` holds a recipe that cannot be carried out")]
    Recipe { path: PathBuf, source: preprocess::Error },
    #[error("`{path}` is a whole classifier: its output `{output}` gives class scores, not features")]
    Classifier { path: PathBuf, output: String },
    #[error("`{path}` does not say which tensor holds the features; its outputs are {}", outputs.join(", "))]
    NoFeatures { path: PathBuf, outputs: Vec<String> },
    #[error("`{path}` has no output `{tensor}`; its outputs are {}", outputs.join(", "))]
    NoSuchOutput { path: PathBuf, tensor: String, outputs: Vec<String> },
    #[error("`{path}`: features `{tensor}` have the shape {found}, expected {expected}")]
    FeatureShape { path: PathBuf, tensor: String, expected: String, found: String },
    #[error("`{path}` has {found} inputs, expected one")]
    Inputs { path: PathBuf, found: usize },
    #[error("`{path}`: input `{input}` is {found}, expected {expected}")]
    Input { path: PathBuf, input: String, expected: String, found: String },
    #[error("ONNX Runtime refuses the graph `{path}`")]
    Graph { path: PathBuf, source: ort::Error },
    #[error("ONNX Runtime failed while it ran the graph")]
    Inference { source: ort::Error },
    #[error("the graph gave features of shape {found:?}, expected {expected:?}")]
    OutputShape { expected: [usize; 2], found: Vec<i64> },
}

pub type Result<T> = std::result::Result<T, Error>;

fn supposed(guess: Option<&Guess>) -> String {
    guess.map(|guess| format!("; perhaps as {guess}")).unwrap_or_default()
}
