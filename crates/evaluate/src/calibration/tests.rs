use ndarray::{Array2, array};
use serde_json::Value;

use super::*;
use crate::metrics;

const GOLDEN: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/calibration_sklearn.json"));

fn close(got: f64, want: &Value, tolerance: f64, what: &str) {
    let want = want.as_f64().unwrap();
    assert!((got - want).abs() <= tolerance * want.abs().max(1e-3), "{what}: {got}, golden {want}");
}

#[test]
fn temperatures_and_what_they_bring_follow_scipy_and_scikit_learn() {
    let file: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6, "golden file was cut short");
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let labels: Vec<usize> = serde_json::from_value(case["labels"].clone()).unwrap();
        let rows: Vec<Vec<f32>> = serde_json::from_value(case["logits"].clone()).unwrap();
        let logits = Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap();
        let fitted = fit_temperature(logits.view(), &labels).unwrap();
        // SciPy looks for the least loss, which f64 tells only to the root of its precision; differences of second order to
        // fewer digits still.
        close(fitted.temperature.get(), &case["temperature"], 1e-6, name);
        for (end, want) in fitted.interval.into_iter().zip(case["interval"].as_array().unwrap()) {
            close(end, want, 1e-5, name);
        }
        for (figures, temperature) in [("before", Temperature::ONE), ("after", fitted.temperature)] {
            let probabilities = temperature.probabilities(logits.clone());
            let (probabilities, golden) = (probabilities.view(), &case[figures]);
            // Probabilities in f32, and logarithms of them.
            close(metrics::log_loss(probabilities, &labels).unwrap(), &golden["log_loss"], 1e-5, name);
            close(metrics::brier(probabilities, &labels).unwrap(), &golden["brier"], 1e-5, name);
            let error = metrics::calibration_error(&metrics::reliability(probabilities, &labels, 15));
            close(error.unwrap(), &golden["calibration_error"], 1e-5, name);
        }
    }
}

/// So many rows of two classes, of which the first `wrong` are wrong.
fn rows(count: usize, wrong: usize) -> (Array2<f32>, Vec<usize>) {
    let labels: Vec<usize> = (0..count).map(|row| row % 2).collect();
    let logits = Array2::from_shape_fn((count, 2), |(row, class)| {
        let said = if row < wrong { 1 - labels[row] } else { labels[row] };
        if class == said { 2.0 } else { -1.0 }
    });
    (logits, labels)
}

#[test]
fn a_quarter_wrong_is_three_quarters_sure() {
    let (logits, labels) = rows(40, 10);
    let fitted = fit_temperature(logits.view(), &labels).unwrap();
    // softmax(3 / T) = 3 / 4 where e^(3 / T) = 3.
    assert!((fitted.temperature.get() - 3.0 / 3.0_f64.ln()).abs() < 1e-9, "{fitted:?}");
    let confidence = metrics::best(fitted.temperature.probabilities(logits).row(20)).1;
    assert!((confidence - 0.75).abs() < 1e-6, "{confidence}");
}

#[test]
fn where_nothing_tells_a_temperature_none_is_made_up() {
    let refused =
        |(logits, labels): (Array2<f32>, Vec<usize>)| fit_temperature(logits.view(), &labels).unwrap_err();
    assert_eq!(refused(rows(40, 0)), CalibrationError::AllRight { rows: 40 });
    assert_eq!(refused(rows(40, 40)), CalibrationError::Chance);
    assert_eq!(refused(rows(40, 20)), CalibrationError::Chance);
    assert_eq!(refused(rows(19, 3)), CalibrationError::TooFew { found: 19 });
    let (logits, labels) = rows(40, 10);
    assert_eq!(refused((logits.clone(), vec![labels[0]; 40])), CalibrationError::OneClass);
    assert_eq!(refused((&logits * 1e4, labels.clone())), CalibrationError::Beyond);
    assert_eq!(refused((&logits * 1e-4, labels.clone())), CalibrationError::Beyond);
    let mut broken = logits;
    broken[(7, 1)] = f32::NAN;
    assert_eq!(refused((broken, labels)), CalibrationError::NotFinite { row: 7 });
}

#[test]
fn a_nearly_perfect_head_still_has_a_temperature() {
    // One wrong among many, and so far apart that probabilities are 1 to the last bit.
    let (mut logits, labels) = rows(1000, 1);
    logits *= 30.0;
    let fitted = fit_temperature(logits.view(), &labels).unwrap();
    // softmax(90 / T) = 0.999.
    assert!((fitted.temperature.get() - 90.0 / 999.0_f64.ln()).abs() < 1e-6, "{fitted:?}");
    let equal = fit_temperature(array![[1.0, 0.0], [0.0, 1.0]].view(), &[0, 1]);
    assert_eq!(equal, Err(CalibrationError::TooFew { found: 2 }));
}
