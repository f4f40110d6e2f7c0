//! How good a classifier is: figures, predictions, and the files that keep them.
//!
//! [`metrics`] has the formulas, on arrays alone. [`Metrics`] is all of them for one set of images, as
//! `metrics.json` stores them; [`Prediction`] is what was said of one image, as `predictions.csv` stores it.
//! [`label_errors`] finds labels that are likely wrong, [`split`] divides examples into parts.
//!
//! No image is opened and nothing is rendered here: probabilities and labels come in, figures go out.
//!
//! ```
//! use headstart_evaluate::metrics;
//! use ndarray::array;
//!
//! // Three examples of two classes; the last one is taken for the wrong class.
//! let probabilities = array![[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]];
//! let predictions = metrics::predictions(probabilities.view());
//! let confusion = metrics::confusion(&[0, 1, 1], &predictions, 2);
//! assert_eq!(confusion, array![[1, 0], [1, 1]]);
//! assert_eq!(metrics::accuracy(confusion.view()), Some(2.0 / 3.0));
//! ```

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
