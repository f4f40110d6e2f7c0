//! A frozen network as one ONNX file whose output is features.
//!
//! [`Backbone::open`] checks a file and tells what it needs, [`inspect()`] describes any ONNX file, [`import`] makes
//! backbones from other formats, [`cut`](cut::cut) from whole classifiers and [`quantize`](quantize::quantize) from others. [`Metadata`] is what a file says about itself.
//! [`runtime`] and [`session`] run it on a [`device`]; an [`Engine`] is all three.

mod answers;
pub mod cut;
pub mod device;
mod digest;
mod elf;
mod engine;
mod error;
mod graph;
pub mod guess;
mod hashing;
pub mod import;
mod inspect;
mod labels;
pub mod library;
mod metadata;
mod open;
mod pixels;
pub mod probe;
pub mod quantize;
pub mod runtime;
pub mod session;
mod zoo;

pub use elf::Flaw;
pub use engine::{Engine, EngineOptions};
pub use error::{Error, Output, Result};
pub use guess::Guess;
pub use inspect::{ExternalSummary, Inspection, OperatorCount, ValueSummary, WeightSummary, inspect};
pub use metadata::Metadata;
pub use open::{Backbone, OpenOptions};
