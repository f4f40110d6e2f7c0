//! Rows to train on: those of the demo's images if they are in the cache, or else drawn ones like them.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use headstart::cache::{Key, Store};
use ndarray::{Array2, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Result;

pub const DIM: usize = 2048;

/// So many rows, and where they are from. The time of a step does not depend on the numbers.
pub fn rows_or_synthetic(rows: usize) -> (Array2<f32>, String) {
    if let Some(real) = cifar10() {
        let origin = format!("features of {} CIFAR-10 images, over and over", real.nrows());
        let places: Vec<usize> = (0..rows).map(|row| row % real.nrows()).collect();
        return (real.select(Axis(0), &places), origin);
    }
    // Of ResNet-50's pooled features of CIFAR-10, a sixth is 0, and the others are mostly below 2.
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let features = Array2::from_shape_simple_fn((rows, DIM), || {
        let u: f32 = rng.random();
        if u < 0.17 { 0.0 } else { -0.5 * rng.random::<f32>().max(1e-7).ln() }
    });
    (features, "drawn features, of ResNet-50's sparsity".into())
}

/// The features of the demo's training images, if some cache has all of them.
fn cifar10() -> Option<Array2<f32>> {
    let folder = Path::new("data/cifar10");
    let manifest = fs::read_to_string(folder.join("demo_train.csv")).ok()?;
    let paths = manifest.lines().skip(1).map(|line| line.split(',').next().unwrap_or_default());
    let key = |path: &str| Some((Key::of(&fs::read(folder.join(path)).ok()?), 0));
    let ids = paths.map(key).collect::<Option<Vec<_>>>()?;
    fs::read_dir("data/features").ok()?.flatten().find_map(|entry| {
        let store = Store::open_dir(&entry.path()).ok().filter(|store| store.dim() == DIM)?;
        let mut features = Array2::zeros((ids.len(), DIM));
        store.select(&ids).ok()?.gather(&(0..ids.len()).collect::<Vec<_>>(), &mut features).ok()?;
        Some(features)
    })
}

/// Little-endian numbers, row after row.
pub fn write(file: &Path, features: &Array2<f32>) -> Result<()> {
    let mut out = std::io::BufWriter::new(fs::File::create(file)?);
    for value in features {
        out.write_all(&value.to_le_bytes())?;
    }
    Ok(out.flush()?)
}

/// The first rows of such a file.
pub fn read(file: &Path, rows: usize) -> Result<Array2<f32>> {
    let mut bytes = vec![0; rows * DIM * 4];
    fs::File::open(file)?.read_exact(&mut bytes)?;
    let numbers = bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(Array2::from_shape_vec((rows, DIM), numbers)?)
}
