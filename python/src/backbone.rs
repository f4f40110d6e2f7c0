//! Which file a name means, and what a backbone says of itself.

use std::path::PathBuf;

use headstart_core::ProjectConfig;
use headstart_core::installed::Packages;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::Config;
use crate::errors::OrRaise;

/// Name, digest, size of its features, recipe and origin.
#[pyfunction]
pub fn describe_backbone<'py>(py: Python<'py>, config: Config) -> PyResult<Bound<'py, PyDict>> {
    let project = config.project(py)?;
    let backbone = py.detach(|| project.config().open_backbone()).or_raise(py)?;
    let about = PyDict::new(py);
    about.set_item("name", backbone.name())?;
    about.set_item("path", backbone.path())?;
    about.set_item("digest", backbone.digest().to_hex().to_string())?;
    about.set_item("feature_size", backbone.feature_size())?;
    about.set_item("parameters", backbone.parameters())?;
    about.set_item("precision", if backbone.is_quantised() { "int8" } else { "fp32" })?;
    about.set_item("quantised_from", backbone.quantised_from())?;
    about.set_item("recipe", backbone.recipe().to_value().to_string())?;
    about.set_item("source", backbone.source())?;
    about.set_item("licence", backbone.licence())?;
    Ok(about)
}

/// The file that a name means and what people should know of it; `None` if there is none.
///
/// Of several that with one of the `digests` is taken; else the one that the cache has features of, if `look` allows it.
#[pyfunction]
pub fn find_backbone(
    py: Python<'_>,
    config: Config,
    name: &str,
    digests: Vec<String>,
    look: bool,
) -> PyResult<Option<(PathBuf, Option<String>)>> {
    let project = config.project(py)?;
    let cache = if look { config.cache().to_path_buf() } else { PathBuf::new() };
    let within = ProjectConfig { cache, ..project.config().clone() };
    let packages = Packages::new(config.packages().to_vec());
    let chosen = py.detach(|| packages.choose(name, &within, &digests));
    Ok(chosen.map(|chosen| (chosen.path, chosen.note)))
}

/// Names that mean a file here.
#[pyfunction]
pub fn backbone_names(packages: Vec<PathBuf>) -> Vec<String> {
    Packages::new(packages).names().into_iter().collect()
}
