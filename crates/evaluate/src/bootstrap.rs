//! How far figures could be off by the luck of which images were taken.
//!
//! Accuracy and balanced accuracy are shares of counted images, whose intervals are Wilson's ([`proportion`](super::proportion)). The
//! other figures have those of the percentile bootstrap: the examples are drawn again, as many as there are and with replacement,
//! many times, and an interval holds the middle 95 % of what a figure then is. Where all draws give one value, as they do where
//! every image is right, they tell nothing of other images, and there is no interval.
//!
//! All of them speak of the images, not of the training: another seed is not in them.
//!
//! # Source
//! Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.

use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::metrics::{self, Ranking, Undefined};
use super::proportion::{mean_of_shares, wilson};

/// The part of the resamples that an interval holds.
pub const LEVEL: f64 = 0.95;

/// Beyond this many looks at a probability, the ROC area gets no interval: it would take minutes.
const MOST_LOOKS: usize = 4_000_000_000;

/// Sums of equal numbers differ by no more.
const ROUNDING: f64 = 1e-12;

/// From where to where.
pub type Interval = [f64; 2];

/// How the intervals of accuracy and balanced accuracy were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareMethod {
    /// As all others: what files of version 0.1.0 have. It gives `[1, 1]` where all images are right.
    #[default]
    Bootstrap,
    /// Wilson's score interval, and MOVER over those of the classes' recalls.
    Wilson,
}

/// Intervals of the figures of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// How likely an interval is to hold what the figure is on all such images.
    pub level: f64,
    /// How those of `accuracy` and `balanced_accuracy` were made.
    #[serde(default)]
    pub shares: ShareMethod,
    /// How often examples were drawn again, for all but these two.
    pub resamples: usize,
    /// See [`wilson`].
    pub accuracy: Interval,
    /// See [`mean_of_shares`].
    pub balanced_accuracy: Interval,
    /// `null`, as all that follow, if every draw gave the same value.
    pub macro_f1: Option<Interval>,
    /// Of the mean negative logarithm of the right class's probability.
    pub log_loss: Option<Interval>,
    /// Of the Brier score.
    pub brier: Option<Interval>,
    /// Of the macro average; `null` also if there is none, or for more than 4·10⁹ of examples · classes · resamples.
    pub roc_auc: Option<Interval>,
}

/// The figures of one set of examples that are resampled: macro F1, log-loss, Brier score, ROC area.
type Figures = [Option<f64>; 4];

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
            metrics::macro_average(&metrics::per_class(confusion), Undefined::LeftOut).f1,
            mean(&self.losses),
            mean(&self.squares),
            metrics::macro_area(&areas),
        ]
    }
}

/// The intervals, from `resamples` draws of the examples where it takes such; `None` if there are no examples or no draws.
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
    if labels.is_empty() || resamples == 0 {
        return None;
    }
    let looks = probabilities.len().saturating_mul(resamples);
    let examples = Examples::new(probabilities, labels, looks <= MOST_LOOKS);
    let mut drawn: [Vec<f64>; 4] = Default::default();
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
    let [macro_f1, log_loss, brier, roc_auc] =
        drawn.map(|values| middle(values).filter(|[low, high]| high - low > ROUNDING));
    let confusion = metrics::confusion(labels, &examples.predictions, examples.classes);
    let classes = metrics::per_class(confusion.view());
    let recalls =
        classes.iter().filter(|class| class.support > 0).map(|class| (class.correct, class.support));
    Some(Intervals {
        level: LEVEL,
        shares: ShareMethod::Wilson,
        resamples,
        accuracy: wilson(confusion.diag().sum(), labels.len() as u64)?,
        balanced_accuracy: mean_of_shares(&recalls.collect::<Vec<_>>())?,
        macro_f1,
        log_loss,
        brier,
        roc_auc,
    })
}

/// Uniform among 0, 1, …, `bound - 1`; the bias is below `bound / 2⁶⁴`.
fn below(bound: usize, rng: &mut impl Rng) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// The middle [`LEVEL`] of the values.
fn middle(mut values: Vec<f64>) -> Option<Interval> {
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
    fn shares_have_intervals_of_their_own_and_the_rest_those_of_the_draws() {
        let (probabilities, labels) = examples();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let found = intervals(probabilities.view(), &labels, 4000, &mut rng).unwrap();
        let confusion = metrics::confusion(&labels, &metrics::predictions(probabilities.view()), 3);
        assert_eq!(found.accuracy, wilson(confusion.diag().sum(), 200).unwrap());
        assert_eq!(found.shares, ShareMethod::Wilson);
        let balanced = metrics::balanced_accuracy(confusion.view()).unwrap();
        let [low, high] = found.balanced_accuracy;
        // Three classes of nearly the same size and recall: close to the interval of the accuracy.
        assert!(low < balanced && balanced < high, "{low} {balanced} {high}");
        assert!((low - found.accuracy[0]).abs() < 0.03 && (high - found.accuracy[1]).abs() < 0.03);
        let [low, high] = found.log_loss.unwrap();
        let losses: Vec<f64> = labels
            .iter()
            .zip(probabilities.rows())
            .map(|(&label, row)| -f64::from(row[label]).ln())
            .collect();
        let mean = losses.iter().sum::<f64>() / 200.0;
        let deviation = (losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        // Normal approximation; 4,000 draws place a quantile within 4 % of the half width or so.
        let half = 1.96 * deviation / 200f64.sqrt();
        assert!((low - (mean - half)).abs() < 0.1 * half && (high - (mean + half)).abs() < 0.1 * half);
        assert!(found.macro_f1.is_some() && found.brier.is_some() && found.roc_auc.is_some());
    }

    #[test]
    fn where_all_are_right_no_interval_is_a_point() {
        let probabilities =
            Array2::from_shape_fn((12, 2), |(row, class)| if row % 2 == class { 0.9f32 } else { 0.1 });
        let labels: Vec<usize> = (0..12).map(|row| row % 2).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let found = intervals(probabilities.view(), &labels, 500, &mut rng).unwrap();
        assert_eq!(found.accuracy, wilson(12, 12).unwrap());
        assert!(found.accuracy[0] < 0.76 && found.balanced_accuracy[0] < 0.75, "{found:?}");
        assert_eq!((found.accuracy[1], found.balanced_accuracy[1]), (1.0, 1.0));
        // Draws of twelve equal answers are equal answers.
        assert_eq!((found.macro_f1, found.log_loss, found.roc_auc), (None, None, None));
    }

    #[test]
    fn files_of_the_first_version_are_read_and_say_how_they_were_made() {
        let text = r#"{"level": 0.95, "resamples": 1000, "accuracy": [1.0, 1.0], "balanced_accuracy": [1.0, 1.0],
            "macro_f1": [1.0, 1.0], "log_loss": [0.1, 0.2], "brier": [0.0, 0.1], "roc_auc": null}"#;
        let read: Intervals = serde_json::from_str(text).unwrap();
        assert_eq!((read.shares, read.macro_f1), (ShareMethod::Bootstrap, Some([1.0, 1.0])));
        let again: Intervals = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
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
