use std::path::PathBuf;

use headstart_backbone as backbone;
use headstart_onnx as onnx;

/// Why a backbone was not quantised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
    #[error("`{path}` computes in integers already: it holds the operator `{operator}`")]
    Quantised { path: PathBuf, operator: String },
    #[error("`{path}` has no layer that could compute in integers")]
    NothingToDo { path: PathBuf },
    #[error("the graph has no layer `{name}` that could stay in floats")]
    NoSuchLayer { name: String, layers: Vec<String> },
    #[error("calibration needs {expected} different images or more, found {found}{}", unusable(*failed))]
    TooFewImages { expected: usize, found: usize, failed: usize },
    #[error("the activations of `{tensor}` hold NaN or infinity")]
    NotFinite { tensor: String },
    #[error(
        "the graph made ready for integers is not the graph that was given: a feature differs by {difference:.1e}, expected at most {bound:.1e}"
    )]
    Changed { difference: f64, bound: f64 },
    #[error(
        "features in integers have a mean cosine of {found:.4} to those in floats, expected {bound:.4} or more; nothing was written"
    )]
    Fidelity { found: f64, bound: f64 },
    #[error("`{path}` exists already")]
    Exists { path: PathBuf },
    #[error("`{path}` is the backbone itself")]
    OwnInput { path: PathBuf },
    #[error("stopped before the end; nothing was written")]
    Cancelled,
    #[error("ONNX Runtime refuses the graph with its inner tensors shown, or in integers")]
    Refused { source: headstart_backbone::ort::Error },
    #[error("ONNX Runtime failed while it ran the graph")]
    Inference { source: headstart_backbone::ort::Error },
}

pub type Result<T> = std::result::Result<T, Error>;

fn unusable(failed: usize) -> String {
    if failed == 0 { String::new() } else { format!("; {failed} could not be used") }
}
