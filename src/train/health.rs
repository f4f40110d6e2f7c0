//! Numbers that are not finite, and whose fault they are.

use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::batch::Batch;
use crate::{autodiff::Tape, nn::Head};

/// Whether every entry is finite.
pub(super) fn all_finite(array: &Array2<f32>) -> bool {
    stays_finite(array, |x| x)
}

/// Whether every gradient is finite, and its square too: an optimizer that keeps squares would be broken for good
/// by one that is not, without a word.
pub(super) fn usable(gradients: &[Array2<f32>]) -> bool {
    gradients.iter().all(|gradient| stays_finite(gradient, |g| g * g))
}

/// Whether `f` is finite everywhere, in one pass without a branch: `0 · f` is 0 for a finite number and else NaN.
fn stays_finite(array: &Array2<f32>, f: impl Fn(f32) -> f32) -> bool {
    let Some(slice) = array.as_slice() else { return array.iter().all(|&x| f(x).is_finite()) };
    // Eight sums, for the processor to take side by side.
    let mut sums = [0.0; 8];
    let (chunks, rest) = slice.as_chunks::<8>();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += 0.0 * f(x);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&x| 0.0 * f(x)).sum::<f32>() == 0.0
}

/// The first row with an entry that is not finite.
pub(super) fn first_bad_row(matrix: &Array2<f32>) -> Option<usize> {
    matrix.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite()))
}

/// The row of the batch that a loss or gradient which is not finite is due to: the first that gives one when
/// taken alone. If none does, it is the sum of all that is too large, and the first row stands for the batch.
pub(super) fn culprit(head: &Head, batch: &Batch) -> usize {
    let breaks = |index: usize| {
        let row = |of: &Array2<f32>| -> Array2<f32> {
            let view: ArrayView2<f32> = of.slice_axis(Axis(0), Slice::from(index..=index));
            view.to_owned()
        };
        let (features, label) = (row(&batch.features), row(&batch.targets));
        let mut tape = Tape::new();
        let x = tape.constant(&features);
        let logits = head.forward(&mut tape, x, &[]);
        let loss = tape.softmax_cross_entropy(logits, &label);
        !tape.scalar(loss).is_finite() || !usable(&tape.gradient(loss))
    };
    (0..batch.len()).find(|&index| breaks(index)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_entry_is_seen_wherever_it_stands() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..21 {
                let mut array = Array2::from_elem((3, 7), f32::MAX);
                assert!(all_finite(&array));
                array.as_slice_mut().unwrap()[place] = bad;
                assert!(!all_finite(&array), "{bad} at {place}");
                assert!(!all_finite(&array.reversed_axes()), "{bad} at {place}, turned");
            }
        }
    }

    #[test]
    fn a_gradient_too_large_to_square_is_not_usable() {
        assert!(usable(&[Array2::from_elem((3, 3), 1e19)]));
        assert!(!usable(&[Array2::zeros((2, 2)), Array2::from_elem((3, 3), 2e19)]));
    }
}
