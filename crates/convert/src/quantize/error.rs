use std::path::PathBuf;

use headstart_backbone as backbone;
use headstart_base::files::TargetError;
use headstart_base::machine::ThreadsError;
use headstart_onnx as onnx;

/// Why a backbone was not quantised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The graph cannot be read, changed or written.
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    /// The file is no backbone, or cannot be run.
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
    /// A graph is quantised once.
    #[error("`{path}` is quantised already: it has the operator `{operator}`")]
    Quantised {
        /// The backbone's file.
        path: PathBuf,
        /// What ONNX calls the operator that shows it.
        operator: String,
    },
    /// None of its layers is of a kind that is computed in integers here.
    #[error("`{path}` has no layer that can be quantised")]
    NothingToDo {
        /// The backbone's file.
        path: PathBuf,
    },
    /// There are no threads to work on.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    /// A layer that was to stay in floats is not there.
    #[error("the graph has no layer `{name}` to keep in floats")]
    NoSuchLayer {
        /// The name that was given.
        name: String,
        /// Names of the layers that there are.
        layers: Vec<String>,
    },
    /// It takes at least one image to choose ranges on, and another to judge the result by.
    #[error("calibration needs {expected} different images or more, found {found}{}", unusable(*failed))]
    TooFewImages {
        /// Images that are needed.
        expected: usize,
        /// Different images that could be decoded.
        found: usize,
        /// Images that could not be.
        failed: usize,
    },
    /// The backbone in floats diverges on an image, so there is no range.
    #[error("the activations of `{tensor}` hold NaN or infinity")]
    NotFinite {
        /// The tensor's name in the graph.
        tensor: String,
    },
    /// Folding and evening out changed the features before anything was rounded.
    #[error(
        "preparing the graph for int8 changed its features: one differs by {difference:.1e}, expected at most {bound:.1e}"
    )]
    Changed {
        /// The largest difference of a feature.
        difference: f64,
        /// The difference that rounding of floats explains.
        bound: f64,
    },
    /// The result is too far from the backbone in floats.
    #[error(
        "int8 features have a mean cosine of {found:.4} to the fp32 features, expected {bound:.4} or more; nothing was written"
    )]
    Fidelity {
        /// The mean cosine on the images held out.
        found: f64,
        /// The least mean cosine that was asked for.
        bound: f64,
    },
    /// The result would replace the backbone, or another file that nobody gave up.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What was read is not what [`Calibration::encode`](super::Calibration::encode) writes.
    #[error("expected a calibration, found something else, or one that is damaged or of a later version")]
    NotACalibration,
    /// A calibration is for one graph, whose pixels are normalised in one way.
    #[error(
        "`{path}` is not the graph that the calibration is for, or its recipe normalises pixels in another way"
    )]
    OtherGraph {
        /// The backbone's file.
        path: PathBuf,
    },
    /// The same calibration of the same graph gives the same bytes; this version of the program made others.
    #[error("the int8 graph of `{path}` is not the one that its calibration was made with")]
    OtherResult {
        /// The backbone's file.
        path: PathBuf,
    },
    /// The caller wanted to stop.
    #[error("stopped before the end; nothing was written")]
    Cancelled,
    /// ONNX Runtime cannot load a graph that was made on the way.
    #[error("ONNX Runtime refuses a graph that was made for quantising")]
    Refused {
        /// ONNX Runtime's own error.
        source: headstart_backbone::ort::Error,
    },
    /// The graph was loaded and failed on the images.
    #[error("ONNX Runtime failed while it ran the graph")]
    Inference {
        /// ONNX Runtime's own error.
        source: headstart_backbone::ort::Error,
    },
}

/// A result of quantising a backbone.
pub type Result<T> = std::result::Result<T, Error>;

fn unusable(failed: usize) -> String {
    if failed == 0 { String::new() } else { format!("; {failed} could not be used") }
}
