//! From a file to a session: from the graph itself, or from its optimised copy.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::copies::Copy;
use super::memory::Memory;
use super::weights::Weights;
use super::{Products, SessionOptions, begin};
use crate::device::TAKE_NOTES;
use crate::runtime::Runtime;
use crate::{Backbone, Error};
use headstart_base::files::folder_of;
use headstart_onnx::{self as onnx, Model};

/// A session that takes notes of where it puts nodes.
pub(super) fn builder(
    runtime: &Runtime,
    backbone: &Backbone,
    threads: Option<usize>,
    products: Products,
) -> Result<SessionBuilder, Error> {
    let (key, value) = TAKE_NOTES;
    super::builder(runtime, threads, products)
        .and_then(|builder| Ok(builder.with_config_entry(key, value)?))
        .map_err(refused(backbone))
}

/// From the graph, which ONNX Runtime is given without the places of maps that nothing reads.
pub(super) fn load(
    backbone: &Backbone,
    builder: impl Fn(Products) -> Result<SessionBuilder, Error>,
) -> Result<Session, Error> {
    let path = backbone.path();
    // Where weights in other files are, which bytes do not tell.
    let Some(folder) = folder_of(path).to_str().filter(|_| backbone.is_wasteful()) else {
        return begin(|products| builder(products)?.commit_from_file(path).map_err(refused(backbone)));
    };
    let mut model = onnx::read(path)?;
    model.graph.as_mut().map(onnx::move_strides);
    let bytes = onnx::encode(&model, path)?;
    // The same weights again, of which ONNX Runtime is about to make more.
    drop(model);
    begin(|products| {
        builder(products)?
            .with_config_entry("session.model_external_initializers_file_folder_path", folder)
            .map_err(|error| error.into())
            .and_then(|mut builder| builder.commit_from_memory(&bytes))
            .map_err(refused(backbone))
    })
}

/// A session of ONNX Runtime, and the weights that it was lent.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) session: Session,
    /// Behind the session, for fields are dropped in their order and the session must go first.
    _weights: Option<Weights>,
}

impl From<Session> for Loaded {
    fn from(session: Session) -> Self {
        Self { session, _weights: None }
    }
}

/// For the CPU, where memory is planned anew in each run: a plan is made in the first run of a batch size and comes into use
/// in the second, beside the memory of the first. Without plans batches of 32 took 224 MB in fp32 instead of 373, and 149
/// instead of 216 in int8, at the same rate.
pub(super) fn builder_for_cpu(
    runtime: &Runtime,
    backbone: &Backbone,
    options: &SessionOptions,
    products: Products,
) -> Result<SessionBuilder, Error> {
    builder(runtime, backbone, options.threads, products)?
        .with_memory_pattern(false)
        .map_err(ort::Error::from)
        .and_then(|builder| Ok(builder.with_intra_op_spinning(!options.sleepy)?))
        .map_err(refused(backbone))
}

/// From the copy in `folder`, which is made of the graph if there is no good one. That no copy can be read or written is no error:
/// it only takes longer, and more memory.
pub(super) fn load_by_copy(
    runtime: &Runtime,
    backbone: &Backbone,
    options: &SessionOptions,
    folder: &Path,
) -> Result<Loaded, Error> {
    let builder = |products| builder_for_cpu(runtime, backbone, options, products);
    let plainly = || load(backbone, builder).map(Loaded::from);
    let Some(copy) = Copy::of(folder, backbone, runtime) else { return plainly() };
    let by_copy = || {
        let (model, memory) = copy.read()?;
        // What becomes of products is settled in the copy.
        load_copy(builder(Products::Fast).ok()?, folder, &model, memory).ok()
    };
    if let Some(loaded) = by_copy() {
        return Ok(loaded);
    }
    let Ok(draft) = copy.draft() else { return plainly() };
    let written = |products| {
        builder(products)?
            .with_optimized_model_path(draft.path())
            .map_err(|error| refused(backbone)(error.into()))
    };
    // A graph may run that cannot be written, and a disk may be full.
    let Ok(session) = load(backbone, written) else { return plainly() };
    // The name of the copy says which graph it is of, and by now the file could be another one.
    if backbone.is_unchanged() && copy.keep(draft).is_ok() {
        // It holds weights of its own beside what is left of making them: a later start takes less, and so does this one.
        drop(session);
        return by_copy().map_or_else(plainly, Ok);
    }
    Ok(session.into())
}

fn load_copy(builder: SessionBuilder, folder: &Path, model: &Model, memory: Memory) -> ort::Result<Loaded> {
    let folder = folder.to_str().ok_or_else(|| ort::Error::new("the folder has no name in Unicode"))?;
    let mut builder = builder
        // All is done, and to look for more would take as long as the first time.
        .with_optimization_level(GraphOptimizationLevel::Disable)?
        .with_config_entry("session.model_external_initializers_file_folder_path", folder)?;
    let mut weights = Weights::of(memory);
    let initializers = model.graph.iter().flat_map(|graph| &graph.initializer);
    for tensor in initializers.filter(|tensor| tensor.is_external()) {
        // SAFETY: the weights are dropped after the session: below if there is none, and else by `Loaded`.
        unsafe { weights.lend(tensor, &mut builder)? };
    }
    let bytes =
        onnx::encode(model, Path::new("a copy")).map_err(|error| ort::Error::new(error.to_string()))?;
    let session = builder.commit_from_memory(&bytes)?;
    Ok(Loaded { session, _weights: Some(weights) })
}

fn refused(backbone: &Backbone) -> impl Fn(ort::Error) -> Error {
    let path = backbone.path().to_path_buf();
    move |source| Error::Graph { path: path.clone(), source }
}
