use ndarray::array;
use serde_json::Value;

use super::*;

const GOLDEN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics_sklearn.json"));

struct Case {
    golden: Value,
    labels: Vec<usize>,
    probabilities: Array2<f32>,
    confusion: Array2<u64>,
}

fn cases() -> Vec<Case> {
    let file: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases: Vec<Case> = file["cases"].as_array().unwrap().iter().cloned().map(case).collect();
    assert_eq!(cases.len(), 8, "golden file was cut short");
    cases
}

fn case(golden: Value) -> Case {
    let labels: Vec<usize> = serde_json::from_value(golden["labels"].clone()).unwrap();
    let rows: Vec<Vec<f32>> = serde_json::from_value(golden["probabilities"].clone()).unwrap();
    let shape = (labels.len(), rows[0].len());
    let probabilities = Array2::from_shape_vec(shape, rows.concat()).unwrap();
    let confusion = confusion(&labels, &predictions(probabilities.view()), shape.1);
    Case { golden, labels, probabilities, confusion }
}

/// Sums of a few hundred f64 in another order: a few ulp.
fn assert_close(got: Option<f64>, want: &Value, what: &str) {
    let close = match (got, want.as_f64()) {
        (Some(got), Some(want)) => (got - want).abs() <= 1e-13 * want.abs().max(1.0),
        (got, want) => got.is_none() && want.is_none(),
    };
    assert!(close, "{what}: {got:?}, golden {want}");
}

fn assert_all_close(got: impl IntoIterator<Item = Option<f64>>, want: &Value, what: &str) {
    let want = want.as_array().unwrap();
    let got: Vec<_> = got.into_iter().collect();
    assert_eq!(got.len(), want.len(), "{what}");
    got.into_iter().zip(want).for_each(|(got, want)| assert_close(got, want, what));
}

#[test]
fn counts_follow_scikit_learn() {
    for Case { golden, probabilities, confusion, .. } in cases() {
        let want: Vec<usize> = serde_json::from_value(golden["predictions"].clone()).unwrap();
        assert_eq!(predictions(probabilities.view()), want, "{}", golden["name"]);
        let want: Vec<Vec<u64>> = serde_json::from_value(golden["confusion"].clone()).unwrap();
        assert!(confusion.iter().eq(want.iter().flatten()), "{}: {confusion}", golden["name"]);
    }
}

#[test]
fn figures_of_classes_follow_scikit_learn() {
    for Case { golden, confusion, .. } in cases() {
        let name = golden["name"].as_str().unwrap();
        let classes = per_class(confusion.view());
        assert_close(accuracy(confusion.view()), &golden["accuracy"], name);
        assert_close(balanced_accuracy(confusion.view()), &golden["balanced_accuracy"], name);
        assert_all_close(classes.iter().map(|class| class.precision), &golden["precision"], name);
        assert_all_close(classes.iter().map(|class| class.recall), &golden["recall"], name);
        assert_all_close(classes.iter().map(|class| class.f1), &golden["f1"], name);
        assert_all_close(classes.iter().map(|class| Some(class.support as f64)), &golden["support"], name);
        for (undefined, key) in
            [(Undefined::LeftOut, "averages"), (Undefined::Zero, "averages_zero_division_0")]
        {
            for (average, which) in [
                (macro_average(&classes, undefined), "macro"),
                (weighted_average(&classes, undefined), "weighted"),
            ] {
                let want = &golden[key][which];
                assert_close(average.precision, &want["precision"], name);
                assert_close(average.recall, &want["recall"], name);
                assert_close(average.f1, &want["f1"], name);
            }
        }
    }
}

#[test]
fn figures_of_probabilities_follow_scikit_learn() {
    for Case { golden, labels, probabilities, .. } in cases() {
        let name = golden["name"].as_str().unwrap();
        let view = probabilities.view();
        assert_close(log_loss(view, &labels), &golden["log_loss"], name);
        assert_close(brier(view, &labels), &golden["brier"], name);
        let bins = reliability(view, &labels, 15);
        assert_close(calibration_error(&bins), &golden["calibration_error_15"], name);
        if !golden["top_2_accuracy"].is_null() {
            assert_close(top_k_accuracy(view, &labels, 2), &golden["top_2_accuracy"], name);
        }
    }
}

#[test]
fn areas_under_the_roc_curve_follow_scikit_learn() {
    for Case { golden, labels, probabilities, .. } in cases() {
        let (name, golden) = (golden["name"].as_str().unwrap(), &golden["roc_auc"]);
        let areas = class_areas(probabilities.view(), &labels);
        assert_all_close(areas.iter().copied(), &golden["classes"], name);
        assert_close(macro_area(&areas), &golden["macro"], name);
        assert_close(micro_area(probabilities.view(), &labels), &golden["micro"], name);
    }
}

#[test]
fn an_area_counts_pairs() {
    // Positive 0.8 and 0.4 against 0.4 and 0.1: three pairs in order, one tied.
    let scores = array![0.4, 0.8, 0.4, 0.1];
    let ranking = Ranking::new(scores.view());
    assert_eq!(ranking.area(|i| i < 2, |_| 1), Some(3.5 / 4.0));
    // The tied other one does not count, and the last one twice.
    assert_eq!(ranking.area(|i| i < 2, |i| [1, 1, 0, 2][i]), Some(1.0));
    assert_eq!(ranking.area(|_| true, |_| 1), None);
}

#[test]
fn answers_of_at_least_some_confidence() {
    let probabilities = array![[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]];
    let [all, some, none] = coverage(probabilities.view(), &[0, 1, 1, 0], &[0.0, 0.75, 0.95])[..] else {
        panic!()
    };
    assert_eq!((all.answered, all.coverage, all.accuracy), (4, 1.0, Some(0.75)));
    assert_eq!((some.answered, some.coverage, some.accuracy), (2, 0.5, Some(1.0)));
    assert_eq!((none.answered, none.coverage, none.accuracy), (0, 0.0, None));
    assert_eq!(coverage(Array2::<f32>::zeros((0, 2)).view(), &[], &[0.5]), []);
}

#[test]
fn one_example_by_hand() {
    // Three cats: two seen as cats, one as a dog. One dog, seen as a dog. No owl, and none seen.
    let confusion = confusion(&[0, 0, 0, 1], &[0, 0, 1, 1], 3);
    assert_eq!(confusion, array![[2, 1, 0], [0, 1, 0], [0, 0, 0]]);
    let [cat, dog, owl] = per_class(confusion.view())[..] else { panic!() };
    assert_eq!((cat.precision, cat.recall, cat.f1), (Some(1.0), Some(2.0 / 3.0), Some(0.8)));
    assert_eq!((dog.precision, dog.recall, dog.f1), (Some(0.5), Some(1.0), Some(2.0 / 3.0)));
    assert_eq!((owl.precision, owl.recall, owl.f1, owl.support), (None, None, None, 0));
    assert_eq!((cat.predicted, dog.predicted), (2, 2));
}

#[test]
fn ties_rank_in_the_order_of_the_classes() {
    let tied = array![[0.4, 0.4, 0.2], [0.4, 0.4, 0.2]];
    assert_eq!(top_k_accuracy(tied.view(), &[0, 0], 1), Some(1.0));
    assert_eq!(top_k_accuracy(tied.view(), &[1, 1], 1), Some(0.0));
    assert_eq!(top_k_accuracy(tied.view(), &[0, 1], 2), Some(1.0));
    assert_eq!(top_k_accuracy(tied.view(), &[2, 2], 2), Some(0.0));
    assert_eq!(top_k_accuracy(tied.view(), &[2, 2], 9), Some(1.0));
}

#[test]
fn bins_hold_their_upper_end() {
    let bins = reliability(array![[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]].view(), &[0, 1, 0], 4);
    assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [0, 1, 1, 1]);
    assert_eq!((bins[2].confidence, bins[2].accuracy), (Some(0.75), Some(0.0)));
    // (|1 - 0.5| + |0 - 0.75| + |1 - 1|) / 3
    assert!((calibration_error(&bins).unwrap() - 1.25 / 3.0).abs() < 1e-15);
}

#[test]
fn of_nothing_there_is_nothing_to_say() {
    let none = Array2::<f32>::zeros((0, 3));
    let confusion = confusion(&[], &[], 3);
    assert_eq!((accuracy(confusion.view()), balanced_accuracy(confusion.view())), (None, None));
    assert_eq!((log_loss(none.view(), &[]), brier(none.view(), &[])), (None, None));
    assert_eq!(top_k_accuracy(none.view(), &[], 1), None);
    assert_eq!(calibration_error(&reliability(none.view(), &[], 15)), None);
    assert_eq!(macro_average(&per_class(confusion.view()), Undefined::LeftOut).f1, None);
}
