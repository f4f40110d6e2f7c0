//! Backbones by their names: in the folder `models`, and in packages that pip has installed.
//!
//! ```text
//! PACKAGES/headstart/_runtime/libonnxruntime.so.1.31.1
//! PACKAGES/headstart/_backbones/resnet50-int8.onnx
//! PACKAGES/headstart_resnet50/resnet50.onnx
//! PACKAGES/headstart_resnet50-0.1.0.dist-info/entry_points.txt
//! ```
//!
//! The program and the Python module hand in where packages lie, and then both take the same file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use headstart_cache::has_store;

use crate::{Control, Project, ProjectConfig};

/// Packages tell of backbones by entry points of this group: the backbone's name and a module with a file of that name.
const GROUP: &str = "[headstart.backbones]";
/// Of a file in int8, behind the name.
const INT8: &str = "-int8";

/// Folders such as `site-packages`, the first of which comes first.
#[derive(Debug, Clone, Default)]
pub struct Packages(Vec<PathBuf>);

/// The file that is taken for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The ONNX file.
    pub path: PathBuf,
    /// What people should know of the choice, if it is not the one in fp32.
    pub note: Option<String>,
}

impl Packages {
    /// Those of these folders.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    /// The folder with the wheel's ONNX Runtime.
    pub fn runtime(&self) -> Option<PathBuf> {
        self.0.iter().map(|packages| packages.join("headstart/_runtime")).find(|folder| folder.is_dir())
    }

    /// Whether this file came with a package.
    pub fn hold(&self, file: &Path) -> bool {
        self.0.iter().any(|packages| file.starts_with(packages))
    }

    /// The files that a name may mean, the likeliest first: those in fp32 before those in int8.
    pub fn backbones(&self, name: &str) -> Vec<PathBuf> {
        let of_packages = self.entries().into_iter().filter(|(known, _)| known == name);
        let mut files: Vec<PathBuf> = of_packages.map(|(_, file)| file).collect();
        for form in ["", INT8] {
            files.extend(self.folders().into_iter().map(|folder| folder.join(format!("{name}{form}.onnx"))));
        }
        files.retain(|file| file.is_file());
        files
    }

    /// Names that mean a file here.
    pub fn names(&self) -> BTreeSet<String> {
        let entries = self.folders().into_iter().filter_map(|folder| fs::read_dir(folder).ok());
        let files = entries.flatten().flatten().map(|entry| entry.path());
        let graphs = files.filter(|file| file.extension().is_some_and(|extension| extension == "onnx"));
        let told = self.entries().into_iter().filter(|(_, file)| file.is_file());
        graphs.filter_map(|file| Some(word(&file)?.to_owned())).chain(told.map(|(name, _)| name)).collect()
    }

    /// The file that `name` means for this project, or `None` if there is none.
    ///
    /// Of several the one with one of these digests is taken, else the one that the cache has features of, else the likeliest.
    pub fn choose(&self, name: &str, config: &ProjectConfig, digests: &[String]) -> Option<Chosen> {
        let files = self.backbones(name);
        let is_wanted = |file: &&PathBuf| match digests {
            [] => is_kept(&ProjectConfig { backbone: file.to_path_buf(), ..config.clone() }),
            digests => is_one_of(&ProjectConfig { backbone: file.to_path_buf(), ..config.clone() }, digests),
        };
        // To look into a file takes time, which is not spent where nothing can come of it.
        let is_open = files.len() > 1 && (!digests.is_empty() || config.cache.is_dir());
        let wanted = if is_open { files.iter().find(is_wanted) } else { None };
        let path = wanted.or(files.first())?.clone();
        let has_fp32 = files.iter().any(|file| !is_int8(file));
        let note = is_int8(&path).then(|| {
            let why = if has_fp32 {
                "the features that are kept are of this one"
            } else {
                "the one in fp32 is not installed"
            };
            format!("`{name}` is the one in int8 (`{}`): {why}", path.display())
        });
        Some(Chosen { path, note })
    }

    /// Names and files that packages tell of.
    fn entries(&self) -> Vec<(String, PathBuf)> {
        self.0.iter().flat_map(|packages| told_in(packages)).collect()
    }

    /// Folders of backbones that are called as their files are.
    fn folders(&self) -> Vec<PathBuf> {
        let of_packages = self.0.iter().map(|packages| packages.join("headstart/_backbones"));
        std::iter::once("models".into()).chain(of_packages).collect()
    }
}

/// What a file is called: that of `resnet50-int8.onnx` is `resnet50`.
pub fn word(file: &Path) -> Option<&str> {
    let stem = file.file_stem()?.to_str()?;
    Some(stem.strip_suffix(INT8).unwrap_or(stem))
}

fn is_int8(file: &Path) -> bool {
    file.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with(INT8))
}

fn is_kept(config: &ProjectConfig) -> bool {
    let source = Project::new(config.clone()).features(&mut Control::silent());
    source.is_ok_and(|source| has_store(&config.cache, &source.fingerprint))
}

fn is_one_of(config: &ProjectConfig, digests: &[String]) -> bool {
    config.open_backbone().is_ok_and(|backbone| digests.contains(&backbone.digest().to_hex().to_string()))
}

/// In the order of the packages' names, whatever the file system's is.
fn told_in(packages: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(packages).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut told: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "dist-info")).collect();
    told.sort();
    let texts = told.into_iter().filter_map(|path| fs::read_to_string(path.join("entry_points.txt")).ok());
    let pairs = texts.flat_map(|text| modules(&text));
    pairs.map(|(name, module)| (name.clone(), packages.join(module).join(format!("{name}.onnx")))).collect()
}

/// The names of backbones in an `entry_points.txt`, and their modules.
fn modules(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).skip_while(|line| *line != GROUP).skip(1);
    let own = lines.take_while(|line| !line.starts_with('['));
    let pairs = own.filter_map(|line| line.split_once('='));
    pairs.map(|(name, module)| (name.trim().to_owned(), module.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entry_points_of_our_group_count() {
        let text = "[console_scripts]\nresnet50 = other:main\n\n[headstart.backbones]\nresnet50 = ours\n\n[x]\nvgg = y\n";
        assert_eq!(modules(text), [("resnet50".to_owned(), "ours".to_owned())]);
        assert!(modules("").is_empty());
    }

    #[test]
    fn fp32_comes_before_int8_and_int8_is_told() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (root.path().join("first"), root.path().join("second"));
        let write = |file: &Path| {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        };
        let int8 = first.join("headstart/_backbones/net-int8.onnx");
        write(&int8);
        let packages = Packages::new(vec![first, second.clone()]);
        let config = ProjectConfig { cache: root.path().join("none"), ..ProjectConfig::default() };
        let chosen = packages.choose("net", &config, &[]).unwrap();
        assert_eq!(chosen.path, int8);
        assert!(chosen.note.unwrap().ends_with("the one in fp32 is not installed"));
        let fp32 = second.join("more/net.onnx");
        write(&fp32);
        write(&second.join("more-1.dist-info/entry_points.txt"));
        fs::write(
            second.join("more-1.dist-info/entry_points.txt"),
            format!("{GROUP}\nnet = more\ngone = more\n"),
        )
        .unwrap();
        assert_eq!(packages.choose("net", &config, &[]), Some(Chosen { path: fp32, note: None }));
        assert_eq!(packages.choose("gone", &config, &[]), None);
        assert_eq!(packages.names().into_iter().collect::<Vec<_>>(), ["net"]);
    }
}
