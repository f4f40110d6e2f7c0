//! What a backbone says of itself.

use headstart_cache::has_store;
use headstart_core::{Control, Project};
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

/// Whether the cache has features of this backbone, in the precision that would be used.
#[pyfunction]
pub fn has_features(py: Python<'_>, config: Config) -> PyResult<bool> {
    let project: Project = config.project(py)?;
    let kept = py.detach(|| {
        project.features(&mut Control::silent()).map(|source| has_store(config.cache(), &source.fingerprint))
    });
    kept.or_raise(py)
}
