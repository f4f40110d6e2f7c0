//! From how often a tensor takes which values to the range that 256 levels cover.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;

/// How ranges are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Method {
    /// Everything that was seen.
    MinMax,
    /// All but so many of a hundred values: those beyond are cut off, the same share at both ends.
    Percentile(f64),
    /// The range whose levels tell most of what the values tell: least relative entropy, after the method that TensorRT has.
    Entropy,
    /// Least mean square of what rounding and cutting off change.
    MeanSquare,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax => f.write_str("min-max"),
            Self::Percentile(share) => write!(f, "percentile {share}"),
            Self::Entropy => f.write_str("entropy"),
            Self::MeanSquare => f.write_str("mean-square"),
        }
    }
}

/// Values stand for `(code - zero) · scale`, with codes from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Levels {
    /// The step from one code to the next.
    pub scale: f32,
    /// The code that stands for 0.
    pub zero: u8,
}

impl Levels {
    /// The levels that cover `low` to `high`. Zero always is one of them, as paddings need it.
    pub fn covering(low: f32, high: f32) -> Self {
        let (low, high) = (f64::from(low.min(0.0)), f64::from(high.max(0.0)));
        let scale = ((high - low) / 255.0) as f32;
        // All of it zero, or too small for a float to tell: any scale will do.
        if !scale.is_normal() {
            return Self { scale: 1.0, zero: 0 };
        }
        let zero = (-low / f64::from(scale)).round().clamp(0.0, 255.0) as u8;
        Self { scale, zero }
    }

    /// What becomes of `value`.
    pub fn round(self, value: f64) -> f64 {
        let (scale, zero) = (f64::from(self.scale), f64::from(self.zero));
        ((value / scale).round_ties_even() + zero).clamp(0.0, 255.0).mul_add(scale, -zero * scale)
    }

    /// The sum of squares of what rounding changes in the values of `histogram`, taken in the middle of its bins.
    pub(super) fn error(self, histogram: &Histogram) -> f64 {
        histogram.filled().map(|(value, count)| count * (self.round(value) - value).powi(2)).sum()
    }
}

impl Method {
    /// The levels for a tensor with these values; `top`: it is cut off there anyway.
    pub(super) fn levels(self, histogram: &Histogram, top: Option<f32>) -> Levels {
        let [low, high] = match self {
            Self::MinMax => [histogram.low, histogram.high],
            Self::Percentile(share) => percentile(histogram, share),
            Self::Entropy => entropy(histogram),
            Self::MeanSquare => mean_square(histogram),
        };
        Levels::covering(low, top.map_or(high, |top| high.min(top)))
    }
}

fn percentile(histogram: &Histogram, share: f64) -> [f32; 2] {
    let beyond = (1.0 - share / 100.0) * histogram.total() as f64;
    let end = |counts: &mut dyn Iterator<Item = (usize, &u64)>| {
        let mut passed = 0.0;
        for (bin, &count) in counts {
            passed += count as f64;
            if passed > beyond {
                return bin;
            }
        }
        0
    };
    let low = end(&mut histogram.counts.iter().enumerate());
    let high = end(&mut histogram.counts.iter().enumerate().rev());
    let edge = |bin: usize| histogram.edge(bin) as f32;
    // Nothing below zero is nothing to cut off.
    let low = if histogram.low < 0.0 { edge(low).max(histogram.low) } else { histogram.low };
    [low, edge(high + 1).min(histogram.high)]
}

/// Ranges are sought in hundredths of the whole one.
const STEPS: usize = 100;

fn shrunk(histogram: &Histogram, low: usize, high: usize) -> [f32; 2] {
    let part = |end: f32, step: usize| end * step as f32 / STEPS as f32;
    [part(histogram.low.min(0.0), low), part(histogram.high.max(0.0), high)]
}

/// Both ends in turn, until neither moves.
fn mean_square(histogram: &Histogram) -> [f32; 2] {
    let error = |low: usize, high: usize| {
        let [low, high] = shrunk(histogram, low, high);
        Levels::covering(low, high).error(histogram)
    };
    let best = |error: &dyn Fn(usize) -> f64| {
        let steps = (STEPS / 20)..=STEPS;
        steps
            .map(|step| (step, error(step)))
            .fold((STEPS, f64::INFINITY), |a, b| if b.1 < a.1 { b } else { a })
            .0
    };
    let (mut low, mut high) = (STEPS, STEPS);
    for _ in 0..4 {
        let before = (low, high);
        if histogram.high > 0.0 {
            high = best(&|high| error(low, high));
        }
        if histogram.low < 0.0 {
            low = best(&|low| error(low, high));
        }
        if (low, high) == before {
            break;
        }
    }
    shrunk(histogram, low, high)
}

/// The same part of both ends.
fn entropy(histogram: &Histogram) -> [f32; 2] {
    let steps = (STEPS / 20)..=STEPS;
    let divergence = |step: usize| {
        let [low, high] = shrunk(histogram, step, step);
        relative_entropy(histogram, low, high)
    };
    let best = steps.map(|step| (step, divergence(step)));
    let (step, _) = best.fold((STEPS, f64::INFINITY), |a, b| if b.1 < a.1 { b } else { a });
    shrunk(histogram, step, step)
}

/// How much the levels from `low` to `high` fail to tell of the values: those beyond are counted at the ends, and within a
/// level all filled bins are taken to be alike.
fn relative_entropy(histogram: &Histogram, low: f32, high: f32) -> f64 {
    let levels = Levels::covering(low, high);
    let (scale, zero) = (f64::from(levels.scale), f64::from(levels.zero));
    let (first, last) = (-zero * scale, (255.0 - zero) * scale);
    // For each level: what the values inside weigh, with those beyond, and how many bins are filled.
    let (mut inside, mut bins, mut all) = (vec![0.0; 256], vec![0.0; 256], vec![]);
    let level = |value: f64| ((value / scale).round() + zero).clamp(0.0, 255.0) as usize;
    let mut beyond = [0.0, 0.0];
    // Behind a ReLU half of all values are zero, which every range has a level for: that says nothing for or against it.
    for (value, count) in histogram.filled().filter(|(value, _)| value.abs() > histogram.width()) {
        if value < first - scale / 2.0 {
            beyond[0] += count;
        } else if value > last + scale / 2.0 {
            beyond[1] += count;
        } else {
            inside[level(value)] += count;
            bins[level(value)] += 1.0;
            all.push((level(value), count));
        }
    }
    let kept: f64 = inside.iter().sum();
    let total = kept + beyond[0] + beyond[1];
    if all.is_empty() {
        return f64::INFINITY;
    }
    let ends = all.len() - 1;
    all[0].1 += beyond[0];
    all[ends].1 += beyond[1];
    all.iter()
        .map(|&(level, count)| {
            let told = inside[level] / bins[level] / kept;
            let true_share = count / total;
            true_share * (true_share / told).ln()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::histogram::{STEP, ends};
    use super::*;

    /// Values of a normal distribution's kind, cut off at zero or not, with one far away.
    fn values(relu: bool) -> Vec<f32> {
        let mut values: Vec<f32> = (0..40_000)
            .map(|i| (0..6).map(|k| ((i * 7919 + k * 104_729) % 10_007) as f32 / 10_007.0 - 0.5).sum())
            .collect();
        values.push(9.0);
        if relu {
            values.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        values
    }

    fn histogram(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::empty();
        let ends = ends(values).unwrap();
        (0..STEP).for_each(|from| histogram.add(values, ends, 1.0, from));
        histogram
    }

    fn error(levels: Levels, values: &[f32]) -> f64 {
        values.iter().map(|&x| (levels.round(x.into()) - f64::from(x)).powi(2)).sum()
    }

    #[test]
    fn levels_hold_zero_and_cut_off_what_is_beyond() {
        let levels = Levels::covering(-1.0, 4.1);
        assert_eq!((levels.zero, levels.round(0.0)), (50, 0.0));
        assert!((levels.round(0.031) - 0.04).abs() < 1e-6 || (levels.round(0.031) - 0.02).abs() < 1e-2);
        assert!((levels.round(100.0) - 4.1).abs() < 1e-6 && (levels.round(-100.0) + 1.0).abs() < 1e-6);
        // Zero is a level whatever the range is.
        assert_eq!(Levels::covering(2.0, 4.0), Levels::covering(0.0, 4.0));
        assert_eq!(Levels::covering(0.0, 0.0), Levels { scale: 1.0, zero: 0 });
    }

    #[test]
    fn least_mean_squares_are_those_of_a_search_through_all_values() {
        for relu in [true, false] {
            let values = values(relu);
            let histogram = histogram(&values);
            let found = error(Method::MeanSquare.levels(&histogram, None), &values);
            let part = |end: f32, step: usize| end * step as f32 / 40.0;
            let lows = if relu { 40..=40 } else { 10..=40 };
            let ranges = lows.flat_map(|low| (10..=40).map(move |high| (low, high)));
            let best = ranges
                .map(|(low, high)| {
                    error(Levels::covering(part(histogram.low, low), part(histogram.high, high)), &values)
                })
                .fold(f64::INFINITY, f64::min);
            // The search is finer than this one, and its bins are a thirtieth of a level wide.
            assert!(found < 1.02 * best, "{found} {best}");
            // One value far from the others is not worth coarser levels for all.
            assert!(found < error(Method::MinMax.levels(&histogram, None), &values));
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut values = values(false);
        let histogram = histogram(&values);
        let levels = Method::Percentile(99.0).levels(&histogram, None);
        values.sort_by(f32::total_cmp);
        let beyond = values.len() / 100;
        let (low, high) = (values[beyond], values[values.len() - 1 - beyond]);
        let [found_low, found_high] =
            [0.0, 255.0].map(|code| (code - f64::from(levels.zero)) * f64::from(levels.scale));
        // A bin, and half a level for zero.
        let near = histogram.width() + f64::from(levels.scale);
        assert!((found_low - f64::from(low)).abs() < near, "{found_low} {low}");
        assert!((found_high - f64::from(high)).abs() < near, "{found_high} {high}");
        assert_eq!(Method::MinMax.levels(&histogram, Some(6.0)), Levels::covering(histogram.low, 6.0));
    }

    #[test]
    fn entropy_cuts_off_what_is_far_away_and_keeps_what_there_is_much_of() {
        let histogram = histogram(&values(true));
        let levels = Method::Entropy.levels(&histogram, None);
        let end = 255.0 * levels.scale;
        // Nearly all values are below 2, one is 9.
        assert!((1.0..8.0).contains(&end), "{end}");
    }
}
