//! Which shared libraries are used, and where they are looked for.

use std::path::{Path, PathBuf};

use headstart_base::later::Later;
use headstart_image::Heif;

use super::device::Device;
use super::library::{Error, Library, from_system_loader, library_in};

/// The shared libraries to use: named, or where they are looked for.
///
/// They are looked for in these places and in no others. No process is started for that and no variable of the environment
/// is read; whoever wants to look among the packages of a Python hands in its folders.
///
/// ```
/// use headstart_backbone::libraries::{Libraries, Place};
///
/// let packages = Place::folder("venv/lib/python3.12/site-packages/onnxruntime/capi");
/// let libraries = Libraries { places: vec![packages, Place::system()], ..Libraries::default() };
/// let named = Libraries::named("/opt/onnxruntime/lib/libonnxruntime.so");
/// # let _ = (libraries, named);
/// ```
#[derive(Debug, Clone)]
pub struct Libraries {
    /// The ONNX Runtime to load: it is taken or refused, never passed over. `None` takes the first that is found.
    pub onnxruntime: Option<PathBuf>,
    /// Where ONNX Runtime is looked for, in this order: by default in `models/runtime`, in the program's own folder, and where the
    /// system's loader looks.
    pub places: Vec<Place>,
    /// Folder with the build for NVIDIA's GPUs, `models/runtime-gpu` by default: the first place for these devices, and for
    /// others behind all places.
    pub for_nvidia: Option<PathBuf>,
    /// Folder with the build for OpenVINO, `models/runtime-openvino` by default: likewise.
    pub for_openvino: Option<PathBuf>,
    /// Folders with the libraries that NVIDIA's providers need, such as [`nvidia_folders`] gives; none by default. What the
    /// system's loader finds by name need not be in them.
    pub nvidia: Later<Vec<PathBuf>>,
    /// The libheif that decodes HEIC: by default the system's.
    pub heif: Heif,
}

impl Default for Libraries {
    fn default() -> Self {
        let program = || Some(std::env::current_exe().ok()?.parent()?.to_path_buf());
        Self {
            onnxruntime: None,
            places: vec![
                Place::folder("models/runtime"),
                Place::later("the program's own folder", Later::new(program)),
                Place::system(),
            ],
            for_nvidia: Some("models/runtime-gpu".into()),
            for_openvino: Some("models/runtime-openvino".into()),
            nvidia: Later::default(),
            heif: Heif::default(),
        }
    }
}

/// A place where ONNX Runtime can be.
#[derive(Debug, Clone)]
pub struct Place {
    /// For people.
    name: String,
    at: At,
}

#[derive(Debug, Clone)]
enum At {
    Folder(Later<Option<PathBuf>>),
    System,
}

impl Place {
    /// A folder.
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self::later(folder.display().to_string(), Later::from(Some(folder)))
    }

    /// A folder that is found out when the search comes to it, if there is one; `name` is what people call the place.
    pub fn later(name: impl Into<String>, folder: Later<Option<PathBuf>>) -> Self {
        Self { name: name.into(), at: At::Folder(folder) }
    }

    /// Where the system's loader looks.
    pub fn system() -> Self {
        Self { name: "the system's libraries".into(), at: At::System }
    }

    /// What is there, if there is a library.
    fn library(&self) -> Option<Result<Library, Error>> {
        match &self.at {
            At::Folder(folder) => in_folder(folder.as_deref()?),
            At::System => from_system_loader().map(Ok),
        }
    }
}

impl Libraries {
    /// With this ONNX Runtime and no other.
    pub fn named(onnxruntime: impl Into<PathBuf>) -> Self {
        Self { onnxruntime: Some(onnxruntime.into()), ..Self::default() }
    }

    /// Every ONNX Runtime in the places, those that are meant for `device` before all, or what is wrong with it.
    pub(crate) fn all(&self, device: Device) -> impl Iterator<Item = Result<Library, Error>> {
        let own = self.own_folder(device).into_iter().filter_map(in_folder);
        own.chain(self.places.iter().filter_map(Place::library))
    }

    /// The first ONNX Runtime in the places. Builds for one kind of device come last; they compute on the CPU too.
    pub(crate) fn first(&self) -> Option<Result<Library, Error>> {
        let devices = [&self.for_nvidia, &self.for_openvino].into_iter().flatten();
        let devices = devices.filter_map(|folder| in_folder(folder));
        self.places.iter().filter_map(Place::library).chain(devices).next()
    }

    /// The build that is meant for `device`, if there is one.
    pub(crate) fn own(&self, device: Device) -> Option<Result<Library, Error>> {
        self.own_folder(device).and_then(in_folder)
    }

    fn own_folder(&self, device: Device) -> Option<&Path> {
        match device {
            Device::Cuda(_) | Device::TensorRt(_) => self.for_nvidia.as_deref(),
            Device::OpenVino => self.for_openvino.as_deref(),
            Device::Cpu | Device::CoreMl | Device::DirectMl(_) => None,
        }
    }

    /// The names of the places, for people.
    pub(crate) fn names(&self) -> Vec<String> {
        self.places.iter().map(|place| place.name.clone()).collect()
    }

    /// The library of NVIDIA's that is called `name`, if it is in one of their folders.
    pub(crate) fn find_nvidia(&self, name: &str) -> Option<PathBuf> {
        self.nvidia.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }
}

fn in_folder(folder: &Path) -> Option<Result<Library, Error>> {
    library_in(folder).map(|path| Library::read(&path))
}

/// Folders in which NVIDIA's libraries can be: of `packages`, which are folders such as `site-packages`, into which pip unpacks them where
/// no loader looks, and of `toolkits`, such as `/usr/local/cuda`.
pub fn nvidia_folders(packages: &[PathBuf], toolkits: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = packages.iter().flat_map(|package| of_pip(package)).collect();
    for toolkit in toolkits {
        folders.extend(["lib64", "lib", "bin", "bin/x64"].map(|part| toolkit.join(part)));
    }
    folders
}

/// The wheels `nvidia-*` unpack into `nvidia/cu13/lib`, `nvidia/cudnn/lib` and so on, `tensorrt-*-libs` into `tensorrt_libs`.
fn of_pip(packages: &Path) -> Vec<PathBuf> {
    let mut found = vec![packages.join("tensorrt_libs")];
    let entries = std::fs::read_dir(packages.join("nvidia")).into_iter().flatten().flatten();
    let mut parts: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    parts.sort();
    for part in parts {
        found.extend(["lib", "bin", "bin/x86_64"].map(|folder| part.join(folder)));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[test]
    fn the_folders_of_pip_and_of_toolkits_are_found() {
        let root = tempfile::tempdir().unwrap();
        let library = root.path().join("nvidia/cu13/lib");
        std::fs::create_dir_all(&library).unwrap();
        let found = nvidia_folders(&[root.path().to_path_buf()], &["/opt/cuda".into()]);
        assert!(found.contains(&library) && found.contains(&root.path().join("tensorrt_libs")), "{found:?}");
        assert_eq!(found.last().unwrap(), Path::new("/opt/cuda/bin/x64"));
    }

    /// A place may take time to find out, as a Python does.
    #[test]
    fn a_place_is_found_out_only_when_the_search_comes_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let search = |first: &Path| {
            let count = Arc::clone(&asked);
            let nobody = move || {
                count.fetch_add(1, Relaxed);
                None
            };
            let places = vec![Place::folder(first), Place::later("a Python", Later::new(nobody))];
            let (for_nvidia, for_openvino) = (None, None);
            Library::find(&Libraries { places, for_nvidia, for_openvino, ..Libraries::default() })
                .unwrap_err()
        };
        std::fs::write(folder.path().join("libonnxruntime.so.1"), "not a library").unwrap();
        search(folder.path());
        assert_eq!(asked.load(Relaxed), 0);
        let error = search(Path::new("nowhere")).to_string();
        assert_eq!(asked.load(Relaxed), 1);
        assert!(error.ends_with("looked for nowhere, a Python"), "{error}");
    }
}
