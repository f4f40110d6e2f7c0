//! How far a share of counted images could be off by the luck of which images were taken: Wilson's interval.
//!
//! It is right at the ends too: 12 right of 12 are no proof of an accuracy of 1. The bootstrap cannot say so, for whatever it draws
//! of twelve right answers are twelve right answers.

use super::bootstrap::Interval;

/// Of the normal distribution, what has 2.5 % above it: the intervals are of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a share, of which `part` of `whole` were seen; `None` if nothing was.
///
/// # Panics
/// If the part is more than the whole.
///
/// # Source
/// Wilson 1927, Probable inference, the law of succession, and statistical inference; recommended by Brown, Cai and DasGupta
/// 2001, Interval estimation for a binomial proportion. Without correction for continuity, as statsmodels'
/// `proportion_confint(method="wilson")`.
pub fn wilson(part: u64, whole: u64) -> Option<Interval> {
    assert!(part <= whole, "a part is not more than the whole");
    if whole == 0 {
        return None;
    }
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // Exact at the ends, where rounding could leave a little.
    let low = if part == 0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if part == whole { 1.0 } else { (middle + half).min(1.0) };
    Some([low, high])
}

/// The 95 % interval of the mean of shares of separate images, each `(part, whole)`, such as the recalls of classes; `None` without
/// shares, or if one of them is of nothing.
///
/// # Source
/// Zou and Donner 2008, Construction of confidence limits about effect measures: a general approach (MOVER), with the limits of
/// [`wilson`].
pub fn mean_of_shares(shares: &[(u64, u64)]) -> Option<Interval> {
    let number = shares.len() as f64;
    let (mut mean, mut below, mut above) = (0.0, 0.0, 0.0);
    for &(part, whole) in shares {
        let [low, high] = wilson(part, whole)?;
        let share = part as f64 / whole as f64;
        mean += share / number;
        below += (share - low).powi(2);
        above += (high - share).powi(2);
    }
    let interval = [mean - below.sqrt() / number, mean + above.sqrt() / number];
    (!shares.is_empty()).then(|| interval.map(|end| end.clamp(0.0, 1.0)))
}

/// The 95 % interval of the share of images that `b` has right less that of `a`, on the same images: `both` have so many right,
/// `only_a` and `only_b` one of them, `neither` the rest; `None` without images.
///
/// # Source
/// Newcombe 1998, Improved confidence intervals for the difference between binomial proportions based on paired data, method 10.
pub fn paired_difference(both: u64, only_a: u64, only_b: u64, neither: u64) -> Option<Interval> {
    let all = both + only_a + only_b + neither;
    let ([low_a, high_a], [low_b, high_b]) = (wilson(both + only_a, all)?, wilson(both + only_b, all)?);
    let share = |part: u64| part as f64 / all as f64;
    let (a, b) = (share(both + only_a), share(both + only_b));
    let number = |count: u64| count as f64;
    let margins =
        number(both + only_a) * number(only_b + neither) * number(both + only_b) * number(only_a + neither);
    let apart = number(both) * number(neither) - number(only_a) * number(only_b);
    let phi = match () {
        () if margins == 0.0 => 0.0,
        // As the paper corrects it: less where they hang together.
        () if apart > 0.0 => (apart - number(all) / 2.0).max(0.0) / margins.sqrt(),
        () => apart / margins.sqrt(),
    };
    let distance =
        |of_a: f64, of_b: f64| (of_a * of_a - 2.0 * phi * of_a * of_b + of_b * of_b).max(0.0).sqrt();
    let difference = b - a;
    let low = difference - distance(high_a - a, b - low_b);
    let high = difference + distance(a - low_a, high_b - b);
    Some([low.max(-1.0), high.min(1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `tests/golden/make_proportions.py`.
    const GOLDEN: &str = include_str!("../tests/golden/proportions.json");

    fn golden() -> serde_json::Value {
        serde_json::from_str(GOLDEN).unwrap()
    }

    #[track_caller]
    fn near(found: Interval, wanted: &serde_json::Value, of: &str) {
        for (end, found) in found.into_iter().enumerate() {
            let wanted = wanted[end].as_f64().unwrap();
            // Both compute in float64; the rest is rounding.
            assert!((found - wanted).abs() < 1e-12, "{of}: {found} instead of {wanted}");
        }
    }

    #[test]
    fn shares_have_the_intervals_of_statsmodels() {
        let golden = golden();
        let cases = golden["wilson"].as_array().unwrap();
        for case in cases {
            let (part, whole) = (case["part"].as_u64().unwrap(), case["whole"].as_u64().unwrap());
            near(wilson(part, whole).unwrap(), &case["interval"], &format!("{part} of {whole}"));
        }
        assert!(cases.len() > 20);
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn all_right_is_no_proof() {
        let [low, high] = wilson(12, 12).unwrap();
        assert!((low - 0.7575).abs() < 1e-4 && high == 1.0, "{low}");
        let [low, high] = wilson(0, 12).unwrap();
        assert!(low == 0.0 && (high - 0.2425).abs() < 1e-4, "{high}");
    }

    #[test]
    fn means_and_differences_have_the_intervals_of_the_papers() {
        let golden = golden();
        for case in golden["mean"].as_array().unwrap() {
            let shares: Vec<(u64, u64)> = serde_json::from_value(case["shares"].clone()).unwrap();
            near(mean_of_shares(&shares).unwrap(), &case["interval"], &format!("{shares:?}"));
        }
        for case in golden["paired"].as_array().unwrap() {
            let [both, only_a, only_b, neither]: [u64; 4] =
                serde_json::from_value(case["counts"].clone()).unwrap();
            let found = paired_difference(both, only_a, only_b, neither).unwrap();
            near(found, &case["interval"], &format!("{}", case["counts"]));
        }
        assert_eq!((mean_of_shares(&[]), mean_of_shares(&[(1, 2), (0, 0)])), (None, None));
        assert_eq!(paired_difference(0, 0, 0, 0), None);
    }
}
