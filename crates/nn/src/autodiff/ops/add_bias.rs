//! A bias added to every row.

use ndarray::{Array2, Axis, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y[i, j] = x[i, j] + b[0, j]`: `x` is `(n, units)`, the bias `(1, units)`.
#[derive(Debug, Clone, Copy)]
pub struct AddBias;

impl<F: NdFloat> Op<F, 2> for AddBias {
    fn forward(&self, [x, bias]: [&Array2<F>; 2]) -> Array2<F> {
        assert_eq!(bias.dim(), (1, x.ncols()), "a bias is one row, as wide as what it is added to");
        x + bias
    }

    fn backward(&self, ctx: Backward<'_, F, 2>) -> [Option<Array2<F>>; 2] {
        let [x, bias] = ctx.wants;
        [x.then(|| ctx.upstream.clone()), bias.then(|| ctx.upstream.sum_axis(Axis(0)).insert_axis(Axis(0)))]
    }
}

impl<F: NdFloat> Tape<'_, F> {
    /// Record [`AddBias`].
    pub fn add_bias(&mut self, x: Var, bias: Var) -> Var {
        self.apply(AddBias, [x, bias])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        gradcheck(&AddBias, [array![[1.0, -2.0], [0.0, 3.0], [5.0, 6.0]], array![[0.5, 4.0]]]).unwrap();
    }

    #[test]
    #[should_panic(expected = "a bias is one row")]
    fn a_bias_of_another_width_is_refused() {
        AddBias.forward([&array![[1.0, 2.0]], &array![[3.0]]]);
    }
}
