//! What is won by answering only when sure.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::{best, ratio, rows};

/// The predictions of at least some confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The lowest confidence that is still an answer.
    pub min_confidence: f64,
    /// Examples that are answered.
    pub answered: u64,
    /// The part of all examples that is.
    pub coverage: f64,
    /// The part of the answers that is right; `null` if there is none.
    pub accuracy: Option<f64>,
}

/// For each threshold, what is answered and how much of it is right; empty without examples.
///
/// # Panics
/// If there are not as many rows as labels.
pub fn coverage(probabilities: ArrayView2<f32>, labels: &[usize], thresholds: &[f64]) -> Vec<Coverage> {
    let answers: Vec<(f64, bool)> = rows(&probabilities, labels)
        .map(|(row, label)| {
            let (class, confidence) = best(row);
            (f64::from(confidence), class == label)
        })
        .collect();
    let at = |&min_confidence: &f64| {
        let kept = answers.iter().filter(|(confidence, _)| *confidence >= min_confidence);
        let (answered, correct) =
            kept.fold((0, 0), |(answered, correct), (_, right)| (answered + 1, correct + u64::from(*right)));
        let coverage = ratio(answered, answers.len() as u64)?;
        Some(Coverage { min_confidence, answered, coverage, accuracy: ratio(correct, answered) })
    };
    thresholds.iter().filter_map(at).collect()
}
