//! Whole trainings, compared with Keras step by step: `tests/golden/make_trajectory.py`.

use ndarray::{Array2, Axis, NdFloat, Slice};
use serde::Deserialize;

use crate::autodiff::{Tape, float};
use crate::layers::{Activation, Head, HeadConfig};
use crate::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};

const GOLDEN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/trajectory_keras.json"));

type Rows = Vec<Vec<f64>>;

#[derive(Deserialize)]
struct Golden {
    epochs: usize,
    batch_size: usize,
    settings: Settings,
    x: Rows,
    labels: Vec<usize>,
    initial: Vec<Rows>,
    masks: Vec<Rows>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Settings {
    adam: AdamSettings,
    sgd: SgdSettings,
}

#[derive(Deserialize)]
struct AdamSettings {
    learning_rate: f64,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
}

#[derive(Deserialize)]
struct SgdSettings {
    learning_rate: f64,
    momentum: f64,
}

#[derive(Deserialize)]
struct Case {
    optimizer: String,
    dropout: bool,
    float64: Trajectory,
    float32: Trajectory,
}

#[derive(Deserialize)]
struct Trajectory {
    losses: Vec<f64>,
    weights: Vec<Rows>,
}

fn matrix<F: NdFloat>(rows: &Rows) -> Array2<F> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| float(rows[i][j]))
}

fn optimizer<F: NdFloat>(name: &str, settings: &Settings, head: &Head<F>) -> Box<dyn Optimizer<F>> {
    let params = head.parameters();
    let AdamSettings { learning_rate, beta_1, beta_2, epsilon } = settings.adam;
    let sgd = |nesterov| SgdConfig {
        learning_rate: settings.sgd.learning_rate,
        momentum: settings.sgd.momentum,
        nesterov,
        ..SgdConfig::default()
    };
    match name {
        "adam" => {
            let adam = AdamConfig { learning_rate, beta_1, beta_2, epsilon, ..AdamConfig::default() };
            Box::new(Adam::new(adam, &params).unwrap())
        }
        "sgd momentum" => Box::new(Sgd::new(sgd(false), &params).unwrap()),
        "sgd nesterov" => Box::new(Sgd::new(sgd(true), &params).unwrap()),
        other => panic!("golden optimizer {other}"),
    }
}

/// Our losses and final weights for a case.
fn train<F: NdFloat>(golden: &Golden, case: &Case) -> (Vec<F>, Vec<Array2<F>>) {
    let x = matrix::<F>(&golden.x);
    let classes = golden.initial[3][0].len();
    let one_hot = Array2::from_shape_fn((x.nrows(), classes), |(row, class)| {
        if golden.labels[row] == class { F::one() } else { F::zero() }
    });
    let hidden = vec![golden.initial[0][0].len()];
    let config =
        HeadConfig { inputs: x.ncols(), hidden, activation: Activation::Relu, dropout: 0.25, classes };
    let mut head = Head::<F>::from_parameters(config, golden.initial.iter().map(matrix).collect()).unwrap();
    let mut optimizer = optimizer(&case.optimizer, &golden.settings, &head);
    let mut losses = Vec::new();
    for epoch in 0..golden.epochs {
        let masks = matrix::<F>(&golden.masks[epoch]);
        for start in (0..x.nrows()).step_by(golden.batch_size) {
            let end = x.nrows().min(start + golden.batch_size);
            let rows = |of: &Array2<F>| of.slice_axis(Axis(0), Slice::from(start..end)).to_owned();
            let (x, labels) = (rows(&x), rows(&one_hot));
            let masks = if case.dropout { vec![rows(&masks)] } else { Vec::new() };
            let mut tape = Tape::new();
            let features = tape.constant(&x);
            let logits = head.forward(&mut tape, features, &masks);
            let loss = tape.softmax_cross_entropy(logits, &labels);
            losses.push(tape.scalar(loss));
            let gradients = tape.gradient(loss);
            optimizer.step(&mut head.parameters_mut(), &gradients);
        }
    }
    (losses, head.parameters().into_iter().cloned().collect())
}

/// Largest deviation from Keras over all cases: of a loss, relative; of a weight, absolute.
fn deviation<F: NdFloat>(trajectory: impl Fn(&Case) -> &Trajectory) -> (f64, f64) {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.cases.len(), 4, "golden file was cut short");
    let (mut of_loss, mut of_weight) = (0.0_f64, 0.0_f64);
    for case in &golden.cases {
        let (losses, weights) = train::<F>(&golden, case);
        let want = trajectory(case);
        assert_eq!((losses.len(), want.losses.len()), (15, 15), "three epochs of five steps");
        for (got, want) in losses.iter().zip(&want.losses) {
            of_loss = of_loss.max((got.to_f64().unwrap() / want - 1.0).abs());
        }
        for (got, want) in weights.iter().zip(&want.weights) {
            for (got, want) in got.iter().zip(want.iter().flatten()) {
                of_weight = of_weight.max((got.to_f64().unwrap() - want).abs());
            }
        }
        assert!(want.losses[14] < want.losses[0], "the golden training learns something");
    }
    (of_loss, of_weight)
}

#[test]
fn training_follows_keras_in_f64() {
    let (of_loss, of_weight) = deviation::<f64>(|case| &case.float64);
    // Measured 4.4e-16 and 3.4e-16; sums may be taken in another order on another processor.
    assert!(of_loss < 1e-12 && of_weight < 1e-12, "{of_loss:e} {of_weight:e}");
}

#[test]
fn training_follows_keras_in_f32() {
    let (of_loss, of_weight) = deviation::<f32>(|case| &case.float32);
    // Measured 2.1e-7 and 1.8e-7.
    assert!(of_loss < 2e-6 && of_weight < 2e-6, "{of_loss:e} {of_weight:e}");
}
