//! How a session of ONNX Runtime begins, whatever it is for.

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use crate::backbone::runtime::Runtime;

/// A session with every optimisation, on so many threads; `None` lets ONNX Runtime take every core.
///
/// Integers are computed exactly on every processor. x86 processors without VNNI would add products of bytes in 16 bits, where those of weights
/// beyond 7 bits overflow; such weights are multiplied unsigned there, which is slower, and all others are left as they are.
///
/// Settings that were tried and are left at ONNX Runtime's own stand in `docs/devices.md`, with what they bring.
pub(crate) fn builder(runtime: &Runtime, threads: Option<usize>) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_precise_qmm()?;
    Ok(match threads {
        Some(threads) => builder.with_intra_threads(threads)?,
        None => builder,
    })
}
