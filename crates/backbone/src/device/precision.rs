use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Device;
use super::bf16;
use super::error::{Error, Result};

/// What the graph computes in; a word of the fingerprint, for another precision gives other features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// Every product in 32 bits: TF32 and bfloat16 are switched off where a device would take them by itself.
    /// Features of one image from two devices agree within 1e-3.
    #[default]
    Fp32,
    /// Products of bfloat16, eight bits each, summed in 32.
    Bf16,
    /// Products of 8-bit integers, summed in 32 bits: what a quantised graph computes in, and no other one. Only on the CPU, for each
    /// device has its own way of rounding them, or none.
    Int8,
}

impl Precision {
    /// As it stands in the fingerprint.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Whether `device` computes so on this machine.
    ///
    /// # Errors
    /// [`Error::Precision`], [`Error::NoBf16`].
    pub(crate) fn check(self, device: Device) -> Result<()> {
        match (self, device) {
            (Self::Fp32, _) | (Self::Int8, Device::Cpu) => Ok(()),
            (Self::Bf16, Device::OpenVino) if bf16::in_hardware() => Ok(()),
            (Self::Bf16, Device::OpenVino) => Err(Error::NoBf16),
            (Self::Bf16 | Self::Int8, _) => Err(Error::Precision { device, precision: self }),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Words that name no precision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `fp32`, `bf16` or `int8`")]
pub struct ParsePrecisionError;

impl FromStr for Precision {
    type Err = ParsePrecisionError;

    fn from_str(text: &str) -> Result<Self, ParsePrecisionError> {
        match text {
            "fp32" => Ok(Self::Fp32),
            "bf16" => Ok(Self::Bf16),
            "int8" => Ok(Self::Int8),
            _ => Err(ParsePrecisionError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_is_written_as_it_is_read() {
        for precision in [Precision::Fp32, Precision::Bf16, Precision::Int8] {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert!("float".parse::<Precision>().is_err());
    }

    #[test]
    fn only_openvino_computes_in_bf16_and_only_the_cpu_in_int8() {
        for device in Device::ALL {
            assert!(Precision::Fp32.check(device).is_ok());
            assert_eq!(Precision::Int8.check(device).is_ok(), device == Device::Cpu);
            let checked = Precision::Bf16.check(device);
            match device {
                Device::OpenVino => assert_eq!(checked.is_ok(), bf16::in_hardware()),
                _ => assert!(matches!(checked, Err(Error::Precision { .. })), "{device}"),
            }
        }
    }
}
