//! ONNX Runtime, loaded once per process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::device::{Device, preload};
use super::libraries::Libraries;
use super::library::{Error, Library};

/// A started ONNX Runtime. It lives until the process ends, and each value of this is a view of the same one.
///
/// Nothing of what it was asked for first is kept in it: threads, devices and folders are those of each
/// [`Session`](super::session::Session), and [`libraries`](Self::libraries) those of whoever asked.
#[derive(Debug, Clone)]
pub struct Runtime {
    loaded: Loaded,
    libraries: Libraries,
}

/// What a process has once.
#[derive(Debug, Clone)]
struct Loaded {
    library: Library,
    environment: ort::environment::Environment,
}

/// `ort` has one library and one environment per process, and panics on a second, so this is where they are kept.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

impl Runtime {
    /// Load ONNX Runtime, the one that `libraries` name or the one that [`Library::find`] finds. Where one is loaded already, that is the
    /// one, unless another is named.
    ///
    /// # Errors
    /// [`Error`] says what was tried and what is unfit; [`Error::AlreadyLoaded`] if another library is in use.
    pub fn load(libraries: &Libraries) -> Result<Self, Error> {
        Self::load_once(libraries.onnxruntime.as_deref(), libraries, || Library::find(libraries))
    }

    /// Load the library that was found for a device.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_library(library: &Library, libraries: &Libraries) -> Result<Self, Error> {
        Self::load_once(Some(&library.path), libraries, || Ok(library.clone()))
    }

    fn load_once(
        asked: Option<&Path>,
        libraries: &Libraries,
        find: impl FnOnce() -> Result<Library, Error>,
    ) -> Result<Self, Error> {
        let mut once = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = match once.as_ref() {
            Some(loaded) => match asked {
                Some(asked) if !same_file(asked, &loaded.library.path) => {
                    return Err(Error::AlreadyLoaded {
                        loaded: loaded.library.path.clone(),
                        asked: asked.to_path_buf(),
                    });
                }
                _ => loaded.clone(),
            },
            None => once.insert(Self::start(find()?)?).clone(),
        };
        Ok(Self { loaded, libraries: libraries.clone() })
    }

    /// With settings that are the same whoever asks: ONNX Runtime's environment has no threads and no providers of its own.
    fn start(library: Library) -> Result<Loaded, Error> {
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
        Ok(Loaded { library, environment })
    }

    /// Such as `1.31.1`.
    pub fn version(&self) -> &str {
        &self.loaded.library.version
    }

    /// The shared library in use.
    pub fn library(&self) -> &Path {
        &self.loaded.library.path
    }

    /// The execution providers that it was built with.
    pub fn providers(&self) -> &[String] {
        &self.loaded.library.providers
    }

    /// What tells this build from every other: version, providers, and the file itself.
    pub fn identity(&self) -> String {
        let Library { path, version, providers } = &self.loaded.library;
        let file = std::fs::metadata(path).ok();
        let modified = file.as_ref().and_then(|file| file.modified().ok());
        let length = file.as_ref().map(std::fs::Metadata::len);
        format!("{version}\n{}\n{}\n{length:?} {modified:?}", providers.join(" "), path.display())
    }

    /// What NVIDIA's providers need and no loader finds by itself.
    pub fn preload(&self, device: Device) {
        preload(device, &self.loaded.library, &self.libraries);
    }

    /// The shared libraries that it was asked for with.
    pub fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    /// ONNX Runtime's environment, of which a process has one.
    pub fn environment(&self) -> &ort::environment::Environment {
        &self.loaded.environment
    }
}

/// What ONNX Runtime said, without the places in its own source and without what whoever asked knows already. Words of others stay as
/// they are.
pub fn plain_words(message: &str) -> String {
    if !message.contains("/onnxruntime_src/") && !message.starts_with("Load model from ") {
        return message.trim_end().to_owned();
    }
    let lines = message.lines().map(plain_line).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn plain_line(line: &str) -> String {
    let mut line = line.trim();
    if let Some((_, said)) =
        line.strip_prefix("Load model from ").and_then(|rest| rest.split_once(" failed:"))
    {
        line = said.trim();
    }
    // `/onnxruntime_src/onnxruntime/core/graph/model.cc:181 onnxruntime::Model::Model(…, const int&) Unknown model`
    while let Some(start) = line.find("/onnxruntime_src/") {
        let (before, place) = line.split_at(start);
        let said = after_signature(place);
        if !before.trim().is_empty() {
            return format!("{}{}", before, said);
        }
        line = said;
    }
    line.to_owned()
}

/// What follows a file, a line and the signature of a function, which may have brackets in brackets.
fn after_signature(place: &str) -> &str {
    let mut depth = 0;
    for (at, byte) in place.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => {
                let rest = place[at + 1..].trim_start();
                return rest.strip_prefix("const ").unwrap_or(rest);
            }
            b')' => depth -= 1,
            _ => {}
        }
    }
    place.split_once(' ').map_or("", |(_, said)| said)
}

fn same_file(a: &Path, b: &Path) -> bool {
    let canonical = |path: &Path| -> PathBuf { path.canonicalize().unwrap_or_else(|_| path.to_path_buf()) };
    canonical(a) == canonical(b)
}

#[cfg(test)]
mod tests {
    use super::plain_words;

    #[test]
    fn places_in_the_source_are_left_out() {
        let opset = "Load model from net.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:46 void \
                     onnxruntime::model_load_utils::ValidateOpsetForDomain(const std::unordered_map<std::__cxx11::basic_string<char>, \
                     int>&, bool (*)(int), int) ONNX Runtime only *guarantees* support for models stamped with official opsets.";
        assert_eq!(
            plain_words(opset),
            "ONNX Runtime only *guarantees* support for models stamped with official opsets."
        );
        let run = "Non-zero status code returned while running Conv node. Status Message: \
                   /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* f() const Failed to allocate memory\n\n";
        assert_eq!(
            plain_words(run),
            "Non-zero status code returned while running Conv node. Status Message: Failed to allocate memory"
        );
        for plain in ["", "Got invalid dimensions (1, 2)", "a (b", "/onnxruntime_src/x.cc:1 said"] {
            assert!(plain_words(plain).len() <= plain.len());
        }
        assert_eq!(plain_words("/onnxruntime_src/x.cc:1 said"), "said");
        assert_eq!(plain_words("  |\n3 | x\n  | ^\n"), "  |\n3 | x\n  | ^");
    }
}
