//! Gradients cut to a size, with Keras' formulas.

use ndarray::{Array2, NdFloat};

use super::{ConfigError, is_rate, require};
use crate::autodiff::{float, sum_of_squares};

/// How to keep gradients from being too large, between the tape and the optimizer.
///
/// ```
/// use headstart_nn::optim::Clip;
/// use ndarray::array;
///
/// let mut gradients = [array![[3.0_f32, 4.0]], array![[0.5]]];
/// Clip::Norm(1.0).apply(&mut gradients);
/// assert_eq!(gradients, [array![[0.6, 0.8]], array![[0.5]]]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// Each gradient that is longer is made this long: Keras' `clipnorm`.
    Norm(f64),
    /// All gradients are made shorter by one factor if together they are longer: Keras' `global_clipnorm`.
    GlobalNorm(f64),
    /// Each number further from 0 is moved to this distance: Keras' `clipvalue`.
    Value(f64),
}

impl Clip {
    /// This way, if gradients can be clipped so.
    ///
    /// # Errors
    /// Names the setting unless the size is above 0 and finite.
    pub fn check(self) -> Result<Self, ConfigError> {
        let (setting, size) = match self {
            Self::Norm(size) => ("clipnorm", size),
            Self::GlobalNorm(size) => ("global_clipnorm", size),
            Self::Value(size) => ("clipvalue", size),
        };
        require(is_rate(size), setting, "above 0 and finite", size)?;
        Ok(self)
    }

    /// Clip in place. What is not a number stays so.
    pub fn apply<F: NdFloat>(self, gradients: &mut [Array2<F>]) {
        match self {
            Self::Norm(size) => {
                for gradient in gradients {
                    let norm = sum_of_squares(gradient).sqrt();
                    shorten(gradient, norm, size);
                }
            }
            Self::GlobalNorm(size) => {
                let norm = gradients.iter().map(sum_of_squares).sum::<f64>().sqrt();
                gradients.iter_mut().for_each(|gradient| shorten(gradient, norm, size));
            }
            Self::Value(size) => {
                let size = float::<F>(size);
                // Comparisons that a NaN passes through; `max` and `min` would turn it into a number.
                let clip = |g: F| {
                    if g > size {
                        size
                    } else if g < -size {
                        -size
                    } else {
                        g
                    }
                };
                gradients.iter_mut().for_each(|gradient| gradient.mapv_inplace(clip));
            }
        }
    }
}

/// Scale to `size` if `norm` is larger. What is short enough stays as it is, to the bit; Keras multiplies and divides
/// it by one number, which may change its last one.
fn shorten<F: NdFloat>(gradient: &mut Array2<F>, norm: f64, size: f64) {
    if norm > size || norm.is_nan() {
        let scale = float::<F>(size / norm);
        gradient.mapv_inplace(|g| g * scale);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn clipped(clip: Clip, mut gradients: [Array2<f64>; 2]) -> [Array2<f64>; 2] {
        clip.check().unwrap().apply(&mut gradients);
        gradients
    }

    #[test]
    fn by_hand() {
        let gradients = || [array![[3.0, -4.0]], array![[12.0]]];
        assert_eq!(clipped(Clip::Norm(10.0), gradients()), [array![[3.0, -4.0]], array![[10.0]]]);
        // 3, 4 and 12 have the length 13.
        assert_eq!(clipped(Clip::GlobalNorm(6.5), gradients()), [array![[1.5, -2.0]], array![[6.0]]]);
        assert_eq!(clipped(Clip::GlobalNorm(13.0), gradients()), gradients());
        assert_eq!(clipped(Clip::Value(3.5), gradients()), [array![[3.0, -3.5]], array![[3.5]]]);
    }

    #[test]
    fn zeros_stay_zeros() {
        let zeros = || [array![[0.0, 0.0]], array![[0.0]]];
        for clip in [Clip::Norm(1.0), Clip::GlobalNorm(1.0), Clip::Value(1.0)] {
            assert_eq!(clipped(clip, zeros()), zeros());
        }
    }

    #[test]
    fn not_a_number_is_not_hidden() {
        for clip in [Clip::Norm(1.0), Clip::GlobalNorm(1.0), Clip::Value(1.0)] {
            assert!(clipped(clip, [array![[f64::NAN, 2.0]], array![[0.0]]])[0][(0, 0)].is_nan());
        }
    }

    #[test]
    fn squares_beyond_the_float_do_no_harm() {
        let mut gradients = [array![[3e30_f32, 4e30]]];
        Clip::Norm(1.0).apply(&mut gradients);
        assert!((&gradients[0] - &array![[0.6, 0.8]]).iter().all(|d| d.abs() < 1e-6), "{gradients:?}");
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        for (clip, setting) in [
            (Clip::Norm(0.0), "clipnorm"),
            (Clip::GlobalNorm(f64::NAN), "global_clipnorm"),
            (Clip::Value(f64::INFINITY), "clipvalue"),
        ] {
            assert_eq!(clip.check().unwrap_err().setting, setting);
        }
    }
}
