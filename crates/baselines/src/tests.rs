use ndarray::{Array2, array};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use headstart_evaluate::split::{self, Split};
use headstart_nn::train::TrainConfig;

/// Three clouds of points around corners that lie far apart, in more columns than there are rows of a class, the last
/// of them constant.
fn clouds(rows: usize) -> (Array2<f32>, Vec<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let labels: Vec<usize> = (0..rows).map(|row| row % 3).collect();
    let features = Array2::from_shape_fn((rows, 40), |(row, column)| match column {
        39 => 2.5,
        _ => (if column % 3 == labels[row] { 1.0 } else { 0.0 }) + rng.random_range(-0.8..0.8),
    });
    (features, labels)
}

fn choice(name: &str) -> Choice {
    match Choice::named(name, 3).unwrap() {
        // The default number of epochs is for hundreds of rows.
        Choice::Head(config) => Choice::Head(Box::new(TrainConfig { learning_rate: 0.01, ..*config })),
        choice => choice,
    }
}

#[test]
fn every_method_tells_clouds_apart() {
    let (features, labels) = clouds(90);
    let fold = split::folds(&labels, 3, 0).unwrap().remove(0);
    for name in Choice::NAMES {
        let choice = choice(name);
        let method = choice.method();
        assert_eq!(method.name(), name);
        assert!(!method.settings().is_empty());
        let score = evaluate(method.as_ref(), &features, &labels, 3, &fold).unwrap();
        assert!(score.accuracy > 0.95, "{name}: {score:?}");
        match (name, score.log_loss) {
            ("forest" | "svm", log_loss) => assert_eq!(log_loss, None, "{name}"),
            (_, log_loss) => {
                let log_loss = log_loss.unwrap();
                assert!((0.0..0.7).contains(&log_loss), "{name}: {log_loss}");
            }
        }
    }
}

#[test]
fn one_seed_gives_one_score() {
    let (mut features, labels) = clouds(60);
    // Clouds so near to one another that methods make mistakes, which chance could move.
    features.mapv_inplace(|value| (value * 7.0).sin());
    let fold = split::folds(&labels, 3, 0).unwrap().remove(1);
    for name in Choice::NAMES {
        let method = choice(name).method();
        let score = || {
            let score = evaluate(method.as_ref(), &features, &labels, 3, &fold).unwrap();
            (score.accuracy.to_bits(), score.log_loss.map(f64::to_bits))
        };
        assert_eq!(score(), score(), "{name}");
    }
}

#[test]
fn classes_keep_their_places_where_one_is_missing_from_the_training_rows() {
    let (features, labels) = clouds(60);
    // Class 1 is nowhere among the rows to learn from, and nowhere among those held out but once.
    let train: Vec<usize> = (0..45).filter(|row| row % 3 != 1).collect();
    let validation: Vec<usize> = (45..60).filter(|row| row % 3 != 1).chain([46]).collect();
    let fold = Split { train, validation };
    for name in Choice::NAMES {
        let score = evaluate(choice(name).method().as_ref(), &features, &labels, 3, &fold).unwrap();
        // Class 2 would come out as class 1 otherwise, and half of the rows would be wrong.
        assert!((score.accuracy - 10.0 / 11.0).abs() < 1e-9, "{name}: {score:?}");
        assert!(score.log_loss.is_none_or(f64::is_finite), "{name}: {score:?}");
    }
}

#[test]
fn held_out_rows_have_no_say_in_what_is_learnt() {
    struct Spy(std::cell::RefCell<Option<Array2<f32>>>);
    struct First;
    impl Method for Spy {
        fn name(&self) -> &'static str {
            "spy"
        }
        fn settings(&self) -> String {
            String::new()
        }
        fn wants_standardised(&self) -> bool {
            true
        }
        fn fit(&self, examples: Examples<'_>) -> Result<Box<dyn Model>, Error> {
            *self.0.borrow_mut() = Some(examples.features.clone());
            Ok(Box::new(First))
        }
    }
    impl Model for First {
        fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
            // The held-out row comes scaled by the training rows: (1002 - 2) / 1.
            assert_eq!(features, array![[1000.0]]);
            Ok(Guesses::Classes(vec![0]))
        }
    }
    let spy = Spy(None.into());
    let fold = Split { train: vec![0, 2], validation: vec![1] };
    let score = evaluate(&spy, &array![[1.0], [1002.0], [3.0]], &[0, 1, 1], 2, &fold).unwrap();
    assert_eq!(spy.0.into_inner().unwrap(), array![[-1.0], [1.0]]);
    assert_eq!((score.accuracy, score.log_loss), (0.0, None));
}

#[test]
fn data_that_nothing_can_be_learnt_from_is_named() {
    let method = choice("knn").method();
    let refused = |features: &Array2<f32>, labels: &[usize], train: &[usize], validation: &[usize]| {
        let fold = Split { train: train.into(), validation: validation.into() };
        evaluate(method.as_ref(), features, labels, 2, &fold).unwrap_err()
    };
    let features = array![[0.0], [1.0], [f32::NAN]];
    assert!(matches!(refused(&features, &[0, 1, 0], &[0, 1], &[2]), Error::NotFinite { row: 2 }));
    let features = array![[0.0], [1.0], [2.0]];
    assert!(matches!(refused(&features, &[0, 0, 1], &[0, 1], &[2]), Error::Classes { found: 1 }));
    assert!(matches!(refused(&features, &[0, 1, 1], &[0, 1, 2], &[]), Error::NothingHeldOut));
}

#[test]
fn what_diverged_is_an_error_and_no_figure() {
    struct Diverged;
    impl Method for Diverged {
        fn name(&self) -> &'static str {
            "diverged"
        }
        fn settings(&self) -> String {
            String::new()
        }
        fn wants_standardised(&self) -> bool {
            false
        }
        fn fit(&self, _: Examples<'_>) -> Result<Box<dyn Model>, Error> {
            Ok(Box::new(Self))
        }
    }
    impl Model for Diverged {
        fn guess(&self, _: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
            Ok(Guesses::Probabilities(array![[f32::NAN, 0.5]]))
        }
    }
    let fold = Split { train: vec![0, 1], validation: vec![2] };
    let error = evaluate(&Diverged, &array![[0.0], [1.0], [2.0]], &[0, 1, 1], 2, &fold).unwrap_err();
    assert!(matches!(error, Error::NotProbabilities { method: "diverged", row: 0, .. }), "{error}");
}

#[test]
fn a_choice_comes_back_from_text_as_it_was() {
    for name in Choice::NAMES {
        let choice = choice(name);
        let text = serde_json::to_string(&choice).unwrap();
        assert_eq!(serde_json::from_str::<Choice>(&text).unwrap(), choice, "{text}");
    }
    let error = Choice::named("tree", 0).unwrap_err().to_string();
    assert_eq!(error, "there is no method `tree`; there are mlp, linear, logistic, bayes, knn, forest, svm");
}

#[test]
fn a_spread_is_that_of_a_sample() {
    // Squares around 5: 9, 1, 1, 1, 0, 0, 4, 16, together 32.
    let spread = Spread::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!(spread, Spread { mean: 5.0, deviation: Some((32.0_f64 / 7.0).sqrt()) });
    assert_eq!(Spread::of(&[0.5]), Some(Spread { mean: 0.5, deviation: None }));
    assert_eq!(Spread::of(&[]), None);
}
