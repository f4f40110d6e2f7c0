//! What pip has put beside the program: the wheel's own ONNX Runtime and backbones, and packages that bring more.
//!
//! ```text
//! ENVIRONMENT/bin/headstart
//! ENVIRONMENT/lib/python3.12/site-packages/headstart/_runtime/libonnxruntime.so.1.31.1
//! ENVIRONMENT/lib/python3.12/site-packages/headstart/_backbones/resnet50-int8.onnx
//! ```
//!
//! Which file a name means is decided in [`headstart::installed`], for the Python module too.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use headstart::ProjectConfig;
use headstart::installed::{Chosen, Packages, word};
use headstart::project::SmallerBackbone;

use super::system::site_packages;

/// Of the backbone that is used if nothing is said.
const DEFAULT: &str = "resnet50";
/// It takes a fifth of the processor's time, and is a little less accurate.
const SMALLER: &str = "efficientnet-lite0";
/// Where it lies in the project's folder.
pub const DEFAULT_PATH: &str = "models/resnet50.onnx";

/// Folders of packages in the environment that the program lies in, whatever the PATH says; none where it was not installed by pip.
static FOLDERS: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let program = std::env::current_exe().ok();
    let environment = program.as_deref().and_then(Path::parent).and_then(Path::parent);
    let mut found = environment.map(site_packages).unwrap_or_default();
    // As `pip install --target` has it.
    found.extend(environment.map(Path::to_path_buf));
    found.retain(|packages| packages.join("headstart").join("__init__.py").is_file());
    found
});

static PACKAGES: LazyLock<Packages> = LazyLock::new(|| Packages::new(FOLDERS.clone()));

/// Folders of packages beside the program.
pub fn folders() -> &'static [PathBuf] {
    &FOLDERS
}

/// The folder with the wheel's ONNX Runtime.
pub fn runtime() -> Option<PathBuf> {
    PACKAGES.runtime()
}

/// All backbones that have a name here, with their files.
pub fn backbones(config: &ProjectConfig) -> Vec<(String, PathBuf)> {
    let file = |name: String| Some((name.clone(), PACKAGES.choose(&name, config, &[])?.path));
    PACKAGES.names().into_iter().filter_map(file).collect()
}

/// The file that is meant, if a name was typed.
pub fn chosen(config: &ProjectConfig) -> Option<Chosen> {
    PACKAGES.choose(name(&config.backbone)?, config, &[])
}

/// The likeliest file of this name.
pub fn file(name: &str) -> Option<PathBuf> {
    PACKAGES.backbones(name).into_iter().next()
}

/// Whether a file has this name.
pub fn has(name: &str) -> bool {
    file(name).is_some()
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

/// What takes less time than the backbone that is used if nothing is said; whoever names a backbone has chosen.
pub fn smaller(backbone: &Path) -> Option<SmallerBackbone> {
    if backbone != Path::new(DEFAULT_PATH) {
        return None;
    }
    Some(SmallerBackbone { name: SMALLER.into(), graph: file(SMALLER)? })
}

/// What `--backbone` has to say for this file to be found: a name for one that is installed, nothing for the one that is taken anyway.
pub fn flag(file: &Path) -> Option<PathBuf> {
    let Some(word) = word(file).filter(|_| PACKAGES.hold(file)) else {
        return (file != Path::new(DEFAULT_PATH)).then(|| file.to_path_buf());
    };
    let is_default = word == DEFAULT && name(Path::new(DEFAULT_PATH)).is_some();
    (!is_default).then(|| word.into())
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
}
