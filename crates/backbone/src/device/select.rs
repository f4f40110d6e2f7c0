//! From what was asked for to a device and the library that serves it.

use std::fmt;
use std::str::FromStr;

use super::diagnose::without_provider;
use super::{Device, Error, Missing, ParseDeviceError, Precision, Result, cuda, diagnose};
use crate::libraries::Libraries;
use crate::library::Library;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The first of [`Choice::AUTO`] that is set up and lacks nothing, or else the CPU.
    Auto,
    /// This one or an error.
    Only(Device),
}

impl Choice {
    /// What `auto` considers before the CPU. Not TensorRT, which prepares a graph for minutes; not Core ML and
    /// DirectML, with which nobody has compared features yet.
    pub const AUTO: [Device; 2] = [Device::Cuda(0), Device::OpenVino];
}

impl Default for Choice {
    fn default() -> Self {
        Self::Only(Device::Cpu)
    }
}

impl FromStr for Choice {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, ParseDeviceError> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Only) }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Only(device) => device.fmt(f),
        }
    }
}

/// A device that `auto` would have taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Which it is.
    pub device: Device,
    /// A sentence without its full stop.
    pub reason: String,
}

/// A device, and the library to use it by.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What computes the graph.
    pub device: Device,
    /// The build of ONNX Runtime that knows the device.
    pub library: Library,
    /// Only by [`Choice::Auto`]: what is set up in part, or does not work.
    pub passed_over: Vec<PassedOver>,
}

impl Selection {
    /// Find the device, and among the builds of ONNX Runtime one that serves it: the one that is named, or the one that is meant for
    /// the device, or the first that knows it where [`Library::find`] looks. Loads no graph and takes well below a second.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with everything that is missing, [`Error::Precision`] and [`Error::NoBf16`] if the device does
    /// not compute so, [`Error::Library`] if there is no usable ONNX Runtime at all.
    pub fn make(choice: Choice, precision: Precision, libraries: &Libraries) -> Result<Self> {
        match choice {
            Choice::Auto => Self::best(precision, libraries),
            Choice::Only(device) => Self::only(device, precision, libraries),
        }
    }

    fn only(device: Device, precision: Precision, libraries: &Libraries) -> Result<Self> {
        precision.check(device)?;
        let missing = match library_for(device, libraries)? {
            Ok(library) => match diagnose(device, &library, libraries) {
                missing if missing.is_empty() => return Ok(Self { device, library, passed_over: vec![] }),
                missing => missing,
            },
            Err(Looked { unfit, broken }) => {
                broken.into_iter().chain(without_provider(device, unfit)).collect()
            }
        };
        Err(Error::Unavailable { device, missing })
    }

    fn best(precision: Precision, libraries: &Libraries) -> Result<Self> {
        let mut passed_over = vec![];
        let able = |device: &Device| precision.check(*device).is_ok();
        for device in Choice::AUTO.into_iter().filter(able) {
            let missing = match set_up_for(device, libraries)? {
                None => continue,
                Some(Err(broken)) => vec![broken],
                Some(Ok(library)) => match diagnose(device, &library, libraries) {
                    missing if missing.is_empty() => return Ok(Self { device, library, passed_over }),
                    missing => missing,
                },
            };
            let reason = missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("; ");
            passed_over.push(PassedOver { device, reason });
        }
        // What the CPU does not compute, OpenVINO does, and what it lacks is then the thing to tell.
        let rest = if precision.check(Device::Cpu).is_ok() { Device::Cpu } else { Device::OpenVino };
        Ok(Self { passed_over, ..Self::only(rest, precision, libraries)? })
    }

    /// The CPU instead, by the same library.
    pub fn fall_back(&mut self, reason: String) {
        let device = std::mem::replace(&mut self.device, Device::Cpu);
        self.passed_over.push(PassedOver { device, reason });
    }

    /// The device as people know it: with the GPU's name, if it has one.
    pub fn describe(&self) -> String {
        match self.device {
            Device::Cuda(index) | Device::TensorRt(index) => match cuda::name(index) {
                Some(name) => format!("{} ({name})", self.device),
                None => self.device.to_string(),
            },
            Device::OpenVino => "openvino (CPU)".into(),
            device => device.to_string(),
        }
    }
}

/// What was found in place of a library for a device.
#[derive(Default)]
struct Looked {
    /// Usable, without the device's provider.
    unfit: Vec<Library>,
    broken: Vec<Missing>,
}

/// The library for `device`, or else what was looked at.
fn library_for(device: Device, libraries: &Libraries) -> Result<Result<Library, Looked>> {
    if device == Device::Cpu {
        return Ok(Ok(Library::find(libraries)?));
    }
    let serves = |library: &Library| library.has(device.provider());
    if let Some(named) = Library::named(libraries) {
        let library = named?;
        let looked = |library| Looked { unfit: vec![library], broken: vec![] };
        return Ok(if serves(&library) { Ok(library) } else { Err(looked(library)) });
    }
    let mut looked = Looked::default();
    for library in libraries.all(device) {
        match library {
            Ok(library) if serves(&library) => return Ok(Ok(library)),
            Ok(library) => looked.unfit.push(library),
            Err(error) => looked.broken.push(Missing::runtime(&error)),
        }
    }
    Ok(Err(looked))
}

/// A library that someone set up for `device`: it was named, or fetched for it, or is the one in use anyway. Of those that
/// cannot be used only the one that was fetched is of interest.
fn set_up_for(device: Device, libraries: &Libraries) -> Result<Option<Result<Library, Missing>>> {
    let library = match Library::named(libraries) {
        Some(named) => Some(named?),
        None => match libraries.own(device) {
            Some(Err(error)) => return Ok(Some(Err(Missing::runtime(&error)))),
            Some(Ok(library)) => Some(library),
            None => Library::find(libraries).ok(),
        },
    };
    Ok(library.filter(|library| library.has(device.provider())).map(Ok))
}
