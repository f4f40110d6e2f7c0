//! Where the shared library of ONNX Runtime is, and whether it is one.

use std::path::{Path, PathBuf};

use super::elf::{self, Flaw};
use super::libraries::Libraries;
use super::providers::probe;

/// The oldest minor version whose interface this build speaks (cargo feature `api-24` of `ort`).
pub const OLDEST_MINOR: u32 = ort::MINOR_VERSION;

/// Why no usable ONNX Runtime was loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// ONNX Runtime is in none of the usual places.
    #[error("no ONNX Runtime library found; looked for {}", list(.looked))]
    NotFound {
        /// The places, for people.
        looked: Vec<String>,
    },
    /// The path that was named leads nowhere.
    #[error("`{path}` does not exist")]
    Missing {
        /// The path, made absolute.
        path: PathBuf,
    },
    /// The file is no whole shared library of this system.
    #[error("`{path}` {flaw}")]
    Flawed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The system's loader refuses the file.
    #[error("cannot load `{path}` as a shared library")]
    Load {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
    },
    /// It is another library.
    #[error("`{path}` is a shared library, but not ONNX Runtime (it has no `OrtGetApiBase`)")]
    NotOnnxRuntime {
        /// The file.
        path: PathBuf,
    },
    /// Its interface lacks functions that are called here.
    #[error("`{path}` is ONNX Runtime {found}, older than the 1.{OLDEST_MINOR} that is needed")]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version, in its own words.
        found: String,
    },
    /// A process loads ONNX Runtime once, and another file was asked for later.
    #[error("ONNX Runtime is loaded from `{loaded}` already; one process cannot also use `{asked}`")]
    AlreadyLoaded {
        /// The file that is in use.
        loaded: PathBuf,
        /// The file that was asked for.
        asked: PathBuf,
    },
    /// The library is the right one and its environment cannot be made.
    #[error("ONNX Runtime from `{path}` does not start")]
    Start {
        /// The file.
        path: PathBuf,
        /// ONNX Runtime's own error.
        source: ort::Error,
    },
}

fn list(places: &[String]) -> String {
    places.join(", ")
}

/// A library that has said that it is ONNX Runtime, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Where it lies.
    pub path: PathBuf,
    /// Its own words, such as `1.31.1`.
    pub version: String,
    /// The execution providers that it was built with, such as `CPUExecutionProvider`.
    pub providers: Vec<String>,
}

impl Library {
    /// Find the library: the one that is named, or the first in the places of `libraries`, and last the builds for one kind of device. A
    /// library that is named is taken or refused, never passed over.
    ///
    /// # Errors
    /// [`Error::NotFound`] with the places that were tried, or what is wrong with the library found first.
    pub fn find(libraries: &Libraries) -> Result<Self, Error> {
        if let Some(named) = Self::named(libraries) {
            return named;
        }
        libraries.first().unwrap_or_else(|| Err(Error::NotFound { looked: libraries.names() }))
    }

    /// The library that is named; `None` if none is.
    pub(super) fn named(libraries: &Libraries) -> Option<Result<Self, Error>> {
        libraries.onnxruntime.as_deref().map(Self::read)
    }

    /// Whether it was built with the provider of this name, such as `CUDAExecutionProvider`.
    pub fn has(&self, provider: &str) -> bool {
        self.providers.iter().any(|name| name == provider)
    }

    /// Open the file and ask for its version, so that `ort` later meets only a library that fits: it panics on others.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        if !path.exists() {
            return Err(Error::Missing { path });
        }
        if let Err(flaw) = elf::needed(&path) {
            return Err(Error::Flawed { path, flaw });
        }
        let answers = probe(&path)?;
        Ok(Self { path, version: answers.version, providers: answers.providers })
    }
}

/// The library that the system's loader finds by itself.
pub(super) fn from_system_loader() -> Option<Library> {
    let path = PathBuf::from(libloading::library_filename("onnxruntime"));
    let answers = probe(&path).ok()?;
    Some(Library { path, version: answers.version, providers: answers.providers })
}

/// The ONNX Runtime library in `folder`; of several versions the last by name.
pub(super) fn library_in(folder: &Path) -> Option<PathBuf> {
    let is_library = |name: &str| {
        name == "onnxruntime.dll"
            || name.starts_with("libonnxruntime.") && (name.contains(".so") || name.ends_with(".dylib"))
    };
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_library)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_library_is_named_for_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so.1.31.1");
        std::fs::write(&path, "not a library").unwrap();
        let error = Library::find(&Libraries::named(&path)).unwrap_err();
        if cfg!(target_os = "linux") {
            assert!(matches!(error, Error::Flawed { flaw: Flaw::OtherFormat, .. }), "{error}");
        }
        assert!(matches!(
            Library::find(&Libraries::named(folder.path().join("gone.so"))),
            Err(Error::Missing { .. })
        ));
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
