use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use headstart_backbone::Edges;
use headstart_backbone::{self as backbone, library};
use headstart_base::text::dims;
use headstart_image as preprocess;
use headstart_onnx as onnx;

/// A tensor that could be meant, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    pub tensor: String,
    pub what: String,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.tensor, self.what)
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join("; ")
}

/// Why a network was not cut. Nothing was written.
///
/// Most of these do not name the network's file, which the caller has given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
    #[error(transparent)]
    Runtime(#[from] library::Error),
    #[error("the cut would overwrite `{path}`, which it reads")]
    OwnInput { path: PathBuf },
    #[error("`{path}` exists already")]
    Exists { path: PathBuf },
    #[error("no image goes in: {reason}")]
    NotForImages { reason: String },
    #[error("the network finds objects instead of describing the image: {node} chooses boxes")]
    Detector { node: String },
    #[error("no features in the network: {}", list(outputs))]
    NoFeatures {
        /// What is said of each output.
        outputs: Vec<String>,
        /// The names of outputs that may hold features all the same, if somebody says so.
        tensors: Vec<String>,
    },
    #[error("several tensors could be the features: {}", list(candidates))]
    Ambiguous { candidates: Vec<Candidate> },
    #[error("{classifier} reads values that were never pooled; its network offers {}", list(candidates))]
    NotPooled { classifier: String, candidates: Vec<Candidate> },
    #[error("the graph has no tensor `{tensor}`{}", offer(candidates))]
    NoSuchTensor { tensor: String, candidates: Vec<Candidate> },
    #[error("`{tensor}` comes from {node} of the domain `{domain}`, which may do anything")]
    Hidden { tensor: String, node: String, domain: String },
    #[error(
        "`{tensor}` holds {count} vectors, one for each patch of the image and more, and nothing tells how one is made of them"
    )]
    Tokens { tensor: String, count: usize },
    #[error("`{tensor}` has no class token: all its vectors are the image's patches")]
    NoClassToken { tensor: String },
    #[error("`{tensor}` has the shape {} for one image, expected {expected}", dims(.found))]
    Shape { tensor: String, expected: &'static str, found: Vec<i64> },
    #[error("`{tensor}` holds `{found}`, expected numbers that can be features")]
    ElementType { tensor: String, found: String },
    #[error("`{tensor}` holds integers, and nothing tells the scale that they stand for")]
    NoScale { tensor: String },
    #[error("the network takes images {}, but the recipe makes them {} by {}", Edges(.takes), made.0, made.1)]
    Size {
        /// Width and height, where the network prescribes them.
        takes: [Option<u32>; 2],
        /// Width and height.
        made: (usize, usize),
    },
    #[error("the network takes {expected}, but the recipe makes others, such as {found}")]
    Numbers {
        expected: String,
        found: f32,
        /// A recipe that makes such numbers.
        preset: &'static str,
    },
    #[error("{found} labels for a classifier of {expected} classes")]
    LabelCount { expected: usize, found: usize },
    #[error("cannot use the image `{name}` for the proof")]
    Image { name: String, source: preprocess::Error },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the proof takes two images or more, found {found}")]
    TooFewImages { found: usize },
    #[error("ONNX Runtime refuses the network")]
    Refused { source: headstart_backbone::ort::Error },
    #[error("ONNX Runtime failed while it ran the network")]
    Inference { source: headstart_backbone::ort::Error },
    #[error("the proof failed: {check}: {found}, expected {expected}")]
    Disproved { check: &'static str, expected: String, found: String },
}

impl Error {
    /// Whether an operator that nobody knows could be the cause.
    pub(super) fn may_be_hidden(&self) -> bool {
        matches!(self, Self::NoFeatures { .. } | Self::NotPooled { .. })
    }
}

fn offer(candidates: &[Candidate]) -> String {
    if candidates.is_empty() { String::new() } else { format!("; it has {}", list(candidates)) }
}

impl From<onnx::Error> for Error {
    fn from(error: onnx::Error) -> Self {
        Self::Backbone(error.into())
    }
}

pub type Result<T> = std::result::Result<T, Error>;
