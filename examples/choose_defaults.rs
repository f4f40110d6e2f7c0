//! Where the defaults of `headstart train` come from: cross-validation of the head's settings.
//!
//! ```text
//! cargo run --release --example choose_defaults -- data/cifar10/demo_train.csv
//! ```
//!
//! Five stratified folds, drawn anew four times, the same for all settings; validation accuracy is read off after several
//! epochs of one training, so the number of epochs costs nothing to vary. No other image is looked at. `bench/defaults.md`
//! has the result for the demo.

use std::error::Error;
use std::path::Path;
use std::sync::Mutex;

use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::dataset::{Columns, Manifest, split};
use headstart::extract::{FeatureCache, fingerprint};
use headstart::train::{Flow, TrainConfig, train};
use ndarray::{Array2, Axis};

const FOLDS: usize = 5;
const REPEATS: u64 = 4;
const RATES: [f64; 4] = [1e-4, 3e-4, 1e-3, 3e-3];
const BATCHES: [usize; 3] = [16, 32, 64];
/// The epochs after which accuracy is read off.
const EPOCHS: [usize; 4] = [20, 30, 50, 100];

/// One training: settings, and which fold of which repeat is held out.
#[derive(Clone, Copy)]
struct Job {
    setting: usize,
    learning_rate: f64,
    batch_size: usize,
    fold: usize,
    repeat: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: choose_defaults MANIFEST")?;
    let manifest = Manifest::read(path.as_ref(), &Columns::default())?;
    let classes = manifest.classes()?;
    let labels = manifest.labels(&classes)?;
    let features = load(&manifest)?;
    let folds =
        (0..REPEATS).map(|repeat| split::folds(&labels, FOLDS, repeat)).collect::<Result<Vec<_>, _>>()?;

    let settings: Vec<(f64, usize)> =
        RATES.iter().flat_map(|&rate| BATCHES.map(|batch_size| (rate, batch_size))).collect();
    let queue = Mutex::new(jobs(&settings));
    let sums = Mutex::new(vec![[0.0; EPOCHS.len()]; settings.len()]);
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        for _ in 0..std::thread::available_parallelism()?.get() {
            scope.spawn(|| {
                while let Some(job) = { queue.lock().expect("no panic holds it").pop() } {
                    let accuracies = validate(
                        &job,
                        &features,
                        &labels,
                        &folds[job.repeat as usize][job.fold],
                        classes.len(),
                    );
                    let mut sums = sums.lock().expect("no panic holds it");
                    for (sum, accuracy) in sums[job.setting].iter_mut().zip(accuracies) {
                        *sum += accuracy;
                    }
                }
            });
        }
        Ok(())
    })?;

    let epochs: Vec<String> = EPOCHS.iter().map(|epoch| format!("{epoch:>6}")).collect();
    println!("learning rate  batch  {}  epochs", epochs.join("  "));
    for ((rate, batch_size), sums) in settings.iter().zip(sums.into_inner()?) {
        let means: Vec<String> =
            sums.iter().map(|sum| format!("{:.4}", sum / (FOLDS as f64 * REPEATS as f64))).collect();
        println!("{rate:>13.0e}  {batch_size:>5}  {}", means.join("  "));
    }
    Ok(())
}

fn jobs(settings: &[(f64, usize)]) -> Vec<Job> {
    let mut jobs = vec![];
    for (setting, &(learning_rate, batch_size)) in settings.iter().enumerate() {
        for fold in 0..FOLDS {
            jobs.extend((0..REPEATS).map(|repeat| Job { setting, learning_rate, batch_size, fold, repeat }));
        }
    }
    jobs
}

/// Validation accuracy after each of [`EPOCHS`].
fn validate(
    job: &Job,
    features: &Array2<f32>,
    labels: &[usize],
    fold: &split::Split,
    classes: usize,
) -> [f64; EPOCHS.len()] {
    let pick = |rows: &[usize]| -> (Array2<f32>, Vec<usize>) {
        (features.select(Axis(0), rows), rows.iter().map(|&row| labels[row]).collect())
    };
    let ((x, y), (held_x, held_y)) = (pick(&fold.train), pick(&fold.validation));
    let config = TrainConfig {
        learning_rate: job.learning_rate,
        batch_size: job.batch_size,
        seed: job.repeat,
        epochs: EPOCHS[EPOCHS.len() - 1],
        ..TrainConfig::default()
    };
    let outcome = train(&config, &x, &y, classes, Some((&held_x, &held_y)), &mut |_| Flow::Continue)
        .expect("settings of the table above, and features that were checked");
    EPOCHS.map(|epoch| outcome.history.epochs[epoch - 1].val_accuracy.expect("validated"))
}

fn load(manifest: &Manifest) -> Result<Array2<f32>, Box<dyn Error>> {
    let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
    let fingerprint = fingerprint(&backbone, Storage::F32)?;
    let mut cache = FeatureCache::open(Path::new("data/features"), &fingerprint)?
        .ok_or("no features yet: run `headstart extract` on the manifest")?;
    Ok(cache.features(&manifest.images())?)
}
