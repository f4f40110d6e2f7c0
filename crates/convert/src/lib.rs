//! Graphs in, backbones out.
//!
//! [`cut`](cut::cut) takes whole classifiers apart, [`import`] reads other formats ([`checkpoint`] PyTorch's), [`quantize`](quantize::quantize) computes a backbone in
//! 8-bit integers. Each proves its result beside what it was made of before the file gets its name. [`inspect()`] says what any ONNX file is.
//!
//! Nothing is trained here and nothing is fetched. Proofs run in ONNX Runtime, which is loaded at run time.
//!
//! ```no_run
//! use headstart_backbone::{Libraries, runtime::Runtime};
//! use headstart_convert::cut::{CutOptions, cut};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (network, backbone) = ("classifier.onnx".as_ref(), "backbone.onnx".as_ref());
//! let done = cut(&Runtime::load(&Libraries::default())?, network, backbone, &CutOptions::default())?;
//! println!("{} features, from `{}`: {}", done.feature_size, done.tensor, done.reason);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod architecture;
pub mod checkpoint;
pub mod cut;
pub mod import;
mod inspect;
pub mod quantize;

pub use headstart_backbone::weights::WeightSummary;
pub use inspect::{ExternalSummary, Inspection, OperatorCount, ValueSummary, inspect};
