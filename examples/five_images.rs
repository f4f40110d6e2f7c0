//! The tutorial that headstart grew from: five images, ten classes, a frozen ResNet-50, and a training loop written by hand.
//!
//! ```text
//! cargo run --release --example five_images
//! cargo run --release --example five_images -- --learning-rate 1e-5 --predict-each-epoch
//! cargo run --release --example five_images -- --random
//! ```
//!
//! A frozen network gives the same features at every step, batch normalisation included. So the images go through it
//! once, before the loop, and the loop trains the head on what came out. `tests/library/five_images.rs` holds the losses against
//! those of Keras with the whole network inside the loop.

use std::error::Error;
use std::path::Path;

use clap::Parser;
use headstart::autodiff::Tape;
use headstart::backbone::Backbone;
use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{Session, SessionOptions};
use headstart::dataset::{Classes, Columns, Manifest};
use headstart::image::Preprocessor;
use headstart::nn::{Activation, Head, HeadConfig, Summary};
use headstart::optim::{Adam, AdamConfig, Optimizer};
use ndarray::{Array2, Array4, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CLASSES: usize = 10;

#[derive(Parser)]
struct Args {
    /// Step size of Adam; 1e-5 is gentler on so few images
    #[arg(long, default_value_t = 1e-4)]
    learning_rate: f64,
    #[arg(long, default_value_t = 10)]
    epochs: usize,
    /// Fraction of hidden units dropped while training
    #[arg(long, default_value_t = 0.5)]
    dropout: f64,
    /// Random arrays in [0, 1] with random labels instead of photographs
    #[arg(long)]
    random: bool,
    /// Predict after every epoch, not only at the end
    #[arg(long)]
    predict_each_epoch: bool,
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);

    // The data: images as the network wants them, and one-hot labels.
    let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
    let (images, labels, class_names) =
        if args.random { random_data(&backbone, &mut rng) } else { photographs(&backbone)? };
    let one_hot =
        Array2::from_shape_fn((labels.len(), CLASSES), |(i, class)| f32::from(u8::from(labels[i] == class)));

    // The frozen part, run once.
    let mut resnet50 =
        Session::new(&Runtime::load(&Libraries::default())?, &backbone, &SessionOptions::default())?;
    let features = resnet50.run(images.view())?;

    // The part that learns.
    let mut head = Head::new(
        HeadConfig {
            inputs: backbone.feature_size(),
            hidden: vec![256],
            activation: Activation::Relu,
            dropout: args.dropout,
            classes: CLASSES,
        },
        &mut rng,
    )?;
    let frozen = [backbone.feature_size()];
    let whole = head.summary().on_frozen(backbone.name(), "Functional", &frozen, backbone.parameters());
    println!("{}", Summary { model: "sequential".into(), ..whole });

    let config = AdamConfig { learning_rate: args.learning_rate, ..AdamConfig::default() };
    let mut optimizer = Adam::new(config, &head.parameters())?;

    for epoch in 0..args.epochs {
        println!("Start of epoch {epoch}");
        let mut losses = Vec::new();

        // A batch of one: each row is a step.
        for (x, y) in features.axis_chunks_iter(Axis(0), 1).zip(one_hot.axis_chunks_iter(Axis(0), 1)) {
            let (x, y) = (x.to_owned(), y.to_owned());
            let masks = head.draw_masks(1, &mut rng);

            let mut tape = Tape::new();
            let input = tape.constant(&x);
            let logits = head.forward(&mut tape, input, &masks);
            let loss = tape.softmax_cross_entropy(logits, &y);
            losses.push(tape.scalar(loss));

            let gradients = tape.gradient(loss);
            optimizer.step(&mut head.parameters_mut(), &gradients);
        }
        println!("Mean loss: {:.4}", losses.iter().sum::<f32>() / losses.len() as f32);
        if args.predict_each_epoch {
            print_predictions(&head, &features, &labels, &class_names);
        }
    }
    if !args.predict_each_epoch {
        print_predictions(&head, &features, &labels, &class_names);
    }
    Ok(())
}

fn print_predictions(head: &Head, features: &Array2<f32>, labels: &[usize], class_names: &[String]) {
    for (probabilities, &label) in head.probabilities(features.view()).rows().into_iter().zip(labels) {
        let (predicted, p) = headstart::evaluate::metrics::best(probabilities);
        println!("true {:<12} predicted {:<12} {p:.4}", class_names[label], class_names[predicted]);
    }
}

type Data = (Array4<f32>, Vec<usize>, Vec<String>);

/// Five photographs, of five of the ten classes.
fn photographs(backbone: &Backbone) -> Result<Data, Box<dyn Error>> {
    let read = |name: &str| Manifest::read(&Path::new("data/photos").join(name), &Columns::default());
    let classes: Classes = read("photos.csv")?.classes()?;
    let five = read("five.csv")?;
    let mut preprocessor = Preprocessor::new(backbone.recipe().clone())?;
    let mut images = blank(backbone, five.len());
    for (example, mut image) in five.examples().iter().zip(images.outer_iter_mut()) {
        let image = image.as_slice_mut().expect("rows of a fresh array are contiguous");
        preprocessor.run(&std::fs::read(&example.file)?, image)?;
    }
    Ok((images, five.labels(&classes)?, classes.names().to_vec()))
}

/// What the original tutorial does: noise, to see the loop run.
fn random_data(backbone: &Backbone, rng: &mut ChaCha8Rng) -> Data {
    let mut images = blank(backbone, 5);
    images.iter_mut().for_each(|value| *value = rng.random());
    let labels = (0..5).map(|_| rng.random_range(0..CLASSES)).collect();
    (images, labels, (0..CLASSES).map(|class| format!("class {class}")).collect())
}

fn blank(backbone: &Backbone, n: usize) -> Array4<f32> {
    let [a, b, c] = backbone.recipe().input_shape();
    Array4::zeros((n, a, b, c))
}
