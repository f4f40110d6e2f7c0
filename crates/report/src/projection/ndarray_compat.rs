//! Arrays over to `linfa`, which is on an older `ndarray`, and back: as slices, in f64.

use ndarray::{Array2, ArrayView2};
use ndarray_of_linfa as theirs;

pub(super) type Theirs = theirs::Array2<f64>;

pub(super) fn over(features: ArrayView2<'_, f32>) -> Theirs {
    let values = features.iter().map(|&value| f64::from(value)).collect();
    theirs::Array2::from_shape_vec(features.dim(), values).expect("as many values as before")
}

pub(super) fn back(array: &Theirs) -> Array2<f64> {
    Array2::from_shape_vec(array.dim(), array.iter().copied().collect()).expect("as many values as before")
}
