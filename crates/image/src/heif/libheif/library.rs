//! Where libheif is, and whether it is one that decodes HEVC.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libloading::Library;

use super::api::{Api, GetVersion, HEVC, LIMITS_OF, LimitsOf, VERSION, find, text};
use headstart_base::later::Later;

/// Why HEIC cannot be decoded here. The messages say what to do, for they stand beside each such image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is none.
    #[error(
        "no libheif was found; install it (`pip install pillow-heif`, `brew install libheif`, or `apt install libheif1` where that \
         is 1.19 or later), or save the image as JPEG"
    )]
    NotFound,
    /// The user wants none.
    #[error("{by} switches libheif off; save the image as JPEG")]
    Off {
        /// The setting that says so, as it was typed.
        by: String,
    },
    /// A file is named that is not there.
    #[error("{by} names `{}`, which does not exist", .path.display())]
    Missing {
        /// The library's file.
        path: PathBuf,
        /// The setting that names it.
        by: String,
    },
    /// The system cannot load it.
    #[error("cannot load `{}` as a shared library: {reason}", .path.display())]
    Load {
        /// The library's file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// Another library.
    #[error("`{}` is not libheif: it has no `{function}`", .path.display())]
    NotLibheif {
        /// The library's file.
        path: PathBuf,
        /// A function that libheif has and this library has not.
        function: &'static str,
    },
    /// Older ones give no planes as they are coded, but RGB made in their own way.
    #[error(
        "libheif {version} (`{}`) is older than 1.19, which is needed; `pip install pillow-heif` brings a newer one, \
         or save the image as JPEG",
        .path.display()
    )]
    TooOld {
        /// The library's file.
        path: PathBuf,
        /// Its version, in its own words.
        version: String,
    },
    /// Its decoders are packages of their own in some systems.
    #[error(
        "libheif {version} (`{}`) has no decoder for HEVC; install one (`apt install libheif-plugin-libde265`) or \
         `pip install pillow-heif`, or save the image as JPEG",
        .path.display()
    )]
    NoDecoder {
        /// The library's file.
        path: PathBuf,
        /// Its version, in its own words.
        version: String,
    },
}

/// A libheif that decodes HEVC.
#[derive(Debug)]
pub struct Libheif {
    /// Where it is: a path, or a name that the system knows.
    pub path: PathBuf,
    /// Such as `1.23.6`.
    pub version: String,
    pub(super) api: Api,
}

/// Which libheif decodes HEIC. It is looked for when the first such image comes, once for all clones; the default is the system's.
#[derive(Debug, Clone)]
pub struct Heif(Later<Result<Libheif, Error>>);

impl Default for Heif {
    fn default() -> Self {
        static SYSTEM: LazyLock<Heif> = LazyLock::new(|| Heif::among(Later::default()));
        SYSTEM.clone()
    }
}

impl Heif {
    /// This one, taken or refused; `by` is the setting that names it.
    pub fn named(path: impl Into<PathBuf>, by: &str) -> Self {
        let (path, by) = (path.into(), by.to_owned());
        Self(Later::new(
            move || if path.exists() { Libheif::open(&path) } else { Err(Error::Missing { path, by }) },
        ))
    }

    /// None: HEIC is not decoded; `by` is the setting that says so.
    pub fn off(by: &str) -> Self {
        Self(Later::from(Err(Error::Off { by: by.to_owned() })))
    }

    /// The system's, or else that of a Python package `pillow-heif` or `pi-heif` in one of these folders of packages.
    pub fn among(packages: Later<Vec<PathBuf>>) -> Self {
        let system = || system().into_iter().map(PathBuf::from);
        Self(Later::new(move || Libheif::first(system(), || of_python(&packages))))
    }

    /// The library.
    ///
    /// # Errors
    /// What is wrong with the one that is named; or with the best of those found; or that there is none.
    pub fn library(&self) -> Result<&Libheif, Error> {
        self.0.as_ref().map_err(Clone::clone)
    }
}

impl Libheif {
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
    /// [`Error::Load`], [`Error::NotLibheif`], [`Error::TooOld`] or [`Error::NoDecoder`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let library = load(path)?;
        let no_libheif = |function| Error::NotLibheif { path: path.into(), function };
        let version = find::<GetVersion>(&library, VERSION).map_err(no_libheif)?;
        // SAFETY: it takes nothing, and its text is static.
        let version = unsafe { text(version()) };
        // Every libheif has had what else is used for longer.
        if find::<LimitsOf>(&library, LIMITS_OF).is_err() {
            return Err(Error::TooOld { path: path.into(), version });
        }
        let api = Api::of(&library).map_err(no_libheif)?;
        // Its functions are used until the process ends.
        std::mem::forget(library);
        // SAFETY: it takes null, which means defaults.
        unsafe { (api.init)(std::ptr::null_mut()) };
        // SAFETY: it takes a number.
        if unsafe { (api.has_decoder)(HEVC) } == 0 {
            return Err(Error::NoDecoder { path: path.into(), version });
        }
        Ok(Self { path: path.into(), version, api })
    }
}

/// Load a library; if that fails, with those beside it, which a Python package brings along and which need not be told to find
/// one another.
fn load(path: &Path) -> Result<Library, Error> {
    // SAFETY: loading runs the library's own initialisation. It is one that the user has installed or named.
    let load = |path: &Path| unsafe { Library::new(path) };
    let library = load(path).or_else(|error| {
        let folder =
            path.parent().filter(|_| path.is_absolute()).and_then(|folder| std::fs::read_dir(folder).ok());
        let beside = folder.into_iter().flatten().flatten().map(|entry| entry.path());
        let mut beside: Vec<_> = beside.filter(|other| other != path && is_library(other)).collect();
        // One may need another.
        for _ in 0..beside.len() {
            beside.retain(|other| load(other).map(std::mem::forget).is_err());
        }
        load(path).map_err(|_| error)
    });
    library.map_err(|error| Error::Load { path: path.into(), reason: error.to_string() })
}

fn is_library(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    [".so", ".dylib", ".dll"].iter().any(|ending| name.contains(ending))
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
    let is_libheif = |path: &PathBuf| {
        is_library(path) && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libheif"))
    };
    let names = ["pillow_heif.libs", "pillow_heif/.dylibs", "pi_heif.libs", "pi_heif/.dylibs"];
    let folders = packages.iter().flat_map(|packages| names.map(|name| packages.join(name)));
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    files.flatten().map(|entry| entry.path()).filter(is_libheif).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_taken_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("libheif.so");
        let error = Heif::named(&missing, "the setting").library().unwrap_err();
        assert_eq!(error, Error::Missing { path: missing, by: "the setting".into() });
        assert_eq!(Heif::off("no").library().unwrap_err(), Error::Off { by: "no".into() });
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "no library").unwrap();
        assert!(matches!(Heif::named(text, "it").library(), Err(Error::Load { .. })));
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
