//! The compiled part of the Python package `headstart`: the core's use cases, on values of Python.
//!
//! Classes for people are in Python, in the folder `headstart`; here is what they call. Long work runs on a thread of its own
//! ([`work`]), so that other Python threads run meanwhile and Ctrl-C is heard.

#![allow(unreachable_pub, reason = "nothing outside the module meets its parts")]

mod arrow;
mod backbone;
mod cache;
mod config;
mod errors;
mod evaluation;
mod features;
mod head;
mod hint;
mod inputs;
mod manifest;
mod run;
mod stream;
mod training;
mod work;

use pyo3::prelude::*;
use pyo3::types::PyModuleMethods;

/// What the classes of `headstart` call.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::arrow::ArrowStream;
    #[pymodule_export]
    use crate::backbone::{backbone_names, describe_backbone, find_backbone};
    #[pymodule_export]
    use crate::cache::{cache_gc, cache_info, cache_rows, cache_verify};
    #[pymodule_export]
    use crate::evaluation::Evaluation;
    #[pymodule_export]
    use crate::features::transform;
    #[pymodule_export]
    use crate::head::{default_settings, fit_head, head_probabilities};
    #[pymodule_export]
    use crate::manifest::{normal_label, read_manifest};
    #[pymodule_export]
    use crate::run::Run;
    #[pymodule_export]
    use crate::stream::{Stream, stream};
    #[pymodule_export]
    use crate::training::train;
    #[pymodule_export]
    use crate::work::forked;

    #[pymodule_init]
    fn init(module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        use super::PyModuleMethods;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
