//! How good a classifier is: figures, predictions, and the files that keep them.
//!
//! [`metrics`] has the formulas, on arrays alone. [`Metrics`] is all of them for one set of images, as
//! `metrics.json` stores them; [`Prediction`] is what was said of one image, as `predictions.csv` stores it.

pub mod bootstrap;
mod calibration;
mod document;
mod error;
pub mod label_errors;
pub mod metrics;
mod outcomes;
mod paired;
mod predictions;
pub mod proportion;
mod record;
mod requirement;
mod views;

pub use bootstrap::{Intervals, ShareMethod};
pub use calibration::{CalibrationError, FittedTemperature, LEAST_ROWS, fit_temperature};
pub use document::{
    Averages, Calibrated, ClassMetrics, Confusion, Metrics, RocAuc, SCHEMA, Sureness, TopK, scored,
};
pub use error::Error;
pub use outcomes::{Outcome, confidences, outcomes};
pub use paired::Paired;
pub use predictions::{
    Prediction, PredictionColumns, Writer, least_sure_hits, looks_like_a_formula, predict, surest_mistakes,
};
pub use record::EvaluationRecord;
pub use requirement::{Missed, Requirement};
pub use views::mean_over_views;
