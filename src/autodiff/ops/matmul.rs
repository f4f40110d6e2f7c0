//! The matrix product.

use ndarray::{Array2, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y = a b`: `(n, k)` times `(k, m)` is `(n, m)`; `da = dy bᵀ`, `db = aᵀ dy`.
#[derive(Debug, Clone, Copy)]
pub struct MatMul;

impl<F: NdFloat> Op<F, 2> for MatMul {
    fn forward(&self, [a, b]: [&Array2<F>; 2]) -> Array2<F> {
        if a.nrows() == 1 { row_times(a, b) } else { a.dot(b) }
    }

    fn backward(&self, ctx: Backward<'_, F, 2>) -> [Option<Array2<F>>; 2] {
        let [a, b] = ctx.inputs;
        [
            ctx.wants[0].then(|| ctx.upstream.dot(&b.t())),
            ctx.wants[1]
                .then(|| if a.nrows() == 1 { outer(a, ctx.upstream) } else { a.t().dot(ctx.upstream) }),
        ]
    }
}

/// One row times a matrix, reading the matrix once in its own order: the general product would copy it first.
fn row_times<F: NdFloat>(row: &Array2<F>, b: &Array2<F>) -> Array2<F> {
    assert_eq!(row.ncols(), b.nrows(), "inner sizes of a matrix product are one");
    let mut product = Array2::zeros((1, b.ncols()));
    let mut sum = product.row_mut(0);
    for (&factor, b_row) in row.iter().zip(b.rows()) {
        sum.scaled_add(factor, &b_row);
    }
    product
}

/// The kernel's gradient for a batch of one, written in one pass over it.
fn outer<F: NdFloat>(row: &Array2<F>, upstream: &Array2<F>) -> Array2<F> {
    let mut product = Vec::with_capacity(row.len() * upstream.len());
    for &factor in row {
        product.extend(upstream.iter().map(|&g| factor * g));
    }
    Array2::from_shape_vec((row.len(), upstream.len()), product).expect("one product for each pair")
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
