//! Errors of making and using one-file classifiers.

use std::io;
use std::path::PathBuf;

use headstart_backbone as backbone;
use headstart_base::files::TargetError;
use headstart_base::text::dims;
use headstart_image as preprocess;
use headstart_onnx as onnx;

/// A result of making or using a one-file classifier.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run was not exported, or an exported file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another graph than the one whose features the head was trained on.
    #[error("the run `{run}` was trained on features of the graph {expected}, but `{path}` is {found}")]
    OtherBackbone {
        /// The run's name.
        run: String,
        /// The backbone that was given.
        path: PathBuf,
        /// BLAKE3 of the graph that the run was trained on, shortened.
        expected: String,
        /// BLAKE3 of the graph that was given, shortened.
        found: String,
    },
    /// The file would be written over the backbone, or over somebody's file.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What has no form in 16 bits.
    #[error("the graph cannot be written in 16-bit floats: {why}")]
    Half {
        /// What has no such form, for people.
        why: String,
    },
    /// The head itself is of no use.
    #[error("the output of the run for `{image}` is infinite or not a number")]
    NoNumbers {
        /// The image that was tried.
        image: String,
    },
    /// The exported file says something else than the run.
    #[error(
        "the exported graph does not compute what the run does: on `{image}`, a probability differs by {difference:.2e}, expected at most {bound:.0e}; nothing was written"
    )]
    Differs {
        /// What the image is called.
        image: String,
        /// The largest difference of a probability.
        difference: f32,
        /// The difference that rounding explains.
        bound: f32,
    },
    /// Less than two images to compare on.
    #[error("checking an export needs two images or more, found {found}")]
    TooFewImages {
        /// Images that could be compared on.
        found: usize,
    },
    /// An image for the check cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An image for the check cannot be decoded.
    #[error("the image `{name}` cannot be used")]
    Image {
        /// What the image is called.
        name: String,
        /// Why it cannot be decoded.
        source: preprocess::Error,
    },
    /// One image; the classifier goes on with others.
    #[error(transparent)]
    Pixels(preprocess::Error),
    /// An ONNX file, but not one that `export` made.
    #[error("`{path}` does not say how it classifies images: its metadata has no {}", missing.join(", "))]
    NotExported {
        /// The file.
        path: PathBuf,
        /// Keys of the metadata that are not there.
        missing: Vec<&'static str>,
    },
    /// An entry of the file's metadata cannot be understood.
    #[error("`{path}`: cannot read the metadata entry `{key}`")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The entry's key.
        key: &'static str,
        /// Why it cannot be understood.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A head alone has no use for images.
    #[error("`{path}` is a head without its backbone: it takes features, not images")]
    HeadOnly {
        /// The file.
        path: PathBuf,
    },
    /// ONNX Runtime's own message is the cause.
    #[error("ONNX Runtime refuses the exported graph")]
    Refused {
        /// ONNX Runtime's own error.
        source: headstart_backbone::ort::Error,
    },
    /// The graph was loaded and failed on images.
    #[error("ONNX Runtime failed on the exported graph")]
    Inference {
        /// ONNX Runtime's own error.
        source: headstart_backbone::ort::Error,
    },
    /// The graph did not give a row of probabilities for each image.
    #[error("the exported graph gave numbers of shape {}, expected {}", dims(found), dims(expected))]
    Shape {
        /// Images and classes.
        expected: [usize; 2],
        /// The shape that came out.
        found: Vec<i64>,
    },
    /// The graph cannot be read, changed or written.
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    /// The backbone cannot be used, or there is no ONNX Runtime.
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
}
