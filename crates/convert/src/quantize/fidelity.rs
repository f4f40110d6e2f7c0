//! How near features in integers are to those in floats.

use ndarray::{Array2, ArrayView1};
use serde::Serialize;

/// Two sets of features of the same images, compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fidelity {
    /// Images that were compared.
    pub images: usize,
    /// Of the angle between the features of one image: in the mean, and of the worst image.
    pub cosine_mean: f64,
    /// The cosine of the worst image.
    pub cosine_min: f64,
    /// The length of all differences over that of all features in floats.
    pub relative_error: f64,
}

impl Fidelity {
    /// # Panics
    /// If the two are not of one shape.
    pub fn of(floats: &Array2<f32>, integers: &Array2<f32>) -> Self {
        assert_eq!(floats.dim(), integers.dim(), "features of the same images");
        let cosines: Vec<f64> =
            floats.rows().into_iter().zip(integers.rows()).map(|(a, b)| cosine(a, b)).collect();
        let square = |x: f64| x * x;
        let differences: f64 =
            floats.iter().zip(integers).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
        let whole: f64 = floats.iter().map(|&a| square(f64::from(a))).sum();
        Self {
            images: cosines.len(),
            cosine_mean: cosines.iter().sum::<f64>() / cosines.len().max(1) as f64,
            cosine_min: cosines.iter().copied().fold(f64::INFINITY, f64::min),
            relative_error: if differences == 0.0 { 0.0 } else { (differences / whole).sqrt() },
        }
    }

    /// By the error of all; anything is nearer than what is no number.
    pub(super) fn is_nearer_than(&self, other: &Self) -> bool {
        self.relative_error < other.relative_error
            || other.relative_error.is_nan() && !self.relative_error.is_nan()
    }
}

/// 1 for two rows of zeros, which are the same; 0 where one of them is zero.
fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let dot = |a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let (aa, bb) = (dot(a, a), dot(b, b));
    if aa == 0.0 && bb == 0.0 { 1.0 } else { dot(a, b) / (aa * bb).sqrt().max(f64::MIN_POSITIVE) }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn angles_and_lengths_by_hand() {
        let floats = array![[3.0f32, 4.0], [1.0, 0.0], [0.0, 0.0]];
        let integers = array![[4.0f32, 3.0], [2.0, 0.0], [0.0, 0.0]];
        let fidelity = Fidelity::of(&floats, &integers);
        assert_eq!((fidelity.images, fidelity.cosine_min), (3, 24.0 / 25.0));
        assert!((fidelity.cosine_mean - (24.0 / 25.0 + 2.0) / 3.0).abs() < 1e-12);
        // (1 + 1 + 1) / (9 + 16 + 1)
        assert!((fidelity.relative_error - (3.0f64 / 26.0).sqrt()).abs() < 1e-12);
        assert_eq!(Fidelity::of(&floats, &floats).relative_error, 0.0);
    }
}
