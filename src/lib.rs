//! Image classifiers from your own pictures, in two stages: a frozen ONNX backbone turns each image into
//! features once ([`extract`]), and a small head is trained on the kept features in seconds ([`train`]).

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod autodiff;
pub mod backbone;
#[cfg(feature = "baselines")]
pub mod baseline;
pub mod cache;
pub mod dataset;
pub mod evaluate;
pub mod export;
pub mod extract;
pub mod files;
pub mod machine;
pub mod nn;
pub mod onnx;
pub mod optim;
pub mod preprocess;
#[cfg(feature = "projections")]
pub mod projection;
mod python;
pub mod report;
mod text;
pub mod train;
