//! Image classifiers from your own pictures, in two stages: a frozen ONNX backbone turns each image into
//! features once ([`extract`]), and a small head is trained on the kept features in seconds ([`train`]).

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
