//! Real features, few enough to lie beside the examples: `small_features.rs` made them from CIFAR-10.

// Each example uses what it needs.
#![allow(dead_code)]

use half::f16;
use headstart::nn::Head;
use ndarray::{Array1, Array2, Axis};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;

pub const CLASSES: [&str; 4] = ["airplane", "cat", "deer", "ship"];
/// Numbers in a row.
pub const FEATURES: usize = 256;

/// Images as features `(n, 256)`, and an index into [`CLASSES`] for each.
pub struct Images {
    pub features: Array2<f32>,
    pub labels: Vec<usize>,
}

/// 180 images to learn from, and 60 to be tested on; as many of each class.
pub fn pictures() -> (Images, Images) {
    let file = SafeTensors::deserialize(include_bytes!("pictures.safetensors")).expect("the file is whole");
    let tensor = |name: &str| file.tensor(name).expect("both are there");
    let halves = tensor("features").data().as_chunks().0;
    let values = halves.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect();
    let labels: Vec<usize> = tensor("labels").data().iter().map(|&label| label.into()).collect();
    let features = Array2::from_shape_vec((labels.len(), FEATURES), values).expect("as many as were written");
    let all = Images { features, labels };
    // The last fifteen of each class are for the test.
    let mut seen = [0; CLASSES.len()];
    let (train, test): (Vec<usize>, Vec<usize>) = (0..all.labels.len()).partition(|&row| {
        seen[all.labels[row]] += 1;
        seen[all.labels[row]] <= 45
    });
    (all.select(&train), all.select(&test))
}

impl Images {
    pub fn select(&self, rows: &[usize]) -> Self {
        let labels = rows.iter().map(|&row| self.labels[row]).collect();
        Self { features: self.features.select(Axis(0), rows), labels }
    }

    /// Those of two classes, which are then called 0 and 1.
    pub fn of(&self, classes: [usize; 2]) -> Self {
        let rows: Vec<usize> =
            (0..self.labels.len()).filter(|&row| classes.contains(&self.labels[row])).collect();
        let mut images = self.select(&rows);
        images.labels.iter_mut().for_each(|label| *label = usize::from(*label == classes[1]));
        images
    }

    /// All images once, in an order drawn anew, cut into batches.
    pub fn batches(&self, size: usize, rng: &mut ChaCha8Rng) -> Vec<Images> {
        let mut order: Vec<usize> = (0..self.labels.len()).collect();
        order.shuffle(rng);
        order.chunks(size).map(|rows| self.select(rows)).collect()
    }

    /// Labels as rows with a single one, `(n, classes)`.
    pub fn one_hot(&self, classes: usize) -> Array2<f32> {
        Array2::from_shape_fn((self.labels.len(), classes), |(row, class)| {
            f32::from(u8::from(self.labels[row] == class))
        })
    }

    /// The share of images that the head takes for what they are.
    pub fn accuracy(&self, head: &Head) -> f64 {
        let probabilities = head.probabilities(self.features.view());
        let best = |row: Array1<f32>| headstart::evaluate::metrics::best(row.view()).0;
        let rows = probabilities.rows().into_iter().zip(&self.labels);
        let right = rows.filter(|(row, label)| best(row.to_owned()) == **label).count();
        right as f64 / self.labels.len() as f64
    }
}
