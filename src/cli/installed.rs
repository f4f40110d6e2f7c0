//! What pip has put beside the program: the wheel's own ONNX Runtime and backbones, and packages that bring more backbones.
//!
//! ```text
//! ENVIRONMENT/bin/headstart
//! ENVIRONMENT/lib/python3.12/site-packages/headstart/_runtime/libonnxruntime.so.1.31.1
//! ENVIRONMENT/lib/python3.12/site-packages/headstart/_backbones/resnet50-int8.onnx
//! ENVIRONMENT/lib/python3.12/site-packages/headstart_resnet50/resnet50.onnx
//! ENVIRONMENT/lib/python3.12/site-packages/headstart_resnet50-0.1.0.dist-info/entry_points.txt
//! ```
//!
//! The Python module finds the same files in the same order (`python/headstart/_files.py`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use headstart::project::SmallerBackbone;

use super::system::site_packages;

/// Packages tell of backbones by entry points of this group: the backbone's name and a module with a file of that name.
const GROUP: &str = "[headstart.backbones]";
/// Of the backbone that is used if nothing is said.
const DEFAULT: &str = "resnet50";
/// It takes a fifth of the processor's time, and is a little less accurate.
const SMALLER: &str = "efficientnet-lite0";
/// Where it lies in the project's folder.
pub const DEFAULT_PATH: &str = "models/resnet50.onnx";

/// Folders of packages in the environment that the program lies in, whatever the PATH says; none where it was not installed by pip.
static PACKAGES: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let program = std::env::current_exe().ok();
    let environment = program.as_deref().and_then(Path::parent).and_then(Path::parent);
    let mut found = environment.map(site_packages).unwrap_or_default();
    // As `pip install --target` has it.
    found.extend(environment.map(Path::to_path_buf));
    found.retain(|packages| packages.join("headstart").join("__init__.py").is_file());
    found
});

/// The folder with the wheel's ONNX Runtime.
pub fn runtime() -> Option<PathBuf> {
    PACKAGES.iter().map(|packages| packages.join("headstart").join("_runtime")).find(|folder| folder.is_dir())
}

/// The name that is meant, if it is not a file: a word, or nothing where the project's folder has no backbone.
pub fn name(backbone: &Path) -> Option<&str> {
    if backbone.exists() {
        return None;
    }
    if backbone == Path::new(DEFAULT_PATH) {
        return Some(DEFAULT);
    }
    let is_word = backbone.components().count() == 1 && backbone.extension().is_none();
    backbone.to_str().filter(|_| is_word)
}

/// The files that a name may mean, the likeliest first.
pub fn backbones(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = PACKAGES.iter().flat_map(|packages| of_packages(packages, name)).collect();
    for form in ["", "-int8"] {
        let file = format!("{name}{form}.onnx");
        files.push(Path::new("models").join(&file));
        files.extend(
            PACKAGES.iter().map(|packages| packages.join("headstart").join("_backbones").join(&file)),
        );
    }
    files.retain(|file| file.is_file());
    files
}

/// What takes less time than the backbone that is used if nothing is said; whoever names a backbone has chosen.
pub fn smaller(backbone: &Path) -> Option<SmallerBackbone> {
    let graph =
        (backbone == Path::new(DEFAULT_PATH)).then(|| backbones(SMALLER)).into_iter().flatten().next();
    graph.map(|graph| SmallerBackbone { name: SMALLER.into(), graph })
}

/// What `--backbone` has to say for this file to be found: a name for one that is installed, nothing for the one that is taken anyway.
pub fn flag(file: &Path) -> Option<PathBuf> {
    let is_installed = PACKAGES.iter().any(|packages| file.starts_with(packages));
    let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_installed);
    let Some(stem) = stem else {
        return (file != Path::new(DEFAULT_PATH)).then(|| file.to_path_buf());
    };
    let word = stem.strip_suffix("-int8").unwrap_or(stem);
    let is_default = word == DEFAULT && name(Path::new(DEFAULT_PATH)).is_some();
    (!is_default).then(|| word.into())
}

/// Files of packages that say that they have a backbone of this name.
fn of_packages(packages: &Path, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(packages).into_iter().flatten().flatten();
    let told = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".dist-info"));
    let texts = told.filter_map(|entry| fs::read_to_string(entry.path().join("entry_points.txt")).ok());
    let modules = texts.filter_map(|text| module_of(&text, name));
    modules.map(|module| packages.join(module).join(format!("{name}.onnx"))).collect()
}

/// The module that an `entry_points.txt` names for this backbone.
fn module_of(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != GROUP).skip(1);
    let own = lines.by_ref().take_while(|line| !line.starts_with('['));
    let pairs = own.filter_map(|line| line.split_once('='));
    let named = { pairs }.find(|(key, _)| key.trim() == name);
    named.map(|(_, module)| module.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_name_and_a_path_is_none() {
        assert_eq!(name(Path::new("efficientnet-lite0")), Some("efficientnet-lite0"));
        assert_eq!(name(Path::new("gone/resnet50")), None);
        assert_eq!(name(Path::new("gone.onnx")), None);
        // A folder of this name is what is meant.
        assert_eq!(name(Path::new("src")), None);
    }

    #[test]
    fn only_entry_points_of_our_group_count() {
        let text = "[console_scripts]\nresnet50 = other:main\n\n[headstart.backbones]\nresnet50 = ours\n\n[x]\nvgg = y\n";
        assert_eq!(module_of(text, "resnet50").as_deref(), Some("ours"));
        assert_eq!((module_of(text, "vgg"), module_of("", "vgg")), (None, None));
    }
}
