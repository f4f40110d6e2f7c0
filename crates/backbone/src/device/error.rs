use super::{Device, Missing, Placement, Precision};
use crate::library;

/// Why a device does not compute the graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(transparent)]
    Library(#[from] library::Error),
    #[error("`{device}` cannot be used here: {}", sentence(.missing))]
    Unavailable { device: Device, missing: Vec<Missing> },
    #[error("`{device}` does not compute in {precision}")]
    Precision { device: Device, precision: Precision },
    #[error("this processor does not multiply bf16 by itself (it lacks `avx512_bf16`)")]
    NoBf16,
    #[error("ONNX Runtime does not take `{device}`")]
    Register { device: Device, source: ort::Error },
    #[error("ONNX Runtime does not tell on which device it put the graph")]
    Placement { source: ort::Error },
    #[error("ONNX Runtime put no node of the graph on `{device}`: {placement}")]
    NotPlaced { device: Device, placement: Placement },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

fn sentence(missing: &[Missing]) -> String {
    missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("; ")
}
