//! A learning rate of your own: one cycle, up and down again.
//!
//! ```text
//! cargo run --release --example custom_schedule
//! ```
//!
//! The optimizer reads its rate at each step, so a schedule is any function of the step. This is the one-cycle policy of
//! Smith & Topin 2017, arXiv:1708.07120: a third of the way up, the rest down to nothing, beside a rate that never changes.

#![allow(unreachable_pub, reason = "nothing outside an example meets its parts")]

mod features;

use std::error::Error;
use std::f64::consts::PI;

use features::{CLASSES, FEATURES, Images, pictures};
use headstart::autodiff::Tape;
use headstart::nn::{Activation, Head, HeadConfig};
use headstart::optim::{Optimizer, Sgd, SgdConfig};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const EPOCHS: usize = 12;
const BATCH: usize = 10;
const PEAK: f64 = 0.02;

/// The rate of a step of so many, counted from 0.
fn one_cycle(step: usize, steps: usize) -> f64 {
    let (done, top) = (step as f64 / steps as f64, 1.0 / 3.0);
    let along = |part: f64| 0.5 * (1.0 - (PI * part).cos());
    if done < top {
        PEAK * (0.04 + 0.96 * along(done / top))
    } else {
        PEAK * (1.0 - along((done - top) / (1.0 - top)))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (train_images, test_images) = pictures();
    println!("epoch    rate   loss of one cycle   loss at {PEAK}");
    let Trained { head, rates, losses: cycle } = train(&train_images, one_cycle)?;
    let Trained { losses: constant, .. } = train(&train_images, |_, _| PEAK)?;
    for epoch in 0..EPOCHS {
        let rate = rates[epoch * rates.len() / EPOCHS];
        let bar = "#".repeat((40.0 * rate / PEAK).round() as usize);
        println!("{:>5}  {rate:.4}  {:>18.4}  {:>11.4}  {bar}", epoch + 1, cycle[epoch], constant[epoch]);
    }
    println!("accuracy on other images: {:.2}", test_images.accuracy(&head));

    let top = rates.iter().position(|&rate| rate == PEAK).ok_or("the peak is one of the steps")?;
    assert_eq!(top, rates.len() / 3);
    assert!(rates[..=top].is_sorted() && rates[top..].is_sorted_by(|a, b| a >= b));
    assert!(rates[rates.len() - 1] < 0.001 * PEAK, "it comes to rest");
    assert!(cycle[EPOCHS - 1] < constant[EPOCHS - 1], "and lower than a rate that stays at the peak");
    Ok(())
}

struct Trained {
    head: Head,
    /// Of each step.
    rates: Vec<f64>,
    /// The mean of each epoch.
    losses: Vec<f32>,
}

fn train(images: &Images, schedule: impl Fn(usize, usize) -> f64) -> Result<Trained, Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let config = HeadConfig {
        inputs: FEATURES,
        hidden: vec![32],
        activation: Activation::Relu,
        dropout: 0.0,
        classes: CLASSES.len(),
    };
    let mut head = Head::new(config, &mut rng)?;
    let mut sgd = Sgd::new(SgdConfig { momentum: 0.9, ..Default::default() }, &head.parameters())?;
    let steps = EPOCHS * images.labels.len() / BATCH;
    let (mut rates, mut losses) = (vec![], vec![]);
    for _epoch in 0..EPOCHS {
        let batches = images.batches(BATCH, &mut rng);
        let mut sum = 0.0;
        for batch in &batches {
            let targets = batch.one_hot(CLASSES.len());
            let mut tape = Tape::new();
            let x = tape.constant(&batch.features);
            let logits = head.forward(&mut tape, x, &[]);
            let loss = tape.softmax_cross_entropy(logits, &targets);
            sum += tape.scalar(loss);
            let gradients = tape.gradient(loss);

            sgd.set_learning_rate(schedule(rates.len(), steps));
            rates.push(sgd.learning_rate());
            sgd.step(&mut head.parameters_mut(), &gradients);
        }
        losses.push(sum / batches.len() as f32);
    }
    Ok(Trained { head, rates, losses })
}
