//! Where NVIDIA's libraries can be: pip puts them into folders that no loader searches.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use headstart_base::python::python;

/// The shared library called `name`, by its path: in an active virtual environment, among the packages of the Python on
/// the PATH, in `CUDA_HOME` or `CUDA_PATH`. What the system's loader finds by name alone is not looked for here.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    static FOLDERS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let folders = FOLDERS.get_or_init(folders);
    folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Whether the system's loader finds `name` by itself, or has it already.
pub(super) fn is_known_to_the_loader(name: &str) -> bool {
    // SAFETY: runs the initialisers of a library that ONNX Runtime is about to load anyway.
    unsafe { libloading::Library::new(name) }.is_ok()
}

fn folders() -> Vec<PathBuf> {
    // One that is empty is not set.
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let environments = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(set);
    let mut packages: Vec<PathBuf> = environments.flat_map(|root| site_packages(Path::new(&root))).collect();
    packages.extend(python().packages.iter().cloned());
    let mut folders: Vec<PathBuf> = packages.iter().flat_map(|package| of_pip(package)).collect();
    let toolkits = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(set).map(PathBuf::from);
    for toolkit in toolkits.chain([PathBuf::from("/usr/local/cuda")]) {
        folders.extend(["lib64", "lib", "bin", "bin/x64"].map(|part| toolkit.join(part)));
    }
    folders
}

/// `lib/python3.12/site-packages`, on Windows `Lib/site-packages`.
fn site_packages(environment: &Path) -> Vec<PathBuf> {
    let mut found = vec![environment.join("Lib/site-packages")];
    found.extend(subfolders(&environment.join("lib")).into_iter().map(|python| python.join("site-packages")));
    found
}

/// The wheels `nvidia-*` unpack into `nvidia/cu13/lib`, `nvidia/cudnn/lib` and so on, `tensorrt-*-libs` into `tensorrt_libs`.
fn of_pip(packages: &Path) -> Vec<PathBuf> {
    let mut found = vec![packages.join("tensorrt_libs")];
    for package in subfolders(&packages.join("nvidia")) {
        found.extend(["lib", "bin", "bin/x86_64"].map(|part| package.join(part)));
    }
    found
}

/// In order of name; none if there is no such folder.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_pip_are_found_below_an_environment() {
        let root = tempfile::tempdir().unwrap();
        let library = root.path().join("lib/python3.12/site-packages/nvidia/cu13/lib");
        std::fs::create_dir_all(&library).unwrap();
        let found: Vec<_> = site_packages(root.path()).iter().flat_map(|folder| of_pip(folder)).collect();
        assert!(found.contains(&library), "{found:?}");
    }
}
