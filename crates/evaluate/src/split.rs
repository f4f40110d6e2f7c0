//! Dividing labelled examples so that every part has its share of every class.
//!
//! The same labels and the same seed give the same parts. The generator is ChaCha8 on a stream of its own, so the
//! seed can serve other purposes too without the parts following those.
//!
//! Copies of one image stay together: [`stratified_images`], [`image_folds`] and [`image_shots`] divide images, not examples. Where
//! no image is there twice they give what [`stratified`], [`folds`] and [`shots`] give. An image that bears several labels counts
//! for the class of its first example.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Copies;

/// Why examples cannot be divided so.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part of the examples that is nothing, everything, or not a number.
    #[error("a validation fraction of {fraction} is not possible: expected more than 0 and less than 1")]
    Fraction {
        /// What was asked for.
        fraction: f64,
    },

    /// No class has two examples, so none can be on both sides.
    #[error("{examples} examples cannot be split: no class has more than one")]
    NothingToSplit {
        /// All examples.
        examples: usize,
    },

    /// No shots at all, or more than a class has examples.
    #[error("{shots} examples of each class are not possible: class number {label} has {examples}")]
    Shots {
        /// What was asked for.
        shots: usize,
        /// The first class that has too few, by its place among the classes.
        label: usize,
        /// Those it has.
        examples: usize,
    },

    /// Fewer than two folds, or more than there are examples.
    #[error(
        "{folds} folds of {examples} examples are not possible: expected at least 2 folds and an example for each"
    )]
    Folds {
        /// What was asked for.
        folds: usize,
        /// All examples.
        examples: usize,
    },
}

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
    stratified_images(labels, &Copies::none(labels.len()), fraction, seed)
}

/// The same with all copies of an image on one side. A class with two images or more keeps at least one on each side; all
/// examples of a lone image are trained on.
///
/// # Errors
/// As [`stratified`]; [`Error::NothingToSplit`] if no class has two different images.
///
/// # Panics
/// If `copies` are not of as many examples.
pub fn stratified_images(
    labels: &[usize],
    copies: &Copies,
    fraction: f64,
    seed: u64,
) -> Result<Split, Error> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(Error::Fraction { fraction });
    }
    let classes = shuffled_images(labels, copies, seed);
    let sizes: Vec<Sizes> = classes.iter().map(|class| Sizes::of(class, copies)).collect();
    let wanted = shares(&sizes, fraction);
    let mut is_held_out = vec![false; copies.images().len()];
    for (class, &wanted) in classes.iter().zip(&wanted) {
        take(class, copies, wanted).into_iter().for_each(|image| is_held_out[image] = true);
    }
    keep_every_class(labels, copies, &mut is_held_out);
    if !is_held_out.contains(&true) {
        return Err(Error::NothingToSplit { examples: labels.len() });
    }
    Ok(parts(&of_examples(&is_held_out, copies)))
}

/// `k` splits whose validation parts are disjoint and together are everything.
///
/// The parts differ by at most one example, and so does each class's share in them.
///
/// # Errors
/// [`Error::Folds`] unless `2 <= k <= labels.len()`.
pub fn folds(labels: &[usize], k: usize, seed: u64) -> Result<Vec<Split>, Error> {
    image_folds(labels, &Copies::none(labels.len()), k, seed)
}

/// The same with all copies of an image in one part, so that parts are as even as whole images allow.
///
/// # Errors
/// [`Error::Folds`] unless there are `2 <= k` and as many different images as folds.
///
/// # Panics
/// If `copies` are not of as many examples.
pub fn image_folds(labels: &[usize], copies: &Copies, k: usize, seed: u64) -> Result<Vec<Split>, Error> {
    let images = copies.images().len();
    if k < 2 || k > images {
        return Err(Error::Folds { folds: k, examples: images });
    }
    let classes = shuffled_images(labels, copies, seed);
    let mut fold_of = vec![0; images];
    if copies.repeated() == 0 {
        // Dealt out like cards, going on with the next fold where the class before ended: so totals stay even, too.
        for (dealt, image) in classes.into_iter().flatten().enumerate() {
            fold_of[image] = dealt % k;
        }
    } else {
        deal_by_size(&classes, copies, k, &mut fold_of);
    }
    let split = |fold| {
        let is_held_out: Vec<bool> = fold_of.iter().map(|&own| own == fold).collect();
        parts(&of_examples(&is_held_out, copies))
    };
    Ok((0..k).map(split).collect())
}

/// `k` examples of each class, ascending: what few-shot learning trains on.
///
/// With one seed, fewer shots are among those of more, and none is held out by [`stratified`] while others are left.
///
/// # Errors
/// [`Error::Shots`] if `k` is 0 or a class that has examples has fewer than `k`.
pub fn shots(labels: &[usize], k: usize, seed: u64) -> Result<Vec<usize>, Error> {
    image_shots(labels, &Copies::none(labels.len()), k, seed)
}

/// The same with `k` different images of each class: of an image, the first example.
///
/// # Errors
/// [`Error::Shots`] if `k` is 0 or a class that has examples has fewer than `k` different images.
///
/// # Panics
/// If `copies` are not of as many examples.
pub fn image_shots(labels: &[usize], copies: &Copies, k: usize, seed: u64) -> Result<Vec<usize>, Error> {
    let mut chosen = Vec::new();
    for (label, class) in shuffled_images(labels, copies, seed).into_iter().enumerate() {
        // A label that nobody has is a class of another part of the manifest.
        if class.is_empty() && !labels.contains(&label) {
            continue;
        }
        let first = class.len().checked_sub(k).filter(|_| k > 0);
        let first = first.ok_or(Error::Shots { shots: k, label, examples: class.len() })?;
        // From the end, for what is held out is taken from the front.
        chosen.extend(class[first..].iter().map(|&image| copies.images()[image][0]));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// The images of each class, in an order drawn from the seed.
fn shuffled_images(labels: &[usize], copies: &Copies, seed: u64) -> Vec<Vec<usize>> {
    const STREAM: u64 = u64::from_be_bytes(*b"\0\0\0split");
    assert_eq!(labels.len(), copies.len(), "a label for each example");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut classes = vec![Vec::new(); labels.iter().max().map_or(0, |&last| last + 1)];
    for (image, examples) in copies.images().iter().enumerate() {
        classes[labels[examples[0]]].push(image);
    }
    classes.iter_mut().for_each(|class| class.shuffle(&mut rng));
    classes
}

/// How large a class is.
#[derive(Clone, Copy)]
struct Sizes {
    images: usize,
    examples: usize,
}

impl Sizes {
    fn of(class: &[usize], copies: &Copies) -> Self {
        Self { images: class.len(), examples: class.iter().map(|&image| copies.images()[image].len()).sum() }
    }
}

/// How many examples of each class to hold out, by largest remainders, so that rounding does not add up over the classes.
fn shares(sizes: &[Sizes], fraction: f64) -> Vec<usize> {
    let exact: Vec<f64> = sizes.iter().map(|size| size.examples as f64 * fraction).collect();
    let mut counts: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let total = exact.iter().sum::<f64>().round() as usize;
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by(|&a, &b| (exact[b] - exact[b].floor()).total_cmp(&(exact[a] - exact[a].floor())));
    let left = total.saturating_sub(counts.iter().sum());
    by_remainder.into_iter().take(left).for_each(|class| counts[class] += 1);
    for (count, size) in counts.iter_mut().zip(sizes) {
        *count = if size.images < 2 { 0 } else { (*count).clamp(1, size.examples - 1) };
    }
    counts
}

/// Images of a class that have `wanted` examples together, or as nearly as fits: from the front, without those that are too many.
/// If all are, the one with the fewest.
fn take(class: &[usize], copies: &Copies, wanted: usize) -> Vec<usize> {
    let size = |image: &usize| copies.images()[*image].len();
    let (mut taken, mut left) = (vec![], wanted);
    for image in class {
        if size(image) <= left {
            left -= size(image);
            taken.push(*image);
        }
    }
    if taken.is_empty() && wanted > 0 {
        taken.extend(class.iter().copied().min_by_key(size));
    }
    taken
}

/// An image may bear the label of another class than it is counted for. No class is held out whole by that.
fn keep_every_class(labels: &[usize], copies: &Copies, is_held_out: &mut [bool]) {
    let mut trained_on = vec![0; labels.iter().max().map_or(0, |&last| last + 1)];
    for (example, &label) in labels.iter().enumerate() {
        trained_on[label] += usize::from(!is_held_out[copies.image_of(example)]);
    }
    for example in 0..labels.len() {
        let image = copies.image_of(example);
        if trained_on[labels[example]] == 0 && is_held_out[image] {
            is_held_out[image] = false;
            copies.images()[image].iter().for_each(|&example| trained_on[labels[example]] += 1);
        }
    }
}

/// Class by class, the largest images first, each to the fold that has the fewest examples of the class, then of all.
fn deal_by_size(classes: &[Vec<usize>], copies: &Copies, k: usize, fold_of: &mut [usize]) {
    let mut totals = vec![0; k];
    for class in classes {
        let mut of_class = vec![0; k];
        let mut images = class.clone();
        // Stable, so that the seed decides among equals.
        images.sort_by_key(|&image| std::cmp::Reverse(copies.images()[image].len()));
        for image in images {
            let fold = (0..k).min_by_key(|&fold| (of_class[fold], totals[fold])).expect("two folds at least");
            let size = copies.images()[image].len();
            of_class[fold] += size;
            totals[fold] += size;
            fold_of[image] = fold;
        }
    }
}

/// From images to their examples.
fn of_examples(is_held_out: &[bool], copies: &Copies) -> Vec<bool> {
    (0..copies.len()).map(|example| is_held_out[copies.image_of(example)]).collect()
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

    /// Examples of six classes; some show the image of an earlier one, mostly under its label.
    fn with_copies() -> impl Strategy<Value = (Vec<usize>, Copies)> {
        prop::collection::vec((0usize..6, 0usize..60, 0usize..12), 4..150).prop_map(|rows| {
            let keys: Vec<usize> = rows.iter().map(|row| row.1).collect();
            let copies = Copies::of(&keys);
            let label = |(example, row): (usize, &(usize, usize, usize))| match row.2 {
                // One in twelve contradicts.
                0 => row.0,
                _ => rows[copies.images()[copies.image_of(example)][0]].0,
            };
            (rows.iter().enumerate().map(label).collect(), copies)
        })
    }

    fn is_on_one_side(copies: &Copies, split: &Split) -> bool {
        let held_out: std::collections::HashSet<_> = split.validation.iter().collect();
        copies.images().iter().all(|image| {
            let held_out = image.iter().filter(|example| held_out.contains(example)).count();
            held_out == 0 || held_out == image.len()
        })
    }

    proptest! {
        #[test]
        fn copies_are_held_out_together((labels, copies) in with_copies(), fraction in 0.05f64..0.95, seed: u64) {
            let Ok(split) = stratified_images(&labels, &copies, fraction, seed) else {
                // Only where no class has two images.
                let first = |image: &Vec<usize>| labels[image[0]];
                let images = |class| copies.images().iter().filter(|image| first(image) == class).count();
                prop_assert!((0..6).all(|class| images(class) < 2) || !copies.contradictions(&labels).is_empty());
                return Ok(());
            };
            let mut all = [split.train.clone(), split.validation.clone()].concat();
            all.sort();
            prop_assert!(all.into_iter().eq(0..labels.len()));
            prop_assert!(is_ascending(&split.train) && is_ascending(&split.validation));
            prop_assert!(is_on_one_side(&copies, &split));
            prop_assert!(!split.validation.is_empty() && !split.train.is_empty());
            for &label in &labels {
                prop_assert!(count(&labels, &split.train, label) > 0, "class {label} is held out whole");
            }
            prop_assert_eq!(&split, &stratified_images(&labels, &copies, fraction, seed).unwrap());
        }

        #[test]
        fn copies_are_in_one_fold((labels, copies) in with_copies(), k in 2usize..8, seed: u64) {
            prop_assume!(k <= copies.images().len());
            let folds = image_folds(&labels, &copies, k, seed).unwrap();
            let mut all: Vec<usize> = folds.iter().flat_map(|fold| fold.validation.clone()).collect();
            all.sort();
            prop_assert!(all.into_iter().eq(0..labels.len()));
            for fold in &folds {
                prop_assert!(is_on_one_side(&copies, fold) && !fold.validation.is_empty() && !fold.train.is_empty());
            }
        }

        #[test]
        fn shots_are_different_images((labels, copies) in with_copies(), k in 1usize..4, seed: u64) {
            let Ok(chosen) = image_shots(&labels, &copies, k, seed) else { return Ok(()) };
            let images: std::collections::HashSet<_> = chosen.iter().map(|&example| copies.image_of(example)).collect();
            prop_assert_eq!(images.len(), chosen.len());
            for class in 0..6 {
                prop_assert_eq!(count(&labels, &chosen, class), if labels.contains(&class) { k } else { 0 });
            }
        }
    }

    #[test]
    fn without_copies_everything_is_as_it_was_in_the_first_version() {
        // What version 0.1.0 gives, with this generator.
        let labels: Vec<usize> = (0..30).map(|index| index * index % 7 % 4).collect();
        let copies = Copies::of(&(0..30).collect::<Vec<_>>());
        let held_out = stratified_images(&labels, &copies, 0.3, 11).unwrap().validation;
        assert_eq!(held_out, STRATIFIED);
        let folds: Vec<Vec<usize>> =
            image_folds(&labels, &copies, 4, 11).unwrap().into_iter().map(|fold| fold.validation).collect();
        assert_eq!(folds, FOLDS);
        assert_eq!(image_shots(&labels, &copies, 3, 11).unwrap(), SHOTS);
    }

    /// Made by the functions of version 0.1.0 (commit 213e240) on the labels of the test above.
    const STRATIFIED: [usize; 9] = [1, 5, 9, 11, 12, 13, 17, 20, 28];
    const FOLDS: [&[usize]; 4] = [
        &[2, 6, 8, 9, 10, 14, 24, 26],
        &[0, 1, 3, 7, 15, 18, 22, 28],
        &[11, 12, 20, 21, 23, 25, 29],
        &[4, 5, 13, 16, 17, 19, 27],
    ];
    const SHOTS: [usize; 9] = [2, 4, 8, 16, 18, 21, 22, 24, 27];

    #[test]
    fn a_class_of_one_image_is_trained_on_however_often_it_is_there() {
        let labels = [0, 0, 0, 1, 1, 1, 1];
        let copies = Copies::of(&["x", "x", "x", "a", "b", "c", "d"]);
        let split = stratified_images(&labels, &copies, 0.5, 3).unwrap();
        assert_eq!(split.validation.len(), 2);
        assert!(split.validation.iter().all(|&example| labels[example] == 1));
        let lone = Copies::of(&["x", "x", "x", "a", "a", "a", "a"]);
        assert!(matches!(
            stratified_images(&labels, &lone, 0.5, 3),
            Err(Error::NothingToSplit { examples: 7 })
        ));
        assert!(matches!(image_folds(&labels, &lone, 3, 0), Err(Error::Folds { folds: 3, examples: 2 })));
    }

    #[test]
    fn a_fraction_is_of_the_examples_not_of_the_images() {
        // Forty images, each three times: a quarter of 120 examples are ten whole images.
        let labels: Vec<usize> = (0..120).map(|example| example / 3 % 2).collect();
        let copies = Copies::of(&(0..120).map(|example| example / 3).collect::<Vec<_>>());
        let split = stratified_images(&labels, &copies, 0.25, 5).unwrap();
        assert_eq!(split.validation.len(), 30);
        assert_eq!(count(&labels, &split.validation, 0), 15);
        let folds = image_folds(&labels, &copies, 4, 5).unwrap();
        assert!(folds.iter().all(|fold| fold.validation.len() == 30));
    }
}
