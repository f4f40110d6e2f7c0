//! Our own head on images in several views.

use std::time::Instant;

use ndarray::{Array2, ArrayViewMut2};

use super::score::Score;
use super::{Error, HeadMethod, Method};
use headstart_evaluate::split::Split;
use headstart_evaluate::{mean_over_views, metrics};
use headstart_nn::layers::Head;
use headstart_nn::train::{Flow, Rows, train};

/// Held-out images that go through the head together.
const IMAGES: usize = 256;

/// What the images are looked at by that are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Each as it is.
    Plain,
    /// Each in all views; the mean of the probabilities counts.
    Averaged,
}

/// Train a head on the training part of a split, each step on views that it draws, and measure it on the part that is held
/// out.
///
/// # Shapes
/// - `rows`: `n` rows in all of their views, as [`Rows::views`] has them; the split names rows
/// - `labels`: `n` indices below `classes`
///
/// # Errors
/// [`Error::Classes`] and [`Error::NothingHeldOut`] for a split that nothing can be learned from or measured on,
/// [`Error::Failed`] if the training fails or rows cannot be read.
///
/// # Panics
/// If the split names rows that are not there.
pub fn evaluate_in_views(
    method: &HeadMethod,
    rows: &dyn Rows,
    labels: &[usize],
    classes: usize,
    split: &Split,
    look: Look,
) -> Result<Score, Error> {
    let pick = |places: &[usize]| -> Vec<usize> { places.iter().map(|&place| labels[place]).collect() };
    let (training_labels, held_out_labels) = (pick(&split.train), pick(&split.validation));
    super::score::check_labels(&training_labels, &held_out_labels)?;
    let failed = |error| Error::failed(method.name(), error);

    let started = Instant::now();
    let training = Part { rows, places: &split.train };
    let outcome = train(&method.0, &training, &training_labels, classes, None, &mut |_| Flow::Continue)
        .map_err(failed)?;
    let fit_seconds = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let held_out = Part { rows, places: &split.validation };
    let probabilities = looked_at(&outcome.head, &held_out, look).map_err(|source| {
        failed(headstart_nn::train::Error::Rows { part: headstart_nn::train::Part::Validation, source })
    })?;
    let predict_seconds = started.elapsed().as_secs_f64();
    let log_loss = metrics::log_loss(probabilities.view(), &held_out_labels);
    let predictions = metrics::predictions(probabilities.view());
    let hits = predictions.iter().zip(&held_out_labels).filter(|(guess, label)| guess == label).count();
    let accuracy = hits as f64 / held_out_labels.len() as f64;
    Ok(Score { accuracy, log_loss, fit_seconds, predict_seconds })
}

type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// Probabilities of each image, in batches.
fn looked_at(head: &Head, images: &Part, look: Look) -> Result<Array2<f32>, Unreadable> {
    let views = match look {
        Look::Plain => 1,
        Look::Averaged => images.views(),
    };
    let mut said = Array2::zeros((images.len(), head.config().classes));
    for start in (0..images.len()).step_by(IMAGES) {
        let batch = start..images.len().min(start + IMAGES);
        let places: Vec<usize> =
            (0..views).flat_map(|view| batch.clone().map(move |image| view * images.len() + image)).collect();
        let mut features = Array2::zeros((places.len(), images.dim()));
        images.gather(&places, features.view_mut())?;
        let mean = mean_over_views(head.probabilities(features.view()).view(), views);
        said.slice_mut(ndarray::s![batch, ..]).assign(&mean);
    }
    Ok(said)
}

/// Some of the rows, in all of their views.
struct Part<'a> {
    rows: &'a dyn Rows,
    places: &'a [usize],
}

impl Part<'_> {
    /// The place among all rows of a place among these.
    fn whole(&self, place: usize) -> usize {
        let (view, row) = (place / self.places.len(), place % self.places.len());
        view * self.rows.len() + self.places[row]
    }
}

impl Rows for Part<'_> {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn dim(&self) -> usize {
        self.rows.dim()
    }

    fn views(&self) -> usize {
        self.rows.views()
    }

    fn gather(&self, places: &[usize], out: ArrayViewMut2<f32>) -> Result<(), Unreadable> {
        let places: Vec<usize> = places.iter().map(|&place| self.whole(place)).collect();
        self.rows.gather(&places, out)
    }

    fn name(&self, place: usize) -> String {
        self.rows.name(self.whole(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate;
    use headstart_evaluate::split;
    use headstart_nn::train::TrainConfig;

    /// Twelve rows of two classes in so many views; in the second view the classes have changed places.
    struct InViews(usize);

    fn labels() -> Vec<usize> {
        (0..12).map(|row| row % 2).collect()
    }

    impl Rows for InViews {
        fn len(&self) -> usize {
            12
        }

        fn dim(&self) -> usize {
            2
        }

        fn views(&self) -> usize {
            self.0
        }

        fn gather(&self, places: &[usize], mut out: ArrayViewMut2<f32>) -> Result<(), Unreadable> {
            for (&place, mut out) in places.iter().zip(out.rows_mut()) {
                let (view, row) = (place / 12, place % 12);
                let class = (row % 2 + usize::from(view == 1)) % 2;
                out.fill(0.01 * row as f32);
                out[class] += 1.0;
            }
            Ok(())
        }

        fn name(&self, place: usize) -> String {
            place.to_string()
        }
    }

    fn method() -> HeadMethod {
        HeadMethod(TrainConfig {
            hidden: vec![],
            epochs: 40,
            batch_size: 4,
            learning_rate: 0.1,
            ..Default::default()
        })
    }

    fn score(views: usize, look: Look) -> Score {
        let fold = &split::folds(&labels(), 3, 0).unwrap()[0];
        evaluate_in_views(&method(), &InViews(views), &labels(), 2, fold, look).unwrap()
    }

    #[test]
    fn one_view_is_what_plain_rows_are() {
        let mut features = Array2::zeros((12, 2));
        InViews(1).gather(&(0..12).collect::<Vec<_>>(), features.view_mut()).unwrap();
        let fold = &split::folds(&labels(), 3, 0).unwrap()[0];
        let plain = evaluate(&method(), &features, &labels(), 2, fold).unwrap();
        for look in [Look::Plain, Look::Averaged] {
            let score = score(1, look);
            assert_eq!((score.accuracy, score.log_loss), (plain.accuracy, plain.log_loss));
        }
    }

    #[test]
    fn training_draws_views_and_testing_averages_them() {
        // Both classes look the same in training, so nothing can be learned, and the mean of a row and its opposite is undecided.
        let plain = score(2, Look::Plain).log_loss.unwrap();
        let averaged = score(2, Look::Averaged).log_loss.unwrap();
        let learned = score(1, Look::Plain).log_loss.unwrap();
        assert!(learned < 0.1 && plain > 0.3, "{learned} {plain}");
        assert!((averaged - std::f64::consts::LN_2).abs() < 0.1, "{averaged}");
    }

    #[test]
    fn what_nothing_can_be_learned_from_is_refused() {
        let split = split::Split { train: vec![0, 2, 4], validation: vec![1] };
        let refused =
            evaluate_in_views(&method(), &InViews(1), &labels(), 2, &split, Look::Plain).unwrap_err();
        assert!(matches!(refused, Error::Classes { found: 1 }), "{refused}");
    }
}
