//! The rectifier.

use ndarray::{Array2, NdFloat, Zip};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y = max(x, 0)`; slope 0 at `x = 0`, as in TensorFlow.
#[derive(Debug, Clone, Copy)]
pub struct Relu;

impl<F: NdFloat> Op<F, 1> for Relu {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        // Not `v.max(0)`: that would turn a NaN into 0 and hide a diverged run.
        x.mapv(|v| if v < F::zero() { F::zero() } else { v })
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        let slope = |&g: &F, &y: &F| if y <= F::zero() { F::zero() } else { g };
        [Some(Zip::from(ctx.upstream).and(ctx.output).map_collect(slope))]
    }
}

impl<F: NdFloat> Tape<'_, F> {
    /// Record [`Relu`].
    pub fn relu(&mut self, x: Var) -> Var {
        self.apply(Relu, [x])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences() {
        gradcheck(&Relu, [array![[-1.5, 0.2, 3.0], [0.7, -0.1, -2.0]]]).unwrap();
    }

    #[test]
    fn no_gradient_at_zero_and_nan_survives() {
        let x = array![[0.0, f64::NAN, -0.0]];
        let y = Relu.forward([&x]);
        assert!(y[(0, 1)].is_nan());
        let upstream = array![[1.0, 1.0, 1.0]];
        let [dx] = Relu.backward(Backward { inputs: [&x], output: &y, upstream: &upstream, wants: [true] });
        assert_eq!(dx.unwrap(), array![[0.0, 1.0, 0.0]]);
    }
}
