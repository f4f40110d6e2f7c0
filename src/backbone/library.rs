//! Where the shared library of ONNX Runtime is, and whether it is one.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest minor version whose interface this build speaks (cargo feature `api-24` of `ort`).
pub const OLDEST_MINOR: u32 = ort::MINOR_VERSION;

/// Why no usable ONNX Runtime was loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("no ONNX Runtime library found; looked for {}", list(.looked))]
    NotFound { looked: Vec<String> },
    #[error("`{path}` does not exist")]
    Missing { path: PathBuf },
    #[error("cannot load `{path}` as a shared library")]
    Load { path: PathBuf, source: libloading::Error },
    #[error("`{path}` is a shared library, but not ONNX Runtime (it has no `OrtGetApiBase`)")]
    NotOnnxRuntime { path: PathBuf },
    #[error("`{path}` is ONNX Runtime {found}, older than the 1.{OLDEST_MINOR} that is needed")]
    TooOld { path: PathBuf, found: String },
    #[error("ONNX Runtime is loaded from `{loaded}` already; one process cannot also use `{asked}`")]
    AlreadyLoaded { loaded: PathBuf, asked: PathBuf },
    #[error("ONNX Runtime from `{path}` does not start")]
    Start { path: PathBuf, source: ort::Error },
}

fn list(places: &[String]) -> String {
    places.join(", ")
}

/// A library that has said that it is ONNX Runtime, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub path: PathBuf,
    /// Its own words, such as `1.31.1`.
    pub version: String,
}

impl Library {
    /// Find the library: `explicit`, then `ORT_DYLIB_PATH`, `models/runtime/`, beside the executable, an installed Python
    /// package, the system's loader. A library that was asked for by name is taken or refused, never passed over.
    ///
    /// # Errors
    /// [`Error::NotFound`] with the places that were tried, or what is wrong with the library found first.
    pub fn find(explicit: Option<&Path>) -> Result<Self, Error> {
        if let Some(path) = explicit {
            return Self::probe(path);
        }
        if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
            return Self::probe(Path::new(&path));
        }
        let folders = [Some(PathBuf::from("models/runtime")), executable_folder()];
        let found = folders.iter().flatten().find_map(|folder| library_in(folder)).or_else(python_package);
        match found {
            Some(path) => Self::probe(&path),
            None => Self::from_system_loader().ok_or_else(|| Error::NotFound {
                looked: [
                    "ORT_DYLIB_PATH (not set)",
                    "models/runtime",
                    "the program's own folder",
                    "Python's onnxruntime",
                    "the system's libraries",
                ]
                .map(String::from)
                .to_vec(),
            }),
        }
    }

    /// Open the file and ask for its version, so that `ort` later meets only a library that fits: it panics on others.
    fn probe(path: &Path) -> Result<Self, Error> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        if !path.exists() {
            return Err(Error::Missing { path });
        }
        let version = read_version(&path)?;
        if minor(&version) < OLDEST_MINOR {
            return Err(Error::TooOld { path, found: version });
        }
        Ok(Self { path, version })
    }

    fn from_system_loader() -> Option<Self> {
        let path = PathBuf::from(libloading::library_filename("onnxruntime"));
        let version = read_version(&path).ok().filter(|version| minor(version) >= OLDEST_MINOR)?;
        Some(Self { path, version })
    }
}

/// What `OrtGetApiBase()->GetVersionString()` says.
fn read_version(path: &Path) -> Result<String, Error> {
    // SAFETY: loading a library runs its initialisers, which is what the user asks for by pointing at it; the
    // signatures are those of `onnxruntime_c_api.h`, and the string is copied before the library can be unloaded.
    unsafe {
        let library = libloading::Library::new(path)
            .map_err(|source| Error::Load { path: path.to_path_buf(), source })?;
        let not_it = || Error::NotOnnxRuntime { path: path.to_path_buf() };
        let api_base = library
            .get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0")
            .map_err(|_| not_it())?;
        let base = api_base().as_ref().ok_or_else(not_it)?;
        Ok(CStr::from_ptr((base.GetVersionString)()).to_string_lossy().into_owned())
    }
}

/// The second number of `1.31.1`; 0 if there is none, which is older than anything.
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn executable_folder() -> Option<PathBuf> {
    std::env::current_exe().ok()?.parent().map(Path::to_path_buf)
}

/// The ONNX Runtime library in `folder`; of several versions the last by name.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let is_library = |name: &str| {
        name == "onnxruntime.dll"
            || name.starts_with("libonnxruntime.") && (name.contains(".so") || name.ends_with(".dylib"))
    };
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_library)).max()
}

/// The library inside an installed Python package `onnxruntime` (also `-gpu` and `-openvino`, which install under that name).
fn python_package() -> Option<PathBuf> {
    const FIND: &str = "import importlib.util as u; print(u.find_spec('onnxruntime').submodule_search_locations[0])";
    ["python3", "python"].iter().find_map(|python| {
        let output = Command::new(python).args(["-c", FIND]).stderr(Stdio::null()).output().ok()?;
        let package = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        library_in(&Path::new(package.trim()).join("capi"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_decides() {
        assert_eq!(minor("1.31.1"), 31);
        assert_eq!(minor("1.24.0-rc1"), 24);
        assert_eq!(minor("nonsense"), 0);
    }

    #[test]
    fn a_file_that_is_no_library_is_named_for_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so.1.31.1");
        std::fs::write(&path, "not a library").unwrap();
        assert!(matches!(Library::find(Some(&path)), Err(Error::Load { .. })));
        assert!(matches!(Library::find(Some(&folder.path().join("gone.so"))), Err(Error::Missing { .. })));
    }

    #[test]
    fn only_the_runtime_itself_is_taken_from_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime_providers_shared.so", "readme.txt", "libonnxruntime.so.1.31.1"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(library_in(folder.path()), Some(folder.path().join("libonnxruntime.so.1.31.1")));
        assert_eq!(library_in(&folder.path().join("nowhere")), None);
    }
}
