//! Dropout with a mask that was drawn beforehand.

use ndarray::{Array2, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y = x · mask`, the inverted form: the mask holds 0 where a unit is dropped and `1 / (1 - rate)` where it
/// is kept, so that nothing needs scaling at inference.
#[derive(Debug, Clone, Copy)]
pub struct Dropout<'m, F> {
    /// One entry for each entry of `x`.
    pub mask: &'m Array2<F>,
}

impl<F: NdFloat> Op<F, 1> for Dropout<'_, F> {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        assert_eq!(self.mask.dim(), x.dim(), "a dropout mask has the shape of what it masks");
        x * self.mask
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        [Some(ctx.upstream * self.mask)]
    }
}

impl<'a, F: NdFloat> Tape<'a, F> {
    /// Record [`Dropout`].
    pub fn dropout(&mut self, x: Var, mask: &'a Array2<F>) -> Var {
        self.apply(Dropout { mask }, [x])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        // Rate 0.2: kept units are multiplied by 1.25.
        let mask = array![[1.25, 0.0, 1.25], [0.0, 1.25, 1.25]];
        gradcheck(&Dropout { mask: &mask }, [array![[-1.5, 0.2, 3.0], [0.7, -0.1, -2.0]]]).unwrap();
    }
}
