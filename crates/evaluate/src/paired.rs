//! Two classifiers on the same images.
//!
//! Each accuracy has a wide interval, for it depends on which images were taken. Most of that both have in common: on the
//! same images the difference is known much better than either figure.

use serde::Serialize;

use super::bootstrap::Interval;
use super::proportion::paired_difference;

/// How two classifiers, `a` and `b`, do on the same images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    /// Images.
    pub images: u64,
    /// Images that `a` alone has right.
    pub only_a: u64,
    /// Images that `b` alone has right.
    pub only_b: u64,
    /// The accuracy of `b` less that of `a`.
    pub difference: f64,
    /// Its 95 % interval, see [`paired_difference`].
    pub interval: Interval,
    /// How likely chance alone divides the images that one of them has right at least as unevenly: McNemar's exact test,
    /// two-sided.
    pub p_value: f64,
}

impl Paired {
    /// Compare what two classifiers have right, image by image; `None` without images.
    ///
    /// # Panics
    /// If there are not as many answers of both.
    ///
    /// # Source
    /// McNemar 1947; exact form as in statsmodels' `mcnemar(exact=True)`.
    pub fn of(a: &[bool], b: &[bool]) -> Option<Self> {
        assert_eq!(a.len(), b.len(), "an answer of both for each image");
        let count =
            |wanted: (bool, bool)| a.iter().zip(b).filter(|&(&a, &b)| (a, b) == wanted).count() as u64;
        let [both, only_a, only_b, neither] =
            [(true, true), (true, false), (false, true), (false, false)].map(count);
        Some(Self {
            images: a.len() as u64,
            only_a,
            only_b,
            interval: paired_difference(both, only_a, only_b, neither)?,
            difference: (only_b as f64 - only_a as f64) / a.len() as f64,
            p_value: two_sided(only_a.min(only_b), only_a + only_b),
        })
    }
}

/// The probability that a fair coin shows its rarer side at most `rarer` times in `throws`, on either side.
fn two_sided(rarer: u64, throws: u64) -> f64 {
    let n = throws as f64;
    // In logarithms, for 2ⁿ is soon beyond every number.
    let mut log_term = -n * std::f64::consts::LN_2;
    let mut sum = log_term.exp();
    for k in 0..rarer {
        log_term += ((n - k as f64) / (k as f64 + 1.0)).ln();
        sum += log_term.exp();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_is_scipys() {
        // 2 * scipy.stats.binom.cdf(k, n, 0.5), at most 1.
        for (rarer, throws, want) in [
            (0, 0, 1.0),
            (0, 1, 1.0),
            (1, 10, 0.021484375),
            (5, 10, 1.0),
            (40, 100, 0.05688793364098083),
            (450, 1000, 0.00173053608),
        ] {
            let got = two_sided(rarer, throws);
            // The digits that are written here.
            assert!((got - want).abs() < 1e-10, "{rarer} of {throws}: {got}");
        }
    }

    #[test]
    fn the_difference_counts_images_that_one_has_right() {
        let a: Vec<bool> = (0..200).map(|i| i % 10 != 0).collect();
        let b: Vec<bool> = (0..200).map(|i| i % 20 != 0 && i != 7).collect();
        let paired = Paired::of(&a, &b).unwrap();
        assert_eq!((paired.images, paired.only_a, paired.only_b), (200, 1, 10));
        assert!((paired.difference - 9.0 / 200.0).abs() < 1e-12);
        let [low, high] = paired.interval;
        // The normal approximation of a mean of -1, 0 and 1.
        let half = 1.96 * ((11.0 / 200.0 - paired.difference.powi(2)) / 200.0).sqrt();
        assert!((low - (0.045 - half)).abs() < 0.01 && (high - (0.045 + half)).abs() < 0.01, "{low} {high}");
        let back = Paired::of(&b, &a).unwrap();
        assert_eq!((back.difference, back.p_value), (-paired.difference, paired.p_value));
    }

    #[test]
    fn those_who_agree_do_not_differ_and_nothing_compares_to_nothing() {
        let same = Paired::of(&[true, false], &[true, false]).unwrap();
        assert_eq!((same.difference, same.p_value), (0.0, 1.0));
        // Two images are no proof that both are equally good.
        assert!(same.interval[0] < -0.5 && same.interval[1] > 0.5, "{:?}", same.interval);
        assert_eq!(Paired::of(&[], &[]), None);
    }
}
