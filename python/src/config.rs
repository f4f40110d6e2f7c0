//! Where things lie and how features are computed, from a Python object with these attributes.

use std::path::{Path, PathBuf};

use headstart_backbone::EngineOptions;
use headstart_backbone::libraries::{Libraries, Place, nvidia_folders};
use headstart_backbone::session::{SessionOptions, copies, default_engines_folder};
use headstart_base::later::Later;
use headstart_core::extract::ExtractOptions;
use headstart_core::{Project, ProjectConfig};
use headstart_image::{Heif, ViewKinds};
use pyo3::prelude::*;

use crate::errors;

/// The attributes of `headstart._files.Place`.
#[derive(Debug, Clone, FromPyObject)]
pub struct Config {
    backbone: PathBuf,
    cache: PathBuf,
    runs: PathBuf,
    precision: Option<String>,
    device: String,
    threads: Option<usize>,
    /// Folders in which ONNX Runtime is looked for, with what people call them.
    runtimes: Vec<(String, PathBuf)>,
    /// ONNX Runtime itself, if it was named.
    onnxruntime: Option<PathBuf>,
    /// `site-packages` and its like.
    packages: Vec<PathBuf>,
    toolkits: Vec<PathBuf>,
}

impl Config {
    /// The project.
    ///
    /// # Errors
    /// `SettingError` for words that are no precision or device.
    pub fn project(&self, py: Python<'_>) -> PyResult<Project> {
        let precision = self.precision.as_deref().map(str::parse).transpose();
        let precision =
            precision.map_err(|error| wrong(py, "precision", &error, self.precision.as_deref()))?;
        let device = self.device.parse().map_err(|error| wrong(py, "device", &error, Some(&self.device)))?;
        let session = SessionOptions {
            threads: self.threads,
            copies: copies::default_folder(),
            engines: default_engines_folder(),
            ..SessionOptions::default()
        };
        let engine = EngineOptions { device, libraries: self.libraries(), session };
        Ok(Project::new(ProjectConfig {
            backbone: self.backbone.clone(),
            cache: self.cache.clone(),
            runs: self.runs.clone(),
            precision,
            extract: ExtractOptions { engine, ..ExtractOptions::default() },
            ..ProjectConfig::default()
        }))
    }

    fn libraries(&self) -> Libraries {
        let mut places: Vec<Place> = self
            .runtimes
            .iter()
            .map(|(name, folder)| Place::later(name, Later::from(Some(folder.clone()))))
            .collect();
        places.push(Place::system());
        let (packages, toolkits) = (self.packages.clone(), self.toolkits.clone());
        let all = packages.clone();
        Libraries {
            onnxruntime: self.onnxruntime.clone(),
            places,
            nvidia: Later::new(move || nvidia_folders(&packages, &toolkits)),
            heif: Heif::among(Later::new(move || all)),
            ..Libraries::default()
        }
    }

    /// The folder of the cache.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// `site-packages` and its like.
    pub fn packages(&self) -> &[PathBuf] {
        &self.packages
    }

    /// What decodes HEIC.
    pub fn heif(&self) -> Heif {
        self.libraries().heif
    }
}

fn wrong(py: Python<'_>, setting: &str, error: &dyn std::fmt::Display, found: Option<&str>) -> PyErr {
    errors::setting(py, &format!("`{setting}`: {error}, found `{}`", found.unwrap_or_default()))
}

/// The views beside the plain image, from words such as `flip,crop5`; `None` for none.
///
/// # Errors
/// `SettingError`.
pub fn views(py: Python<'_>, words: Option<&str>) -> PyResult<ViewKinds> {
    let kinds = words.unwrap_or("none").parse();
    kinds.map_err(|error| wrong(py, "views", &error, words))
}
