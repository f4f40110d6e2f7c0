//! How far figures could be off by the luck of which images were taken: the percentile bootstrap.
//!
//! The examples are drawn anew, as many as there are and with replacement, many times; an interval holds the middle 95 % of
//! what a figure then is. It speaks of the images, not of the training: another seed is not in it.
//!
//! # Source
//! Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.

use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::metrics::{self, Ranking, Undefined};

/// The part of the resamples that an interval holds.
pub const LEVEL: f64 = 0.95;

/// Beyond this many looks at a probability, the ROC area gets no interval: it would take minutes.
const MOST_LOOKS: usize = 4_000_000_000;

/// From where to where.
pub type Interval = [f64; 2];

/// Intervals of the figures of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// The part of the resamples that each holds.
    pub level: f64,
    /// How often examples were drawn anew.
    pub resamples: usize,
    pub accuracy: Interval,
    pub balanced_accuracy: Interval,
    pub macro_f1: Interval,
    pub log_loss: Interval,
    pub brier: Interval,
    /// Of the macro average; `null` if there is none, or for more than 4·10⁹ of examples · classes · resamples.
    pub roc_auc: Option<Interval>,
}

/// The figures of one set of examples, in the order of the fields of [`Intervals`].
type Figures = [Option<f64>; 6];

/// What is known of the examples, computed once.
struct Examples<'a> {
    labels: &'a [usize],
    predictions: Vec<usize>,
    losses: Vec<f64>,
    squares: Vec<f64>,
    classes: usize,
    /// By class; empty where areas are left out.
    rankings: Vec<Ranking>,
}

impl<'a> Examples<'a> {
    fn new(probabilities: ArrayView2<'_, f32>, labels: &'a [usize], with_areas: bool) -> Self {
        let each = |figure: fn(ArrayView2<f32>, &[usize]) -> Option<f64>| -> Vec<f64> {
            let rows = probabilities.axis_iter(Axis(0)).zip(labels);
            rows.filter_map(|(row, &label)| figure(row.insert_axis(Axis(0)), &[label])).collect()
        };
        let rankings = match with_areas {
            true => probabilities.columns().into_iter().map(Ranking::new).collect(),
            false => vec![],
        };
        Self {
            labels,
            predictions: metrics::predictions(probabilities),
            losses: each(metrics::log_loss),
            squares: each(metrics::brier),
            classes: probabilities.ncols(),
            rankings,
        }
    }

    /// The figures when example `i` counts `times[i]` times.
    fn figures(&self, times: &[u32]) -> Figures {
        let mut confusion = Array2::<u64>::zeros((self.classes, self.classes));
        for ((&label, &prediction), &times) in self.labels.iter().zip(&self.predictions).zip(times) {
            confusion[(label, prediction)] += u64::from(times);
        }
        let total: f64 = times.iter().map(|&times| f64::from(times)).sum();
        let mean = |values: &[f64]| {
            let sum: f64 = values.iter().zip(times).map(|(value, &times)| value * f64::from(times)).sum();
            (total > 0.0).then(|| sum / total)
        };
        let areas: Vec<Option<f64>> = self
            .rankings
            .iter()
            .enumerate()
            .map(|(class, ranking)| ranking.area(|i| self.labels[i] == class, |i| times[i]))
            .collect();
        let confusion = confusion.view();
        [
            metrics::accuracy(confusion),
            metrics::balanced_accuracy(confusion),
            metrics::macro_average(&metrics::per_class(confusion), Undefined::LeftOut).f1,
            mean(&self.losses),
            mean(&self.squares),
            metrics::macro_area(&areas),
        ]
    }
}

/// Draw examples anew `resamples` times; `None` if there are no examples or no draws.
///
/// # Shapes
/// - `probabilities`: `(n, classes)`, each row summing to 1
/// - `labels`: `n` class indices
///
/// # Panics
/// If there are not as many rows as labels.
pub fn intervals(
    probabilities: ArrayView2<f32>,
    labels: &[usize],
    resamples: usize,
    rng: &mut impl Rng,
) -> Option<Intervals> {
    let looks = probabilities.len().saturating_mul(resamples);
    let examples = Examples::new(probabilities, labels, looks <= MOST_LOOKS);
    let mut drawn: [Vec<f64>; 6] = Default::default();
    let mut times = vec![0u32; labels.len()];
    for _ in 0..resamples {
        times.fill(0);
        for _ in 0..labels.len() {
            times[below(labels.len(), rng)] += 1;
        }
        for (values, figure) in drawn.iter_mut().zip(examples.figures(&times)) {
            values.extend(figure);
        }
    }
    let [accuracy, balanced_accuracy, macro_f1, log_loss, brier, roc_auc] = drawn.map(middle);
    Some(Intervals {
        level: LEVEL,
        resamples,
        accuracy: accuracy?,
        balanced_accuracy: balanced_accuracy?,
        macro_f1: macro_f1?,
        log_loss: log_loss?,
        brier: brier?,
        roc_auc,
    })
}

/// Uniform among 0, 1, …, `bound - 1`; the bias is below `bound / 2⁶⁴`.
pub(super) fn below(bound: usize, rng: &mut impl Rng) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// The middle [`LEVEL`] of the values.
pub(super) fn middle(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    Some([quantile(&values, tail)?, quantile(&values, 1.0 - tail)?])
}

/// Between the two values that are nearest, in proportion, as NumPy's `quantile` has it.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// 200 examples of 3 classes that lean towards their label.
    fn examples() -> (Array2<f32>, Vec<usize>) {
        let labels: Vec<usize> = (0..200).map(|i| i * i % 7 % 3).collect();
        let mut probabilities = Array2::from_shape_fn((200, 3), |(i, class)| {
            let noise = ((i * 37 + class * 101) % 53) as f32 / 53.0;
            noise + if class == labels[i] { 0.4 } else { 0.0 }
        });
        for mut row in probabilities.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
        (probabilities, labels)
    }

    #[test]
    fn counting_an_example_twice_is_having_it_twice() {
        let (probabilities, labels) = examples();
        let times: Vec<u32> = (0..200).map(|i| [0, 1, 1, 3, 0, 2][i * 5 % 6]).collect();
        let rows: Vec<usize> = (0..200).flat_map(|i| std::iter::repeat_n(i, times[i] as usize)).collect();
        let repeated = probabilities.select(Axis(0), &rows);
        let relabelled: Vec<usize> = rows.iter().map(|&row| labels[row]).collect();
        let got = Examples::new(probabilities.view(), &labels, true).figures(&times);

        let confusion = metrics::confusion(&relabelled, &metrics::predictions(repeated.view()), 3);
        let areas = metrics::class_areas(repeated.view(), &relabelled);
        let want = [
            metrics::accuracy(confusion.view()),
            metrics::balanced_accuracy(confusion.view()),
            metrics::macro_average(&metrics::per_class(confusion.view()), Undefined::LeftOut).f1,
            metrics::log_loss(repeated.view(), &relabelled),
            metrics::brier(repeated.view(), &relabelled),
            metrics::macro_area(&areas),
        ];
        for (got, want) in got.into_iter().zip(want) {
            // Sums in another order.
            assert!((got.unwrap() - want.unwrap()).abs() < 1e-12, "{got:?} {want:?}");
        }
    }

    #[test]
    fn the_interval_of_the_accuracy_is_that_of_a_binomial() {
        let (probabilities, labels) = examples();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let found = intervals(probabilities.view(), &labels, 4000, &mut rng).unwrap();
        let confusion = metrics::confusion(&labels, &metrics::predictions(probabilities.view()), 3);
        let p = metrics::accuracy(confusion.view()).unwrap();
        // Normal approximation; 4,000 draws place a quantile within 0.003 or so, and accuracies are 0.005 apart.
        let half = 1.96 * (p * (1.0 - p) / 200.0).sqrt();
        let [low, high] = found.accuracy;
        assert!(
            (low - (p - half)).abs() < 0.01 && (high - (p + half)).abs() < 0.01,
            "{low} {high} {p} {half}"
        );
        assert!(found.log_loss[0] < found.log_loss[1] && found.roc_auc.is_some());
    }

    #[test]
    fn quantiles_are_numpys() {
        // np.quantile([1, 2, 4, 8], [0.025, 0.5, 0.975])
        let values = [1.0, 2.0, 4.0, 8.0];
        for (q, want) in [(0.025, 1.075), (0.5, 3.0), (0.975, 7.7)] {
            assert!((quantile(&values, q).unwrap() - want).abs() < 1e-12);
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn without_examples_or_draws_there_is_none() {
        let (probabilities, labels) = examples();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(intervals(probabilities.view(), &labels, 0, &mut rng), None);
        assert_eq!(intervals(Array2::zeros((0, 3)).view(), &[], 10, &mut rng), None);
    }
}
