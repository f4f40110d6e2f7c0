//! The squared Euclidean length, for penalties on weights.

use ndarray::{Array2, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y = Σ x²`, a scalar; times `l2` it is Keras' `L2` regulariser (no factor ½).
#[derive(Debug, Clone, Copy)]
pub struct SumOfSquares;

impl<F: NdFloat> Op<F, 1> for SumOfSquares {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        Array2::from_elem((1, 1), x.iter().fold(F::zero(), |sum, &v| sum + v * v))
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        let slope = ctx.upstream[(0, 0)] + ctx.upstream[(0, 0)];
        [Some(ctx.inputs[0] * slope)]
    }
}

impl<F: NdFloat> Tape<'_, F> {
    /// Record [`SumOfSquares`].
    pub fn sum_of_squares(&mut self, x: Var) -> Var {
        self.apply(SumOfSquares, [x])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        gradcheck(&SumOfSquares, [array![[1.0, -2.0, 0.0], [0.5, 4.0, 3.0]]]).unwrap();
    }

    #[test]
    fn there_is_no_hidden_half() {
        assert_eq!(SumOfSquares.forward([&array![[3.0, 4.0]]]), array![[25.0]]);
    }
}
