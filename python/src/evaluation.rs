//! How good a run is on labelled images.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use headstart_core::Control;
use headstart_core::evaluation::PredictionColumns;
use headstart_core::project::{self, Page};
use headstart_image::Heif;
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::work;

/// Figures, and what was said of each image.
#[pyclass(frozen, module = "headstart._core")]
pub struct Evaluation {
    found: Mutex<project::Evaluation<'static>>,
    heif: Heif,
}

impl Evaluation {
    /// Of what the core found.
    pub fn new(found: project::Evaluation<'static>, heif: Heif) -> Self {
        Self { found: Mutex::new(found), heif }
    }

    fn found(&self) -> MutexGuard<'_, project::Evaluation<'static>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Evaluation {
    /// All figures, in JSON: the content of `metrics.json`.
    #[getter]
    fn metrics(&self) -> String {
        self.found().metrics.to_json()
    }

    /// The classes.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.found().run().info.classes.clone()
    }

    /// Probabilities `(n, classes)` of the images that have features.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f32>> {
        self.found().probabilities.clone().into_pyarray(py)
    }

    /// Of each of these images its row among all that were given, its path, and the index of its class.
    #[getter]
    fn samples(&self) -> Vec<(usize, String, Option<usize>)> {
        let found = self.found();
        found.samples().iter().map(|sample| (sample.row, sample.path.clone(), sample.label)).collect()
    }

    /// The page of the report, in HTML.
    fn page(&self, py: Python<'_>, listener: &Bound<'_, PyAny>) -> PyResult<String> {
        work::run(py, listener, |_| self.html())
    }

    /// Write `predictions.csv`, `metrics.json`, `evaluation.toml` and `report.html` into a folder, by default one in the run. The
    /// folder.
    #[pyo3(signature = (folder, *, top, listener))]
    fn write(
        &self,
        py: Python<'_>,
        folder: Option<PathBuf>,
        top: usize,
        listener: &Bound<'_, PyAny>,
    ) -> PyResult<PathBuf> {
        let write = |control: &mut Control<'_>| {
            let html = self.html();
            let found = self.found();
            let folder = folder.unwrap_or_else(|| found.folder(control));
            make(&folder)?;
            let columns = PredictionColumns { top, ..PredictionColumns::default() };
            found.write(&folder, columns, Page::Write(&html), control)?;
            Ok::<_, project::Error>(folder)
        };
        work::run(py, listener, write)?.or_raise(py)
    }
}

impl Evaluation {
    fn html(&self) -> String {
        let data = self.found().report_data();
        headstart_report::page(&data, &self.heif)
    }
}

fn make(folder: &Path) -> Result<(), project::Error> {
    let failed = |source| project::Error::Folder { path: folder.into(), source };
    std::fs::create_dir_all(folder).map_err(failed)
}
