//! How well a method does: on one fold, and over several.

use std::time::Instant;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::{Error, Examples, Guesses, Method, Standardiser};
use headstart_evaluate::metrics;
use headstart_evaluate::split::Split;

/// A method on one fold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The part of the held-out rows that was predicted right.
    pub accuracy: f64,
    /// Mean `-ln p(label)` over the held-out rows; `None` from a method that gives no probabilities.
    pub log_loss: Option<f64>,
    /// Time to learn, standardising included.
    pub fit_seconds: f64,
    /// Time to classify all held-out rows.
    pub predict_seconds: f64,
}

/// Fit a method to the training part of a split, and measure it on the part that is held out.
///
/// # Shapes
/// - `features`: `(n, d)`, of which the split names rows
/// - `labels`: `n` indices below `classes`
///
/// # Errors
/// [`Error::NotFinite`] and [`Error::Classes`] for data that no method can learn from, [`Error::Failed`] and
/// [`Error::NotProbabilities`] if this one does not.
///
/// # Panics
/// If the split names rows that are not there, or a label is not below `classes`.
pub fn evaluate(
    method: &dyn Method,
    features: &Array2<f32>,
    labels: &[usize],
    classes: usize,
    split: &Split,
) -> Result<Score, Error> {
    let pick = |rows: &[usize]| -> (Array2<f32>, Vec<usize>) {
        (features.select(Axis(0), rows), rows.iter().map(|&row| labels[row]).collect())
    };
    let (mut training, training_labels) = pick(&split.train);
    let (mut held_out, held_out_labels) = pick(&split.validation);
    check(features, &training_labels, &held_out_labels)?;

    let started = Instant::now();
    let standardiser = method.wants_standardised().then(|| Standardiser::of(&training));
    if let Some(standardiser) = &standardiser {
        standardiser.apply(&mut training);
    }
    let model = method.fit(Examples { features: &training, labels: &training_labels, classes })?;
    let fit_seconds = started.elapsed().as_secs_f64();

    let started = Instant::now();
    if let Some(standardiser) = &standardiser {
        standardiser.apply(&mut held_out);
    }
    let guesses = model.guess(held_out.view())?;
    let predict_seconds = started.elapsed().as_secs_f64();

    let (predictions, log_loss) = match guesses {
        Guesses::Classes(predictions) => (predictions, None),
        Guesses::Probabilities(probabilities) => {
            check_probabilities(method.name(), &probabilities)?;
            let log_loss = metrics::log_loss(probabilities.view(), &held_out_labels);
            (metrics::predictions(probabilities.view()), log_loss)
        }
    };
    let hits = predictions.iter().zip(&held_out_labels).filter(|(guess, label)| guess == label).count();
    let accuracy = hits as f64 / held_out_labels.len() as f64;
    Ok(Score { accuracy, log_loss, fit_seconds, predict_seconds })
}

fn check(features: &Array2<f32>, training: &[usize], held_out: &[usize]) -> Result<(), Error> {
    if let Some(row) = features.rows().into_iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        return Err(Error::NotFinite { row });
    }
    check_labels(training, held_out)
}

/// That there is something to tell apart, and something to measure on.
pub(super) fn check_labels(training: &[usize], held_out: &[usize]) -> Result<(), Error> {
    let distinct: std::collections::BTreeSet<_> = training.iter().collect();
    if distinct.len() < 2 {
        return Err(Error::Classes { found: distinct.len() });
    }
    if held_out.is_empty() {
        return Err(Error::NothingHeldOut);
    }
    Ok(())
}

/// A method that diverged must not come out as merely bad.
pub(super) fn check_probabilities(method: &'static str, probabilities: &Array2<f32>) -> Result<(), Error> {
    for (row, values) in probabilities.rows().into_iter().enumerate() {
        let sum: f64 = values.iter().map(|&p| f64::from(p)).sum();
        // A NaN fails both comparisons.
        if !((sum - 1.0).abs() < 1e-3 && values.iter().all(|&p| p >= 0.0)) {
            return Err(Error::NotProbabilities { method, row, sum });
        }
    }
    Ok(())
}

/// Mean and spread of a figure over folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The arithmetic mean.
    pub mean: f64,
    /// The sample standard deviation (over `n - 1`); `None` for a single value, which says nothing about it.
    pub deviation: Option<f64>,
}

impl Spread {
    /// `None` if there are no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { mean, deviation: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()) })
    }
}
