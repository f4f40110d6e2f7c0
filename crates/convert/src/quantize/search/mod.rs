//! From a graph in floats to the best one in integers that was found.

mod fit;
mod floats;

pub(super) use fit::Settled;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, ArrayView4};

use super::error::{Error, Result};
use super::fidelity::Fidelity;
use super::images::Sample;
use super::options::{KeepFloat, QuantizeEvent, QuantizeOptions, Stage};
use super::plan::{Float, Plan, label};
use super::report::Report;
use super::runner::Machine;
use super::unfinished::Unfinished;
use super::{graph, graph_mut, pixels, prepare, speed};
use headstart_backbone::Backbone;
use headstart_base::files::folder_of;
use headstart_onnx::{self as onnx, Model};

/// What was found.
pub(super) struct Found {
    pub model: Model,
    pub report: Report,
    pub fit: Settled,
}

/// Images run at once where only features are wanted.
const BATCH: usize = 8;

/// Of 128 calibration images so many are enough to tell what the whole is worth, and what channels are like: with half as many a graph of Keras'
/// ResNet50 had a relative error of 0.049 instead of 0.047.
const TRIAL: usize = 32;

/// To tell which ranges are better.
const RANKED: usize = 16;

/// For biases: 32 made no difference.
const BIASES: usize = 24;

/// For histograms: 128 made no difference, and with 32 the error was 0.055 instead of 0.047.
const OBSERVED: usize = 64;

/// Images that show whether a graph still computes what it computed.
const SAMPLE: usize = 4;

/// Of the largest feature: how far the prepared graph may be from the given one. Only the order of sums differs.
const SAME: f64 = 1e-3;

#[expect(clippy::too_many_arguments, reason = "what all the steps share")]
pub(super) fn search(
    machine: &Machine<'_>,
    backbone: &Backbone,
    original: Model,
    sample: &Sample,
    options: &QuantizeOptions,
    unfinished: &mut Unfinished,
    cancel: &AtomicBool,
    on_event: &mut dyn FnMut(QuantizeEvent<'_>),
) -> Result<Found> {
    let features = [backbone.feature_tensor().to_owned()];
    let calibration = machine.load(&original, &features)?.rows(sample.calibration.first(SAMPLE), BATCH)?;

    let (prepared, network, bytes) = made_ready(backbone, &original)?;
    // As large as the weights, and not needed until the end.
    drop(original);
    let mut bench = Bench {
        machine,
        path: backbone.path(),
        sample,
        options,
        unfinished,
        cancel,
        on_event,
        features,
        calibration,
        bytes,
        network,
    };
    bench.check_same(&prepared)?;

    let told = bench.told(&prepared)?;
    let mut fit = bench.fit(prepared, &told)?;
    if options.keep_float == KeepFloat::Auto && !bench.is_near(&fit) {
        fit = bench.enough(&made_ready(backbone, &embedded(backbone)?)?.0, &fit)?;
    }
    let model = fit.rounded();
    let on_calibration = match options.compare_calibration {
        true => bench.rows(&model, sample.calibration.first(bench.calibration.nrows()))?,
        false => Array2::zeros((0, 0)),
    };

    let fit = fit.settled();

    bench.stage(Stage::Measurement)?;
    let mut integers = machine.load(&model, &bench.features)?;
    let mut floats = machine.load(&embedded(backbone)?, &bench.features)?;
    let (held_out, speed) =
        speed::measure(&mut floats, &mut integers, sample.held_out.tensor(), &mut |done| {
            bench.within(Stage::Measurement, done)
        })?;
    drop((floats, integers));
    let fidelity = Fidelity::of(&held_out[0], &held_out[1]);
    if fidelity.cosine_mean < options.min_cosine || fidelity.cosine_mean.is_nan() {
        return Err(Error::Fidelity { found: fidelity.cosine_mean, bound: options.min_cosine });
    }
    let report = Report {
        calibration_images: sample.calibration.len(),
        calibration_digest: sample.calibration.digest().to_hex().to_string(),
        layers: fit.plan.layers.len(),
        operators: machine.operators(&model)?,
        float: bench.float(&fit.plan),
        ranges: fit.method,
        equalised: fit.exponent,
        weights: options.bits,
        fidelity,
        held_out: sample.held_out.places.clone(),
        calibration: sample.calibration.places.clone(),
        held_out_features: held_out,
        calibration_features: [bench.calibration, on_calibration],
        speed,
    };
    Ok(Found { model, report, fit })
}

/// The graph as its file has it, with all its weights.
pub(super) fn embedded(backbone: &Backbone) -> Result<Model> {
    let mut model = super::read(backbone.path())?;
    onnx::embed_external_data(&mut model, folder_of(backbone.path()))?;
    Ok(model)
}

/// The graph as it is rounded, the network's own nodes, and the tensor with bytes, if there is one.
fn made_ready(backbone: &Backbone, original: &Model) -> Result<(Model, BTreeSet<String>, Option<String>)> {
    let mut prepared = original.clone();
    prepare::prepare(&mut prepared, folder_of(backbone.path()))?;
    let network = graph(&prepared).node.iter().map(label).collect();
    let bytes = pixels::restore(graph_mut(&mut prepared), backbone.input_name(), backbone.recipe())?;
    Ok((prepared, network, bytes))
}

/// What everything is tried on.
struct Bench<'a> {
    machine: &'a Machine<'a>,
    /// The backbone's.
    path: &'a Path,
    sample: &'a Sample,
    options: &'a QuantizeOptions,
    unfinished: &'a mut Unfinished,
    cancel: &'a AtomicBool,
    on_event: &'a mut dyn FnMut(QuantizeEvent<'_>),
    /// The name of the output.
    features: [String; 1],
    /// Features of the calibration images in floats: at first of some by the given graph, then of half of them by the prepared one.
    calibration: Array2<f32>,
    /// The tensor that holds bytes, if there is one.
    bytes: Option<String>,
    /// The network's own nodes; there are others that turn its input into bytes, or even out channels.
    network: BTreeSet<String>,
}

impl<'a> Bench<'a> {
    fn stage(&mut self, stage: Stage) -> Result<()> {
        (self.on_event)(QuantizeEvent::Stage(stage));
        self.within(stage, 0.0)
    }

    /// Tell that so much of a stage is done, from 0 to 1, and go on unless it is cancelled.
    fn within(&mut self, stage: Stage, done: f64) -> Result<()> {
        let [from, to] = stage.part();
        (self.on_event)(QuantizeEvent::Progress { stage, done: from + (to - from) * done });
        self.go_on()
    }

    fn go_on(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Of 128 calibration images so many, of more as large a share; of fewer as many, if they are there.
    fn part(&self, of_128: usize) -> ArrayView4<'a, f32> {
        let calibration = &self.sample.calibration;
        calibration.first((calibration.len() * of_128 / 128).max(of_128))
    }

    fn rows(&self, model: &Model, images: ArrayView4<'_, f32>) -> Result<Array2<f32>> {
        self.machine.load(model, &self.features)?.rows(images, BATCH)
    }

    /// That the graph still computes what it computed.
    fn check_same(&self, prepared: &Model) -> Result<()> {
        let images = self.sample.calibration.first(SAMPLE);
        let rows = self.rows(prepared, images)?;
        let expected = self.calibration.slice(ndarray::s![..rows.nrows(), ..]);
        let largest = expected.iter().fold(0.0f64, |largest, &x| largest.max(f64::from(x).abs()));
        let pairs = expected.iter().zip(&rows);
        let difference = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
        // `max` would pass over a NaN.
        let difference = difference.fold(0.0, |a: f64, b| if b > a || b.is_nan() { b } else { a });
        let bound = SAME * largest;
        if difference <= bound { Ok(()) } else { Err(Error::Changed { difference, bound }) }
    }

    /// What of the network stays in floats.
    fn float(&self, plan: &Plan) -> Vec<Float> {
        plan.float.iter().filter(|float| self.network.contains(&float.name)).cloned().collect()
    }

    /// How near `model` is on so many of 128 calibration images.
    fn trial(&self, model: &Model, of_128: usize) -> Result<Fidelity> {
        self.go_on()?;
        let rows = self.rows(model, self.part(of_128))?;
        let floats = self.calibration.slice(ndarray::s![..rows.nrows(), ..]).to_owned();
        Ok(Fidelity::of(&floats, &rows))
    }
}
