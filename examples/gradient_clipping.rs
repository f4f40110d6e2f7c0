//! Looking at gradients, and clipping them by hand.
//!
//! ```text
//! cargo run --release --example gradient_clipping
//! ```
//!
//! Gradients are plain arrays between the tape and the optimizer, so a loop of your own can look at them and change
//! them there. Here two images of 180 are broken: the same numbers, far too large, under two labels. No head can have both
//! right. Their gradients are easy to see, and clipped they do no harm.

#![allow(unreachable_pub, reason = "nothing outside an example meets its parts")]

mod features;

use std::error::Error;

use features::{CLASSES, FEATURES, Images, pictures};
use headstart::autodiff::Tape;
use headstart::nn::{Activation, Head, HeadConfig};
use headstart::optim::{Clip, Optimizer, Sgd, SgdConfig};
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const LONGEST: f32 = 5.0;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut train_images, test_images) = pictures();
    let (one, other) = (0, train_images.labels.len() - 1);
    assert_ne!(train_images.labels[one], train_images.labels[other]);
    for row in [one, other] {
        train_images.features.row_mut(row).fill(100.0);
    }

    println!("without clipping:");
    let (head, norms) = train(&train_images, None)?;
    let unclipped = test_images.accuracy(&head);
    report(&norms, unclipped);

    println!("clipped to a length of {LONGEST}:");
    let (head, norms) = train(&train_images, Some(LONGEST))?;
    let clipped = test_images.accuracy(&head);
    report(&norms, clipped);

    let spike = norms.iter().copied().fold(0.0, f32::max);
    let mut usual = norms;
    usual.sort_by(f32::total_cmp);
    assert!(spike > 10.0 * usual[usual.len() / 2], "the broken images stand out");
    assert!(clipped > unclipped + 0.3, "{clipped} with clipping, {unclipped} without");
    Ok(())
}

/// The head after five epochs, and the length of each step's gradient before it was clipped.
fn train(images: &Images, longest: Option<f32>) -> Result<(Head, Vec<f32>), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let config = HeadConfig {
        inputs: FEATURES,
        hidden: vec![],
        activation: Activation::Relu,
        dropout: 0.0,
        classes: CLASSES.len(),
    };
    let mut head = Head::new(config, &mut rng)?;
    let mut sgd = Sgd::new(SgdConfig { learning_rate: 0.01, ..Default::default() }, &head.parameters())?;
    let mut norms = vec![];
    for _epoch in 0..5 {
        for batch in images.batches(20, &mut rng) {
            let targets = batch.one_hot(CLASSES.len());
            let mut tape = Tape::new();
            let x = tape.constant(&batch.features);
            let logits = head.forward(&mut tape, x, &[]);
            let loss = tape.softmax_cross_entropy(logits, &targets);
            let mut gradients = tape.gradient(loss);

            norms.push(length(&gradients));
            if let Some(longest) = longest {
                clip(&mut gradients, longest);
            }
            sgd.step(&mut head.parameters_mut(), &gradients);
        }
    }
    Ok((head, norms))
}

/// Of all gradients together, as one long vector.
fn length(gradients: &[Array2<f32>]) -> f32 {
    gradients.iter().flatten().map(|&g| g * g).sum::<f32>().sqrt()
}

/// All of them shorter by one factor, so that the direction stays.
fn clip(gradients: &mut [Array2<f32>], longest: f32) {
    let mut by_the_library = gradients.to_vec();
    Clip::GlobalNorm(longest.into()).apply(&mut by_the_library);

    let length = length(gradients);
    if length > longest {
        gradients.iter_mut().for_each(|gradient| *gradient *= longest / length);
    }

    // Two sums in another order: the last digits may differ.
    for (ours, theirs) in gradients.iter().zip(&by_the_library) {
        assert!(ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs()));
    }
}

fn report(norms: &[f32], accuracy: f64) {
    for (epoch, norms) in norms.chunks(9).enumerate() {
        let norms: Vec<String> = norms.iter().map(|norm| format!("{norm:8.1}")).collect();
        println!("  epoch {}: lengths{}", epoch + 1, norms.concat());
    }
    println!("  accuracy on other images: {accuracy:.2}\n");
}
