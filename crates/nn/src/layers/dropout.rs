//! Drawing dropout masks.

use ndarray::{Array2, NdFloat};
use rand::Rng;

use crate::autodiff::float;
use headstart_base::machine::vectorised;

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
        let mut mask = vec![F::zero(); rows * units];
        // Bits by the hundred and no branch on them: one by one they took longer than all else about dropout.
        let mut bits = [0; 4 * 128];
        for mask in mask.chunks_mut(128) {
            let bits = &mut bits[..4 * mask.len()];
            rng.fill_bytes(bits);
            vectorised(|| {
                for (mask, &bits) in mask.iter_mut().zip(bits.as_chunks::<4>().0) {
                    let dropped = u32::from_le_bytes(bits) < dropped_below;
                    *mask = if dropped { F::zero() } else { kept };
                }
            });
        }
        Array2::from_shape_vec((rows, units), mask).expect("made so")
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
