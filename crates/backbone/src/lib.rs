//! A frozen network as one ONNX file whose output is features.
//!
//! [`Backbone::open`] checks a file and tells what it needs. [`Metadata`] is what a file says about itself.
//! [`runtime`] and [`session`] run it on a [`device`]; an [`Engine`] is all three.
//!
//! ONNX Runtime is loaded at run time, so building this needs none. Nothing is converted or trained here, and no image is
//! decoded: a session takes the numbers that `headstart-image` makes.
//!
//! ```no_run
//! use headstart_backbone::{Backbone, Engine, EngineOptions};
//! use ndarray::Array4;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
//! let [height, width, channels] = backbone.recipe().input_shape();
//! let images = Array4::<f32>::zeros((8, height, width, channels));
//! let mut engine = Engine::start(&backbone, &EngineOptions::default())?;
//! let features = engine.session.run(images.view())?;
//! println!("{} rows of {} features", features.nrows(), features.ncols());
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod device;
#[doc(hidden)]
pub mod digest;
mod elf;
mod engine;
mod error;
#[doc(hidden)]
pub mod graph;
pub mod guess;
mod hashing;
#[doc(hidden)]
pub mod image_input;
#[doc(hidden)]
pub mod labels;
pub mod libraries;
pub mod library;
#[doc(hidden)]
pub mod meaning;
mod metadata;
mod open;
#[doc(hidden)]
pub mod pixels;
mod providers;
pub mod runtime;
pub mod session;
#[doc(hidden)]
pub mod weights;
#[doc(hidden)]
pub mod zoo;

pub use elf::Flaw;
pub use engine::{Engine, EngineOptions};
#[doc(hidden)]
pub use error::Edges;
pub use error::{Error, Output, Result};
pub use guess::Guess;
pub use libraries::Libraries;
pub use metadata::Metadata;
pub use open::{Backbone, OpenOptions};
#[doc(hidden)]
pub use ort;
