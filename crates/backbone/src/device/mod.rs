//! Where a graph is computed, and in what precision.
//!
//! What is asked for is what runs: [`Selection::make`] says what is missing before anything is loaded, a
//! [`Session`](super::session::Session) fails if ONNX Runtime does not take the device, and its
//! [`Placement`] tells which nodes really went there.

mod bf16;
mod cuda;
mod diagnose;
mod error;
mod placement;
mod precision;
mod provider;
mod select;

use std::fmt;
use std::str::FromStr;

pub use diagnose::{Missing, diagnose};
pub use error::{Error, Result};
pub use placement::Placement;
pub use precision::Precision;
pub use select::{Choice, PassedOver, Selection};

pub(super) use cuda::preload;
pub(super) use placement::TAKE_NOTES;
pub(super) use provider::{Input, providers, tf32_is_off};

/// Something that computes a graph. A number tells one of several, in the order of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Device {
    /// ONNX Runtime's own kernels.
    #[default]
    Cpu,
    /// An NVIDIA GPU by CUDA and cuDNN.
    Cuda(u32),
    /// An NVIDIA GPU by TensorRT; what TensorRT does not take runs by CUDA.
    TensorRt(u32),
    /// The processor by Intel's OpenVINO.
    OpenVino,
    /// Apple's Core ML.
    CoreMl,
    /// A GPU by Windows' DirectML.
    DirectMl(u32),
}

impl Device {
    /// Each kind once, the first of its kind.
    pub const ALL: [Self; 6] =
        [Self::Cpu, Self::Cuda(0), Self::TensorRt(0), Self::OpenVino, Self::CoreMl, Self::DirectMl(0)];

    /// What ONNX Runtime calls the provider of its kernels.
    pub fn provider(self) -> &'static str {
        match self {
            Self::Cpu => CPU_PROVIDER,
            Self::Cuda(_) => "CUDAExecutionProvider",
            Self::TensorRt(_) => "TensorrtExecutionProvider",
            Self::OpenVino => "OpenVINOExecutionProvider",
            Self::CoreMl => "CoreMLExecutionProvider",
            Self::DirectMl(_) => "DmlExecutionProvider",
        }
    }

    /// Without its number: `cuda`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda(_) => "cuda",
            Self::TensorRt(_) => "tensorrt",
            Self::OpenVino => "openvino",
            Self::CoreMl => "coreml",
            Self::DirectMl(_) => "directml",
        }
    }

    /// Which of several, where there can be several.
    pub fn index(self) -> Option<u32> {
        match self {
            Self::Cuda(index) | Self::TensorRt(index) | Self::DirectMl(index) => Some(index),
            Self::Cpu | Self::OpenVino | Self::CoreMl => None,
        }
    }
}

/// The provider that every build has, and that takes what no other one does.
pub(super) const CPU_PROVIDER: &str = "CPUExecutionProvider";

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index() {
            Some(index) => write!(f, "{}:{index}", self.kind()),
            None => f.write_str(self.kind()),
        }
    }
}

/// Words that name no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `cpu`, `cuda`, `tensorrt`, `openvino`, `coreml` or `directml`, or `cuda:1` for the second GPU"
)]
pub struct ParseDeviceError;

impl FromStr for Device {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, ParseDeviceError> {
        let (kind, index) = match text.split_once(':') {
            Some((kind, index)) => (kind, Some(index.parse().map_err(|_| ParseDeviceError)?)),
            None => (text, None),
        };
        let first = index.unwrap_or(0);
        match kind {
            "cuda" => Ok(Self::Cuda(first)),
            "tensorrt" => Ok(Self::TensorRt(first)),
            "directml" => Ok(Self::DirectMl(first)),
            "cpu" if index.is_none() => Ok(Self::Cpu),
            "openvino" if index.is_none() => Ok(Self::OpenVino),
            "coreml" if index.is_none() => Ok(Self::CoreMl),
            _ => Err(ParseDeviceError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_as_it_is_read() {
        for device in Device::ALL {
            assert_eq!(device.to_string().parse(), Ok(device));
            assert_eq!(device.kind().parse(), Ok(device));
        }
        assert_eq!("cuda:3".parse(), Ok(Device::Cuda(3)));
        for wrong in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "openvino:0", "CUDA", "auto"] {
            assert_eq!(wrong.parse::<Device>(), Err(ParseDeviceError), "{wrong}");
        }
    }
}
