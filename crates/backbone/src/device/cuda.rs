//! NVIDIA's driver and libraries: are they there, are they new enough, and load them from where pip puts them.

use std::ffi::{CStr, c_char, c_int};
use std::path::{Path, PathBuf};

use super::{Device, Missing};
use crate::elf;
use crate::libraries::Libraries;
use crate::library::Library;

const DRIVER: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
/// Opened by ONNX Runtime at the first convolution, so it is not among what the provider says that it needs.
const CUDNN: &str = if cfg!(windows) { "cudnn64_9.dll" } else { "libcudnn.so.9" };
/// What the providers of onnxruntime-gpu 1.31 need on Windows, whose libraries are not read here.
const WINDOWS_CUDA: [&str; 3] = ["cudart64_13.dll", "cublasLt64_13.dll", "cublas64_13.dll"];
const WINDOWS_TENSORRT: [&str; 2] = ["nvinfer_10.dll", "nvonnxparser_10.dll"];
/// Of the CUDA that a Windows build is made for; elsewhere names such as `libcudart.so.13` tell.
const WINDOWS_MAJOR: u32 = 13;

/// What a GPU lacks to serve `library`, whose CUDA provider is built in.
pub(super) fn missing(device: Device, index: u32, library: &Library, libraries: &Libraries) -> Vec<Missing> {
    let mut missing = vec![];
    let needs = Needs::of(device, library);
    match Driver::load() {
        Ok(driver) => missing.extend(driver.lacks(index, needs.major.unwrap_or(0))),
        Err(lack) => missing.push(lack),
    }
    missing.extend(needs.lacks(libraries));
    missing
}

/// What is wrong with the driver alone; `None` if nothing is.
pub(super) fn driver_missing(index: u32) -> Option<Missing> {
    match Driver::load() {
        Ok(driver) => driver.lacks(index, 0),
        Err(lack) => Some(lack),
    }
}

/// The GPU's name, as the driver has it.
pub(super) fn name(index: u32) -> Option<String> {
    Driver::load().ok()?.gpus.into_iter().nth(index as usize)
}

/// Load the libraries that the provider needs, by their paths, so that it finds them loaded when it asks by name. What
/// cannot be loaded is left for ONNX Runtime to complain of.
pub(crate) fn preload(device: Device, library: &Library, libraries: &Libraries) {
    if !matches!(device, Device::Cuda(_) | Device::TensorRt(_)) {
        return;
    }
    let mut waiting: Vec<PathBuf> =
        Needs::of(device, library).names.iter().filter_map(|name| libraries.find_nvidia(name)).collect();
    // They need each other: one that fails now may load when the others have.
    loop {
        let before = waiting.len();
        waiting.retain(|path| {
            // SAFETY: runs the initialisers of NVIDIA's libraries, which the user installed for this.
            match unsafe { libloading::Library::new(path) } {
                // Never unloaded: the provider keeps pointers into it until the process ends.
                Ok(library) => std::mem::forget(library),
                Err(_) => return true,
            }
            false
        });
        if waiting.is_empty() || waiting.len() == before {
            return;
        }
    }
}

/// Libraries that a build of ONNX Runtime needs for a GPU.
struct Needs {
    names: Vec<String>,
    /// Of the CUDA that it is built for, if that can be told.
    major: Option<u32>,
    /// Providers that cannot be loaded themselves.
    flawed: Vec<Missing>,
}

impl Needs {
    fn of(device: Device, library: &Library) -> Self {
        let folder = library.path.parent().unwrap_or(Path::new(""));
        let (mut names, mut flawed) = (vec![CUDNN.to_owned()], vec![]);
        let mut providers = vec![("cuda", WINDOWS_CUDA.as_slice())];
        if let Device::TensorRt(_) = device {
            providers.push(("tensorrt", &WINDOWS_TENSORRT));
        }
        for (kind, on_windows) in providers {
            let provider = folder.join(libloading::library_filename(format!("onnxruntime_providers_{kind}")));
            if !provider.is_file() {
                names.push(provider.display().to_string());
            } else if cfg!(windows) {
                names.extend(on_windows.iter().map(|&name| name.to_owned()));
            } else {
                match elf::needed(&provider) {
                    Ok(needed) => names.extend(needed),
                    Err(flaw) => flawed.push(Missing::Flawed { path: provider, flaw }),
                }
            }
        }
        names.retain(|name| name != DRIVER);
        names.sort();
        names.dedup();
        let major = if cfg!(windows) { Some(WINDOWS_MAJOR) } else { cuda_major(&names) };
        Self { names, major, flawed }
    }

    fn lacks(self, libraries: &Libraries) -> Vec<Missing> {
        let Self { names, major: cuda, flawed: mut missing } = self;
        let mut absent = vec![];
        for name in names {
            match libraries.find_nvidia(&name) {
                Some(path) => missing.extend(Missing::flaw(&path)),
                None if is_known_to_the_loader(&name) => {}
                None => absent.push(name),
            }
        }
        if !absent.is_empty() {
            missing.push(Missing::Libraries { names: absent, cuda });
        }
        missing
    }
}

/// Whether the system's loader finds `name` by itself, or has it already.
pub(super) fn is_known_to_the_loader(name: &str) -> bool {
    // SAFETY: runs the initialisers of a library that ONNX Runtime is about to load anyway.
    unsafe { libloading::Library::new(name) }.is_ok()
}

/// The number in `libcudart.so.13`, which is CUDA's own; cuRAND and cuDNN count for themselves.
fn cuda_major(names: &[String]) -> Option<u32> {
    let number = |name: &String| {
        let stem = ["libcudart.so.", "libcublas.so.", "libcublasLt.so."];
        let version = stem.iter().find_map(|stem| name.strip_prefix(stem))?;
        version.split('.').next()?.parse().ok()
    };
    names.iter().find_map(number)
}

/// What NVIDIA's driver says.
struct Driver {
    /// The newest CUDA that it can serve, as `13000` for 13.0.
    version: c_int,
    gpus: Vec<String>,
}

impl Driver {
    /// Asks it, through the interface that every version has.
    fn load() -> Result<Self, Missing> {
        type Init = unsafe extern "C" fn(u32) -> c_int;
        type Number = unsafe extern "C" fn(*mut c_int) -> c_int;
        type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
        let absent = |_| Missing::Driver { library: DRIVER };
        // SAFETY: the signatures are those of `cuda.h`; handles of devices are their numbers there.
        unsafe {
            let driver = libloading::Library::new(DRIVER).map_err(absent)?;
            let init = driver.get::<Init>(b"cuInit\0").map_err(absent)?;
            let version_of = driver.get::<Number>(b"cuDriverGetVersion\0").map_err(absent)?;
            let count_of = driver.get::<Number>(b"cuDeviceGetCount\0").map_err(absent)?;
            let name_of = driver.get::<Name>(b"cuDeviceGetName\0").map_err(absent)?;
            let (mut version, mut count) = (0, 0);
            let started = init(0);
            if started != 0 {
                return Err(Missing::DriverFails { code: started });
            }
            version_of(&mut version);
            count_of(&mut count);
            let gpus = (0..count).map(|index| {
                let mut text = [0; 256];
                let told = name_of(text.as_mut_ptr(), text.len() as c_int - 1, index);
                let name = CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned();
                if told == 0 { name } else { format!("GPU {index}") }
            });
            let gpus = gpus.collect();
            // Unloading a driver that was started is not what drivers are tested for.
            std::mem::forget(driver);
            Ok(Self { version, gpus })
        }
    }

    fn lacks(&self, index: u32, major: u32) -> Option<Missing> {
        let speaks = u32::try_from(self.version).unwrap_or(0);
        if speaks < major * 1000 {
            let found = format!("{}.{}", speaks / 1000, speaks % 1000 / 10);
            return Some(Missing::DriverTooOld { found, needed: format!("{major}.0") });
        }
        let there = (index as usize) < self.gpus.len();
        (!there).then(|| Missing::Gpu { index, found: self.gpus.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_tells_which_cuda_it_is_for() {
        let major = |names: &[&str]| cuda_major(&names.iter().map(|&name| name.into()).collect::<Vec<_>>());
        assert_eq!(major(&["libcudnn.so.9", "libcurand.so.10", "libcublas.so.12"]), Some(12));
        assert_eq!(major(&["libcudart.so.11.0"]), Some(11));
        assert_eq!(major(&["libcudnn.so.9", "libc.so.6"]), None);
    }

    #[test]
    fn a_driver_is_held_to_the_build_and_to_the_number() {
        let driver = Driver { version: 12040, gpus: vec!["NVIDIA A".into()] };
        assert_eq!(driver.lacks(0, 12), None);
        let old = driver.lacks(0, 13).unwrap().to_string();
        assert!(old.contains("CUDA 12.4") && old.contains("13.0"), "{old}");
        let other = driver.lacks(1, 12).unwrap().to_string();
        assert!(other.contains("no GPU 1") && other.contains("NVIDIA A"), "{other}");
    }
}
