//! What a method says of each row when it has not learned from it.

use ndarray::{Array2, Axis};

use super::score::check_probabilities;
use super::{Error, Examples, Guesses, Method, Standardiser};
use headstart_evaluate::split::Split;

/// The probabilities of every row that some split holds out, from the method fitted to that split's training part.
///
/// `on_fold` is told after each fit. A row that no split holds out gets zeros.
///
/// # Shapes
/// - `features`: `(n, d)`, `labels`: `n` indices below `classes`
/// - result: `(n, classes)`
///
/// # Errors
/// [`Error::Failed`] and [`Error::NotProbabilities`], the latter also for a method that gives classes alone.
///
/// # Panics
/// If the splits name rows that are not there.
pub fn out_of_fold(
    method: &dyn Method,
    features: &Array2<f32>,
    labels: &[usize],
    classes: usize,
    splits: &[Split],
    mut on_fold: impl FnMut(),
) -> Result<Array2<f32>, Error> {
    let mut all = Array2::zeros((labels.len(), classes));
    for split in splits {
        let mut training = features.select(Axis(0), &split.train);
        let mut held_out = features.select(Axis(0), &split.validation);
        if method.wants_standardised() {
            let standardiser = Standardiser::of(&training);
            standardiser.apply(&mut training);
            standardiser.apply(&mut held_out);
        }
        let training_labels: Vec<usize> = split.train.iter().map(|&row| labels[row]).collect();
        let model = method.fit(Examples { features: &training, labels: &training_labels, classes })?;
        let probabilities = match model.guess(held_out.view())? {
            Guesses::Probabilities(probabilities) => probabilities,
            Guesses::Classes(_) => {
                return Err(Error::NotProbabilities { method: method.name(), row: 0, sum: f64::NAN });
            }
        };
        check_probabilities(method.name(), &probabilities)?;
        for (said, &row) in probabilities.rows().into_iter().zip(&split.validation) {
            all.row_mut(row).assign(&said);
        }
        on_fold();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Choice, NaiveBayes};
    use headstart_evaluate::split;

    fn blobs() -> (Array2<f32>, Vec<usize>) {
        let labels: Vec<usize> = (0..60).map(|row| row % 3).collect();
        let noise = |row: usize, column: usize| ((row * 31 + column * 17) % 23) as f32 / 23.0;
        let at = |(row, column)| noise(row, column) + if column == labels[row] { 3.0 } else { 0.0 };
        (Array2::from_shape_fn((60, 4), at), labels)
    }

    #[test]
    fn every_row_is_judged_once_and_by_one_who_has_not_seen_it() {
        let (features, mut labels) = blobs();
        // A wrong label: whoever learned from it could have learned it by heart.
        labels[7] = 2;
        let splits = split::folds(&labels, 5, 0).unwrap();
        let mut folds = 0;
        let method = NaiveBayes::default();
        let said = out_of_fold(&method, &features, &labels, 3, &splits, || folds += 1).unwrap();
        assert_eq!(folds, 5);
        for (row, probabilities) in said.rows().into_iter().enumerate() {
            assert!((probabilities.sum() - 1.0).abs() < 1e-4, "row {row}: {probabilities}");
            assert!(probabilities[row % 3] > 0.5, "row {row}: {probabilities}");
        }
        // The same as by hand, for one fold.
        let split = &splits[2];
        let choice = Choice::named("bayes", 0).unwrap();
        let (train, held) =
            (features.select(Axis(0), &split.train), features.select(Axis(0), &split.validation));
        let standardiser = Standardiser::of(&train);
        let (mut train, mut held) = (train, held);
        standardiser.apply(&mut train);
        standardiser.apply(&mut held);
        let own: Vec<usize> = split.train.iter().map(|&row| labels[row]).collect();
        let model = choice.method().fit(Examples { features: &train, labels: &own, classes: 3 }).unwrap();
        let Guesses::Probabilities(expected) = model.guess(held.view()).unwrap() else { panic!() };
        assert_eq!(said.select(Axis(0), &split.validation), expected);
    }

    #[test]
    fn a_method_without_probabilities_is_refused() {
        let (features, labels) = blobs();
        let splits = split::folds(&labels, 2, 0).unwrap();
        let method = Choice::named("svm", 0).unwrap().method();
        let failed = out_of_fold(method.as_ref(), &features, &labels, 3, &splits, || {});
        assert!(matches!(failed, Err(Error::NotProbabilities { method: "svm", .. })), "{failed:?}");
    }
}
