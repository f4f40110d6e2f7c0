//! The files of an evaluation: what was evaluated, and what was said of each image.

mod outcomes;
mod predictions;
mod record;

pub use outcomes::{ScoredImage, confidences, outcomes};
pub use predictions::{PredictionColumns, Writer, looks_like_a_formula};
pub use record::EvaluationRecord;
