//! Errors of making and using one-file classifiers.

use std::io;
use std::path::PathBuf;

use headstart_backbone as backbone;
use headstart_base::text::dims;
use headstart_image as preprocess;
use headstart_onnx as onnx;

pub type Result<T> = std::result::Result<T, Error>;

/// Why a run was not exported, or an exported file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another graph than the one whose features the head was trained on.
    #[error("the run `{run}` was trained on features of the graph {expected}, but `{path}` is {found}")]
    OtherBackbone { run: String, path: PathBuf, expected: String, found: String },
    /// Somebody's file is in the way.
    #[error("`{path}` exists already")]
    Exists { path: PathBuf },
    /// The file would be written over what it is made of.
    #[error("`{path}` is the backbone itself")]
    OwnBackbone { path: PathBuf },
    /// What has no form in 16 bits.
    #[error("the graph cannot be written in 16-bit floats: {why}")]
    Half { why: String },
    /// The head itself is of no use.
    #[error("the run gives no numbers for `{image}`: its answers are infinite or not a number")]
    NoNumbers { image: String },
    /// The exported file says something else than the run.
    #[error(
        "the exported graph does not compute what the run does: on `{image}`, a probability differs by {difference:.2e}, expected at most {bound:.0e}; nothing was written"
    )]
    Differs { image: String, difference: f32, bound: f32 },
    /// Less than two images to compare on.
    #[error("checking an export needs two images or more, found {found}")]
    TooFewImages { found: usize },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("the image `{name}` cannot be used")]
    Image { name: String, source: preprocess::Error },
    /// One image; the classifier goes on with others.
    #[error(transparent)]
    Pixels(preprocess::Error),
    /// An ONNX file, but not one that `export` made.
    #[error("`{path}` does not say how it classifies images: its metadata has no {}", missing.join(", "))]
    NotExported { path: PathBuf, missing: Vec<&'static str> },
    #[error("`{path}`: cannot read the metadata entry `{key}`")]
    Metadata { path: PathBuf, key: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// A head alone has no use for images.
    #[error("`{path}` is a head without its backbone: it takes features, not images")]
    HeadOnly { path: PathBuf },
    /// ONNX Runtime's own message is the cause.
    #[error("ONNX Runtime refuses the exported graph")]
    Refused { source: headstart_backbone::ort::Error },
    #[error("ONNX Runtime failed on the exported graph")]
    Inference { source: headstart_backbone::ort::Error },
    #[error("the exported graph gave numbers of shape {}, expected {}", dims(found), dims(expected))]
    Shape { expected: [usize; 2], found: Vec<i64> },
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
}
