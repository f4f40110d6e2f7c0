//! How a session of ONNX Runtime begins, whatever it is for.

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use crate::backbone::runtime::Runtime;

/// A session with every optimisation, on so many threads; `None` lets ONNX Runtime take every core.
///
/// Settings that were tried and are left at ONNX Runtime's own stand in `docs/devices.md`, with what they bring.
pub(crate) fn builder(runtime: &Runtime, threads: Option<usize>) -> ort::Result<SessionBuilder> {
    let builder =
        Session::builder(runtime.environment())?.with_optimization_level(GraphOptimizationLevel::Level3)?;
    Ok(match threads {
        Some(threads) => builder.with_intra_threads(threads)?,
        None => builder,
    })
}
