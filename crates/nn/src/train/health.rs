//! Numbers that are not finite, and whose fault they are.

use std::sync::Arc;

use ndarray::{Array2, ArrayBase, ArrayView2, Axis, Data, Ix2, Slice};

use super::batch::Batch;
use crate::autodiff::{Gradient, Tape};
use crate::layers::Head;
use headstart_base::machine::vectorised;

/// Whether every gradient is finite, and its square too: an optimizer that keeps squares would be broken for good
/// by one that is not, without a word.
pub(super) fn usable(gradients: &[Gradient], batch: &Batch) -> bool {
    gradients.iter().all(|gradient| match gradient {
        Gradient::Dense(array) => has_squares(largest(array)),
        Gradient::Factored { left, right } => {
            let known = Arc::ptr_eq(left, &batch.features);
            let left_largest = if known { batch.largest } else { largest(left) };
            // No entry of the product is larger than this; twice is ample for the rounding of its sums.
            let bound = left.nrows() as f32 * (left_largest * largest(right));
            has_squares(2.0 * bound) || has_squares(largest(&gradient.clone().into_dense()))
        }
    })
}

fn has_squares(largest: f32) -> bool {
    (largest * largest).is_finite()
}

/// The largest magnitude; an infinity or NaN if there is one.
pub(super) fn largest<S: Data<Elem = f32>>(array: &ArrayBase<S, Ix2>) -> f32 {
    match array.as_slice() {
        Some(slice) => vectorised(|| slice.iter().copied().fold(0.0, larger)),
        None => array.iter().copied().fold(0.0, larger),
    }
}

/// The larger magnitude, as in [`largest`].
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    // Magnitudes are in the order of their bits as integers, and what is not finite comes after all that is.
    let magnitude = |x: f32| x.to_bits() & !(1 << 31);
    f32::from_bits(magnitude(a).max(magnitude(b)))
}

/// The first row of features with an entry that is not finite.
pub(super) fn first_bad_row(batch: &Batch) -> Option<usize> {
    let bad = || batch.features.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite()));
    if batch.largest.is_finite() { None } else { bad() }
}

/// Whether all parameters are finite.
pub(super) fn has_numbers(head: &Head) -> bool {
    head.parameters().into_iter().all(|parameter| largest(parameter).is_finite())
}

/// The first row of the batch that the head answers with something else than numbers.
pub(super) fn first_unanswered(head: &Head, batch: &Batch) -> Option<usize> {
    let logits = head.logits(batch.features.view());
    logits.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite()))
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
        !tape.scalar(loss).is_finite() || !usable(&tape.factored_gradient(loss), batch)
    };
    (0..batch.len()).find(|&index| breaks(index)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::objective::Targets;

    #[test]
    fn one_bad_entry_is_seen_wherever_it_stands() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..21 {
                let mut array = Array2::from_elem((3, 7), f32::MAX);
                assert!(largest(&array).is_finite());
                array.as_slice_mut().unwrap()[place] = bad;
                assert!(!largest(&array).is_finite(), "{bad} at {place}");
                assert!(!largest(&array.reversed_axes()).is_finite(), "{bad} at {place}, turned");
            }
        }
    }

    #[test]
    fn a_gradient_too_large_to_square_is_not_usable() {
        let usable = |gradients: &[Gradient]| usable(gradients, &Batch::new(1, 1, Targets::new(0.0, 1)));
        let dense = |x: f32| Gradient::from(Array2::from_elem((3, 3), x));
        assert!(usable(&[dense(1e19)]));
        assert!(!usable(&[dense(0.0), dense(2e19)]));
        assert!(!usable(&[dense(f32::NAN)]));
    }

    #[test]
    fn factors_are_judged_by_their_product() {
        let usable = |left: [f32; 2], right: [f32; 2]| {
            let [left, right] = [left, right].map(|x| Array2::from_shape_fn((2, 3), |(i, _)| x[i]));
            let mut batch = Batch::new(3, 1, Targets::new(0.0, 1));
            let known = super::usable(
                &[Gradient::Factored { left: left.clone().into(), right: right.clone() }],
                &batch,
            );
            (batch.largest, batch.features) = (largest(&left), left.into());
            let unknown =
                super::usable(&[Gradient::Factored { left: batch.features.clone(), right }], &batch);
            assert_eq!(known, unknown);
            known
        };
        assert!(usable([1e9, 1e-9], [1e9, -1e-9]));
        assert!(!usable([1e9, 1e9], [2e10, 1.0]));
        // Large factors that do not meet, and some that cancel.
        assert!(usable([1e18, 1.0], [1.0, 1e18]));
        assert!(usable([1e10, 1e10], [1e10, -1e10]));
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(!usable([1.0, bad], [1.0, 0.0]));
            assert!(!usable([1.0, 0.0], [1.0, bad]));
        }
    }
}
