//! One number that makes confidences honest: the temperature of the logits.
//!
//! Of the probabilities at all temperatures, those of the lowest log-loss on images that the head was not trained on. In `β = 1/T`
//! the loss is convex, so there is one best value or none: where every image is right, to be surer is always better, and where
//! the head does no better than chance, to be less sure always is.
//!
//! Every image counts the same, also for a head that was trained with class weights: a confidence is to say how often such
//! images are right, as they come.

use ndarray::{ArrayView1, ArrayView2, Axis};

use super::metrics::best;
use headstart_nn::layers::Temperature;

/// Images that a temperature is fitted on, at least. The interval says how little few of them tell.
pub const LEAST_ROWS: usize = 20;

/// The quantile of the normal distribution for an interval of 95 %.
const TWO_SIDED_95: f64 = 1.959_963_984_540_054;

/// A temperature, and how well the images tell it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedTemperature {
    /// What logits are to be divided by.
    pub temperature: Temperature,
    /// Its 95 % interval, from the curvature of the loss in `ln T`: it speaks of the images that happened to be taken.
    pub interval: [f64; 2],
}

/// Why there is no best temperature.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// Too few to tell anything.
    #[error("fitting a temperature needs {LEAST_ROWS} labelled images or more, found {found}")]
    TooFew {
        /// Labelled images.
        found: usize,
    },
    /// Nothing to be wrong about.
    #[error("fitting a temperature needs images of two classes or more, found one")]
    OneClass,
    /// The lower, the better, without end.
    #[error("all {rows} images are classified correctly, but fitting a temperature needs some mistakes")]
    AllRight {
        /// Images.
        rows: usize,
    },
    /// The higher, the better, without end.
    #[error(
        "the head does no better than chance on these images, so no temperature can make its confidence right"
    )]
    Chance,
    /// There is one, where a head says the same of everything or is certain of everything.
    #[error("the best temperature is not between {} and {}", Temperature::LEAST, Temperature::MOST)]
    Beyond,
    /// Infinite, or not a number.
    #[error("the head's output for row {row} is not finite")]
    NotFinite {
        /// The row, from 0.
        row: usize,
    },
}

/// Fit a temperature.
///
/// # Shapes
/// - `logits`: `(n, classes)`, as [`Head::logits`](headstart_nn::layers::Head::logits) gives them
/// - `labels`: `n` class indices
///
/// # Errors
/// [`CalibrationError`] says why there is none.
///
/// # Panics
/// If there are not as many rows as labels, or a label is not below the number of classes.
pub fn fit_temperature(
    logits: ArrayView2<f32>,
    labels: &[usize],
) -> Result<FittedTemperature, CalibrationError> {
    assert_eq!(logits.nrows(), labels.len(), "a row of logits for each label");
    check(logits, labels)?;
    let slope = |beta: f64| Slope::at(beta, logits, labels);
    // The loss' slope rises with β: its root lies where it changes sign.
    if slope(0.0).first >= 0.0 {
        return Err(CalibrationError::Chance);
    }
    let (mut low, mut high) = (1.0 / Temperature::MOST, 1.0 / Temperature::LEAST);
    if slope(low).first > 0.0 || slope(high).first < 0.0 {
        return Err(CalibrationError::Beyond);
    }
    let mut beta = 1.0_f64;
    // Newton's method converges in about six steps; a step that leaves the bracket halves it instead, so that 200 are plenty.
    for _ in 0..200 {
        let Slope { first, second } = slope(beta);
        if first < 0.0 {
            low = beta
        } else {
            high = beta
        }
        let newton = beta - first / second;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let step = (next - beta).abs();
        beta = next;
        if step <= 1e-12 * beta {
            break;
        }
    }
    let temperature = Temperature::new(1.0 / beta).ok_or(CalibrationError::Beyond)?;
    // In ln β, whose curvature is β² times that in β where the slope is zero; ln T differs by its sign alone.
    let error = 1.0 / (slope(beta).second * labels.len() as f64).sqrt() / beta;
    let spread = (TWO_SIDED_95 * error).exp();
    Ok(FittedTemperature { temperature, interval: [temperature.get() / spread, temperature.get() * spread] })
}

fn check(logits: ArrayView2<f32>, labels: &[usize]) -> Result<(), CalibrationError> {
    let finite = |row: ArrayView1<f32>| row.iter().all(|logit| logit.is_finite());
    if let Some(row) = logits.rows().into_iter().position(|row| !finite(row)) {
        return Err(CalibrationError::NotFinite { row });
    }
    if labels.len() < LEAST_ROWS {
        return Err(CalibrationError::TooFew { found: labels.len() });
    }
    if labels.iter().all(|label| *label == labels[0]) {
        return Err(CalibrationError::OneClass);
    }
    // Asked of the logits, for the slope of such a loss falls below what f64 can tell from zero.
    let is_right = |(row, &label): (ArrayView1<f32>, &usize)| row[label] >= best(row).1;
    if logits.axis_iter(Axis(0)).zip(labels).all(is_right) {
        return Err(CalibrationError::AllRight { rows: labels.len() });
    }
    Ok(())
}

/// The first two derivatives of the mean log-loss by `β`.
struct Slope {
    first: f64,
    second: f64,
}

impl Slope {
    /// With probabilities `p` at `β`, the mean over the rows of `E_p[z] - z_label` and of the variance of `z` under `p`.
    fn at(beta: f64, logits: ArrayView2<f32>, labels: &[usize]) -> Self {
        let (mut first, mut second) = (0.0, 0.0);
        for (row, &label) in logits.axis_iter(Axis(0)).zip(labels) {
            let most = f64::from(best(row).1);
            // Below the largest logit, where exponentials cannot overflow; neither derivative minds a shift.
            let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for &logit in row {
                let below = f64::from(logit) - most;
                let p = (beta * below).exp();
                weight += p;
                sum += p * below;
                squares += p * below * below;
            }
            let mean = sum / weight;
            first += mean - (f64::from(row[label]) - most);
            second += squares / weight - mean * mean;
        }
        let rows = labels.len() as f64;
        Self { first: first / rows, second: second / rows }
    }
}

#[cfg(test)]
mod tests;
