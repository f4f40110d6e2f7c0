//! Makes the small file of real features that the other examples train on.
//!
//! ```text
//! cargo run --release --example small_features -- data/cifar10/demo_train.csv
//! ```
//!
//! The first 60 images each of four of CIFAR-10's classes; of their 2,048 features of the Keras ResNet50 the 256 that
//! vary most, as half floats.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use half::f16;
use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::dataset::{Columns, Manifest};
use headstart::extract::{FeatureCache, fingerprint};
use ndarray::{Array2, Axis};
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

const CLASSES: [&str; 4] = ["airplane", "cat", "deer", "ship"];
const PER_CLASS: usize = 60;
const COLUMNS: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: small_features MANIFEST")?;
    let manifest = Manifest::read(path.as_ref(), &Columns::default())?;
    let mut taken = [0; CLASSES.len()];
    let (mut rows, mut labels) = (vec![], vec![]);
    for (row, example) in manifest.examples().iter().enumerate() {
        let class = CLASSES.iter().position(|&class| example.label.as_deref() == Some(class));
        if let Some(class) = class.filter(|&class| taken[class] < PER_CLASS) {
            taken[class] += 1;
            rows.push(row);
            labels.push(class as u8);
        }
    }
    let features = load(&manifest)?.select(Axis(0), &rows);
    let features = features.select(Axis(1), &most_varied(&features));

    let halves: Vec<u8> = features.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
    let tensors = [
        ("features", TensorView::new(Dtype::F16, vec![rows.len(), COLUMNS], &halves)?),
        ("labels", TensorView::new(Dtype::U8, vec![rows.len()], &labels)?),
    ];
    let about = HashMap::from([("made by".to_owned(), "examples/small_features.rs".to_owned())]);
    serialize_to_file(tensors, Some(about), Path::new("examples/features/pictures.safetensors"))?;
    println!("{} rows of {COLUMNS} features, {taken:?} of {CLASSES:?}", rows.len());
    Ok(())
}

fn load(manifest: &Manifest) -> Result<Array2<f32>, Box<dyn Error>> {
    let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
    let fingerprint = fingerprint(&backbone, Storage::F32)?;
    let mut cache = FeatureCache::open(Path::new("data/features"), &fingerprint)?
        .ok_or("no features yet: run `headstart extract` on the manifest")?;
    Ok(cache.features(&manifest.images())?)
}

/// Columns in their own order.
fn most_varied(features: &Array2<f32>) -> Vec<usize> {
    let variance = features.var_axis(Axis(0), 0.0);
    let mut columns: Vec<usize> = (0..features.ncols()).collect();
    columns.sort_by(|&a, &b| variance[b].total_cmp(&variance[a]));
    columns.truncate(COLUMNS);
    columns.sort_unstable();
    columns
}
