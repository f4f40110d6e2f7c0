//! A backbone in eight bits: three times as fast on processors with instructions for it, with features that are nearly the same.
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//!
//! use headstart_backbone::{Backbone, Libraries, runtime::Runtime};
//! use headstart_convert::quantize::{QuantizeOptions, quantize};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
//! let images = ["photos/1.jpg".into(), "photos/2.jpg".into()];
//! let runtime = Runtime::load(&Libraries::default())?;
//! let done = quantize(&runtime, &backbone, &images, &QuantizeOptions::default(), &AtomicBool::new(false), &mut |_| ())?;
//! println!("mean cosine {:.4}", done.report.fidelity.cosine_mean);
//! done.write("models/resnet50.int8.onnx".as_ref(), false)?;
//! # Ok(())
//! # }
//! ```
//!
//! What happens, in this order:
//!
//! 1. Images are drawn and divided: some to calibrate on, others to be held out until all is chosen.
//! 2. The graph is made ready (`prepare`): normalisations and paddings are worked into convolutions, the input becomes bytes (`pixels`) again.
//! 3. It runs in floats, and ranges and histograms (`observe`) of what passes through are kept, never the tensors.
//! 4. Channels of one tensor are brought to like ranges (`equalise`), ranges (`range`) are chosen for each tensor; what is best is measured at the features.
//! 5. Weights are rounded together (`second_order`), for what the network in integers really reads; then biases take in what rounding
//!    shifts, one convolution after another (`biases`).
//! 6. The graph (`rewrite`; its last mean is one of codes, `pooled`) is held against the floats on the images held out. Where it is
//!    not near enough, layers go back to floats.

mod biases;
mod calibration;
mod conv;
mod equalise;
mod error;
mod fidelity;
mod gram;
mod histogram;
mod images;
mod kernel;
mod layers;
mod observe;
mod options;
mod pixels;
mod plan;
mod pooled;
mod prepare;
mod products;
mod range;
mod report;
mod rewrite;
mod runner;
mod search;
mod second_order;
mod speed;
mod stepper;
#[cfg(test)]
mod tests;
mod unfinished;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use calibration::Calibration;
pub use error::{Error, Result};
pub use fidelity::Fidelity;
pub use kernel::WeightBits;
pub use options::{KeepFloat, QuantizeEvent, QuantizeOptions, Ranges, Rounding, Stage};
pub use plan::{Float, Why};
pub use range::{Levels, Method};
pub use report::{Report, Speed};
pub use unfinished::beside as unfinished_beside;

use self::images::{Sample, Wanted};
use self::runner::Machine;
use self::unfinished::Unfinished;
use headstart_backbone::runtime::Runtime;
use headstart_backbone::{Backbone, Metadata};
use headstart_base::files::Inputs;
use headstart_base::machine::Threads;
use headstart_onnx::{self as onnx, Graph, Model};

/// A backbone in integers that was found good enough, and not written yet.
#[derive(Debug, Clone)]
pub struct Quantized {
    /// The graph in integers.
    pub model: Model,
    /// What was done, and how near it is to the one in floats.
    pub report: Report,
    /// What was chosen, to make the same graph again elsewhere.
    pub calibration: Calibration,
    /// What it was made of.
    source: PathBuf,
    /// Where it was kept while it was made.
    unfinished: Option<PathBuf>,
}

impl Quantized {
    /// Write the file: an ordinary backbone, with an account of how it was made.
    ///
    /// # Errors
    /// [`Error::Target`] if something is there already and is not to be replaced, or if it is the backbone itself.
    pub fn write(&self, path: &Path, overwrite: bool) -> Result<()> {
        Inputs::default().files([&self.source]).check(&[path.to_owned()], || overwrite)?;
        Ok(onnx::write(&self.model, path)?)
    }

    /// Remove what was kept at [`QuantizeOptions::unfinished`]: to be called when the graph is where it belongs.
    pub fn forget_unfinished(&self) {
        self.unfinished.iter().for_each(|path| unfinished::remove(path));
    }
}

/// Quantise `backbone`, calibrated on some of `files` and measured on others of them.
///
/// Takes some minutes; `on_event` hears what is done, on another thread than this. Setting `cancel` ends it before the next step.
///
/// # Errors
/// [`Error::Quantised`], [`onnx::Error::Opset`], [`Error::NothingToDo`]: the graph cannot be quantised. [`Error::TooFewImages`]: nothing to
/// calibrate on. [`Error::Fidelity`]: the result is further from the floats than [`QuantizeOptions::min_cosine`] allows.
pub fn quantize(
    runtime: &Runtime,
    backbone: &Backbone,
    files: &[PathBuf],
    options: &QuantizeOptions,
    cancel: &AtomicBool,
    on_event: &mut (dyn FnMut(QuantizeEvent<'_>) + Send),
) -> Result<Quantized> {
    let threads = Threads::new(options.threads.and_then(NonZeroUsize::new))?;
    threads.run(|| on_these_threads(runtime, backbone, files, options, cancel, on_event))
}

fn on_these_threads(
    runtime: &Runtime,
    backbone: &Backbone,
    files: &[PathBuf],
    options: &QuantizeOptions,
    cancel: &AtomicBool,
    on_event: &mut dyn FnMut(QuantizeEvent<'_>),
) -> Result<Quantized> {
    let path = backbone.path();
    let model = search::embedded(backbone)?;
    let wanted = Wanted { calibration: options.calibration, held_out: options.held_out };
    on_event(QuantizeEvent::Stage(Stage::Images));
    let sample = Sample::draw(
        backbone.recipe(),
        &runtime.libraries().heif,
        files,
        options.held_out_files.as_deref(),
        wanted,
    )?;
    on_event(QuantizeEvent::Drawn {
        calibration: sample.calibration.len(),
        held_out: sample.held_out.len(),
        failed: &sample.failed,
    });
    let machine = Machine { runtime, threads: options.threads, fixed_batch: backbone.batch_size() };
    let key = key(&machine, backbone, &sample, options);
    let mut unfinished = Unfinished::open(options.unfinished.as_deref(), key, on_event);
    let found =
        search::search(&machine, backbone, model, &sample, options, &mut unfinished, cancel, on_event);
    if let Err(Error::Fidelity { .. }) = found {
        // It would come out the same again.
        unfinished.remove();
    }
    let found = found?;
    let mut model = found.model;
    let metadata = Metadata {
        name: Some(format!("{}-int8", backbone.name())),
        recipe: Some(backbone.recipe().clone()),
        recipe_doubts: vec![],
        feature_tensor: Some(backbone.feature_tensor().to_owned()),
        feature_size: Some(backbone.feature_size()),
        labels: backbone.labels().to_vec(),
        source: backbone.source().map(str::to_owned),
        licence: backbone.licence().map(str::to_owned),
        quantized: Some(found.report.account(backbone)),
    };
    metadata.write_into(&mut model);
    let calibration = Calibration::new(backbone, &found.fit.chosen(options.bits), &metadata, &model)?;
    let unfinished = options.unfinished.clone();
    Ok(Quantized { model, report: found.report, calibration, source: path.to_owned(), unfinished })
}

/// What all that is chosen depends on, in one hash.
fn key(
    machine: &Machine<'_>,
    backbone: &Backbone,
    sample: &Sample,
    options: &QuantizeOptions,
) -> blake3::Hash {
    let QuantizeOptions { ranges, rounding, equalise, bits, threads, .. } = options;
    let mut hasher = blake3::Hasher::new();
    for part in [
        env!("CARGO_PKG_VERSION"),
        backbone.digest().to_hex().as_str(),
        backbone.feature_tensor(),
        &backbone.recipe().to_json(),
        &machine.runtime.identity(),
        std::env::consts::ARCH,
        &format!("{ranges:?} {rounding:?} {equalise:?} {bits:?} {threads:?}"),
    ] {
        // Its length first, so that no two lists of parts read alike.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    sample.calibration.keys().iter().for_each(|key| {
        hasher.update(key.as_bytes());
    });
    hasher.finalize()
}

/// The graph to be quantised, if it can be.
fn read(path: &Path) -> Result<Model> {
    let mut model = onnx::read(path)?;
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let bodies = model.functions.iter().flat_map(|function| &function.node);
    let integers = |operator: &str| {
        operator.contains("QuantizeLinear")
            || operator.starts_with("QLinear")
            || operator.ends_with("Integer")
    };
    if let Some(node) = nodes.chain(bodies).find(|node| integers(node.op_type())) {
        return Err(Error::Quantised { path: path.to_owned(), operator: node.op_type().to_owned() });
    }
    // Asked before the work. It is done later: what is measured against is the graph as it is.
    prepare::raise(&mut model.clone())?;
    if let Some(graph) = model.graph.as_mut() {
        graph.bind_constants();
    }
    Ok(model)
}

fn graph(model: &Model) -> &Graph {
    model.graph.as_ref().expect("`onnx::read` refuses a file without a graph")
}

fn graph_mut(model: &mut Model) -> &mut Graph {
    model.graph.as_mut().expect("`onnx::read` refuses a file without a graph")
}
