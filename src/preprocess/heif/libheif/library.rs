//! Where libheif is, and whether it is one that decodes HEVC.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::Library;

use super::api::{Api, HEVC, LIMITS_OF, LimitsOf, text};
use crate::python::python;

/// The environment variable that names libheif; `none` switches HEIC off.
const VARIABLE: &str = "HEADSTART_LIBHEIF";
const OFF: &str = "none";

/// Why HEIC cannot be decoded here. The messages say what to do, for they stand beside each such image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is none.
    #[error(
        "no libheif was found; install it (`apt install libheif1`, `brew install libheif` or `pip install pillow-heif`), \
         or save the image as JPEG"
    )]
    NotFound,
    /// The user wants none.
    #[error("{VARIABLE}={OFF} switches it off; save the image as JPEG")]
    Off,
    /// The variable names a file that is not there.
    #[error("{VARIABLE} names `{}`, which does not exist", .path.display())]
    Missing { path: PathBuf },
    /// The system cannot load it.
    #[error("cannot load `{}` as a shared library: {reason}", .path.display())]
    Load { path: PathBuf, reason: String },
    /// Another library, or one that is too old.
    #[error("`{}` is not libheif 1.13 or later: it has no `{function}`", .path.display())]
    NotLibheif { path: PathBuf, function: &'static str },
    /// Its decoders are packages of their own in some systems.
    #[error(
        "libheif {version} (`{}`) has no decoder for HEVC; install one (`apt install libheif-plugin-libde265`) or \
         `pip install pillow-heif`, or save the image as JPEG",
        .path.display()
    )]
    NoDecoder { path: PathBuf, version: String },
}

/// A libheif that decodes HEVC.
#[derive(Debug)]
pub struct Libheif {
    /// Where it is: a path, or a name that the system knows.
    pub path: PathBuf,
    /// Such as `1.23.6`.
    pub version: String,
    pub(super) api: Api,
    /// Absent before 1.19.
    pub(super) limits_of: Option<LimitsOf>,
}

/// The libheif of this process, which is looked for once: the one that `HEADSTART_LIBHEIF` names, the system's, or that
/// of an installed Python package `pillow-heif` or `pi-heif`.
///
/// # Errors
/// What is wrong with the one that is named; or with the best of those found; or that there is none.
pub fn libheif() -> Result<&'static Libheif, Error> {
    static FOUND: OnceLock<Result<Libheif, Error>> = OnceLock::new();
    FOUND
        .get_or_init(|| Libheif::find(std::env::var_os(VARIABLE).map(PathBuf::from)))
        .as_ref()
        .map_err(Clone::clone)
}

impl Libheif {
    fn find(named: Option<PathBuf>) -> Result<Self, Error> {
        match named.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) if path.as_os_str() == OFF => Err(Error::Off),
            Some(path) if !path.exists() => Err(Error::Missing { path }),
            Some(path) => Self::open(&path),
            None => Self::first(system().into_iter().map(PathBuf::from), || of_python(&python().packages)),
        }
    }

    /// The first that decodes, of the system's and then of Python's, which is asked only if need be.
    fn first(
        system: impl Iterator<Item = PathBuf>,
        python: impl FnOnce() -> Vec<PathBuf>,
    ) -> Result<Self, Error> {
        let mut why = Error::NotFound;
        let mut attempt = |path: PathBuf| match Self::open(&path) {
            Ok(library) => Some(library),
            // That a name is unknown to the system is no fault of a library.
            Err(Error::Load { path, .. }) if !path.is_absolute() => None,
            Err(error) => {
                why = error;
                None
            }
        };
        let mut system = system;
        let found = system.find_map(&mut attempt).or_else(|| python().into_iter().find_map(&mut attempt));
        found.ok_or(why)
    }

    /// Load a library and ask what it is.
    ///
    /// # Errors
    /// [`Error::Load`], [`Error::NotLibheif`] or [`Error::NoDecoder`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        // SAFETY: loading runs the library's own initialisation. It is one that the user has installed or named.
        let library = unsafe { Library::new(path) };
        let library =
            library.map_err(|error| Error::Load { path: path.into(), reason: error.to_string() })?;
        let api =
            Api::find(&library).map_err(|function| Error::NotLibheif { path: path.into(), function })?;
        // SAFETY: libheif's function of this name has this type.
        let limits_of = unsafe { library.get::<LimitsOf>(LIMITS_OF) }.ok().map(|found| *found);
        // Its functions are used until the process ends.
        std::mem::forget(library);
        // SAFETY: both take nothing, or null, which means defaults; the version's text is static.
        let (version, _) = unsafe { (text((api.version)()), (api.init)(std::ptr::null_mut())) };
        // SAFETY: it takes a number.
        if unsafe { (api.has_decoder)(HEVC) } == 0 {
            return Err(Error::NoDecoder { path: path.into(), version });
        }
        Ok(Self { path: path.into(), version, api, limits_of })
    }
}

/// The names that the system may know it by.
fn system() -> [&'static str; 2] {
    if cfg!(windows) {
        ["libheif.dll", "heif.dll"]
    } else if cfg!(target_vendor = "apple") {
        // Homebrew's folder on Apple's own processors is not among those that the loader searches.
        ["libheif.1.dylib", "/opt/homebrew/lib/libheif.1.dylib"]
    } else {
        ["libheif.so.1", "libheif.so"]
    }
}

/// The library inside the Python packages that bring it along, in these folders of packages.
fn of_python(packages: &[PathBuf]) -> Vec<PathBuf> {
    let is_library = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libheif") && [".so", ".dylib", ".dll"].iter().any(|ending| name.contains(ending))
    };
    let names = ["pillow_heif.libs", "pillow_heif/.dylibs", "pi_heif.libs", "pi_heif/.dylibs"];
    let folders = packages.iter().flat_map(|packages| names.map(|name| packages.join(name)));
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    files.flatten().map(|entry| entry.path()).filter(|path| is_library(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_taken_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("libheif.so");
        let error = Libheif::find(Some(missing.clone())).unwrap_err();
        assert_eq!(error, Error::Missing { path: missing });
        assert_eq!(Libheif::find(Some(OFF.into())).unwrap_err(), Error::Off);
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "no library").unwrap();
        assert!(matches!(Libheif::find(Some(text)), Err(Error::Load { .. })));
    }

    #[test]
    fn none_is_told_with_what_to_install() {
        let none = || std::iter::once(PathBuf::from("libheif-of-nobody.so"));
        let error = Libheif::first(none(), Vec::new).unwrap_err();
        assert_eq!(error, Error::NotFound);
        let words = error.to_string();
        for word in ["`apt install libheif1`", "`pip install pillow-heif`", "save the image as JPEG"] {
            assert!(words.contains(word), "{words}");
        }
        // One that is there and does not load is told of, for it is nearer to working.
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("libheif.so.1");
        std::fs::write(&broken, "no library").unwrap();
        let error = Libheif::first(none(), || vec![broken.clone()]).unwrap_err();
        assert!(matches!(error, Error::Load { path, .. } if path == broken));
    }

    #[test]
    fn it_is_found_among_python_packages() {
        let folder = tempfile::tempdir().unwrap();
        let (libs, other) = (folder.path().join("pillow_heif.libs"), folder.path().join("numpy.libs"));
        for path in [&libs, &other] {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("libheif-91.so.1.23.6"), "").unwrap();
            std::fs::write(path.join("libde265-2b.so.0"), "").unwrap();
        }
        let packages = [folder.path().join("nowhere"), folder.path().to_path_buf()];
        assert_eq!(of_python(&packages), [libs.join("libheif-91.so.1.23.6")]);
    }
}
