//! Drawing dropout masks.

use ndarray::{Array2, NdFloat};
use rand::Rng;

use crate::autodiff::float;

/// Dropout at a rate: each unit of each example is dropped on its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Fraction of units dropped, in [0, 1).
    pub rate: f64,
}

impl Dropout {
    /// A mask for [`Tape::dropout`](crate::autodiff::Tape::dropout): 0 with probability `rate`, else `1 / (1 - rate)`.
    pub fn mask<F: NdFloat>(self, rows: usize, units: usize, rng: &mut impl Rng) -> Array2<F> {
        let kept = float(1.0 / (1.0 - self.rate));
        // The rate as a threshold for 32 random bits: off by at most 2⁻³².
        let dropped_below = (self.rate * 2.0_f64.powi(32)) as u32;
        Array2::from_shape_simple_fn((rows, units), || {
            if rng.next_u32() < dropped_below { F::zero() } else { kept }
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_fifth_is_dropped_and_the_rest_scaled_up() {
        let mask = Dropout { rate: 0.2 }.mask::<f64>(100, 100, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(mask.iter().all(|&m| m == 0.0 || m == 1.25));
        let dropped = mask.iter().filter(|&&m| m == 0.0).count();
        // Expected 2000 with a standard deviation of 40.
        assert!((1800..2200).contains(&dropped), "{dropped}");
    }

    #[test]
    fn nothing_is_dropped_at_rate_zero() {
        let mask = Dropout { rate: 0.0 }.mask::<f32>(10, 10, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(mask.iter().all(|&m| m == 1.0));
    }
}
