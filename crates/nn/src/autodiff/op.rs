//! What the tape can record: a function of matrices together with its derivative.

use ndarray::Array2;

/// A differentiable function of `N` matrices.
///
/// An op is plain data: whatever it needs besides its inputs (a dropout mask, the labels) it carries. Random
/// numbers are drawn before the op is made, so that an op is a function and [`gradcheck`](super::gradcheck)
/// covers it.
///
/// ```
/// use headstart_nn::autodiff::{Backward, Op, gradcheck};
/// use ndarray::{Array2, NdFloat, array};
///
/// /// `y = x²`, element by element.
/// struct Square;
///
/// impl<F: NdFloat> Op<F, 1> for Square {
///     fn forward(&self, [x]: [&Array2<F>; 1]) -> Array2<F> {
///         x * x
///     }
///
///     fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
///         let [x] = ctx.inputs;
///         [Some((x + x) * ctx.upstream)]
///     }
/// }
///
/// gradcheck(&Square, [array![[1.0, -2.0], [0.3, 4.0]]]).unwrap();
/// ```
pub trait Op<F, const N: usize> {
    /// The value.
    ///
    /// # Panics
    /// Ops panic when the shapes of their inputs do not fit together, as matrix arithmetic does.
    fn forward(&self, inputs: [&Array2<F>; N]) -> Array2<F>;

    /// The gradient of the final scalar with respect to each input, given the one with respect to the output.
    ///
    /// Gradients are returned, never added up: where a value is used twice, the tape does the sum. An input
    /// that [`wants`](Backward::wants) no gradient may be answered with `None`, which is how the first layer is
    /// spared the gradient of its input; every other must be answered, in the shape of that input.
    fn backward(&self, ctx: Backward<'_, F, N>) -> [Option<Array2<F>>; N];

    /// The input that is `left`, if the gradient of `input` is `leftᵀ · upstream`, as a kernel's is: the tape may then
    /// leave that product [unformed](super::Gradient). `None` is always right.
    fn left_factor(&self, input: usize) -> Option<usize> {
        let _ = input;
        None
    }
}

/// What an op knows when its turn comes on the way back.
#[derive(Debug, Clone, Copy)]
pub struct Backward<'b, F, const N: usize> {
    /// The inputs that `forward` saw.
    pub inputs: [&'b Array2<F>; N],
    /// What `forward` returned.
    pub output: &'b Array2<F>,
    /// Gradient of the final scalar with respect to `output`, in its shape.
    pub upstream: &'b Array2<F>,
    /// Which inputs lead back to something that is watched.
    pub wants: [bool; N],
}
