//! An op's derivative compared with differences of its value.

use std::array;

use ndarray::Array2;

use super::op::{Backward, Op};

/// Where an op's [`backward`](Op::backward) and [`forward`](Op::forward) do not agree.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The derivative is wrong (or the point is a kink).
    #[error("input {input} at ({row}, {column}): backward says {analytic}, differences say {numeric}")]
    Value {
        /// Which of the op's inputs, from 0.
        input: usize,
        /// The row of the number in the input, from 0.
        row: usize,
        /// The column of the number in the input, from 0.
        column: usize,
        /// The derivative that `backward` gives.
        analytic: f64,
        /// The derivative by central differences.
        numeric: f64,
    },
    /// The gradient does not have the shape of its input.
    #[error("input {input}: gradient has the shape {found:?}, expected that of the input, {expected:?}")]
    Shape {
        /// Which of the op's inputs, from 0.
        input: usize,
        /// Rows and columns of the input.
        expected: (usize, usize),
        /// Rows and columns of the gradient.
        found: (usize, usize),
    },
    /// A gradient was wanted and not given.
    #[error("input {input}: no gradient, although it is wanted")]
    Missing {
        /// Which of the op's inputs, from 0.
        input: usize,
    },
    /// The gradient is another one when fewer are wanted.
    #[error("input {input}: the gradient changes when it alone is wanted")]
    DependsOnWants {
        /// Which of the op's inputs, from 0.
        input: usize,
    },
}

/// Relative to the larger of 1 and the point; the error of a central difference is near 1e-10 then.
const STEP: f64 = 1e-5;
/// A thousand times that error, and far below any wrong factor.
const TOLERANCE: f64 = 1e-7;

/// Compare the gradient of `op` at `inputs` with central differences, in `f64`.
///
/// The scalar differentiated is a sum of all outputs, each with a weight of its own, so that transposed or
/// exchanged outputs are noticed. Points within 1e-5 of a kink are not for this check: test those by hand.
///
/// # Errors
/// The first [`Mismatch`] found; a NaN on either side is one.
pub fn gradcheck<O: Op<f64, N>, const N: usize>(op: &O, inputs: [Array2<f64>; N]) -> Result<(), Mismatch> {
    let views = inputs.each_ref();
    let output = op.forward(views);
    let upstream = weights(output.dim());
    let gradients =
        op.backward(Backward { inputs: views, output: &output, upstream: &upstream, wants: [true; N] });
    for (input, gradient) in gradients.into_iter().enumerate() {
        let gradient = gradient.ok_or(Mismatch::Missing { input })?;
        let (expected, found) = (inputs[input].dim(), gradient.dim());
        if expected != found {
            return Err(Mismatch::Shape { input, expected, found });
        }
        compare(op, &inputs, input, &gradient, &upstream)?;
        let wants = array::from_fn(|other| other == input);
        let alone = op.backward(Backward { inputs: views, output: &output, upstream: &upstream, wants });
        if alone[input].as_ref() != Some(&gradient) {
            return Err(Mismatch::DependsOnWants { input });
        }
    }
    Ok(())
}

fn compare<O: Op<f64, N>, const N: usize>(
    op: &O,
    inputs: &[Array2<f64>; N],
    input: usize,
    gradient: &Array2<f64>,
    upstream: &Array2<f64>,
) -> Result<(), Mismatch> {
    for ((row, column), &analytic) in gradient.indexed_iter() {
        let at = |value: f64| {
            let mut moved = inputs.clone();
            moved[input][(row, column)] = value;
            (op.forward(moved.each_ref()) * upstream).sum()
        };
        let point = inputs[input][(row, column)];
        let (below, above) = (point - STEP * point.abs().max(1.0), point + STEP * point.abs().max(1.0));
        let numeric = (at(above) - at(below)) / (above - below);
        // A NaN does not agree.
        let agree = (analytic - numeric).abs() <= TOLERANCE * numeric.abs().max(1.0);
        if !agree {
            return Err(Mismatch::Value { input, row, column, analytic, numeric });
        }
    }
    Ok(())
}

/// Between 0.5 and 1.5, no two alike in any matrix of a test's size.
fn weights((rows, columns): (usize, usize)) -> Array2<f64> {
    const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        0.5 + ((1 + row * columns + column) as f64 * GOLDEN_RATIO).fract()
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// `y = x³` with whatever derivative the test gives it.
    struct Cube<D>(D);

    impl<D: Fn(&Backward<'_, f64, 1>) -> Option<Array2<f64>>> Op<f64, 1> for Cube<D> {
        fn forward(&self, [x]: [&Array2<f64>; 1]) -> Array2<f64> {
            x.mapv(|v| v * v * v)
        }

        fn backward(&self, ctx: Backward<'_, f64, 1>) -> [Option<Array2<f64>>; 1] {
            [self.0(&ctx)]
        }
    }

    fn check(derivative: impl Fn(&Backward<'_, f64, 1>) -> Option<Array2<f64>>) -> Result<(), Mismatch> {
        gradcheck(&Cube(derivative), [array![[1.0, -2.0, 0.5], [3.0, 0.1, -0.7]]])
    }

    fn right(ctx: &Backward<'_, f64, 1>) -> Array2<f64> {
        ctx.inputs[0].mapv(|v| 3.0 * v * v) * ctx.upstream
    }

    #[test]
    fn the_right_gradient_passes() {
        assert_eq!(check(|ctx| Some(right(ctx))), Ok(()));
    }

    #[test]
    fn a_wrong_factor_is_found() {
        let Err(Mismatch::Value { input: 0, row: 0, column: 0, analytic, numeric }) =
            check(|ctx| Some(right(ctx) * 1.00001))
        else {
            panic!("a gradient that is wrong by 1e-5 passed")
        };
        assert!(analytic > numeric);
    }

    #[test]
    fn one_wrong_element_is_found() {
        let found = check(|ctx| {
            let mut gradient = right(ctx);
            gradient[(1, 2)] = 0.0;
            Some(gradient)
        });
        assert!(matches!(found, Err(Mismatch::Value { row: 1, column: 2, .. })), "{found:?}");
    }

    #[test]
    fn a_forgotten_upstream_a_nan_a_shape_and_a_missing_gradient_are_found() {
        let forgotten = check(|ctx| Some(ctx.inputs[0].mapv(|v| 3.0 * v * v)));
        assert!(matches!(forgotten, Err(Mismatch::Value { .. })));
        let nan = check(|ctx| Some(right(ctx) * f64::NAN));
        assert!(matches!(nan, Err(Mismatch::Value { .. })));
        let turned = check(|ctx| Some(right(ctx).reversed_axes()));
        assert_eq!(turned, Err(Mismatch::Shape { input: 0, expected: (2, 3), found: (3, 2) }));
        assert_eq!(check(|_| None), Err(Mismatch::Missing { input: 0 }));
    }

    /// Right when both gradients are wanted, wrong when one is.
    struct Moody;

    impl Op<f64, 2> for Moody {
        fn forward(&self, [a, b]: [&Array2<f64>; 2]) -> Array2<f64> {
            a + b
        }

        fn backward(&self, ctx: Backward<'_, f64, 2>) -> [Option<Array2<f64>>; 2] {
            let factor = if ctx.wants == [true; 2] { 1.0 } else { 2.0 };
            [Some(ctx.upstream * factor), Some(ctx.upstream * factor)]
        }
    }

    #[test]
    fn a_gradient_that_depends_on_who_asks_is_found() {
        let found = gradcheck(&Moody, [array![[1.0]], array![[2.0]]]);
        assert_eq!(found, Err(Mismatch::DependsOnWants { input: 0 }));
    }
}
