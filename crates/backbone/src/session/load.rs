//! From a file to a session: from the graph itself, or from its optimised copy.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::copies::Copy;
use super::weights::Weights;
use super::{Products, begin};
use crate::device::TAKE_NOTES;
use crate::runtime::Runtime;
use crate::{Backbone, Error};
use headstart_base::files::folder_of;
use headstart_onnx::{self as onnx, DataLocation, Skimmed, StringStringEntry};

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
    begin(|products| {
        builder(products)?
            .with_config_entry("session.model_external_initializers_file_folder_path", folder)
            .map_err(|error| error.into())
            .and_then(|mut builder| builder.commit_from_memory(&bytes))
            .map_err(refused(backbone))
    })
}

/// From the copy in `folder` if there is a good one, else from the graph, of which a copy is made on the way. That no copy can
/// be read or written is no error: it only takes longer.
pub(super) fn load_by_copy(
    runtime: &Runtime,
    backbone: &Backbone,
    threads: Option<usize>,
    folder: &Path,
) -> Result<Session, Error> {
    let plainly = || load(backbone, |products| builder(runtime, backbone, threads, products));
    let Some(copy) = Copy::of(folder, backbone, runtime) else { return plainly() };
    if let Some(graph) = copy.read() {
        // What becomes of products is settled in the copy.
        let builder = builder(runtime, backbone, threads, Products::Fast)?;
        if let Ok(session) = load_copy(builder, graph) {
            return Ok(session);
        }
    }
    let Ok(draft) = copy.draft() else { return plainly() };
    let written = |products| {
        let builder = builder(runtime, backbone, threads, products)?;
        builder.with_optimized_model_path(draft.path()).map_err(|error| refused(backbone)(error.into()))
    };
    // A graph may run that cannot be written, and a disk may be full.
    let Ok(session) = load(backbone, written) else { return plainly() };
    // The name of the copy says which graph it is of, and by now the file could be another one.
    if backbone.is_unchanged() {
        let _ = draft.keep();
    }
    Ok(session)
}

fn load_copy(builder: SessionBuilder, graph: Skimmed<Weights>) -> ort::Result<Session> {
    let Skimmed { mut model, weights } = graph;
    // All is done, and to look for more would take as long as the first time.
    let mut builder = builder.with_optimization_level(GraphOptimizationLevel::Disable)?;
    let initializers = model.graph.as_mut().map_or(&mut [][..], |graph| &mut graph.initializer);
    for (place, weights) in weights {
        let tensor = &mut initializers[place];
        // ONNX Runtime takes weights from us only where the graph says that they are elsewhere.
        tensor.data_location = Some(DataLocation::External as i32);
        tensor.external_data = vec![StringStringEntry::new("location", "weights")];
        builder = builder.with_external_initializer(tensor.name(), weights.into_value(&tensor.dims)?)?;
    }
    let bytes =
        onnx::encode(&model, Path::new("a copy")).map_err(|error| ort::Error::new(error.to_string()))?;
    builder.commit_from_memory(&bytes)
}

fn refused(backbone: &Backbone) -> impl Fn(ort::Error) -> Error {
    let path = backbone.path().to_path_buf();
    move |source| Error::Graph { path: path.clone(), source }
}
