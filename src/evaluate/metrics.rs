//! Figures for a classifier, from its probabilities and the true labels.
//!
//! Plain functions on arrays: no files, no names. Labels and predictions are class indices; probabilities are
//! `(n, classes)`, each row summing to one. Sums are taken in f64.
//!
//! What is not defined is `None`, never a silent zero: the precision of a class that is never predicted, the recall
//! of one that does not occur. Averages leave such classes out, or count them as zero, as
//! [`Undefined`] says.

use std::ops::RangeInclusive;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

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
#[derive(Debug, Clone, PartialEq)]
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

#[cfg(test)]
mod tests {
    use ndarray::array;
    use serde_json::Value;

    use super::*;

    const GOLDEN: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics_sklearn.json"));

    struct Case {
        golden: Value,
        labels: Vec<usize>,
        probabilities: Array2<f32>,
        confusion: Array2<u64>,
    }

    fn cases() -> Vec<Case> {
        let file: Value = serde_json::from_str(GOLDEN).unwrap();
        let cases: Vec<Case> = file["cases"].as_array().unwrap().iter().cloned().map(case).collect();
        assert_eq!(cases.len(), 8, "golden file was cut short");
        cases
    }

    fn case(golden: Value) -> Case {
        let labels: Vec<usize> = serde_json::from_value(golden["labels"].clone()).unwrap();
        let rows: Vec<Vec<f32>> = serde_json::from_value(golden["probabilities"].clone()).unwrap();
        let shape = (labels.len(), rows[0].len());
        let probabilities = Array2::from_shape_vec(shape, rows.concat()).unwrap();
        let confusion = confusion(&labels, &predictions(probabilities.view()), shape.1);
        Case { golden, labels, probabilities, confusion }
    }

    /// Sums of a few hundred f64 in another order: a few ulp.
    fn assert_close(got: Option<f64>, want: &Value, what: &str) {
        let close = match (got, want.as_f64()) {
            (Some(got), Some(want)) => (got - want).abs() <= 1e-13 * want.abs().max(1.0),
            (got, want) => got.is_none() && want.is_none(),
        };
        assert!(close, "{what}: {got:?}, golden {want}");
    }

    fn assert_all_close(got: impl IntoIterator<Item = Option<f64>>, want: &Value, what: &str) {
        let want = want.as_array().unwrap();
        let got: Vec<_> = got.into_iter().collect();
        assert_eq!(got.len(), want.len(), "{what}");
        got.into_iter().zip(want).for_each(|(got, want)| assert_close(got, want, what));
    }

    #[test]
    fn counts_follow_scikit_learn() {
        for Case { golden, probabilities, confusion, .. } in cases() {
            let want: Vec<usize> = serde_json::from_value(golden["predictions"].clone()).unwrap();
            assert_eq!(predictions(probabilities.view()), want, "{}", golden["name"]);
            let want: Vec<Vec<u64>> = serde_json::from_value(golden["confusion"].clone()).unwrap();
            assert!(confusion.iter().eq(want.iter().flatten()), "{}: {confusion}", golden["name"]);
        }
    }

    #[test]
    fn figures_of_classes_follow_scikit_learn() {
        for Case { golden, confusion, .. } in cases() {
            let name = golden["name"].as_str().unwrap();
            let classes = per_class(confusion.view());
            assert_close(accuracy(confusion.view()), &golden["accuracy"], name);
            assert_close(balanced_accuracy(confusion.view()), &golden["balanced_accuracy"], name);
            assert_all_close(classes.iter().map(|class| class.precision), &golden["precision"], name);
            assert_all_close(classes.iter().map(|class| class.recall), &golden["recall"], name);
            assert_all_close(classes.iter().map(|class| class.f1), &golden["f1"], name);
            assert_all_close(
                classes.iter().map(|class| Some(class.support as f64)),
                &golden["support"],
                name,
            );
            for (undefined, key) in
                [(Undefined::LeftOut, "averages"), (Undefined::Zero, "averages_zero_division_0")]
            {
                for (average, which) in [
                    (macro_average(&classes, undefined), "macro"),
                    (weighted_average(&classes, undefined), "weighted"),
                ] {
                    let want = &golden[key][which];
                    assert_close(average.precision, &want["precision"], name);
                    assert_close(average.recall, &want["recall"], name);
                    assert_close(average.f1, &want["f1"], name);
                }
            }
        }
    }

    #[test]
    fn figures_of_probabilities_follow_scikit_learn() {
        for Case { golden, labels, probabilities, .. } in cases() {
            let name = golden["name"].as_str().unwrap();
            let view = probabilities.view();
            assert_close(log_loss(view, &labels), &golden["log_loss"], name);
            assert_close(brier(view, &labels), &golden["brier"], name);
            let bins = reliability(view, &labels, 15);
            assert_close(calibration_error(&bins), &golden["calibration_error_15"], name);
            if !golden["top_2_accuracy"].is_null() {
                assert_close(top_k_accuracy(view, &labels, 2), &golden["top_2_accuracy"], name);
            }
        }
    }

    #[test]
    fn one_example_by_hand() {
        // Three cats: two seen as cats, one as a dog. One dog, seen as a dog. No owl, and none seen.
        let confusion = confusion(&[0, 0, 0, 1], &[0, 0, 1, 1], 3);
        assert_eq!(confusion, array![[2, 1, 0], [0, 1, 0], [0, 0, 0]]);
        let [cat, dog, owl] = per_class(confusion.view())[..] else { panic!() };
        assert_eq!((cat.precision, cat.recall, cat.f1), (Some(1.0), Some(2.0 / 3.0), Some(0.8)));
        assert_eq!((dog.precision, dog.recall, dog.f1), (Some(0.5), Some(1.0), Some(2.0 / 3.0)));
        assert_eq!((owl.precision, owl.recall, owl.f1, owl.support), (None, None, None, 0));
        assert_eq!((cat.predicted, dog.predicted), (2, 2));
    }

    #[test]
    fn ties_rank_in_the_order_of_the_classes() {
        let tied = array![[0.4, 0.4, 0.2], [0.4, 0.4, 0.2]];
        assert_eq!(top_k_accuracy(tied.view(), &[0, 1], 1), Some(0.5));
        assert_eq!(top_k_accuracy(tied.view(), &[0, 1], 2), Some(1.0));
        assert_eq!(top_k_accuracy(tied.view(), &[2, 2], 2), Some(0.0));
        assert_eq!(top_k_accuracy(tied.view(), &[2, 2], 9), Some(1.0));
    }

    #[test]
    fn bins_hold_their_upper_end() {
        let bins = reliability(array![[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]].view(), &[0, 1, 0], 4);
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [0, 1, 1, 1]);
        assert_eq!((bins[2].confidence, bins[2].accuracy), (Some(0.75), Some(0.0)));
        // (|1 - 0.5| + |0 - 0.75| + |1 - 1|) / 3
        assert!((calibration_error(&bins).unwrap() - 1.25 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn of_nothing_there_is_nothing_to_say() {
        let none = Array2::<f32>::zeros((0, 3));
        let confusion = confusion(&[], &[], 3);
        assert_eq!((accuracy(confusion.view()), balanced_accuracy(confusion.view())), (None, None));
        assert_eq!((log_loss(none.view(), &[]), brier(none.view(), &[])), (None, None));
        assert_eq!(top_k_accuracy(none.view(), &[], 1), None);
        assert_eq!(calibration_error(&reliability(none.view(), &[], 15)), None);
        assert_eq!(macro_average(&per_class(confusion.view()), Undefined::LeftOut).f1, None);
    }
}
