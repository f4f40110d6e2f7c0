//! Answers of an exported ONNX file, without the run that it came from.

use std::path::{Path, PathBuf};

use headstart::backbone::runtime::Runtime;
use headstart::backbone::{Backbone, OpenOptions};
use headstart::export::{Card, Classifier, Form};
use headstart::extract::{Computed, ExtractOptions, Extractor};
use headstart::image_files;
use headstart::onnx;

use super::args::RuntimeArgs;
use super::console::Console;
use super::progress::Progress;
use super::{extract, interrupt};

/// Probabilities of an image, or why there are none.
pub type Row = Result<Vec<f32>, String>;

/// Why an image has no answer that Ctrl-C came before.
pub const STOPPED: &str = "the work stopped before its turn";

/// What was computed of an image, or why there is nothing; `None` where Ctrl-C came before it.
pub fn told<T>(computed: Option<Computed<T>>) -> Result<T, String> {
    computed.map_or_else(|| Err(STOPPED.to_owned()), |row| row.map_err(|failure| failure.reason))
}

/// Whether what was given for a run is such a file.
pub fn is_one(path: &Path) -> bool {
    path.is_file() || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// The classes, and for each file their probabilities.
pub fn answers(
    path: &Path,
    files: &[PathBuf],
    runtime: &RuntimeArgs,
    console: &Console,
) -> anyhow::Result<(Vec<String>, Vec<Row>)> {
    let card = Card::read(&onnx::read(path)?, path)?;
    let rows = match card.form {
        // A graph from tensors to rows of numbers is what extraction runs, in batches and on any device.
        Form::Tensor => extracted(path, &card, files, runtime, console)?,
        Form::Image | Form::Features => one_by_one(path, files, runtime, console)?,
    };
    Ok((card.classes, rows))
}

fn extracted(
    path: &Path,
    card: &Card,
    files: &[PathBuf],
    runtime: &RuntimeArgs,
    console: &Console,
) -> anyhow::Result<Vec<Row>> {
    let options = OpenOptions { feature_tensor: Some(card.output.clone()), ..OpenOptions::default() };
    let backbone = Backbone::open_with(path, &options)?;
    let options = ExtractOptions { engine: runtime.engine_options(), ..ExtractOptions::default() };
    let mut progress = Progress::new(console, "images", files.len());
    let mut listener = extract::advancing(&mut progress, console);
    let mut control = interrupt::control(&mut listener);
    let rows = Extractor::new(&backbone, options).features(&image_files(files), &mut control)?;
    Ok(rows.into_iter().map(told).collect())
}

/// Each image has its own size, and so its own turn.
fn one_by_one(
    path: &Path,
    files: &[PathBuf],
    runtime: &RuntimeArgs,
    console: &Console,
) -> anyhow::Result<Vec<Row>> {
    let cancel = interrupt::listen();
    let loaded = Runtime::load(runtime.onnxruntime.as_deref())?;
    let mut classifier = Classifier::load(&loaded, path, runtime.threads.map(usize::from))?;
    let mut progress = Progress::new(console, "images", files.len());
    let mut rows = vec![];
    for file in files {
        if cancel.is_cancelled() {
            rows.push(Err(STOPPED.to_owned()));
            continue;
        }
        rows.push(match std::fs::read(file) {
            Ok(bytes) => match classifier.classify(&bytes) {
                Err(headstart::export::Error::Pixels(error)) => Err(error.to_string()),
                answer => Ok(answer?),
            },
            Err(error) => Err(error.to_string()),
        });
        progress.advance(1);
    }
    Ok(rows)
}
