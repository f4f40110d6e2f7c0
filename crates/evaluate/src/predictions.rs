//! What was said of each image.

use std::borrow::Borrow;

use ndarray::{ArrayView1, ArrayView2};

/// What a classifier says of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The true class, if it is known.
    pub label: Option<usize>,
    /// The most probable classes and their probabilities, in descending order; never empty.
    pub top: Vec<(usize, f32)>,
}

impl Prediction {
    /// The `k` most probable classes of a row; equal probabilities in the order of the classes.
    ///
    /// # Panics
    /// If the row is empty or `k` is 0.
    pub fn of(row: ArrayView1<f32>, label: Option<usize>, k: usize) -> Self {
        assert!(k > 0 && !row.is_empty(), "a prediction needs at least one class");
        let mut top: Vec<(usize, f32)> = row.iter().copied().enumerate().collect();
        // A stable sort, so that the first of equal ones stays the first.
        top.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        top.truncate(k);
        Self { label, top }
    }

    /// The most probable class.
    pub fn class(&self) -> usize {
        self.top[0].0
    }

    /// Its probability.
    pub fn confidence(&self) -> f32 {
        self.top[0].1
    }

    /// Whether the prediction is right; `None` if nobody knows.
    pub fn is_correct(&self) -> Option<bool> {
        self.label.map(|label| label == self.class())
    }
}

/// The `k` most probable classes of every row.
///
/// # Panics
/// If there are not as many labels as rows, there are no classes, or `k` is 0.
pub fn predict(probabilities: ArrayView2<f32>, labels: &[Option<usize>], k: usize) -> Vec<Prediction> {
    assert_eq!(probabilities.nrows(), labels.len(), "one label, known or not, per row");
    probabilities.rows().into_iter().zip(labels).map(|(row, &label)| Prediction::of(row, label, k)).collect()
}

/// The wrong predictions of the highest confidence, the surest first: at most `count` indices.
pub fn surest_mistakes<P: Borrow<Prediction>>(predictions: &[P], count: usize) -> Vec<usize> {
    let confidence = |index: usize| predictions[index].borrow().confidence();
    let mut mistakes = with_outcome(predictions, false);
    mistakes.sort_by(|&a, &b| confidence(b).total_cmp(&confidence(a)));
    mistakes.truncate(count);
    mistakes
}

/// The right predictions of the lowest confidence, the least sure first: at most `count` indices.
pub fn least_sure_hits<P: Borrow<Prediction>>(predictions: &[P], count: usize) -> Vec<usize> {
    let confidence = |index: usize| predictions[index].borrow().confidence();
    let mut hits = with_outcome(predictions, true);
    hits.sort_by(|&a, &b| confidence(a).total_cmp(&confidence(b)));
    hits.truncate(count);
    hits
}

fn with_outcome<P: Borrow<Prediction>>(predictions: &[P], correct: bool) -> Vec<usize> {
    (0..predictions.len())
        .filter(|&index| predictions[index].borrow().is_correct() == Some(correct))
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn four() -> Vec<Prediction> {
        let probabilities = array![[0.25, 0.5, 0.25], [0.9, 0.0, 0.1], [0.0, 0.4, 0.6], [0.1, 0.7, 0.2]];
        predict(probabilities.view(), &[Some(1), Some(2), None, Some(0)], 3)
    }

    #[test]
    fn guesses_are_in_order() {
        assert_eq!(four()[0].top, [(1, 0.5), (0, 0.25), (2, 0.25)]);
        assert_eq!(
            four().iter().map(Prediction::is_correct).collect::<Vec<_>>(),
            [Some(true), Some(false), None, Some(false)]
        );
    }

    #[test]
    fn the_extremes_are_found_among_scored_rows() {
        assert_eq!(surest_mistakes(&four(), 9), [1, 3]);
        assert_eq!(surest_mistakes(&four(), 1), [1]);
        let hits = predict(array![[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]].view(), &[Some(0), Some(0), None], 1);
        assert_eq!(least_sure_hits(&hits, 9), [1, 0]);
    }
}
