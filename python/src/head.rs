//! A head on rows of features that are in memory.

use headstart_base::machine::Threads;
use headstart_core::dataset::split;
use headstart_core::project::Error;
use headstart_core::{Control, Event};
use headstart_evaluate::Copies;
use headstart_nn::layers::{Activation, Head, HeadConfig};
use headstart_nn::train::{EpochRecord, Flow, Rows, TrainConfig, TrainEvent, TrainOutcome, train};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{self, OrRaise};
use crate::work;

/// Rows of an array of Python's, and which of them.
struct Chosen<'a> {
    all: ArrayView2<'a, f32>,
    chosen: Vec<usize>,
}

impl Rows for Chosen<'_> {
    fn len(&self) -> usize {
        self.chosen.len()
    }

    fn dim(&self) -> usize {
        self.all.ncols()
    }

    fn gather(
        &self,
        rows: &[usize],
        mut out: ArrayViewMut2<f32>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        for (&row, mut out) in rows.iter().zip(out.axis_iter_mut(Axis(0))) {
            out.assign(&self.all.row(self.chosen[row]));
        }
        Ok(())
    }

    fn name(&self, row: usize) -> String {
        format!("row {}", self.chosen[row])
    }
}

/// Settings in the JSON of `headstart._settings`, checked.
///
/// # Errors
/// `SettingError`.
pub fn settings(py: Python<'_>, json: &str) -> PyResult<TrainConfig> {
    let config: TrainConfig = serde_json::from_str(json).map_err(|error| {
        // The place in a text that nobody wrote means nothing.
        let text = error.to_string();
        errors::setting(py, text.split(" at line ").next().unwrap_or(&text))
    })?;
    config.check().or_raise(py)
}

/// The settings that there are if nothing is said, in JSON.
#[pyfunction]
pub fn default_settings() -> String {
    serde_json::to_string(&TrainConfig::default()).expect("settings are JSON")
}

type Fitted<'py> =
    (Vec<Bound<'py, PyArray2<f32>>>, Vec<Bound<'py, PyArray1<f32>>>, Bound<'py, PyDict>, Option<usize>);

/// Train on `rows` `(n, d)` with `labels` below the number of `classes`: kernels, biases, the history, and the epoch that was
/// kept if it is not the last.
#[pyfunction]
#[pyo3(signature = (rows, labels, classes, *, config, validation, threads, listener))]
#[expect(clippy::too_many_arguments, reason = "they have names in Python")]
pub fn fit_head<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray2<'py, f32>,
    labels: Vec<usize>,
    classes: Vec<String>,
    config: &str,
    validation: Option<f64>,
    threads: Option<usize>,
    listener: &Bound<'py, PyAny>,
) -> PyResult<Fitted<'py>> {
    let config = settings(py, config)?.for_classes(&classes).or_raise(py)?;
    let (training, held_out) = divide(&labels, validation, config.seed).or_raise(py)?;
    let all = rows.as_array();
    let fit = |control: &mut Control<'_>| -> Result<TrainOutcome, Error> {
        let label = |rows: &[usize]| rows.iter().map(|&row| labels[row]).collect::<Vec<_>>();
        let (known, known_held_out) = (label(&training), label(&held_out));
        let training = Chosen { all, chosen: training };
        let held_out = Chosen { all, chosen: held_out };
        let validation =
            (!held_out.is_empty()).then_some((&held_out as &dyn Rows, known_held_out.as_slice()));
        let mut on_event = |event: TrainEvent<'_>| {
            let epoch = matches!(event, TrainEvent::Epoch { .. });
            if epoch {
                control.tell(Event::Train(event));
            }
            if control.is_cancelled() { Flow::Stop } else { Flow::Continue }
        };
        let threads = Threads::for_training(threads.and_then(std::num::NonZeroUsize::new))?;
        let run = || train(&config, &training, &known, classes.len(), validation, &mut on_event);
        let outcome = threads.run(run)?;
        control.tell(Event::TrainEnded(outcome.ended));
        Ok(outcome)
    };
    let outcome = work::run(py, listener, fit)?.or_raise(py)?;
    let layers = outcome.head.layers();
    let kernels = layers.iter().map(|layer| layer.kernel.clone().into_pyarray(py)).collect();
    let biases = layers.iter().map(|layer| layer.bias.row(0).to_owned().into_pyarray(py)).collect();
    Ok((kernels, biases, history(py, &outcome.history.epochs)?, outcome.best_epoch))
}

/// The rows to train on and those held out, as `headstart train --validation` takes them of different images.
fn divide(labels: &[usize], fraction: Option<f64>, seed: u64) -> Result<(Vec<usize>, Vec<usize>), Error> {
    let Some(fraction) = fraction else { return Ok(((0..labels.len()).collect(), vec![])) };
    let parts = split::stratified_images(labels, &Copies::none(labels.len()), fraction, seed)?;
    Ok((parts.train, parts.validation))
}

/// A list for each figure, as Keras' `History.history` has it.
pub fn history<'py>(py: Python<'py>, epochs: &[EpochRecord]) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    let column = |figure: fn(&EpochRecord) -> f64| epochs.iter().map(figure).collect::<Vec<_>>();
    all.set_item("loss", column(|record| record.loss))?;
    all.set_item("accuracy", column(|record| record.accuracy))?;
    if epochs.iter().any(|record| record.val_loss.is_some()) {
        let measured =
            |figure: fn(&EpochRecord) -> Option<f64>| epochs.iter().map(figure).collect::<Vec<_>>();
        all.set_item("val_loss", measured(|record| record.val_loss))?;
        all.set_item("val_accuracy", measured(|record| record.val_accuracy))?;
    }
    all.set_item("learning_rate", column(|record| record.learning_rate))?;
    Ok(all)
}

/// Probabilities `(n, classes)` of the head with these kernels and biases.
#[pyfunction]
#[pyo3(signature = (rows, kernels, biases, activation))]
pub fn head_probabilities<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray2<'py, f32>,
    kernels: Vec<PyReadonlyArray2<'py, f32>>,
    biases: Vec<PyReadonlyArray2<'py, f32>>,
    activation: &str,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let activation: Activation = serde_json::from_value(activation.into())
        .map_err(|_| errors::setting(py, "`activation` is not `relu`, `tanh` or `sigmoid`"))?;
    let shapes: Vec<_> = kernels.iter().map(|kernel| kernel.as_array().dim()).collect();
    let (first, last) = (shapes[0], shapes[shapes.len() - 1]);
    let config = HeadConfig {
        inputs: first.0,
        hidden: shapes[..shapes.len() - 1].iter().map(|shape| shape.1).collect(),
        activation,
        dropout: 0.0,
        classes: last.1,
    };
    let layers = kernels.iter().zip(&biases);
    let parameters =
        layers.flat_map(|(kernel, bias)| [kernel.as_array().to_owned(), bias.as_array().to_owned()]);
    let parameters: Vec<Array2<f32>> = parameters.collect();
    let head =
        Head::from_parameters(config, parameters).map_err(|error| errors::setting(py, &error.to_string()))?;
    let rows = rows.as_array();
    let probabilities = py.detach(|| in_parts(&head, rows));
    Ok(probabilities.into_pyarray(py))
}

/// Rows that go through the head together.
const ROWS: usize = 1024;

fn in_parts(head: &Head, rows: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut all = Array2::zeros((rows.nrows(), head.config().classes));
    let parts = rows.axis_chunks_iter(Axis(0), ROWS).zip(all.axis_chunks_iter_mut(Axis(0), ROWS));
    parts.for_each(|(rows, mut out)| out.assign(&head.probabilities(rows)));
    all
}
