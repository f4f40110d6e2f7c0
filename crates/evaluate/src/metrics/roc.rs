//! The area under the ROC curve: how well probabilities order the examples, whatever threshold is put to them.

use ndarray::{ArrayView1, ArrayView2};

use super::mean;

/// Examples in the order of their scores, sorted once for many questions.
#[derive(Debug, Clone)]
pub struct Ranking {
    /// Indices of the examples, ascending.
    order: Vec<usize>,
    /// Where in `order` each run of equal scores ends.
    ends: Vec<usize>,
}

impl Ranking {
    /// Sort examples by their scores.
    pub fn new(scores: ArrayView1<f32>) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let ends = (1..=order.len())
            .filter(|&end| end == order.len() || scores[order[end - 1]] != scores[order[end]])
            .collect();
        Self { order, ends }
    }

    /// The part of all pairs of a positive and another example in which the positive one has the higher score; equal
    /// scores count half. Example `i` counts `times(i)` times. `None` if there is no such pair.
    ///
    /// # Source
    /// Hanley and McNeil 1982, doi 10.1148/radiology.143.1.7063747: the area under the ROC curve is this.
    pub fn area(&self, is_positive: impl Fn(usize) -> bool, times: impl Fn(usize) -> u32) -> Option<f64> {
        let (mut positives, mut others, mut pairs) = (0.0, 0.0, 0.0);
        let mut start = 0;
        for &end in &self.ends {
            let (mut tied_positives, mut tied_others) = (0.0, 0.0);
            for &example in &self.order[start..end] {
                let count = f64::from(times(example));
                *if is_positive(example) { &mut tied_positives } else { &mut tied_others } += count;
            }
            pairs += tied_positives * (others + 0.5 * tied_others);
            positives += tied_positives;
            others += tied_others;
            start = end;
        }
        (positives > 0.0 && others > 0.0).then(|| pairs / (positives * others))
    }
}

/// For each class, the area of its probability against all other classes; `None` if the class does not occur, or no
/// other.
///
/// # Panics
/// If there are not as many rows as labels.
pub fn class_areas(probabilities: ArrayView2<f32>, labels: &[usize]) -> Vec<Option<f64>> {
    assert_eq!(probabilities.nrows(), labels.len(), "one row of probabilities per label");
    let area = |(class, scores)| Ranking::new(scores).area(|example| labels[example] == class, |_| 1);
    probabilities.columns().into_iter().enumerate().map(area).collect()
}

/// The mean over the classes that have an area: scikit-learn's `multi_class="ovr", average="macro"` where all do.
pub fn macro_area(areas: &[Option<f64>]) -> Option<f64> {
    mean(areas.iter().flatten().map(|&area| (area, 1.0)))
}

/// The area of all probabilities together, each a claim that this row is of this class.
///
/// # Panics
/// If there are not as many rows as labels.
pub fn micro_area(probabilities: ArrayView2<f32>, labels: &[usize]) -> Option<f64> {
    assert_eq!(probabilities.nrows(), labels.len(), "one row of probabilities per label");
    let classes = probabilities.ncols();
    let claims: Vec<f32> = probabilities.iter().copied().collect();
    let is_true = |claim: usize| labels[claim / classes] == claim % classes;
    Ranking::new(ArrayView1::from(&claims)).area(is_true, |_| 1)
}
