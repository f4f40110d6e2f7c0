//! A frozen network as one ONNX file whose output is features.
//!
//! [`Backbone::open`] checks a file and tells what it needs, [`inspect()`] describes any ONNX file, [`import`] makes
//! backbones from other formats. [`Metadata`] is what a file says about itself. [`runtime`] and [`session`] run it on a [`device`];
//! an [`Engine`] is all three.

pub mod device;
mod digest;
mod engine;
mod error;
mod graph;
pub mod import;
mod inspect;
pub mod library;
mod metadata;
mod open;
mod probe;
mod python;
pub mod runtime;
pub mod session;

pub use engine::{Engine, EngineOptions};
pub use error::{Error, Result};
pub use inspect::{ExternalSummary, Inspection, OperatorCount, ValueSummary, WeightSummary, inspect};
pub use metadata::Metadata;
pub use open::{Backbone, OpenOptions};
