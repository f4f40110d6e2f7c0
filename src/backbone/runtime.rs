//! ONNX Runtime, loaded once per process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::device::{Device, preload};
use super::library::{Error, Library};

/// A started ONNX Runtime. Clones share it; it lives until the process ends.
#[derive(Debug, Clone)]
pub struct Runtime {
    library: Library,
    environment: ort::environment::Environment,
}

/// `ort` has one library and one environment per process, and panics on a second, so this is where they are kept.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Load ONNX Runtime from `library`, or from where [`Library::find`] finds it; the second call gives the first one's.
    ///
    /// # Errors
    /// [`Error`] says what was tried and what is unfit; [`Error::AlreadyLoaded`] if another library is in use.
    pub fn load(library: Option<&Path>) -> Result<Self, Error> {
        Self::load_once(library, || Library::find(library))
    }

    /// Load the library that was found for a device.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_library(library: &Library) -> Result<Self, Error> {
        Self::load_once(Some(&library.path), || Ok(library.clone()))
    }

    fn load_once(asked: Option<&Path>, find: impl FnOnce() -> Result<Library, Error>) -> Result<Self, Error> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return match asked {
                Some(asked) if !same_file(asked, &runtime.library.path) => Err(Error::AlreadyLoaded {
                    loaded: runtime.library.path.clone(),
                    asked: asked.to_path_buf(),
                }),
                _ => Ok(runtime.clone()),
            };
        }
        let runtime = Self::start(find()?)?;
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    fn start(library: Library) -> Result<Self, Error> {
        let failed = |source| Error::Start { path: library.path.clone(), source };
        let environment = ort::init_from(&library.path)
            .map_err(|error| failed(ort::Error::new(error.to_string())))?
            .with_name("headstart")
            .with_telemetry(false)
            .build()
            .map_err(failed)?;
        // `ort` hands the runtime's log to `tracing`; without a subscriber that costs a call per line, so only
        // what needs attention is asked for.
        environment.set_log_level(ort::logging::LogLevel::Warning);
        Ok(Self { library, environment })
    }

    /// Such as `1.31.1`.
    pub fn version(&self) -> &str {
        &self.library.version
    }

    /// The shared library in use.
    pub fn library(&self) -> &Path {
        &self.library.path
    }

    /// The execution providers that it was built with.
    pub fn providers(&self) -> &[String] {
        &self.library.providers
    }

    /// What tells this build from every other: version, providers, and the file itself.
    pub(super) fn identity(&self) -> String {
        let Library { path, version, providers } = &self.library;
        let file = std::fs::metadata(path).ok();
        let modified = file.as_ref().and_then(|file| file.modified().ok());
        let length = file.as_ref().map(std::fs::Metadata::len);
        format!("{version}\n{}\n{}\n{length:?} {modified:?}", providers.join(" "), path.display())
    }

    /// What NVIDIA's providers need and no loader finds by itself.
    pub(super) fn preload(&self, device: Device) {
        preload(device, &self.library);
    }

    pub(crate) fn environment(&self) -> &ort::environment::Environment {
        &self.environment
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    let canonical = |path: &Path| -> PathBuf { path.canonicalize().unwrap_or_else(|_| path.to_path_buf()) };
    canonical(a) == canonical(b)
}
