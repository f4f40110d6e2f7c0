//! The use cases of headstart: manifests, extraction, runs, evaluations, exports. Fronts call this and render what it
//! gives back.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod dataset;
pub mod evaluation;
pub mod export;
pub mod extract;
pub mod run;
pub mod tensorboard;
