//! What a device lacks on this machine, all of it at once.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{Device, cuda};
use crate::elf::{self, Flaw};
use crate::libraries::Libraries;
use crate::library::{self, Library};

/// One thing that a device lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// Another operating system.
    System {
        /// The operating system that the device works on, for people.
        needs: &'static str,
    },
    /// A build of ONNX Runtime with the device's provider; `looked` are those that are there.
    Provider {
        /// The provider's name in ONNX Runtime, such as `CUDAExecutionProvider`.
        provider: &'static str,
        /// Libraries of ONNX Runtime that are there and lack it.
        looked: Vec<Library>,
    },
    /// A library of ONNX Runtime that would be tried, were it not unusable; `reason` names it.
    Runtime {
        /// Why the library cannot be used, with its path.
        reason: String,
    },
    /// NVIDIA's driver.
    Driver {
        /// The file that the loader was asked for.
        library: &'static str,
    },
    /// NVIDIA's driver is there and does not start; the code is that of `cuInit`.
    DriverFails {
        /// What `cuInit` returned.
        code: i32,
    },
    /// NVIDIA's driver is older than the CUDA that ONNX Runtime is built for.
    DriverTooOld {
        /// The newest CUDA that the driver serves, such as `12.4`.
        found: String,
        /// The CUDA that is asked of it, such as `13.0`.
        needed: String,
    },
    /// The GPU of this number.
    Gpu {
        /// Its number, from 0.
        index: u32,
        /// Names of the GPUs that are there, in the order of their numbers.
        found: Vec<String>,
    },
    /// Shared libraries that the provider needs; `cuda` is the major version of the CUDA that it is built for, where it
    /// is built for one.
    Libraries {
        /// Their file names, as the loader knows them.
        names: Vec<String>,
        /// The major version of the CUDA that the provider is built for.
        cuda: Option<u32>,
    },
    /// A shared library that is there and cannot be loaded.
    Flawed {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
}

impl Missing {
    /// In one sentence, causes included.
    pub(super) fn runtime(error: &library::Error) -> Self {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Runtime { reason: format!("{error}{cause}") }
    }

    /// What is wrong with the library at `path`, if it cannot be loaded.
    pub(super) fn flaw(path: &Path) -> Option<Self> {
        elf::needed(path).err().map(|flaw| Self::Flawed { path: path.to_owned(), flaw })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { needs } => write!(f, "it needs {needs}"),
            Self::Provider { provider, looked } => match looked.as_slice() {
                [] => write!(f, "no ONNX Runtime with `{provider}` is found"),
                [only] => write!(
                    f,
                    "ONNX Runtime {} (`{}`) is built without `{provider}`",
                    only.version,
                    only.path.display()
                ),
                several => {
                    write!(f, "no ONNX Runtime that is found is built with `{provider}`: looked at ")?;
                    list(f, several.iter().map(|library| library.path.display()))
                }
            },
            Self::Driver { library } => {
                write!(f, "NVIDIA's driver is not installed (`{library}` cannot be loaded)")
            }
            Self::DriverFails { code: 100 } => f.write_str("NVIDIA's driver finds no GPU"),
            Self::DriverFails { code } => write!(f, "NVIDIA's driver does not start (`cuInit` gives {code})"),
            Self::DriverTooOld { found, needed } => {
                write!(f, "NVIDIA's driver serves CUDA {found}, expected {needed} or newer")
            }
            Self::Gpu { index, found } if found.is_empty() => {
                write!(f, "there is no GPU {index}: the driver knows none")
            }
            Self::Gpu { index, found } => {
                write!(f, "there is no GPU {index}; the driver counts from 0 and knows ")?;
                list(f, found.iter())
            }
            Self::Runtime { reason } => f.write_str(reason),
            Self::Flawed { path, flaw } => write!(f, "`{}` {flaw}", path.display()),
            Self::Libraries { names, .. } => {
                f.write_str("shared libraries are not found: ")?;
                list(f, names.iter())
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
    for (place, name) in names.enumerate() {
        write!(f, "{}`{name}`", if place == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// What `device` lacks to be used by `library`, with what else it needs from `libraries`; nothing if it can be tried. Loads NVIDIA's driver, no graph.
pub fn diagnose(device: Device, library: &Library, libraries: &Libraries) -> Vec<Missing> {
    if let Some(lack) = wrong_system(device) {
        return vec![lack];
    }
    if !library.has(device.provider()) {
        return without_provider(device, vec![library.clone()]);
    }
    match device {
        Device::Cpu | Device::CoreMl | Device::DirectMl(_) => vec![],
        Device::Cuda(index) | Device::TensorRt(index) => cuda::missing(device, index, library, libraries),
        Device::OpenVino => openvino(library),
    }
}

/// What `device` lacks if none of the libraries that were `looked` at has its provider.
pub(super) fn without_provider(device: Device, looked: Vec<Library>) -> Vec<Missing> {
    if let Some(lack) = wrong_system(device) {
        return vec![lack];
    }
    let mut missing = vec![Missing::Provider { provider: device.provider(), looked }];
    if let Device::Cuda(index) | Device::TensorRt(index) = device {
        missing.extend(cuda::driver_missing(index));
    }
    missing
}

fn wrong_system(device: Device) -> Option<Missing> {
    let needs = match device {
        Device::Cuda(_) | Device::TensorRt(_) if cfg!(target_os = "macos") => "Linux or Windows",
        Device::CoreMl if !cfg!(target_os = "macos") => "macOS",
        Device::DirectMl(_) if !cfg!(windows) => "Windows",
        _ => return None,
    };
    Some(Missing::System { needs })
}

/// OpenVINO's own plugin for processors, which it opens when asked for one.
const OPENVINO_PLUGIN: &str =
    if cfg!(windows) { "openvino_intel_cpu_plugin.dll" } else { "libopenvino_intel_cpu_plugin.so" };

/// The provider and OpenVINO itself come in one package, side by side.
fn openvino(library: &Library) -> Vec<Missing> {
    let folder = library.path.parent().unwrap_or(Path::new(""));
    let provider = folder.join(libloading::library_filename("onnxruntime_providers_openvino"));
    let absent = |names| Missing::Libraries { names, cuda: None };
    if !provider.is_file() {
        return vec![absent(vec![provider.display().to_string()])];
    }
    let mut needed = match elf::needed(&provider) {
        Ok(needed) => needed,
        Err(flaw) => return vec![Missing::Flawed { path: provider, flaw }],
    };
    needed.push(OPENVINO_PLUGIN.to_owned());
    let (beside, elsewhere): (Vec<_>, Vec<_>) =
        needed.into_iter().partition(|name| folder.join(name).is_file());
    let mut missing: Vec<_> = beside.iter().filter_map(|name| Missing::flaw(&folder.join(name))).collect();
    let names: Vec<_> = elsewhere.into_iter().filter(|name| !cuda::is_known_to_the_loader(name)).collect();
    if !names.is_empty() {
        missing.push(absent(names));
    }
    missing
}
