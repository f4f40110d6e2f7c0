//! The matrix product.

use ndarray::{Array2, ArrayView2, Axis, NdFloat, linalg::general_mat_mul};

use crate::autodiff::{Backward, Op, Tape, Var};
use headstart_base::machine::{side_by_side, vectorised};

/// `y = a b`: `(n, k)` times `(k, m)` is `(n, m)`; `da = dy bᵀ`, `db = aᵀ dy`.
#[derive(Debug, Clone, Copy)]
pub struct MatMul;

impl<F: NdFloat> Op<F, 2> for MatMul {
    fn forward(&self, [a, b]: [&Array2<F>; 2]) -> Array2<F> {
        if a.nrows() == 1 { row_times(a, b) } else { product(a.view(), b.view()) }
    }

    fn backward(&self, ctx: Backward<'_, F, 2>) -> [Option<Array2<F>>; 2] {
        let ([a, b], upstream) = (ctx.inputs, ctx.upstream.view());
        [ctx.wants[0].then(|| product(upstream, b.t())), ctx.wants[1].then(|| product(a.t(), upstream))]
    }

    fn left_factor(&self, input: usize) -> Option<usize> {
        (input == 1).then_some(0)
    }
}

/// The product of two matrices, in pieces that all cores work on side by side.
pub(crate) fn product<F: NdFloat>(a: ArrayView2<F>, b: ArrayView2<F>) -> Array2<F> {
    assert_eq!(a.ncols(), b.nrows(), "inner sizes of a matrix product are one");
    let mut product = Array2::zeros((a.nrows(), b.ncols()));
    let [rows, columns] = piece(product.nrows());
    let mut pieces = Vec::new();
    let bands = product.axis_chunks_iter_mut(Axis(0), rows).zip(a.axis_chunks_iter(Axis(0), rows));
    for (mut band, a) in bands {
        for b in b.axis_chunks_iter(Axis(1), columns) {
            let (piece, rest) = band.split_at(Axis(1), b.ncols());
            pieces.push((piece, a, b));
            band = rest;
        }
    }
    side_by_side(pieces, |(mut piece, a, b)| general_mat_mul(F::one(), &a, &b, F::zero(), &mut piece));
    product
}

/// Rows and columns of a piece. Each piece has its factors rearranged for the kernel, so a tall product is divided into bands and
/// only a low one across.
fn piece(rows: usize) -> [usize; 2] {
    if rows >= 2 * 128 { [128, usize::MAX] } else { [128, 128] }
}

/// One row times a matrix, reading the matrix once in its own order: the general product would copy it first.
fn row_times<F: NdFloat>(row: &Array2<F>, b: &Array2<F>) -> Array2<F> {
    let (Some(factors), Some(b_rows)) = (row.as_slice(), b.as_slice()) else {
        return product(row.view(), b.view());
    };
    assert_eq!(row.ncols(), b.nrows(), "inner sizes of a matrix product are one");
    let mut sums = vec![F::zero(); b.ncols()];
    vectorised(|| {
        for (&factor, b_row) in factors.iter().zip(b_rows.chunks_exact(sums.len().max(1))) {
            sums.iter_mut().zip(b_row).for_each(|(sum, &b)| *sum += factor * b);
        }
    });
    Array2::from_shape_vec((1, b.ncols()), sums).expect("made so")
}

impl<F: NdFloat> Tape<'_, F> {
    /// Record [`MatMul`].
    pub fn matmul(&mut self, a: Var, b: Var) -> Var {
        self.apply(MatMul, [a, b])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        let b = array![[0.5, -1.0, 2.0], [1.5, 0.3, -0.2]];
        gradcheck(&MatMul, [array![[1.0, 2.0], [-3.0, 0.0], [0.2, 5.0], [4.0, 1.0]], b]).unwrap();
    }

    #[test]
    fn gradient_matches_differences_for_a_batch_of_one() {
        gradcheck(&MatMul, [array![[1.0, -2.0]], array![[0.5, -1.0, 2.0], [1.5, 0.3, -0.2]]]).unwrap();
    }

    #[test]
    fn nan_times_zero_stays_visible() {
        let product = MatMul.forward([&array![[0.0, 1.0]], &array![[f32::NAN], [1.0]]]);
        assert!(product[(0, 0)].is_nan());
    }

    #[test]
    #[should_panic(expected = "inner sizes")]
    fn sizes_that_do_not_fit_are_refused() {
        MatMul.forward([&array![[1.0, 2.0]], &array![[3.0]]]);
    }
}
