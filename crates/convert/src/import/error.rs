use std::io;
use std::path::PathBuf;

use headstart_base::text::dims;

/// Why a network cannot be turned into a backbone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` is no valid JSON")]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("`{path}` is {found}, expected a TensorFlow.js layers model")]
    NotLayersModel { path: PathBuf, found: String },
    #[error("weight file `{path}` is missing")]
    ShardMissing { path: PathBuf },
    #[error("weight file `{path}`: expected {expected} bytes, found {found}")]
    ShardLength { path: PathBuf, expected: u64, found: u64 },
    #[error("weight file name `{name}` leaves the model's folder")]
    ShardPath { name: String },
    #[error("weight `{weight}` has the type `{found}`, expected one of {expected}")]
    WeightType { weight: String, expected: &'static str, found: String },
    #[error("layer `{layer}` has no weight `{weight}`")]
    WeightMissing { layer: String, weight: String },
    #[error("weight `{weight}` of layer `{layer}`: expected the shape {}, found {}", dims(.expected), dims(.found))]
    WeightShape { layer: String, weight: String, expected: Vec<usize>, found: Vec<usize> },
    #[error("layer `{layer}` is a `{class}`, which cannot be converted; supported are {}", supported.join(", "))]
    Layer { layer: String, class: String, supported: Vec<&'static str> },
    #[error("layer `{layer}` has the activation `{activation}`, which cannot be converted; supported are {}", supported.join(", "))]
    Activation { layer: String, activation: String, supported: Vec<&'static str> },
    #[error("layer `{layer}` (`{class}`), setting `{key}`: expected {expected}, found `{found}`")]
    Setting { layer: String, class: String, key: String, expected: String, found: String },
    #[error("layer `{layer}` (`{class}`): expected {expected}, found the shape {}", dims(.found))]
    Shape { layer: String, class: String, expected: String, found: Vec<usize> },
    #[error("layer `{layer}`: expected {expected} inputs, found {found}")]
    Inputs { layer: String, expected: &'static str, found: usize },
    #[error("layer `{layer}` reads `{input}`, which nothing before it makes")]
    Wiring { layer: String, input: String },
    #[error("the network has {inputs} inputs and {outputs} outputs, expected one of each")]
    Ends { inputs: usize, outputs: usize },
    #[error("input `{layer}` has the shape {shape}, and nothing tells its open dimensions")]
    OpenInput { layer: String, shape: String },
    #[error(
        "the network takes images of {}, but the recipe makes {} (height, width, channels)", dims(.expected), dims(.found)
    )]
    RecipeShape { expected: Vec<usize>, found: Vec<usize> },
    #[error("nothing tells which preprocessing the network `{network}` was trained with")]
    RecipeUnknown { network: String },
    #[error("no pooled features in the network: its output has the shape {}", dims(.shape))]
    NoFeatures { shape: Vec<usize> },
    #[error("opset {found} cannot be written; supported are {lowest} to {highest}")]
    Opset { found: i64, lowest: i64, highest: i64 },
    #[error("`{path}`: expected a list of class names or an object from index to name, found {found}")]
    Labels { path: PathBuf, found: String },
    #[error("{found} labels for a classifier of {expected} classes")]
    LabelCount { expected: usize, found: usize },
}

pub type Result<T> = std::result::Result<T, Error>;
