//! Labels that are likely wrong: confident learning.
//!
//! A classifier that never saw an image is a second opinion on its label. How sure it has to be before it is believed
//! depends on the class: as sure of it as it is, in the mean, of the images that bear its label.
//!
//! # Source
//! Northcutt, Jiang and Chuang 2021, arXiv:1911.00068, section 3.1, as the Python package cleanlab computes it
//! (`find_label_issues` with `filter_by="confident_learning"`, ranked by `"self_confidence"`).

use ndarray::{ArrayView1, ArrayView2, Axis};
use serde::Serialize;

use super::metrics::best;

/// cleanlab's slack, so that rounding does not decide whether a probability reaches its threshold.
const SLACK: f64 = 1e-6;

/// A label that is likely wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Suspect {
    /// The row.
    pub row: usize,
    /// The label it has.
    pub label: usize,
    /// Its probability: the lower, the likelier the label is wrong.
    pub label_probability: f32,
    /// The class it more likely is.
    pub guess: usize,
    /// The probability of that.
    pub guess_probability: f32,
}

/// The rows whose label is likely wrong, the likeliest first.
///
/// # Shapes
/// - `probabilities`: `(n, classes)`, from a classifier that was not trained on these rows; rows with which it was give
///   no second opinion
/// - `labels`: `n` class indices
///
/// # Panics
/// If there are not as many rows as labels, or a label is not below the number of classes.
pub fn suspects(probabilities: ArrayView2<f32>, labels: &[usize]) -> Vec<Suspect> {
    assert_eq!(probabilities.nrows(), labels.len(), "one label per row");
    let thresholds = thresholds(probabilities, labels);
    let rows = probabilities.axis_iter(Axis(0)).zip(labels).enumerate();
    let mut found: Vec<Suspect> = rows
        .filter_map(|(row, (probabilities, &label))| {
            let guess = likely(probabilities, &thresholds)?;
            // Where the most probable class is the label, another one that is sure enough too proves nothing.
            let doubted = guess != label && best(probabilities).0 != label;
            doubted.then(|| Suspect {
                row,
                label,
                label_probability: probabilities[label],
                guess,
                guess_probability: probabilities[guess],
            })
        })
        .collect();
    found.sort_by(|a, b| a.label_probability.total_cmp(&b.label_probability));
    found
}

/// The mean probability of each class over the rows that bear its label; out of reach for a class that none bears.
fn thresholds(probabilities: ArrayView2<f32>, labels: &[usize]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0usize); probabilities.ncols()];
    for (row, &label) in probabilities.axis_iter(Axis(0)).zip(labels) {
        let (sum, count) = &mut sums[label];
        *sum += f64::from(row[label]);
        *count += 1;
    }
    let mean = |(sum, count): (f64, usize)| if count == 0 { f64::INFINITY } else { sum / count as f64 };
    sums.into_iter().map(mean).collect()
}

/// The class that reaches its threshold; if several do, the most probable class.
fn likely(row: ArrayView1<f32>, thresholds: &[f64]) -> Option<usize> {
    let reaches = |&class: &usize| f64::from(row[class]) >= thresholds[class] - SLACK;
    let mut reached = (0..row.len()).filter(reaches);
    match (reached.next(), reached.next()) {
        (first, None) => first,
        (_, Some(_)) => Some(best(row).0),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use serde::Deserialize;

    use super::*;

    #[test]
    fn a_confident_contradiction_is_found_and_a_doubt_is_not() {
        let said = array![
            [0.9, 0.1],
            [0.8, 0.2],
            [0.05, 0.95], // called 0, and surely 1
            [0.45, 0.55], // called 0, rather 1, but less surely than ones usually are
            [0.1, 0.9],
            [0.2, 0.8],
        ];
        let found = suspects(said.view(), &[0, 0, 0, 0, 1, 1]);
        let [one] = found[..] else { panic!("{found:?}") };
        assert_eq!((one.row, one.label, one.guess), (2, 0, 1));
        assert_eq!((one.label_probability, one.guess_probability), (0.05, 0.95));
    }

    #[test]
    fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(suspects(Array2::zeros((0, 3)).view(), &[]), []);
        assert_eq!(suspects(array![[0.2, 0.8]].view(), &[1]), []);
        // A class that no row bears is no alternative, however probable.
        assert_eq!(suspects(array![[0.3, 0.0, 0.7], [0.1, 0.9, 0.0]].view(), &[0, 1]), []);
    }

    #[test]
    fn cleanlab_finds_the_same_in_the_same_order() {
        #[derive(Deserialize)]
        struct Case {
            labels: Vec<usize>,
            probabilities: Vec<Vec<f32>>,
            issues: Vec<usize>,
        }
        // Made by tests/golden/make_label_errors.py.
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../tests/golden/label_errors_cleanlab.json")).unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let shape = (case.labels.len(), case.probabilities[0].len());
            let flat: Vec<f32> = case.probabilities.concat();
            let said = Array2::from_shape_vec(shape, flat).unwrap();
            let found: Vec<usize> = suspects(said.view(), &case.labels).iter().map(|one| one.row).collect();
            assert!(found.len() > 1);
            assert_eq!(found, case.issues);
        }
    }
}
