//! Smooth activations, whose derivatives are functions of their own values.

use ndarray::{Array2, NdFloat, Zip};

use crate::autodiff::{Backward, Op, Tape, Var};

/// `y = tanh x`, `dy/dx = 1 - y²`.
#[derive(Debug, Clone, Copy)]
pub struct Tanh;

impl<F: NdFloat> Op<F, 1> for Tanh {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        x.mapv(F::tanh)
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        [Some(Zip::from(ctx.upstream).and(ctx.output).map_collect(|&g, &y| g * (F::one() - y * y)))]
    }
}

/// `y = 1 / (1 + e⁻ˣ)`, `dy/dx = y (1 - y)`.
#[derive(Debug, Clone, Copy)]
pub struct Sigmoid;

impl<F: NdFloat> Op<F, 1> for Sigmoid {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        // For a large negative x the exponential is infinite and the value 0, which is the limit.
        x.mapv(|v| F::one() / (F::one() + (-v).exp()))
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        [Some(Zip::from(ctx.upstream).and(ctx.output).map_collect(|&g, &y| g * y * (F::one() - y)))]
    }
}

impl<F: NdFloat> Tape<'_, F> {
    /// Record [`Tanh`].
    pub fn tanh(&mut self, x: Var) -> Var {
        self.apply(Tanh, [x])
    }

    /// Record [`Sigmoid`].
    pub fn sigmoid(&mut self, x: Var) -> Var {
        self.apply(Sigmoid, [x])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradients_match_differences() {
        let x = array![[-1.5, 0.0, 3.0], [0.7, -0.1, -2.0]];
        gradcheck(&Tanh, [x.clone()]).unwrap();
        gradcheck(&Sigmoid, [x]).unwrap();
    }

    #[test]
    fn far_out_both_are_flat_and_finite() {
        let x = array![[-1000.0_f32, 1000.0]];
        for (op, want) in [(&Tanh as &dyn Op<f32, 1>, [-1.0, 1.0]), (&Sigmoid, [0.0, 1.0])] {
            let y = op.forward([&x]);
            assert_eq!(y, array![want]);
            let upstream = array![[1.0, 1.0]];
            let [dx] = op.backward(Backward { inputs: [&x], output: &y, upstream: &upstream, wants: [true] });
            assert_eq!(dx.unwrap(), array![[0.0, 0.0]]);
        }
    }
}
