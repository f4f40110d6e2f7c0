//! Where parameters start. Biases start at zero; kernels here.

use ndarray::{Array2, NdFloat};
use rand::Rng;

use crate::autodiff::float;

/// Glorot uniform: between `±√(6 / (inputs + units))`, Keras' default for a kernel `(inputs, units)`.
///
/// # Source
/// Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.
pub fn glorot_uniform<F: NdFloat>(inputs: usize, units: usize, rng: &mut impl Rng) -> Array2<F> {
    let limit = (6.0 / (inputs + units) as f64).sqrt();
    Array2::from_shape_simple_fn((inputs, units), || float(limit * (2.0 * uniform(rng) - 1.0)))
}

/// Uniform in [0, 1), on the grid of multiples of 2⁻⁵³.
///
/// Spelt out here, so that a seed means the same numbers in every version of this library.
pub fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn kernels_fill_their_range_evenly() {
        let kernel = glorot_uniform::<f64>(300, 100, &mut ChaCha8Rng::seed_from_u64(1));
        let limit = (6.0_f64 / 400.0).sqrt();
        assert_eq!(kernel.dim(), (300, 100));
        assert!(kernel.iter().all(|w| w.abs() <= limit));
        // Of 30,000 draws: the mean is good to limit/300, the mean square to a hundredth of limit²/3.
        assert!(kernel.mean().unwrap().abs() < 0.02 * limit);
        assert!((kernel.mapv(|w| w * w).mean().unwrap() / (limit * limit / 3.0) - 1.0).abs() < 0.03);
    }

    #[test]
    fn a_seed_means_the_same_numbers_for_ever() {
        let kernel = glorot_uniform::<f32>(1, 2, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(kernel, ndarray::array![[-0.2758122, -1.1868541]]);
    }
}
