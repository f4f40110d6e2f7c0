//! The squared Euclidean length, for penalties on weights.

use ndarray::{Array2, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var, float};

/// `y = Σ x²`, a scalar; times `l2` it is Keras' `L2` regulariser (no factor ½).
#[derive(Debug, Clone, Copy)]
pub struct SumOfSquares;

impl<F: NdFloat> Op<F, 1> for SumOfSquares {
    fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
        Array2::from_elem((1, 1), float(sum_of_squares(x)))
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        let slope = ctx.upstream[(0, 0)] + ctx.upstream[(0, 0)];
        [Some(ctx.inputs[0] * slope)]
    }
}

/// `Σ x²` in f64: a kernel has half a million entries, too many for a sum in f32 to be good to more than four digits.
pub(crate) fn sum_of_squares<F: NdFloat>(array: &Array2<F>) -> f64 {
    let square = |v: &F| {
        let v = v.to_f64().expect("a float is an f64");
        v * v
    };
    let Some(slice) = array.as_slice_memory_order() else { return array.iter().map(square).sum() };
    // Eight sums, for the processor to take side by side; they do not depend on anything but the entries.
    let mut sums = [0.0; 8];
    let (chunks, rest) = slice.as_chunks::<8>();
    for chunk in chunks {
        for (sum, v) in sums.iter_mut().zip(chunk) {
            *sum += square(v);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(square).sum::<f64>()
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
    fn many_entries_lose_nothing() {
        let (rows, columns) = (1001, 523);
        let want = (rows * columns) as f64 * f64::from(0.1_f32) * f64::from(0.1_f32);
        let array = Array2::from_elem((rows, columns), 0.1_f32);
        assert!((sum_of_squares(&array) / want - 1.0).abs() < 1e-10);
        let half = array.slice(ndarray::s![.., ..;2]).to_owned();
        assert!((sum_of_squares(&half) / sum_of_squares(&array) - 262.0 / 523.0).abs() < 1e-10);
    }

    #[test]
    fn there_is_no_hidden_half() {
        assert_eq!(SumOfSquares.forward([&array![[3.0, 4.0]]]), array![[25.0]]);
    }
}
