//! Image classifiers from your own pictures, in two stages: a frozen ONNX backbone turns each image into
//! features once ([`extract`]), and a small head is trained on the kept features in seconds ([`train`]).
//!
//! This is a facade: what the crates of headstart offer, under one name. Without the feature `cli` it brings along none of the
//! program's crates.
//!
//! ```no_run
//! use headstart::backbone::Backbone;
//! use headstart::cache::Storage;
//! use headstart::dataset::{Columns, Manifest};
//! use headstart::extract::{ExtractOptions, Extractor, FeatureCache, fingerprint};
//! use headstart::train::{Flow, TrainConfig, train};
//! use headstart::Control;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manifest = Manifest::read("photos.csv".as_ref(), &Columns::default())?;
//! let (classes, images) = (manifest.classes()?, manifest.images());
//! let labels = manifest.labels(&classes)?;
//!
//! let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
//! let fingerprint = fingerprint(&backbone, Storage::F32)?;
//! let mut cache = FeatureCache::create_or_open("data/features".as_ref(), backbone.name(), &fingerprint)?;
//! let extractor = Extractor::new(&backbone, ExtractOptions::default());
//! extractor.fill(&mut cache, &images, &mut Control::silent())?;
//!
//! let features = cache.features(&images)?;
//! let config = TrainConfig::default();
//! let outcome = train(&config, &features, &labels, classes.len(), None, &mut |_| Flow::Continue)?;
//! println!("{:?}: {:?}", outcome.ended, outcome.head.config());
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub use headstart_backbone as backbone;
#[doc(no_inline)]
pub use headstart_base::{files, machine};
#[cfg(feature = "baselines")]
pub use headstart_baselines as baselines;
pub use headstart_cache as cache;
pub use headstart_convert as convert;
pub use headstart_core::{CancelToken, Control, Event, ImageInput, PixelsError, files as image_files};
pub use headstart_core::{dataset, evaluation, export, extract, precision, run, tensorboard};
pub use headstart_evaluate as evaluate;
pub use headstart_image as image;
pub use headstart_nn::{autodiff, layers as nn, optim, train};
pub use headstart_onnx as onnx;
pub use headstart_report as report;
#[cfg(feature = "projections")]
pub use headstart_report::projection;
