//! All figures of one evaluation, and `metrics.json`.

mod lines;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;

use lines::Lines;
use ndarray::{ArrayView2, Axis, CowArray, Ix2};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::Error;
use super::bootstrap::{self, Interval, Intervals};
use super::metrics::{self, Average, Bin, ClassFigures, Coverage, Undefined};
use super::proportion::wilson;
use headstart_base::files::{read_text, write_bytes};
use headstart_nn::layers::Temperature;

/// The version of `metrics.json`. Fields may be added within one; a field that goes or changes its meaning makes
/// another.
pub const SCHEMA: u32 = 1;

/// Bins of the calibration error, as is usual.
const BINS: usize = 15;

/// The lowest confidences for which [`Metrics::coverage`] tells what is answered.
const THRESHOLDS: [f64; 8] = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/// The figures of one evaluation: `metrics.json` has these fields, in this order.
///
/// A figure that is not defined is `null`: see [`metrics`] for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The version of this layout, [`SCHEMA`].
    pub schema: u32,
    /// If the head saw features of another precision than those that it was trained on, which was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_precision: Option<OtherPrecision>,
    /// Rows that were predicted.
    pub examples: u64,
    /// Rows with a label: all that follows is of these.
    pub scored: u64,
    /// Of these, the ones predicted right.
    pub correct: u64,
    /// `correct / scored`.
    pub accuracy: f64,
    /// Mean recall of the classes that occur.
    pub balanced_accuracy: f64,
    /// Accuracy where any of the `k` most probable classes may be right, for some `k` below the number of classes.
    pub top_k: Vec<TopK>,
    /// Mean of `-ln p(label)`, `p` clipped to `[2⁻²³, 1 - 2⁻²³]`.
    pub log_loss: f64,
    /// Mean squared error of the probabilities, summed over the classes: from 0 to 2.
    pub brier: f64,
    /// Expected calibration error, in 15 equal bins of confidence.
    pub calibration_error: f64,
    /// These bins: how sure it is, and how often it is right then; files of older versions do not have them.
    #[serde(default)]
    pub reliability: Vec<Bin>,
    /// Area under the ROC curve; files of older versions do not have it.
    #[serde(default)]
    pub roc_auc: Option<RocAuc>,
    /// How much is answered, and how well, when only sure answers count; files of older versions do not have it.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// The temperature of the run, if it has one, and what it changed: all other figures are with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibrated>,
    /// 95 % intervals, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// Each class counts the same; undefined figures are left out.
    #[serde(rename = "macro")]
    pub macro_average: Averages,
    /// Each class counts as its examples are many; undefined figures are left out.
    #[serde(rename = "weighted")]
    pub weighted_average: Averages,
    /// Each class counts the same; undefined figures count as 0, as scikit-learn has it unless told otherwise.
    #[serde(rename = "macro_zero_division_0")]
    pub macro_with_zeros: Averages,
    /// The figures of each class, in the order of their indices.
    pub classes: Vec<ClassMetrics>,
    /// Row `i`, column `j`: how many examples of class `i` were predicted as `j`.
    pub confusion: Vec<Vec<u64>>,
}

/// Features of one network that were computed in another precision than those that a head was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherPrecision {
    /// The precision of the features that the head learned from.
    pub trained_on: String,
    /// What it is shown.
    pub seen: String,
}

/// `int8, trained on fp32`
impl fmt::Display for OtherPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, trained on {}", self.seen, self.trained_on)
    }
}

/// Areas under the ROC curve over the classes, each against all others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocAuc {
    /// Mean over the classes that occur; `null` if only one does.
    #[serde(rename = "macro")]
    pub macro_average: Option<f64>,
    /// All probabilities together.
    #[serde(rename = "micro")]
    pub micro_average: Option<f64>,
}

/// A temperature, and the figures without it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// What logits were divided by.
    pub temperature: f64,
    /// Whether it was fitted on these very images: others are the ones to judge it by.
    pub fitted_here: bool,
    /// As it would be without a temperature.
    pub before: Sureness,
    /// The ranges of confidence without it.
    #[serde(default)]
    pub reliability_before: Vec<Bin>,
}

/// The figures that a temperature changes and that tell how honest probabilities are; lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sureness {
    /// Mean negative logarithm of the right class's probability.
    pub log_loss: f64,
    /// The Brier score.
    pub brier: f64,
    /// The expected calibration error.
    pub calibration_error: f64,
}

/// Accuracy with several guesses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopK {
    /// Guesses.
    pub k: usize,
    /// The part of the examples whose label is among them.
    pub accuracy: f64,
}

/// Precision, recall and F1 over the classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    /// Mean precision.
    pub precision: Option<f64>,
    /// Mean recall.
    pub recall: Option<f64>,
    /// Mean F1.
    pub f1: Option<f64>,
}

/// The figures of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Its name.
    pub name: String,
    /// `null` if it is never predicted.
    pub precision: Option<f64>,
    /// `null` if it does not occur.
    pub recall: Option<f64>,
    /// `null` if it neither occurs nor is predicted.
    pub f1: Option<f64>,
    /// Area under the ROC curve; `null` if it does not occur, or nothing else.
    #[serde(default)]
    pub roc_auc: Option<f64>,
    /// Examples of it.
    pub support: u64,
    /// Examples predicted as it.
    pub predicted: u64,
    /// Examples of it that were predicted as it.
    pub correct: u64,
    /// 95 % interval of the precision, see [`wilson`]; files of version 0.1.0 do not have it.
    #[serde(default)]
    pub precision_interval: Option<Interval>,
    /// 95 % interval of the recall.
    #[serde(default)]
    pub recall_interval: Option<Interval>,
}

/// A class that is taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confusion {
    /// The true class.
    pub label: usize,
    /// What it is taken for.
    pub prediction: usize,
    /// How often.
    pub times: u64,
    /// Of how many examples.
    pub support: u64,
}

impl Metrics {
    /// Compare probabilities with labels; rows without a label are counted, and not scored.
    ///
    /// # Shapes
    /// - `probabilities`: `(n, classes)`, each row summing to 1 within 1e-3
    /// - `labels`: `n` class indices
    ///
    /// # Errors
    /// [`Error::Shape`] if these do not belong together, [`Error::NotProbabilities`] (NaN included), and
    /// [`Error::NothingToScore`] if no row has a label.
    pub fn of(
        probabilities: ArrayView2<f32>,
        labels: &[Option<usize>],
        classes: &[String],
    ) -> Result<Self, Error> {
        check(probabilities, labels, classes.len())?;
        let (scored, known) = scored(probabilities, labels);
        if known.is_empty() {
            return Err(Error::NothingToScore { rows: labels.len() });
        }
        Ok(Self::of_scored(scored.view(), &known, classes, labels.len()))
    }

    /// The same with 95 % intervals, from `resamples` draws of the examples of [`of`](Self::of) where they take such; none without
    /// draws. See [`bootstrap`].
    ///
    /// # Panics
    /// If there are not as many rows as labels.
    pub fn with_intervals(
        self,
        probabilities: ArrayView2<f32>,
        labels: &[Option<usize>],
        resamples: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let (scored, known) = scored(probabilities, labels);
        Self { intervals: bootstrap::intervals(scored.view(), &known, resamples, rng), ..self }
    }

    /// The same, told that the probabilities are those at `temperature`, and what they were `before` it.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn with_calibration(
        self,
        temperature: Temperature,
        fitted_here: bool,
        before: ArrayView2<f32>,
        labels: &[Option<usize>],
    ) -> Result<Self, Error> {
        check(before, labels, self.classes.len())?;
        let (scored, known) = scored(before, labels);
        let before =
            Sureness::of(scored.view(), &known).ok_or(Error::NothingToScore { rows: labels.len() })?;
        let reliability_before = metrics::reliability(scored.view(), &known, BINS);
        let calibrated =
            Calibrated { temperature: temperature.get(), fitted_here, before, reliability_before };
        Ok(Self { calibration: Some(calibrated), ..self })
    }

    /// The figures that a temperature changes.
    pub fn sureness(&self) -> Sureness {
        let Self { log_loss, brier, calibration_error, .. } = *self;
        Sureness { log_loss, brier, calibration_error }
    }

    fn of_scored(view: ArrayView2<f32>, labels: &[usize], classes: &[String], examples: usize) -> Self {
        let confusion = metrics::confusion(labels, &metrics::predictions(view), classes.len());
        let figures = metrics::per_class(confusion.view());
        let bins = metrics::reliability(view, labels, BINS);
        let areas = metrics::class_areas(view, labels);
        let roc_auc = RocAuc {
            macro_average: metrics::macro_area(&areas),
            micro_average: metrics::micro_area(view, labels),
        };
        let defined = |figure: Option<f64>| figure.expect("there is at least one scored example");
        let top_k = |k| TopK { k, accuracy: defined(metrics::top_k_accuracy(view, labels, k)) };
        Self {
            schema: SCHEMA,
            other_precision: None,
            examples: examples as u64,
            scored: labels.len() as u64,
            correct: confusion.diag().sum(),
            accuracy: defined(metrics::accuracy(confusion.view())),
            balanced_accuracy: defined(metrics::balanced_accuracy(confusion.view())),
            top_k: [3, 5].into_iter().filter(|&k| k < classes.len()).map(top_k).collect(),
            log_loss: defined(metrics::log_loss(view, labels)),
            brier: defined(metrics::brier(view, labels)),
            calibration_error: defined(metrics::calibration_error(&bins)),
            reliability: bins,
            roc_auc: Some(roc_auc),
            coverage: metrics::coverage(view, labels, &THRESHOLDS),
            calibration: None,
            intervals: None,
            macro_average: metrics::macro_average(&figures, Undefined::LeftOut).into(),
            weighted_average: metrics::weighted_average(&figures, Undefined::LeftOut).into(),
            macro_with_zeros: metrics::macro_average(&figures, Undefined::Zero).into(),
            classes: classes
                .iter()
                .zip(figures)
                .zip(areas)
                .map(|((name, figures), roc_auc)| named(name, figures, roc_auc))
                .collect(),
            confusion: confusion.rows().into_iter().map(|row| row.to_vec()).collect(),
        }
    }

    /// The pairs of classes that are most often confused: at most `count`, the most frequent first, then those with
    /// the larger share of their class.
    pub fn confusions(&self, count: usize) -> Vec<Confusion> {
        let pair = |label: usize, prediction: usize| {
            let (times, support) = (self.confusion[label][prediction], self.classes[label].support);
            (label != prediction && times > 0).then_some(Confusion { label, prediction, times, support })
        };
        let classes = 0..self.classes.len();
        let mut pairs: Vec<Confusion> = classes
            .clone()
            .flat_map(|label| classes.clone().filter_map(move |other| pair(label, other)))
            .collect();
        pairs.sort_by(|a, b| b.times.cmp(&a.times).then(a.support.cmp(&b.support)));
        pairs.truncate(count);
        pairs
    }

    /// The text of `metrics.json`: a field a line, a class a line, a row of the confusion matrix a line.
    pub fn to_json(&self) -> String {
        let mut text = Vec::new();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Lines::default()))
            .expect("numbers and names can always be written to memory");
        text.push(b'\n');
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// Write `metrics.json`: all of it, or what was there before stays.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        Ok(write_bytes(path, self.to_json().as_bytes())?)
    }

    /// Read `metrics.json`.
    ///
    /// # Errors
    /// [`Error::Read`] if it is not there or not in this form, [`Error::Schema`] if it is of another version.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Read { path: path.into(), source };
        let text = read_text(path).map_err(failed)?;
        // The version first: a file of another one need not have these fields.
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|cause| failed(cause.into()))?;
        match value.get("schema").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(SCHEMA) => {
                Err(Error::Schema { path: path.into(), expected: SCHEMA, found })
            }
            _ => serde_json::from_value(value).map_err(|cause| failed(cause.into())),
        }
    }
}

impl Sureness {
    /// `None` without examples.
    ///
    /// # Panics
    /// If there are not as many rows as labels.
    pub fn of(probabilities: ArrayView2<f32>, labels: &[usize]) -> Option<Self> {
        Some(Self {
            log_loss: metrics::log_loss(probabilities, labels)?,
            brier: metrics::brier(probabilities, labels)?,
            calibration_error: metrics::calibration_error(&metrics::reliability(
                probabilities,
                labels,
                BINS,
            ))?,
        })
    }
}

/// The rows that have a label, and their labels. Where all have one, nothing is copied.
///
/// # Panics
/// If there are not as many labels as rows.
pub fn scored<'p>(
    probabilities: ArrayView2<'p, f32>,
    labels: &[Option<usize>],
) -> (CowArray<'p, f32, Ix2>, Vec<usize>) {
    assert_eq!(probabilities.nrows(), labels.len(), "a label, known or not, for each row");
    let labelled = labels.iter().enumerate().filter_map(|(row, label)| Some((row, (*label)?)));
    let (rows, known): (Vec<usize>, Vec<usize>) = labelled.unzip();
    let scored = match rows.len() == labels.len() {
        true => probabilities.into(),
        false => probabilities.select(Axis(0), &rows).into(),
    };
    (scored, known)
}

fn check(probabilities: ArrayView2<f32>, labels: &[Option<usize>], classes: usize) -> Result<(), Error> {
    let equal = |what, expected, found| {
        if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
    };
    equal("labels, one per row", probabilities.nrows(), labels.len())?;
    equal("probabilities in a row, one per class", classes, probabilities.ncols())?;
    if let Some(&found) = labels.iter().flatten().find(|&&label| label >= classes) {
        return Err(Error::Shape { what: "labels below the number of classes", expected: classes, found });
    }
    for (row, probabilities) in probabilities.rows().into_iter().enumerate() {
        let sum: f64 = probabilities.iter().map(|&p| if p < 0.0 { f64::NAN } else { f64::from(p) }).sum();
        if sum.is_nan() || (sum - 1.0).abs() > 1e-3 {
            return Err(Error::NotProbabilities { row, sum });
        }
    }
    Ok(())
}

fn named(name: &str, figures: ClassFigures, roc_auc: Option<f64>) -> ClassMetrics {
    let ClassFigures { precision, recall, f1, support, predicted, correct } = figures;
    ClassMetrics {
        name: name.into(),
        precision,
        recall,
        f1,
        roc_auc,
        support,
        predicted,
        correct,
        precision_interval: wilson(correct, predicted),
        recall_interval: wilson(correct, support),
    }
}

impl From<Average> for Averages {
    fn from(Average { precision, recall, f1 }: Average) -> Self {
        Self { precision, recall, f1 }
    }
}
