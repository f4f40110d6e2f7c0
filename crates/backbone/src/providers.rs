//! Asks a shared library, before `ort` has it, whether it is ONNX Runtime and what it can do.

use std::ffi::{CStr, c_char, c_int};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::library::{Error, OLDEST_MINOR};

/// What a library says of itself.
#[derive(Debug, Clone)]
pub(crate) struct LibraryInfo {
    /// Such as `1.31.1`.
    pub version: String,
    /// The execution providers that it was built with, its favourite first.
    pub providers: Vec<String>,
}

/// The library that was asked last, and still is loaded: a device is looked for in several ways, each of which asks, and in the end
/// the library is used. To load it takes 3 ms, the first time 8, and a start did it four times.
static LAST: Mutex<Option<Asked>> = Mutex::new(None);

struct Asked {
    file: File,
    info: LibraryInfo,
    _library: libloading::Library,
}

/// What tells a file from what may be there later under its name.
#[derive(PartialEq, Eq)]
struct File {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

impl File {
    /// `None` for a name that only the system's loader knows.
    fn at(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { path: path.to_owned(), length: metadata.len(), modified: metadata.modified().ok() })
    }
}

/// Loads the library at `path` and asks. It stays loaded until another one is asked.
///
/// # Errors
/// [`Error::Load`], [`Error::NotOnnxRuntime`], [`Error::TooOld`]; `ort` would panic on the last two.
pub(crate) fn probe(path: &Path) -> Result<LibraryInfo, Error> {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let file = File::at(path);
    if let Some(asked) = last.as_ref().filter(|asked| Some(&asked.file) == file.as_ref()) {
        return Ok(asked.info.clone());
    }
    let (_library, info) = load(path)?;
    *last = file.map(|file| Asked { file, info: info.clone(), _library });
    Ok(info)
}

fn load(path: &Path) -> Result<(libloading::Library, LibraryInfo), Error> {
    // SAFETY: loading a library runs its initialisers, which is what the user asks for by pointing at it; the
    // signatures are those of `onnxruntime_c_api.h`, and what is returned is copied before the library can be unloaded.
    unsafe {
        let library = libloading::Library::new(path)
            .map_err(|source| Error::Load { path: path.to_path_buf(), source })?;
        let not_it = || Error::NotOnnxRuntime { path: path.to_path_buf() };
        let api_base = library
            .get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0")
            .map_err(|_| not_it())?;
        let base = api_base().as_ref().ok_or_else(not_it)?;
        let version = CStr::from_ptr((base.GetVersionString)()).to_string_lossy().into_owned();
        // An older one has no such interface, and complains of the question on stderr.
        if minor(&version) < OLDEST_MINOR {
            return Err(Error::TooOld { path: path.to_path_buf(), found: version });
        }
        let api = (base.GetApi)(OLDEST_MINOR).as_ref().ok_or_else(not_it)?;
        let info = LibraryInfo { version, providers: providers(api) };
        Ok((library, info))
    }
}

/// # Safety
/// `api` is that of a loaded library.
unsafe fn providers(api: &ort::sys::OrtApi) -> Vec<String> {
    let mut names: *mut *mut c_char = std::ptr::null_mut();
    let mut count: c_int = 0;
    // SAFETY: the library fills in both, as `onnxruntime_c_api.h` says, and takes the list back.
    unsafe {
        let status = (api.GetAvailableProviders)(&mut names, &mut count);
        if !status.0.is_null() {
            (api.ReleaseStatus)(status.0);
            return vec![];
        }
        let name = |i| CStr::from_ptr(*names.add(i)).to_string_lossy().into_owned();
        let found = (0..usize::try_from(count).unwrap_or(0)).map(name).collect();
        let released = (api.ReleaseAvailableProviders)(names, count);
        if !released.0.is_null() {
            (api.ReleaseStatus)(released.0);
        }
        found
    }
}

/// The second number of `1.31.1`; 0 if there is none, which is older than anything.
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
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
}
