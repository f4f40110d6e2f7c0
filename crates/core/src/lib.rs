//! The use cases of headstart, in [`project`]; and what they are made of: manifests and folders ([`dataset`]), features
//! ([`extract`]), training results on disk ([`run`]), how good they are ([`evaluation`]), what a report shows ([`report_data`]),
//! one-file classifiers ([`export`]) and curves for TensorBoard ([`tensorboard`]).
//!
//! Fronts call this and render what it gives back: nothing here parses arguments, prints, or draws a progress bar; long work tells
//! what happens by events. Formulas are in `headstart-evaluate`, training itself is in `headstart-nn`.
//!
//! ```
//! use headstart_core::dataset::{Columns, Manifest, split};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let csv = folder.path().join("photos.csv");
//! std::fs::write(&csv, "path,label\na.jpg,cat\nb.jpg,dog\nc.jpg,cat\nd.jpg,dog\n")?;
//!
//! let manifest = Manifest::read(&csv, &Columns::default())?;
//! let classes = manifest.classes()?;
//! assert_eq!(classes.names(), ["cat", "dog"]);
//! let parts = split::stratified(&manifest.labels(&classes)?, 0.5, 7)?;
//! assert_eq!((parts.train.len(), parts.validation.len()), (2, 2));
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

#[cfg(feature = "compare")]
pub mod compare;
mod control;
pub mod dataset;
pub mod evaluation;
pub mod export;
pub mod extract;
pub mod hub_backbone;
mod input;
pub mod installed;
pub mod precision;
pub mod project;
pub mod report_data;
pub mod run;
pub mod run_list;
pub mod settings;
pub mod tensorboard;
mod user_cache;

pub use control::{CancelToken, Control, Event, Level, Message, Watch};
pub use input::{ImageInput, PixelsError, files};
pub use project::{Project, ProjectConfig};
pub use user_cache::{Rate, UserCache};
