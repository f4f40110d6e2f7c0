//! Dividing labelled examples so that every part has its share of every class.
//!
//! The same labels and the same seed give the same parts. The generator is ChaCha8 on a stream of its own, so the
//! seed can serve other purposes too without the parts following those.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Error;

/// Which examples to train on and which to hold out: indices, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// To train on.
    pub train: Vec<usize>,
    /// Held out.
    pub validation: Vec<usize>,
}

/// Hold out a fraction of the examples of each class.
///
/// As near to `fraction` as whole examples allow, in each class and in total. A class with two examples or more keeps
/// at least one on each side; a lone example is trained on.
///
/// # Errors
/// [`Error::Fraction`] unless `0 < fraction < 1`; [`Error::NothingToSplit`] if no class has two examples.
pub fn stratified(labels: &[usize], fraction: f64, seed: u64) -> Result<Split, Error> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(Error::Fraction { fraction });
    }
    let classes = shuffled_classes(labels, seed);
    let sizes: Vec<usize> = classes.iter().map(Vec::len).collect();
    let held_out = shares(&sizes, fraction);
    if held_out.iter().all(|&count| count == 0) {
        return Err(Error::NothingToSplit { examples: labels.len() });
    }
    let mut is_held_out = vec![false; labels.len()];
    for (class, &count) in classes.iter().zip(&held_out) {
        class[..count].iter().for_each(|&index| is_held_out[index] = true);
    }
    Ok(parts(&is_held_out))
}

/// `k` splits whose validation parts are disjoint and together are everything.
///
/// The parts differ by at most one example, and so does each class's share in them.
///
/// # Errors
/// [`Error::Folds`] unless `2 <= k <= labels.len()`.
pub fn folds(labels: &[usize], k: usize, seed: u64) -> Result<Vec<Split>, Error> {
    if k < 2 || k > labels.len() {
        return Err(Error::Folds { folds: k, examples: labels.len() });
    }
    // Dealt out like cards, going on with the next fold where the class before ended: so totals stay even, too.
    let mut fold_of = vec![0; labels.len()];
    for (dealt, index) in shuffled_classes(labels, seed).into_iter().flatten().enumerate() {
        fold_of[index] = dealt % k;
    }
    Ok((0..k).map(|fold| parts(&fold_of.iter().map(|&own| own == fold).collect::<Vec<_>>())).collect())
}

/// `k` examples of each class, ascending: what few-shot learning trains on.
///
/// With one seed, fewer shots are among those of more, and none is held out by [`stratified`] while others are left.
///
/// # Errors
/// [`Error::Shots`] if `k` is 0 or a class that has examples has fewer than `k`.
pub fn shots(labels: &[usize], k: usize, seed: u64) -> Result<Vec<usize>, Error> {
    let mut chosen = Vec::new();
    for (label, class) in shuffled_classes(labels, seed).into_iter().enumerate() {
        // A label that nobody has is a class of another part of the manifest.
        if class.is_empty() {
            continue;
        }
        let first = class.len().checked_sub(k).filter(|_| k > 0);
        let first = first.ok_or(Error::Shots { shots: k, label, examples: class.len() })?;
        // From the end, for what is held out is taken from the front.
        chosen.extend_from_slice(&class[first..]);
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// The examples of each class, in an order drawn from the seed.
fn shuffled_classes(labels: &[usize], seed: u64) -> Vec<Vec<usize>> {
    const STREAM: u64 = u64::from_be_bytes(*b"\0\0\0split");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut classes = vec![Vec::new(); labels.iter().max().map_or(0, |&last| last + 1)];
    for (index, &label) in labels.iter().enumerate() {
        classes[label].push(index);
    }
    classes.iter_mut().for_each(|class| class.shuffle(&mut rng));
    classes
}

/// How many of each class to hold out, by largest remainders, so that rounding does not add up over the classes.
fn shares(sizes: &[usize], fraction: f64) -> Vec<usize> {
    let exact: Vec<f64> = sizes.iter().map(|&size| size as f64 * fraction).collect();
    let mut counts: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let total = exact.iter().sum::<f64>().round() as usize;
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by(|&a, &b| (exact[b] - exact[b].floor()).total_cmp(&(exact[a] - exact[a].floor())));
    let left = total.saturating_sub(counts.iter().sum());
    by_remainder.into_iter().take(left).for_each(|class| counts[class] += 1);
    for (count, &size) in counts.iter_mut().zip(sizes) {
        *count = if size < 2 { 0 } else { (*count).clamp(1, size - 1) };
    }
    counts
}

fn parts(is_held_out: &[bool]) -> Split {
    let (validation, train) = (0..is_held_out.len()).partition(|&index| is_held_out[index]);
    Split { train, validation }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(labels: &[usize], part: &[usize], class: usize) -> usize {
        part.iter().filter(|&&index| labels[index] == class).count()
    }

    fn is_ascending(part: &[usize]) -> bool {
        part.windows(2).all(|pair| pair[0] < pair[1])
    }

    proptest! {
        #[test]
        fn a_fraction_is_held_out_of_each_class(
            labels in prop::collection::vec(0usize..6, 2..200), fraction in 0.01f64..0.99, seed: u64,
        ) {
            let sizes: Vec<usize> = (0..6).map(|class| labels.iter().filter(|&&label| label == class).count()).collect();
            prop_assume!(sizes.iter().any(|&size| size > 1));
            let Split { train, validation } = stratified(&labels, fraction, seed).unwrap();

            let mut all = [train.clone(), validation.clone()].concat();
            all.sort();
            prop_assert!(all.into_iter().eq(0..labels.len()));
            prop_assert!(is_ascending(&train) && is_ascending(&validation));
            for (class, &size) in sizes.iter().enumerate() {
                let (kept, held_out) = (count(&labels, &train, class), count(&labels, &validation, class));
                match size {
                    0 => prop_assert_eq!(kept + held_out, 0),
                    1 => prop_assert_eq!((kept, held_out), (1, 0)),
                    // Within one of the exact share, unless keeping one on each side moves it.
                    _ => {
                        prop_assert!(kept > 0 && held_out > 0);
                        let exact = (size as f64 * fraction).clamp(1.0, size as f64 - 1.0);
                        prop_assert!((held_out as f64 - exact).abs() < 1.0, "{held_out} of {size} at {fraction}");
                    }
                }
            }
        }

        #[test]
        fn folds_divide_everything_evenly(labels in prop::collection::vec(0usize..6, 2..200), k in 2usize..12, seed: u64) {
            prop_assume!(k <= labels.len());
            let folds = folds(&labels, k, seed).unwrap();
            prop_assert_eq!(folds.len(), k);
            let mut all: Vec<usize> = folds.iter().flat_map(|fold| fold.validation.clone()).collect();
            all.sort();
            prop_assert!(all.into_iter().eq(0..labels.len()));
            for fold in &folds {
                prop_assert!(is_ascending(&fold.train) && is_ascending(&fold.validation));
                prop_assert_eq!(fold.train.len() + fold.validation.len(), labels.len());
                prop_assert!(fold.validation.iter().all(|index| !fold.train.contains(index)));
            }
            let even = |counts: Vec<usize>| counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1;
            prop_assert!(even(folds.iter().map(|fold| fold.validation.len()).collect()));
            for class in 0..6 {
                prop_assert!(even(folds.iter().map(|fold| count(&labels, &fold.validation, class)).collect()));
            }
        }

        #[test]
        fn shots_are_as_many_of_each_class(counts in prop::collection::vec(6usize..20, 1..6), k in 1usize..6, seed: u64) {
            let labels: Vec<usize> = counts.iter().enumerate().flat_map(|(class, &n)| vec![class; n]).collect();
            let chosen = shots(&labels, k, seed).unwrap();
            prop_assert!(is_ascending(&chosen));
            for class in 0..counts.len() {
                prop_assert_eq!(count(&labels, &chosen, class), k);
            }
            let more = shots(&labels, k + 1, seed).unwrap();
            prop_assert!(chosen.iter().all(|index| more.contains(index)));
            prop_assert_ne!(shots(&[0; 100], 20, seed).unwrap(), shots(&[0; 100], 20, seed ^ 1).unwrap());
            let held_out = stratified(&[0; 100], 0.5, seed).unwrap().validation;
            prop_assert!(shots(&[0; 100], k, seed).unwrap().iter().all(|index| !held_out.contains(index)));
        }

        #[test]
        fn the_seed_decides(labels in prop::collection::vec(0usize..3, 40..80), seed: u64) {
            prop_assert_eq!(stratified(&labels, 0.3, seed).unwrap(), stratified(&labels, 0.3, seed).unwrap());
            prop_assert_ne!(stratified(&labels, 0.3, seed).unwrap(), stratified(&labels, 0.3, seed ^ 1).unwrap());
            prop_assert_ne!(folds(&labels, 4, seed).unwrap(), folds(&labels, 4, seed ^ 1).unwrap());
        }
    }

    #[test]
    fn totals_do_not_drift_with_many_classes() {
        // 25 classes of 40: 4.4 of each. Rounded class by class, 100 would be held out, not 110.
        let labels: Vec<usize> = (0..1000).map(|index| index % 25).collect();
        assert_eq!(stratified(&labels, 0.11, 1).unwrap().validation.len(), 110);
    }

    #[test]
    fn a_seed_means_the_same_in_every_version() {
        // Stored runs name a seed: an upgrade of the generator that draws otherwise must be noticed.
        let labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2, 2];
        assert_eq!(stratified(&labels, 0.25, 7).unwrap().validation, [4, 5, 10]);
    }

    #[test]
    fn what_cannot_be_divided() {
        for fraction in [0.0, 1.0, -0.1, 1.5, f64::NAN] {
            assert!(
                matches!(stratified(&[0, 0, 1, 1], fraction, 0), Err(Error::Fraction { .. })),
                "{fraction}"
            );
        }
        assert!(matches!(stratified(&[0, 1, 2], 0.5, 0), Err(Error::NothingToSplit { examples: 3 })));
        assert!(matches!(stratified(&[], 0.5, 0), Err(Error::NothingToSplit { examples: 0 })));
        let error = shots(&[2, 0, 0], 2, 0).unwrap_err();
        assert!(matches!(error, Error::Shots { shots: 2, label: 2, examples: 1 }), "{error}");
        assert!(matches!(shots(&[0, 1], 0, 0), Err(Error::Shots { shots: 0, .. })));
        for (k, n) in [(0, 4), (1, 4), (5, 4), (2, 0)] {
            assert!(matches!(folds(&vec![0; n], k, 0), Err(Error::Folds { .. })), "{k} folds of {n}");
        }
    }
}
