//! The mean of everything.

use ndarray::{Array2, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var, float};

/// `y = Σ x / count`, a scalar.
#[derive(Debug, Clone, Copy)]
pub struct Mean;

impl<F: NdFloat> Op<F, 1> for Mean {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        Array2::from_elem((1, 1), x.sum() / float(x.len() as f64))
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        let [x] = ctx.inputs;
        [Some(Array2::from_elem(x.dim(), ctx.upstream[(0, 0)] / float(x.len() as f64)))]
    }
}

impl<F: NdFloat> Tape<'_, F> {
    /// Record [`Mean`].
    pub fn mean(&mut self, x: Var) -> Var {
        self.apply(Mean, [x])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        gradcheck(&Mean, [array![[1.0, -2.0, 7.0], [0.5, 4.0, 3.0]]]).unwrap();
    }

    #[test]
    fn mean_is_over_all_entries() {
        assert_eq!(Mean.forward([&array![[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]]]), array![[4.0]]);
    }
}
