//! A sum of two values, such as a loss and a penalty.

use ndarray::{Array2, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y = a + b`, both of one shape.
#[derive(Debug, Clone, Copy)]
pub struct Add;

impl<F: NdFloat> Op<F, 2> for Add {
    fn forward(&self, [a, b]: [&Array2<F>; 2]) -> Array2<F> {
        // ndarray would repeat a row or a scalar, whose gradient would then need summing.
        assert_eq!(a.dim(), b.dim(), "values to add have one shape");
        a + b
    }

    fn backward(&self, ctx: Backward<'_, F, 2>) -> [Option<Array2<F>>; 2] {
        ctx.wants.map(|wanted| wanted.then(|| ctx.upstream.clone()))
    }
}

impl<F: NdFloat> Tape<'_, F> {
    /// Record [`Add`].
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        self.apply(Add, [a, b])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        gradcheck(&Add, [array![[1.0, -2.0]], array![[0.5, 4.0]]]).unwrap();
    }

    #[test]
    #[should_panic(expected = "one shape")]
    fn a_row_is_not_silently_repeated() {
        Add.forward([&array![[1.0], [2.0]], &array![[3.0]]]);
    }
}
