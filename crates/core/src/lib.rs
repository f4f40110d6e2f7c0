//! The use cases of headstart: manifests, extraction, runs, evaluations, exports. Fronts call this and render what it
//! gives back.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod control;
pub mod dataset;
pub mod evaluation;
pub mod export;
pub mod extract;
mod input;
pub mod precision;
pub mod run;
pub mod tensorboard;

pub use control::{CancelToken, Control, Event};
pub use input::{ImageInput, PixelsError, files};
