//! A hundred steps under each setting, compared with Keras: `tests/golden/make_trajectories.py`.

use ndarray::{Array2, NdFloat};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};

use super::{
    Monitor, TrainConfig,
    objective::{self, Targets},
    stopping::EarlyStopping,
};
use crate::autodiff::{Tape, float};
use crate::layers::Head;

const GOLDEN: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/trajectories_keras.json"));

/// A matrix, row by row.
type Rows = Vec<Vec<f64>>;

#[derive(Deserialize)]
struct Golden {
    saved_after_steps: Vec<usize>,
    plateau: PlateauFigures,
    x: Rows,
    labels: Vec<usize>,
    initial: Vec<Rows>,
    mask_scale: f64,
    kept: Vec<String>,
    early_stopping: Vec<StoppingCase>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct PlateauFigures {
    steps_per_epoch: usize,
    figures: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    /// As they would stand in a settings file.
    #[serde(deserialize_with = "settings")]
    settings: TrainConfig,
    batch_size: usize,
    float64: Trajectory,
    float32: Trajectory,
}

#[derive(Deserialize)]
struct Trajectory {
    losses: Vec<f64>,
    /// After some of the steps, for each parameter.
    weights: Vec<Vec<Rows>>,
}

fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TrainConfig, D::Error> {
    let config = TrainConfig::deserialize(deserializer)?;
    TrainConfig { hidden: vec![8], ..config }.check().map_err(D::Error::custom)
}

fn golden<T: DeserializeOwned>() -> T {
    serde_json::from_str(GOLDEN).unwrap()
}

fn matrix<F: NdFloat>(rows: &Rows) -> Array2<F> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| float(rows[i][j]))
}

/// Our losses and weights, by the parts that the trainer is made of.
fn train<F: NdFloat>(golden: &Golden, case: &Case) -> (Vec<F>, Vec<Vec<Array2<F>>>) {
    let config = &case.settings;
    let (all, classes) = (matrix::<F>(&golden.x), golden.initial[3][0].len());
    let weights = golden.initial.iter().map(matrix).collect();
    let mut head = Head::<F>::from_parameters(config.head(all.ncols(), classes), weights).unwrap();
    let mut optimizer = config.optimizer::<F>(&head.parameters()).unwrap();
    let mut rates = config.rates(golden.plateau.steps_per_epoch as u64).unwrap();
    let mut targets = Targets::<F>::new(config.label_smoothing, classes);
    if let Some(weight) = &config.class_weight {
        targets = targets.weighted(&weight.factors(&golden.labels, classes));
    }
    let (mut losses, mut saved) = (Vec::new(), Vec::new());
    for (step, kept) in golden.kept.iter().enumerate() {
        let rows: Vec<usize> =
            (0..case.batch_size).map(|index| (step * case.batch_size + index) % all.nrows()).collect();
        let x = all.select(ndarray::Axis(0), &rows);
        let mut y = Array2::zeros((rows.len(), classes));
        for (&row, target) in rows.iter().zip(y.rows_mut()) {
            targets.write(golden.labels[row], target);
        }
        let mask = Array2::from_shape_fn((rows.len(), 8), |(row, unit)| {
            if kept.as_bytes()[8 * row + unit] == b'1' { float(golden.mask_scale) } else { F::zero() }
        });
        let masks = [mask];
        let mut tape = Tape::new();
        let x = tape.shared_constant(x.into());
        let [loss, _logits] = objective::record(&head, &mut tape, x, &y, &masks, config.l2);
        losses.push(tape.scalar(loss));
        let gradients = objective::clipped(tape.factored_gradient(loss), config.clip());
        optimizer.set_learning_rate(rates.of_step(step as u64));
        optimizer.update(&mut head.parameters_mut(), &gradients);
        if (step + 1) % golden.plateau.steps_per_epoch == 0 {
            rates.observe(golden.plateau.figures[step / golden.plateau.steps_per_epoch]);
        }
        if golden.saved_after_steps.contains(&(step + 1)) {
            saved.push(head.parameters().into_iter().cloned().collect());
        }
    }
    (losses, saved)
}

/// How far from Keras is near enough.
struct Tolerance {
    /// Of a loss, as a share of it and in any case.
    loss: (f64, f64),
    /// Of a weight, absolute.
    weight: f64,
}

fn follows_keras<F: NdFloat>(trajectory: impl Fn(&Case) -> &Trajectory, tolerance: Tolerance) {
    let golden: Golden = golden();
    assert_eq!((golden.cases.len(), golden.kept.len()), (34, 100), "golden file was cut short");
    for case in &golden.cases {
        let want = trajectory(case);
        let name = || format!("batches of {}, {:#?}", case.batch_size, case.settings);
        let (losses, weights) = train::<F>(&golden, case);
        assert_eq!((losses.len(), want.losses.len()), (100, 100));
        let (relative, absolute) = tolerance.loss;
        for (step, (got, want)) in losses.iter().zip(&want.losses).enumerate() {
            let off = (got.to_f64().unwrap() - want).abs();
            assert!(off <= relative * want.abs() + absolute, "{off:e} at step {step}, {}", name());
        }
        assert_eq!((weights.len(), want.weights.len()), (2, 2));
        for (got, want) in weights.iter().flatten().zip(want.weights.iter().flatten()) {
            for (got, want) in got.iter().zip(want.iter().flatten()) {
                let off = (got.to_f64().unwrap() - want).abs();
                assert!(off <= tolerance.weight, "{off:e} of a weight, {}", name());
            }
        }
    }
}

#[test]
fn every_setting_follows_keras_in_f64() {
    // Measured 2.7e-15 and 1.6e-15; sums may be taken in another order on another processor.
    follows_keras::<f64>(|case| &case.float64, Tolerance { loss: (0.0, 1e-12), weight: 1e-12 });
}

#[test]
fn every_setting_follows_keras_in_f32() {
    // Measured 7.6e-7 (a twentieth of this, at a larger loss) and 6.0e-7.
    follows_keras::<f32>(|case| &case.float32, Tolerance { loss: (1e-5, 1e-6), weight: 1e-5 });
}

#[derive(Deserialize)]
struct StoppingCase {
    monitor: Monitor,
    min_delta: f64,
    patience: usize,
    figures: Vec<f64>,
    stopped: Option<usize>,
    best: usize,
}

#[test]
fn early_stopping_stops_and_restores_as_keras() {
    let golden: Golden = golden();
    assert_eq!(golden.early_stopping.len(), 60, "golden file was cut short");
    for StoppingCase { monitor, min_delta, patience, figures, stopped, best } in golden.early_stopping {
        let mut stopping = EarlyStopping::new(patience, min_delta, monitor.better());
        let (mut got_best, mut got_stopped) = (0, None);
        for (index, &figure) in figures.iter().enumerate() {
            if stopping.observe(figure) {
                got_best = index + 1;
            }
            if stopping.is_over() {
                got_stopped = Some(index + 1);
                break;
            }
        }
        assert_eq!((got_stopped, got_best), (stopped, best), "{monitor:?} {min_delta} {patience}");
    }
}
