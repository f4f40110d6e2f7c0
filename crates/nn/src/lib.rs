//! A tape that differentiates, the head's layers and optimizers with Keras' semantics, and the loop that trains a head
//! on rows of numbers.
//!
//! [`autodiff`] and [`optim`] are of use alone. [`layers`] has the head, which is data; [`train`] has the loop, which
//! tells what happens by events. Nothing here knows images, runs or a terminal. The same seed gives the same bits.
//!
//! ```
//! use headstart_nn::train::{Flow, TrainConfig, train};
//! use ndarray::array;
//!
//! // Four rows of two features, and two classes.
//! let rows = array![[0.0, 1.0], [1.0, 0.0], [0.1, 0.9], [0.9, 0.1]];
//! let config = TrainConfig { hidden: vec![8], epochs: 40, batch_size: 2, learning_rate: 0.01, ..Default::default() };
//! let outcome = train(&config, &rows, &[0, 1, 0, 1], 2, None, &mut |_| Flow::Continue)?;
//! assert!(outcome.head.probabilities(rows.view())[(1, 1)] > 0.5);
//! # Ok::<(), headstart_nn::train::Error>(())
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod autodiff;
pub mod layers;
pub mod optim;
pub mod train;
