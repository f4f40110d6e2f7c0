//! The head: a few dense layers on top of the features, with Keras' semantics.
//!
//! A [`Head`] is data, its parameters plain matrices. [`Head::forward`] records it on a tape for training,
//! [`Head::probabilities`] applies it.

mod activation;
mod config;
mod dense;
mod dropout;
mod error;
#[cfg(test)]
mod golden;
mod head;
pub mod import;
mod init;
mod save;
mod summary;
mod temperature;
pub(crate) mod tensors;

pub use crate::autodiff::softmax;
pub use activation::Activation;
pub use config::{ConfigError, HeadConfig};
pub use dense::Dense;
pub use dropout::Dropout;
pub use error::FormatError;
pub use head::Head;
pub use init::{glorot_uniform, uniform};
pub use summary::{LayerSummary, Summary};
pub use temperature::Temperature;
