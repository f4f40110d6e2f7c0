//! How good a classifier is: figures, predictions, and the files that keep them.
//!
//! [`metrics`] has the formulas, on arrays alone. [`Metrics`] is all of them for one set of images, as
//! `metrics.json` stores them; [`Prediction`] is what was said of one image, as `predictions.csv` stores it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod bootstrap;
mod calibration;
mod copies;
mod document;
mod error;
pub mod label_errors;
pub mod metrics;
mod paired;
mod predictions;
pub mod proportion;
mod requirement;
pub mod split;
mod standardise;
mod views;

pub use bootstrap::{Intervals, ShareMethod};
pub use calibration::{CalibrationError, FittedTemperature, LEAST_ROWS, fit_temperature};
pub use copies::{Contradiction, Copies, shared};
pub use document::{
    Averages, Calibrated, ClassMetrics, Confusion, Metrics, OtherPrecision, RocAuc, SCHEMA, Sureness, TopK,
    scored,
};
pub use error::Error;
pub use paired::Paired;
pub use predictions::{Prediction, least_sure_hits, predict, surest_mistakes};
pub use requirement::{Missed, Requirement};
pub use standardise::Standardiser;
pub use views::mean_over_views;
