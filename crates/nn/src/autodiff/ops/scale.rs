//! A value times a constant, such as a penalty times its weight.

use ndarray::{Array2, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y = c x`.
#[derive(Debug, Clone, Copy)]
pub struct Scale<F>(pub F);

impl<F: NdFloat> Op<F, 1> for Scale<F> {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        x * self.0
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        [Some(ctx.upstream * self.0)]
    }
}

impl<'a, F: NdFloat> Tape<'a, F> {
    /// Record [`Scale`].
    pub fn scale(&mut self, x: Var, factor: F) -> Var
    where
        F: 'a,
    {
        self.apply(Scale(factor), [x])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        gradcheck(&Scale(-2.5), [array![[1.0, -2.0], [0.5, 4.0]]]).unwrap();
    }
}
