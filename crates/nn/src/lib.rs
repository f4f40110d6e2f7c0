//! A tape that differentiates, the head's layers and optimizers with Keras' semantics, and the loop that trains a head
//! on rows of numbers. Nothing here knows images, runs or a terminal.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod autodiff;
pub mod layers;
pub mod optim;
pub mod train;
