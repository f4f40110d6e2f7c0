//! Manifests: folders with a folder for each class, and CSVs.

use std::path::PathBuf;

use headstart_base::files::path_text;
use headstart_core::Control;
use headstart_core::dataset::{self, Columns, Manifest};
use headstart_core::project::Error;
use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::work;

type Read = (Vec<PathBuf>, Vec<Option<String>>, Vec<Option<String>>, String);

/// The files, labels and splits of some manifests, and the digest of all.
#[pyfunction]
#[pyo3(signature = (paths, *, path, label, split, listener))]
pub fn read_manifest(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    path: Option<String>,
    label: Option<String>,
    split: Option<String>,
    listener: &Bound<'_, PyAny>,
) -> PyResult<Read> {
    let default = Columns::default();
    let columns = Columns {
        path: path.unwrap_or(default.path),
        label: label.unwrap_or(default.label),
        split: split.unwrap_or(default.split),
    };
    let read = |control: &mut Control<'_>| -> Result<Manifest, Error> {
        headstart_core::Project::default().read_all(&paths, &columns, control)
    };
    let manifest = work::run(py, listener, read)?.or_raise(py)?;
    let column = |of: fn(&dataset::Example) -> Option<String>| manifest.examples().iter().map(of).collect();
    let labels = column(|example| example.label.as_deref().map(str::to_owned));
    let splits = column(|example| example.split.as_deref().map(str::to_owned));
    Ok((manifest.files(), labels, splits, manifest.digest().to_hex().to_string()))
}

/// A label in the form in which labels are compared.
#[pyfunction]
pub fn normal_label(text: &str) -> String {
    dataset::normal_label(text).into_owned()
}

/// A manifest of the same rows as text, with paths from the root on.
pub fn csv(manifest: &Manifest) -> String {
    let mut text = String::from("path,label\n");
    for example in manifest.examples() {
        let path = std::path::absolute(&example.file).unwrap_or_else(|_| example.file.clone());
        let label = example.label.as_deref().unwrap_or_default();
        text += &format!("{},{}\n", quoted(&path_text(&path)), quoted(label));
    }
    text
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r', ';', '\t', '|']) || cell.trim() != cell {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}
