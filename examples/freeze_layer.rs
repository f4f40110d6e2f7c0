//! Freezing a layer: what one task taught, used for another.
//!
//! ```text
//! cargo run --release --example freeze_layer
//! ```
//!
//! A head learns airplanes and cats. Its hidden layer is then frozen, and a new last layer learns ships and deer on top of
//! it; at the end the hidden layer is set free, to move a little. A frozen layer is a constant on the tape: it has no
//! gradient, the optimizer never sees it, and the time it would take is saved.

#![allow(unreachable_pub, reason = "nothing outside an example meets its parts")]

mod features;

use std::error::Error;

use features::{FEATURES, Images, pictures};
use headstart::autodiff::Tape;
use headstart::nn::{Activation, Dense, Head, HeadConfig};
use headstart::optim::{Adam, AdamConfig, Optimizer};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const HIDDEN: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (train_images, test_images) = pictures();
    let parts = |classes| (train_images.of(classes), test_images.of(classes));
    let [airplane, cat, deer, ship] = [0, 1, 2, 3];

    let (images, others) = parts([airplane, cat]);
    let config = HeadConfig {
        inputs: FEATURES,
        hidden: vec![HIDDEN],
        activation: Activation::Relu,
        dropout: 0.0,
        classes: 2,
    };
    let mut head = Head::new(config, &mut rng)?;
    train(&mut head, &images, 1e-3, 20, &mut rng)?;
    println!("airplane or cat:      {:.2} of other images", others.accuracy(&head));

    // The hidden layer stays as it is; the last one begins anew.
    head.layers_mut()[0].trainable = false;
    head.layers_mut()[1] = Dense::new(HIDDEN, 2, &mut rng);
    let frozen = head.layers()[0].clone();
    assert_eq!(head.parameters().len(), 2, "kernel and bias of the last layer alone");

    let (images, others) = parts([ship, deer]);
    let before = others.accuracy(&head);
    train(&mut head, &images, 1e-3, 40, &mut rng)?;
    let after = others.accuracy(&head);
    println!("ship or deer, frozen: {after:.2}, from {before:.2} before");
    assert_eq!(head.layers()[0], frozen, "not a bit of it has moved");
    assert!(after >= 0.75, "{after}");

    // Set free, at a tenth of the rate: the optimizer is a new one, for it has more to look after.
    head.layers_mut()[0].trainable = true;
    assert_eq!(head.parameters().len(), 4);
    train(&mut head, &images, 1e-4, 20, &mut rng)?;
    let moved = (&head.layers()[0].kernel - &frozen.kernel).mapv(f32::abs).mean().unwrap_or(0.0);
    println!("ship or deer, free:   {:.2}; hidden weights moved by {moved:.1e}", others.accuracy(&head));
    assert!(moved > 0.0 && moved < 0.05, "{moved}");
    Ok(())
}

fn train(
    head: &mut Head,
    images: &Images,
    learning_rate: f64,
    epochs: usize,
    rng: &mut ChaCha8Rng,
) -> Result<(), Box<dyn Error>> {
    let mut adam = Adam::new(AdamConfig { learning_rate, ..Default::default() }, &head.parameters())?;
    for _epoch in 0..epochs {
        for batch in images.batches(15, rng) {
            let targets = batch.one_hot(2);
            let mut tape = Tape::new();
            let x = tape.constant(&batch.features);
            let logits = head.forward(&mut tape, x, &[]);
            let loss = tape.softmax_cross_entropy(logits, &targets);
            let gradients = tape.gradient(loss);
            adam.step(&mut head.parameters_mut(), &gradients);
        }
    }
    Ok(())
}
