//! A frozen network as one ONNX file whose output is features.
//!
//! [`Backbone::open`] checks a file and tells what it needs, [`inspect()`] describes any ONNX file, [`import`] makes
//! backbones from other formats and [`cut`](cut::cut) from whole classifiers. [`Metadata`] is what a file says about itself.

pub mod cut;
mod digest;
mod error;
mod graph;
pub mod guess;
pub mod import;
mod inspect;
mod labels;
pub mod library;
mod metadata;
mod open;
pub mod probe;
pub mod runtime;
pub mod session;

pub use error::{Error, Result};
pub use guess::Guess;
pub use inspect::{ExternalSummary, Inspection, OperatorCount, ValueSummary, WeightSummary, inspect};
pub use metadata::Metadata;
pub use open::{Backbone, OpenOptions};
