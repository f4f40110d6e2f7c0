//! What features of another kind cost a classifier: heads on both kinds, from the same images with the same seeds.
//!
//! ```text
//! headstart extract TRAINING TEST
//! headstart extract TRAINING TEST --storage f16
//! cargo run --release --example two_features -- TRAINING TEST models/resnet50.onnx models/resnet50.onnx:f16
//! ```
//!
//! A kind is a backbone, with `:f16` behind it where its features are kept in 16 bits. Prints how far the features of the test images are apart, the
//! accuracy of each seed on both, and the mean difference with the interval that drawing the test images anew gives it.

use std::error::Error;
use std::path::Path;

use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::dataset::{Columns, Manifest};
use headstart::evaluate::metrics;
use headstart::extract::{FeatureCache, fingerprint};
use headstart::machine::Threads;
use headstart::train::{Flow, TrainConfig, TrainEvent, train};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEEDS: u64 = 5;
const RESAMPLES: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [training, test, kinds @ ..] = arguments.as_slice() else {
        return Err("usage: two_features TRAINING TEST BACKBONE[:f16] BACKBONE[:f16]".into());
    };
    let [training, test] = [training, test].map(|path| Manifest::read(path.as_ref(), &Columns::default()));
    let (training, test) = (training?, test?);
    let classes = training.classes()?;
    let (labels, test_labels) = (training.labels(&classes)?, test.labels(&classes)?);
    let [a, b] = kinds else { return Err("expected two kinds of features".into()) };
    let of = |manifest: &Manifest| Ok::<_, Box<dyn Error>>([load(a, manifest)?, load(b, manifest)?]);
    let (rows, test_rows) = (of(&training)?, of(&test)?);
    tell_distance(&test_rows);

    let threads = Threads::for_training(None)?;
    // By image: in how many seeds the second kind has it right, less the first.
    let mut gains = vec![0.0; test_labels.len()];
    for seed in 0..SEEDS {
        let mut accuracies = [0.0; 2];
        for kind in 0..2 {
            let config = TrainConfig { seed, ..TrainConfig::default() };
            let go_on = &mut |_: TrainEvent<'_>| Flow::Continue;
            let outcome = threads.run(|| train(&config, &rows[kind], &labels, classes.len(), None, go_on))?;
            let said = metrics::predictions(outcome.head.probabilities(test_rows[kind].view()).view());
            for ((gain, said), label) in gains.iter_mut().zip(said).zip(&test_labels) {
                let right = f64::from(u8::from(said == *label));
                accuracies[kind] += right / test_labels.len() as f64;
                *gain += if kind == 1 { right } else { -right } / SEEDS as f64;
            }
        }
        let [a, b] = accuracies;
        println!("seed {seed}: {a:.4} and {b:.4}, difference {:+.4}", b - a);
    }
    let [low, high] = interval(&gains);
    println!("mean difference {:+.4}, 95 % interval {low:+.4} to {high:+.4}", mean(&gains));
    Ok(())
}

/// Cached features of a manifest's images.
fn load(kind: &str, manifest: &Manifest) -> Result<Array2<f32>, Box<dyn Error>> {
    let (path, storage) = match kind.strip_suffix(":f16") {
        Some(path) => (path, Storage::F16),
        None => (kind, Storage::F32),
    };
    let fingerprint = fingerprint(&Backbone::open(path.as_ref())?, storage)?;
    let cache = FeatureCache::open(Path::new("data/features"), &fingerprint)?;
    let mut cache = cache.ok_or_else(|| format!("no features of `{kind}` yet: run `headstart extract`"))?;
    Ok(cache.features(&manifest.images())?)
}

fn tell_distance([a, b]: &[Array2<f32>; 2]) {
    let rows = || a.rows().into_iter().zip(b.rows());
    let cosines: Vec<f64> =
        rows().map(|(a, b)| f64::from(a.dot(&b)) / f64::from(a.dot(&a) * b.dot(&b)).sqrt()).collect();
    let errors: Vec<f64> = rows()
        .map(|(a, b)| {
            let difference = &a - &b;
            f64::from(difference.dot(&difference) / a.dot(&a)).sqrt()
        })
        .collect();
    let least = cosines.iter().copied().fold(1.0, f64::min);
    let most = errors.iter().copied().fold(0.0, f64::max);
    println!("cosine {:.7} in the mean, {least:.7} at least", mean(&cosines));
    println!("relative error {:.2e} in the mean, {most:.2e} at most", mean(&errors));
}

/// 95 % of the means of images drawn anew, with replacement.
fn interval(gains: &[f64]) -> [f64; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut draw = || {
        let drawn: Vec<f64> = gains.iter().map(|_| gains[rng.random_range(0..gains.len())]).collect();
        mean(&drawn)
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    means.sort_by(f64::total_cmp);
    [RESAMPLES / 40, RESAMPLES - RESAMPLES / 40 - 1].map(|place| means[place])
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}
