//! How good a classifier is: figures, predictions, and the files that keep them.
//!
//! [`metrics`] has the formulas, on arrays alone. [`Metrics`] is all of them for one set of images, as
//! `metrics.json` stores them; [`Prediction`] is what was said of one image, as `predictions.csv` stores it.

mod document;
mod error;
pub mod metrics;
mod predictions;

pub use document::{Averages, ClassMetrics, Confusion, Metrics, SCHEMA, TopK};
pub use error::Error;
pub use predictions::{Prediction, Writer, least_sure_hits, predict, surest_mistakes};
