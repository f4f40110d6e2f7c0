//! Train the default head ten times, with ten seeds, and tell how well each does on images that it has not seen.
//!
//! ```text
//! cargo run --release --example seeds -- data/cifar10/demo_train.csv data/cifar10/demo_test.csv
//! ```
//!
//! A single figure says little about settings: the seeds of one setting spread over two points.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::dataset::{Classes, Columns, Manifest};
use headstart::evaluate::metrics;
use headstart::extract::{FeatureCache, fingerprint};
use headstart::train::{Flow, TrainConfig, train};
use ndarray::Array2;

const SEEDS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [training, test] = arguments.as_slice() else {
        return Err("usage: seeds TRAINING_MANIFEST TEST_MANIFEST".into());
    };
    let training = Manifest::read(training.as_ref(), &Columns::default())?;
    let test = Manifest::read(test.as_ref(), &Columns::default())?;
    let classes = training.classes()?;
    let (x, y) = load(&training, &classes)?;
    let (test_x, test_y) = load(&test, &classes)?;

    let accuracy = |seed: usize| -> Result<f64, headstart::train::Error> {
        let config = TrainConfig { seed: seed as u64, ..TrainConfig::default() };
        let outcome = train(&config, &x, &y, classes.len(), None, &mut |_| Flow::Continue)?;
        let predicted = metrics::predictions(outcome.head.probabilities(test_x.view()).view());
        let right = predicted.iter().zip(&test_y).filter(|(predicted, label)| predicted == label).count();
        Ok(right as f64 / test_y.len() as f64)
    };

    // Seeds are independent: one thread a core, each taking the next seed.
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    let mut accuracies = [0.0; SEEDS];
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        for _ in 0..std::thread::available_parallelism()?.get().min(SEEDS) {
            let (sender, next, accuracy) = (sender.clone(), &next, &accuracy);
            scope.spawn(move || {
                while let seed @ 0..SEEDS = next.fetch_add(1, Ordering::Relaxed) {
                    if sender.send((seed, accuracy(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (seed, accuracy) in results {
            accuracies[seed] = accuracy?;
            eprintln!("seed {seed} done");
        }
        Ok(())
    })?;

    for (seed, accuracy) in accuracies.iter().enumerate() {
        println!("seed {seed}  accuracy {accuracy:.3}");
    }
    let least = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
    let most = accuracies.iter().copied().fold(0.0, f64::max);
    println!("mean {:.4}, from {least:.3} to {most:.3}", accuracies.iter().sum::<f64>() / SEEDS as f64);
    Ok(())
}

/// Cached features and labels.
fn load(manifest: &Manifest, classes: &Classes) -> Result<(Array2<f32>, Vec<usize>), Box<dyn Error>> {
    let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
    let fingerprint = fingerprint(&backbone, Storage::F32)?;
    let mut cache = FeatureCache::open(Path::new("data/features"), &fingerprint)?
        .ok_or("no features yet: run `headstart extract` on both manifests")?;
    Ok((cache.features(&manifest.images())?, manifest.labels(classes)?))
}
