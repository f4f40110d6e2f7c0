use super::{Device, Missing, Placement, Precision};
use crate::library;

/// Why a device does not compute the graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No usable ONNX Runtime was found.
    #[error(transparent)]
    Library(#[from] library::Error),
    /// The device lacks something on this machine.
    #[error("`{device}` cannot be used here: {}", sentence(.missing))]
    Unavailable {
        /// The device that was asked for.
        device: Device,
        /// All that it lacks.
        missing: Vec<Missing>,
    },
    /// The device has no such arithmetic.
    #[error("`{device}` does not compute in {precision}")]
    Precision {
        /// The device that was asked for.
        device: Device,
        /// The precision that was asked of it.
        precision: Precision,
    },
    /// This processor would only emulate bf16.
    #[error("this processor has no bf16 instructions (it lacks `avx512_bf16`)")]
    NoBf16,
    /// The device would compute with ten bits of every product instead of twenty-three.
    #[error("`{device}` computes in TF32 unless `NVIDIA_TF32_OVERRIDE` is `0` when the process starts")]
    Tf32 {
        /// The device that was asked for.
        device: Device,
    },
    /// ONNX Runtime refuses the device's provider.
    #[error("ONNX Runtime does not take `{device}`")]
    Register {
        /// The device that was asked for.
        device: Device,
        /// ONNX Runtime's own error.
        source: ort::Error,
    },
    /// It cannot be checked where the graph runs.
    #[error("ONNX Runtime does not report which device runs the graph")]
    Placement {
        /// ONNX Runtime's own error.
        source: ort::Error,
    },
    /// The graph would run on another device than the one that was asked for.
    #[error("ONNX Runtime put no node of the graph on `{device}`: {placement}")]
    NotPlaced {
        /// The device that was asked for.
        device: Device,
        /// Where the nodes are instead.
        placement: Placement,
    },
}

/// A result of choosing or opening a device.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn sentence(missing: &[Missing]) -> String {
    missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("; ")
}
