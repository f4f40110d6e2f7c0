use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use headstart_backbone::Edges;
use headstart_backbone::{self as backbone, library};
use headstart_base::files::TargetError;
use headstart_base::text::dims;
use headstart_image as preprocess;
use headstart_onnx as onnx;

/// A tensor that could be meant, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Its name in the graph.
    pub tensor: String,
    /// What it is, for people.
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
    /// The network cannot be opened, or the result is no backbone.
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
    /// There is no ONNX Runtime to prove the cut with.
    #[error(transparent)]
    Runtime(#[from] library::Error),
    /// The result would replace the network, or another file that nobody gave up.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The network's input does not take images.
    #[error("the network does not take images: {reason}")]
    NotForImages {
        /// What shows it.
        reason: String,
    },
    /// There is no vector for the whole image in such a network.
    #[error("the network finds objects instead of describing the image: {node} chooses boxes")]
    Detector {
        /// The node, described for people.
        node: String,
    },
    /// Nothing in the graph looks like features.
    #[error("no features in the network: {}", list(outputs))]
    NoFeatures {
        /// What is said of each output.
        outputs: Vec<String>,
        /// The names of outputs that may hold features all the same, if somebody says so.
        tensors: Vec<String>,
    },
    /// The caller has to choose.
    #[error("several tensors could be the features: {}", list(candidates))]
    Ambiguous {
        /// Tensors that the caller can choose.
        candidates: Vec<Candidate>,
    },
    /// The classifier reads no pooled map, so the caller has to choose.
    #[error("{classifier} reads values that are not pooled; the network has {}", list(candidates))]
    NotPooled {
        /// The node that gives the class scores, described for people.
        classifier: String,
        /// Tensors that the caller can choose.
        candidates: Vec<Candidate>,
    },
    /// The caller named a tensor that is not there.
    #[error("the graph has no tensor `{tensor}`{}", offer(candidates))]
    NoSuchTensor {
        /// The name.
        tensor: String,
        /// Tensors that the caller can choose.
        candidates: Vec<Candidate>,
    },
    /// An operator that is not ONNX's own makes the tensor.
    #[error("`{tensor}` comes from {node} of the domain `{domain}`, which this program does not look into")]
    Hidden {
        /// The tensor's name in the graph.
        tensor: String,
        /// The node, described for people.
        node: String,
        /// The operator's domain.
        domain: String,
    },
    /// The tensor holds many vectors for one image, and several ways lead to one.
    #[error(
        "`{tensor}` holds {count} vectors, for the patches of the image and more, and the network does not say how to pool them into one"
    )]
    Tokens {
        /// The tensor's name in the graph.
        tensor: String,
        /// Vectors for one image.
        count: usize,
    },
    /// The class token was asked for.
    #[error("`{tensor}` has no class token: all its vectors are the image's patches")]
    NoClassToken {
        /// The tensor's name in the graph.
        tensor: String,
    },
    /// The tensor is not one vector for each image.
    #[error("`{tensor}` has the shape {} for one image, expected {expected}", dims(.found))]
    Shape {
        /// The tensor's name in the graph.
        tensor: String,
        /// The shape that features have, for people.
        expected: &'static str,
        /// Its shape for one image.
        found: Vec<i64>,
    },
    /// The tensor holds text, or numbers that cannot be features.
    #[error("`{tensor}` holds `{found}`, expected numbers that can be features")]
    ElementType {
        /// The tensor's name in the graph.
        tensor: String,
        /// The type of its elements.
        found: String,
    },
    /// The tensor is quantised, and its scale is not in the graph.
    #[error("`{tensor}` holds integers, and the graph does not give their scale")]
    NoScale {
        /// The tensor's name in the graph.
        tensor: String,
    },
    /// The recipe makes images of a size that the network does not take.
    #[error("the network takes images {}, but the recipe makes them {} by {}", Edges(.takes), made.0, made.1)]
    Size {
        /// Width and height, where the network prescribes them.
        takes: [Option<u32>; 2],
        /// Width and height.
        made: (usize, usize),
    },
    /// The recipe makes numbers outside the range that the network was made for.
    #[error("the network takes {expected}, but the recipe makes others, such as {found}")]
    Numbers {
        /// The range, for people.
        expected: String,
        /// A number that the recipe makes.
        found: f32,
        /// A recipe that makes such numbers.
        preset: &'static str,
    },
    /// The caller's labels are not as many as the classifier's classes.
    #[error("expected {expected} labels, one for each class, found {found}")]
    LabelCount {
        /// Classes of the classifier.
        expected: usize,
        /// Labels.
        found: usize,
    },
    /// An image for the proof cannot be decoded.
    #[error("cannot use the image `{name}` for the proof")]
    Image {
        /// What the image is called.
        name: String,
        /// Why it cannot be decoded.
        source: preprocess::Error,
    },
    /// An image for the proof cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// With one image alone nothing shows that features differ between images.
    #[error("the proof takes two images or more, found {found}")]
    TooFewImages {
        /// Images that were given.
        found: usize,
    },
    /// ONNX Runtime cannot load the network, or what was cut from it.
    #[error("ONNX Runtime refuses the network")]
    Refused {
        /// ONNX Runtime's own error.
        source: headstart_backbone::ort::Error,
    },
    /// The network was loaded and failed on the images of the proof.
    #[error("ONNX Runtime failed while it ran the network")]
    Inference {
        /// ONNX Runtime's own error.
        source: headstart_backbone::ort::Error,
    },
    /// The result does not do what the network did, so no file was written.
    #[error("the proof failed: {check}: {found}, expected {expected}")]
    Disproved {
        /// What was compared.
        check: &'static str,
        /// The bound, for people.
        expected: String,
        /// What was measured, for people.
        found: String,
    },
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

/// A result of cutting a network.
pub type Result<T> = std::result::Result<T, Error>;
