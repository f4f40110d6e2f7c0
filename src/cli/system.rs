//! What the library is told of this machine: where shared libraries are, by the variables and the Python of whoever started the
//! program. The library itself starts no process and reads no setting.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::installed;
use headstart::backbone::libraries::{Libraries, Place, nvidia_folders};
use headstart::image::Heif;
use headstart::later::Later;

/// Names the ONNX Runtime to use.
const ONNXRUNTIME: &str = "ORT_DYLIB_PATH";
/// Names the libheif to use; `none` switches HEIC off.
const LIBHEIF: &str = "HEADSTART_LIBHEIF";

/// Have NVIDIA's libraries compute without TF32, in the whole process: for TensorRT there is no other way. To be called before any
/// thread is started.
pub fn forbid_tf32() {
    // SAFETY: unsound only if another thread reads the environment meanwhile. The program begins with this, and has no other
    // thread yet.
    unsafe { env::set_var("NVIDIA_TF32_OVERRIDE", "0") };
}

/// Have ONNX Runtime keep no records of its use, in the whole process: by the time that its interface can be asked for that, its
/// builds for Linux have opened a database in the user's folder for caches and started a thread, which took 15 ms of each start.
/// To be called before any thread is started.
pub fn forbid_telemetry() {
    // SAFETY: as above.
    unsafe { env::set_var("ORT_DISABLE_TELEMETRY", "1") };
}

/// Give back to the system what was let go of. A graph that is loaded for the first time leaves 80 MB, which the C library would
/// keep for the next who asks, beside what batches take.
pub fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The shared libraries to use. `onnxruntime` is what was typed; Python is asked only where nothing is found before it.
pub fn libraries(onnxruntime: Option<&Path>) -> Libraries {
    let mut libraries = Libraries { nvidia: NVIDIA.clone(), heif: heif(), ..Libraries::default() };
    libraries.onnxruntime =
        onnxruntime.map(Path::to_path_buf).or_else(|| set(ONNXRUNTIME).map(PathBuf::from));
    // Not a place to look in, but one that the error names.
    let variable = Place::later(format!("{ONNXRUNTIME} (not set)"), Later::from(None));
    libraries.places.insert(0, variable);
    let of_python = || Some(PYTHON.onnxruntime.as_ref()?.join("capi"));
    let python = Place::later("Python's onnxruntime", Later::new(of_python));
    // Before the system's, which come last.
    libraries.places.insert(libraries.places.len() - 1, python);
    // Beside the program too, for who installed it by pip; and before a Python, which has to be started to be asked.
    let beside = installed::folders().iter().map(|packages| packages.join("onnxruntime").join("capi"));
    let beside = beside.filter(|folder| folder.is_dir());
    for folder in installed::runtime().into_iter().chain(beside) {
        libraries.places.insert(libraries.places.len() - 2, Place::folder(folder));
    }
    libraries
}

/// The libheif to use: the one that is named, the system's, or Python's.
pub fn heif() -> Heif {
    static HEIF: LazyLock<Heif> = LazyLock::new(|| match set(LIBHEIF) {
        Some(none) if none == "none" => Heif::off(&format!("{LIBHEIF}=none")),
        Some(path) => Heif::named(path, LIBHEIF),
        None => Heif::among(Later::new(packages)),
    });
    HEIF.clone()
}

/// A variable; one that is empty is not set.
fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Folders of packages: those beside the program, and those of the Python on the PATH.
fn packages() -> Vec<PathBuf> {
    installed::folders().iter().chain(&PYTHON.packages).cloned().collect()
}

/// In an active virtual environment, among the packages, in `CUDA_HOME` or `CUDA_PATH`.
static NVIDIA: LazyLock<Later<Vec<PathBuf>>> = LazyLock::new(|| {
    Later::new(|| {
        let environments = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(set);
        let mut all: Vec<PathBuf> = environments.flat_map(|root| site_packages(root.as_ref())).collect();
        all.extend(packages());
        let toolkits = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(set).map(PathBuf::from);
        let toolkits: Vec<PathBuf> = toolkits.chain(["/usr/local/cuda".into()]).collect();
        nvidia_folders(&all, &toolkits)
    })
});

/// `lib/python3.12/site-packages`, on Windows `Lib/site-packages`.
pub fn site_packages(environment: &Path) -> Vec<PathBuf> {
    let mut found = vec![environment.join("Lib/site-packages")];
    let entries = std::fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let mut pythons: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    pythons.sort();
    found.extend(pythons.into_iter().map(|python| python.join("site-packages")));
    found
}

/// Where Python looks for packages.
#[derive(Debug, Default)]
struct Python {
    /// The folder of the package `onnxruntime` (also `-gpu` and `-openvino`, which install under that name).
    onnxruntime: Option<PathBuf>,
    /// `site-packages` and its like.
    packages: Vec<PathBuf>,
}

const ASK: &str = "
import importlib.util, sys
found = importlib.util.find_spec('onnxruntime')
print(found.submodule_search_locations[0] if found and found.submodule_search_locations else '')
print(*filter(None, sys.path), sep='\\n')
";

/// The Python on the PATH, asked once; without one nothing is found.
static PYTHON: LazyLock<Python> =
    LazyLock::new(|| ["python3", "python"].iter().find_map(|name| ask(name)).unwrap_or_default());

fn ask(program: &str) -> Option<Python> {
    // `-I` would hide the user's own packages; the current folder is not searched, for `sys.path` has it as ''.
    let output = Command::new(program).args(["-c", ASK]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = String::from_utf8(output.ok().filter(|output| output.status.success())?.stdout).ok()?;
    Some(read(&text))
}

fn read(answer: &str) -> Python {
    let mut lines = answer.lines().map(str::trim);
    let onnxruntime = lines.next().filter(|line| !line.is_empty()).map(PathBuf::from);
    Python { onnxruntime, packages: lines.map(PathBuf::from).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_a_package_and_folders() {
        let none = read("\n/usr/lib/python3\n/home/a/site-packages\n");
        assert_eq!((none.onnxruntime, none.packages.len()), (None, 2));
        let some = read("/a/onnxruntime\r\n/a\r\n");
        assert_eq!(
            (some.onnxruntime, some.packages),
            (Some("/a/onnxruntime".into()), vec![PathBuf::from("/a")])
        );
        assert!(ask("no such program").is_none());
    }

    #[test]
    fn the_packages_of_an_environment_are_found() {
        let root = tempfile::tempdir().unwrap();
        let packages = root.path().join("lib/python3.12/site-packages");
        std::fs::create_dir_all(&packages).unwrap();
        assert!(site_packages(root.path()).contains(&packages));
    }
}
