//! A gradient whose last product need not be formed.

use std::{ops::Range, sync::Arc};

use ndarray::{Array2, ArrayView2, CowArray, Ix2, NdFloat, linalg::general_mat_mul, s};

use super::ops::product;
use headstart_base::machine::vectorised;

/// The gradient of a watched array.
///
/// That of a kernel is `leftᵀ · right`, where `left` holds the layer's inputs and `right` what came back to its outputs. For a
/// small batch both are far smaller than the kernel, so an optimizer that forms [rows](Self::rows) of the product
/// as it needs them never has the whole of it pass through memory.
#[derive(Debug, Clone)]
pub enum Gradient<'a, F = f32> {
    /// As it is.
    Dense(CowArray<'a, F, Ix2>),
    /// `leftᵀ · right`.
    Factored {
        /// `(n, rows)` for a gradient of `(rows, columns)`.
        left: Arc<Array2<F>>,
        /// `(n, columns)`.
        right: Array2<F>,
    },
}

impl<F: NdFloat> Gradient<'_, F> {
    /// Rows and columns: those of the watched array.
    pub fn dim(&self) -> (usize, usize) {
        match self {
            Self::Dense(array) => array.dim(),
            Self::Factored { left, right } => (left.ncols(), right.ncols()),
        }
    }

    /// The gradient as an array.
    pub fn into_dense(self) -> Array2<F> {
        match self {
            Self::Dense(array) => array.into_owned(),
            Self::Factored { left, right } => product(left.t(), right.view()),
        }
    }

    /// Some rows of the gradient, one after another.
    ///
    /// `scratch` is where they are formed if they are not there yet; it may be used again.
    ///
    /// # Panics
    /// If the gradient does not have these rows.
    pub fn rows<'s>(&'s self, rows: Range<usize>, scratch: &'s mut Vec<F>) -> &'s [F] {
        let columns = self.dim().1;
        match self {
            Self::Dense(array) => match array.as_slice() {
                Some(all) => return &all[rows.start * columns..rows.end * columns],
                None => {
                    scratch.clear();
                    scratch.extend(array.slice(s![rows, ..]));
                }
            },
            Self::Factored { left, right } => {
                scratch.resize(rows.len() * columns, F::zero());
                product_into(left.slice(s![.., rows]), right.view(), scratch);
            }
        }
        scratch
    }
}

impl<F> From<Array2<F>> for Gradient<'_, F> {
    fn from(array: Array2<F>) -> Self {
        Self::Dense(array.into())
    }
}

impl<'a, F> From<&'a Array2<F>> for Gradient<'a, F> {
    fn from(array: &'a Array2<F>) -> Self {
        Self::Dense(array.into())
    }
}

fn product_into<F: NdFloat>(left: ArrayView2<F>, right: ArrayView2<F>, out: &mut [F]) {
    let shape = (left.ncols(), right.ncols());
    // A batch of one: the general product would take longer to arrange its factors than to multiply them.
    if let (1, Some(right)) = (left.nrows(), right.to_slice()) {
        return vectorised(|| {
            for (out, &factor) in out.chunks_exact_mut(shape.1).zip(&left.row(0)) {
                out.iter_mut().zip(right).for_each(|(out, &g)| *out = factor * g);
            }
        });
    }
    let mut out = ndarray::ArrayViewMut2::from_shape(shape, out).expect("the caller made it so large");
    general_mat_mul(F::one(), &left.t(), &right, F::zero(), &mut out);
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn factored<'a>(left: &Array2<f64>, right: &Array2<f64>) -> Gradient<'a, f64> {
        Gradient::Factored { left: Arc::new(left.clone()), right: right.clone() }
    }

    #[test]
    fn rows_are_those_of_the_whole() {
        let left = Array2::from_shape_fn((3, 7), |(i, j)| (i * 7 + j) as f64);
        let right = Array2::from_shape_fn((3, 2), |(i, j)| 1.0 - (i + 5 * j) as f64);
        let whole = left.t().dot(&right);
        let by_columns = whole.t().as_standard_layout().into_owned().reversed_axes();
        let mut scratch = vec![f64::NAN; 3];
        for gradient in [factored(&left, &right), Gradient::from(&whole), by_columns.into()] {
            assert_eq!(gradient.dim(), (7, 2));
            for rows in [0..7, 2..5, 6..7, 3..3] {
                let want: Vec<f64> = whole.slice(s![rows.clone(), ..]).iter().copied().collect();
                assert_eq!(gradient.rows(rows, &mut scratch), want);
            }
            assert_eq!(gradient.into_dense(), whole);
        }
    }

    #[test]
    fn one_example_gives_an_outer_product() {
        let (left, right) = (array![[2.0, -3.0, 0.0]], array![[5.0, 7.0]]);
        let want = array![[10.0, 14.0], [-15.0, -21.0], [0.0, 0.0]];
        assert_eq!(factored(&left, &right).into_dense(), want);
        let gradient = factored(&left, &right);
        assert_eq!(gradient.rows(1..3, &mut Vec::new()), [-15.0, -21.0, 0.0, 0.0]);
    }
}
