//! Figures for a classifier, from its probabilities and the true labels.
//!
//! Plain functions on arrays: no files, no names. Labels and predictions are class indices; probabilities are
//! `(n, classes)`, each row summing to one. Sums are taken in f64.
//!
//! What is not defined is `None`, never a silent zero: the precision of a class that is never predicted, the recall
//! of one that does not occur. Averages leave such classes out, or count them as zero, as
//! [`Undefined`] says.

mod coverage;
mod roc;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub use coverage::{Coverage, coverage};
pub use roc::{Ranking, class_areas, macro_area, micro_area};

/// The class with the highest probability in each row; of equal ones the first, as in NumPy's `argmax`.
pub fn predictions(probabilities: ArrayView2<f32>) -> Vec<usize> {
    probabilities.rows().into_iter().map(|row| best(row).0).collect()
}

/// The highest probability of a row and its class; of equal ones the first.
pub fn best(row: ArrayView1<f32>) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (class, &probability) in row.iter().enumerate() {
        if probability > best.1 {
            best = (class, probability);
        }
    }
    best
}

/// How often each class was taken for each: row `i`, column `j` counts examples of class `i` predicted as `j`.
///
/// # Panics
/// If there are not as many predictions as labels, or an index is not below `classes`.
pub fn confusion(labels: &[usize], predictions: &[usize], classes: usize) -> Array2<u64> {
    assert_eq!(labels.len(), predictions.len(), "one prediction per label");
    let mut counts = Array2::zeros((classes, classes));
    for (&label, &prediction) in labels.iter().zip(predictions) {
        counts[(label, prediction)] += 1;
    }
    counts
}

/// The part of all examples that was predicted right; `None` if there are none.
pub fn accuracy(confusion: ArrayView2<u64>) -> Option<f64> {
    ratio(confusion.diag().sum(), confusion.sum())
}

/// The mean recall of the classes that occur; `None` if none does.
pub fn balanced_accuracy(confusion: ArrayView2<u64>) -> Option<f64> {
    mean(per_class(confusion).iter().filter_map(|class| class.recall).map(|recall| (recall, 1.0)))
}

/// What can be said of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassFigures {
    /// Of the examples predicted as this class, the part that is it; `None` if it is never predicted.
    pub precision: Option<f64>,
    /// Of the examples of this class, the part predicted as it; `None` if it does not occur.
    pub recall: Option<f64>,
    /// `2 TP / (2 TP + FP + FN)`, the harmonic mean of the two; `None` if the class neither occurs nor is predicted.
    pub f1: Option<f64>,
    /// Examples of this class.
    pub support: u64,
    /// Examples predicted as this class.
    pub predicted: u64,
    /// Examples of this class that were predicted as it.
    pub correct: u64,
}

/// The figures of each class, in order.
pub fn per_class(confusion: ArrayView2<u64>) -> Vec<ClassFigures> {
    let figures = |class: usize| {
        let correct = confusion[(class, class)];
        let support = confusion.row(class).sum();
        let predicted = confusion.column(class).sum();
        ClassFigures {
            precision: ratio(correct, predicted),
            recall: ratio(correct, support),
            f1: ratio(2 * correct, support + predicted),
            support,
            predicted,
            correct,
        }
    };
    (0..confusion.nrows()).map(figures).collect()
}

/// What an average does with a class whose figure is not defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undefined {
    /// Leave it out: scikit-learn's `zero_division=np.nan`.
    LeftOut,
    /// Count it as 0: what scikit-learn does (with a warning) unless told otherwise.
    Zero,
}

/// Precision, recall and F1 over all classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Average {
    /// Mean precision.
    pub precision: Option<f64>,
    /// Mean recall.
    pub recall: Option<f64>,
    /// Mean F1 (not the F1 of the mean precision and recall).
    pub f1: Option<f64>,
}

/// The mean over the classes, each counting the same.
pub fn macro_average(classes: &[ClassFigures], undefined: Undefined) -> Average {
    average(classes, undefined, |_| 1.0)
}

/// The mean over the classes, each counting as its examples are many.
pub fn weighted_average(classes: &[ClassFigures], undefined: Undefined) -> Average {
    average(classes, undefined, |class| class.support as f64)
}

fn average(classes: &[ClassFigures], undefined: Undefined, weight: impl Fn(&ClassFigures) -> f64) -> Average {
    let of = |figure: fn(&ClassFigures) -> Option<f64>| {
        let value = |class| match undefined {
            Undefined::LeftOut => figure(class),
            Undefined::Zero => Some(figure(class).unwrap_or(0.0)),
        };
        mean(classes.iter().filter_map(|class| Some((value(class)?, weight(class)))))
    };
    Average {
        precision: of(|class| class.precision),
        recall: of(|class| class.recall),
        f1: of(|class| class.f1),
    }
}

/// The part of the examples whose label is among the `k` most probable classes; `None` without examples.
///
/// Equal probabilities rank in the order of the classes, so that `k = 1` is [`accuracy`]. (scikit-learn ranks them the
/// other way round, TensorFlow counts every tie as a hit.)
///
/// # Panics
/// If there are not as many rows as labels.
pub fn top_k_accuracy(probabilities: ArrayView2<f32>, labels: &[usize], k: usize) -> Option<f64> {
    let hits = rows(&probabilities, labels).filter(|&(row, label)| rank(row, label) < k).count();
    ratio(hits as u64, labels.len() as u64)
}

/// How many classes come before `class` in a row, by probability and then by index: 0 for the prediction.
pub fn rank(row: ArrayView1<f32>, class: usize) -> usize {
    let own = row[class];
    row.iter().enumerate().filter(|&(other, &p)| p > own || (p == own && other < class)).count()
}

/// The mean of `-ln p(label)`, with `p` clipped to `[ε, 1 - ε]`, `ε = 2⁻²³`; `None` without examples.
///
/// The clip is that of scikit-learn for float32, and close to Keras' 1e-7: a single certain mistake costs 15.9
/// instead of infinity.
///
/// # Panics
/// If there are not as many rows as labels.
pub fn log_loss(probabilities: ArrayView2<f32>, labels: &[usize]) -> Option<f64> {
    const EPSILON: f64 = f32::EPSILON as f64;
    mean(rows(&probabilities, labels).map(|(row, label)| {
        let probability = f64::from(row[label]).clamp(EPSILON, 1.0 - EPSILON);
        (-probability.ln(), 1.0)
    }))
}

/// The mean squared distance of the probabilities from certainty of the label; `None` without examples.
///
/// Summed over the classes, so between 0 and 2: Brier's own definition, and scikit-learn's `scale_by_half=False`.
///
/// # Panics
/// If there are not as many rows as labels.
pub fn brier(probabilities: ArrayView2<f32>, labels: &[usize]) -> Option<f64> {
    mean(rows(&probabilities, labels).map(|(row, label)| {
        let square =
            |(class, &p): (usize, &f32)| (f64::from(p) - f64::from(u8::from(class == label))).powi(2);
        (row.iter().enumerate().map(square).sum(), 1.0)
    }))
}

/// The examples of one range of confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The range; its lower end belongs to the bin below.
    pub range: RangeInclusive<f64>,
    /// Examples in it.
    pub count: u64,
    /// Their mean confidence; `None` if there are none.
    pub confidence: Option<f64>,
    /// The part of them that was predicted right; `None` if there are none.
    pub accuracy: Option<f64>,
}

/// Confidence against accuracy, in `bins` equal ranges of the predicted class' probability.
///
/// # Panics
/// If there are not as many rows as labels, or `bins` is 0.
pub fn reliability(probabilities: ArrayView2<f32>, labels: &[usize], bins: usize) -> Vec<Bin> {
    assert!(bins > 0, "at least one bin");
    let mut sums = vec![(0u64, 0u64, 0.0f64); bins];
    for (row, label) in rows(&probabilities, labels) {
        let (class, confidence) = best(row);
        let confidence = f64::from(confidence);
        let bin = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
        let (count, correct, sum) = &mut sums[bin];
        *count += 1;
        *correct += u64::from(class == label);
        *sum += confidence;
    }
    let edge = |bin: usize| bin as f64 / bins as f64;
    let bin = |(bin, (count, correct, sum)): (usize, (u64, u64, f64))| Bin {
        range: edge(bin)..=edge(bin + 1),
        count,
        confidence: (count > 0).then(|| sum / count as f64),
        accuracy: ratio(correct, count),
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// The expected calibration error: mean distance of accuracy and confidence over the bins, each counting as its
/// examples are many; `None` without examples.
///
/// # Source
/// Guo et al. 2017, arXiv:1706.04599, equation 5.
pub fn calibration_error(bins: &[Bin]) -> Option<f64> {
    mean(bins.iter().filter_map(|bin| Some(((bin.accuracy? - bin.confidence?).abs(), bin.count as f64))))
}

fn rows<'a>(
    probabilities: &'a ArrayView2<'_, f32>,
    labels: &'a [usize],
) -> impl Iterator<Item = (ArrayView1<'a, f32>, usize)> {
    assert_eq!(probabilities.nrows(), labels.len(), "one row of probabilities per label");
    probabilities.axis_iter(Axis(0)).zip(labels.iter().copied())
}

/// `part / whole`, unless there is nothing to divide by.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The mean of weighted values, unless they weigh nothing.
fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) =
        values.fold((0.0, 0.0), |(sum, total), (value, weight)| (sum + value * weight, total + weight));
    (weight > 0.0).then(|| sum / weight)
}
