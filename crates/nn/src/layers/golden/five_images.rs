//! The tutorial in Keras, with the frozen network inside the loop: `tests/golden/make_five_images.py`. Here the
//! head sees the features that Keras computed once, and comes out the same.

use half::f16;
use ndarray::{Array2, Axis, Slice};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::autodiff::Tape;
use crate::layers::{Activation, Head, HeadConfig};
use crate::optim::{Adam, AdamConfig, Optimizer};

const FIGURES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/five_images.json"));
const ARRAYS: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/five_images.safetensors"));

#[derive(Deserialize)]
struct Figures {
    classes: Vec<String>,
    labels: Vec<usize>,
    learning_rate: f64,
    /// Of each step of each epoch.
    losses: Vec<Vec<f64>>,
    mean_losses: Vec<f64>,
    predictions: Vec<Vec<f64>>,
}

fn array(name: &str) -> Array2<f32> {
    let tensors = SafeTensors::deserialize(ARRAYS).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    let values = match tensor.dtype() {
        Dtype::F16 => {
            tensor.data().as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect()
        }
        Dtype::F32 => tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        other => panic!("{name} holds {other:?}"),
    };
    Array2::from_shape_vec((tensor.shape()[0], tensor.shape()[1]), values).unwrap()
}

#[test]
fn the_tutorial_with_cached_features_is_the_tutorial() {
    let golden: Figures = serde_json::from_str(FIGURES).unwrap();
    assert_eq!((golden.losses.len(), golden.labels.len(), golden.classes.len()), (10, 5, 10));
    let features = array("features");
    let classes = golden.classes.len();
    let config =
        HeadConfig { inputs: 2048, hidden: vec![256], activation: Activation::Relu, dropout: 0.0, classes };
    let biases = [256, classes].map(|units| Array2::zeros((1, units)));
    let [hidden, output] = biases;
    let parameters = vec![array("dense.kernel"), hidden, array("dense_1.kernel"), output];
    let mut head = Head::from_parameters(config, parameters).unwrap();
    let rate = AdamConfig { learning_rate: golden.learning_rate, ..AdamConfig::default() };
    let mut adam = Adam::new(rate, &head.parameters()).unwrap();

    let (mut of_step, mut of_epoch) = (0.0_f64, 0.0_f64);
    for (losses, mean_loss) in golden.losses.iter().zip(&golden.mean_losses) {
        let mut sum = 0.0;
        for (image, want) in losses.iter().enumerate() {
            let x = features.slice_axis(Axis(0), Slice::from(image..=image)).to_owned();
            let mut label = Array2::zeros((1, classes));
            label[(0, golden.labels[image])] = 1.0;
            let mut tape = Tape::new();
            let on_tape = tape.constant(&x);
            let logits = head.forward(&mut tape, on_tape, &[]);
            let loss = tape.softmax_cross_entropy(logits, &label);
            let got = f64::from(tape.scalar(loss));
            sum += got;
            of_step = of_step.max((got / want - 1.0).abs());
            let gradients = tape.gradient(loss);
            adam.step(&mut head.parameters_mut(), &gradients);
        }
        of_epoch = of_epoch.max((sum / 5.0 / mean_loss - 1.0).abs());
    }
    let probabilities = head.probabilities(features.view());
    let predictions = probabilities.iter().zip(golden.predictions.iter().flatten());
    let of_prediction =
        predictions.fold(0.0_f64, |worst, (&got, want)| worst.max((f64::from(got) - want).abs()));
    // Measured 2.1e-6 for the mean loss of an epoch, 1.1e-5 for one step and 1.2e-7 for a probability. Losses are
    // down to 0.01 at the end, where Keras' own way over f32 probabilities is good for 1e-5.
    assert!(of_epoch < 2e-5 && of_step < 1e-4, "{of_epoch:e} {of_step:e}");
    assert!(of_prediction < 2e-6, "{of_prediction:e}");
}
