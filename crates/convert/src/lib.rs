//! Graphs in, backbones out.
//!
//! [`cut`](cut::cut) takes whole classifiers apart, [`import`] reads other formats, [`quantize`](quantize::quantize) computes a backbone in
//! 8-bit integers. Each proves its result beside what it was made of before the file gets its name. [`inspect()`] says what any ONNX file is.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod cut;
pub mod import;
mod inspect;
pub mod quantize;

pub use headstart_backbone::weights::WeightSummary;
pub use inspect::{ExternalSummary, Inspection, OperatorCount, ValueSummary, inspect};
