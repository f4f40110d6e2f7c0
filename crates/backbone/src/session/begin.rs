//! How a session of ONNX Runtime begins, whatever it is for.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::processor::bytes_overflow;
use crate::Error;
use crate::runtime::Runtime;

/// How ONNX Runtime multiplies unsigned by signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    /// As is fastest, also where sums [overflow](bytes_overflow).
    Fast,
    /// Weights that could overflow are multiplied unsigned, which is slower; others as they are.
    Exact,
}

/// The session that `make` makes, with exact products where that is possible.
///
/// Of some graphs, such as those with signed activations, ONNX Runtime makes one by that setting which it then refuses itself: they are computed as they
/// are without it.
pub fn begin<E>(make: impl Fn(Products) -> Result<Session, E>) -> Result<Session, E> {
    match bytes_overflow() {
        true => make(Products::Exact).or_else(|_| make(Products::Fast)),
        false => make(Products::Fast),
    }
}

/// Have ONNX Runtime load the graph at `path`, and no more: nothing is optimised or run.
///
/// # Errors
/// [`Error::Graph`] if it refuses the graph.
pub fn try_graph(runtime: &Runtime, path: &Path) -> Result<(), Error> {
    let session = Session::builder(runtime.environment())
        .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::Disable)?))
        .and_then(|mut builder| builder.commit_from_file(path));
    session.map(drop).map_err(|source| Error::Graph { path: path.to_owned(), source })
}

/// A session with every optimisation, on so many threads; `None` lets ONNX Runtime take every core.
///
/// Settings that were tried and are left at ONNX Runtime's own stand in `docs/devices.md`, with what they bring.
pub fn builder(runtime: &Runtime, threads: Option<usize>, products: Products) -> ort::Result<SessionBuilder> {
    let mut builder =
        Session::builder(runtime.environment())?.with_optimization_level(GraphOptimizationLevel::Level3)?;
    if products == Products::Exact {
        builder = builder.with_precise_qmm()?;
    }
    Ok(match threads {
        Some(threads) => builder.with_intra_threads(threads)?,
        None => builder,
    })
}
