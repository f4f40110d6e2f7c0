//! Reverse-mode differentiation on a tape.
//!
//! A [`Tape`] records what is computed; [`Tape::gradient`] walks the record backwards. Every value is a matrix:
//! one row per example, a scalar is `(1, 1)`. What can be differentiated is an [`Op`], whose value and
//! derivative stand side by side in one file of [`ops`]; an op of your own needs nothing more than the trait,
//! and [`gradcheck`] compares its two halves.
//!
//! ```
//! use headstart_nn::autodiff::Tape;
//! use ndarray::array;
//!
//! let (x, kernel) = (array![[1.0, 2.0]], array![[0.5], [-1.0]]);
//! let mut tape = Tape::new();
//! let (x_on_tape, w) = (tape.constant(&x), tape.watch(&kernel));
//! let y = tape.matmul(x_on_tape, w);
//! let loss = tape.sum_of_squares(y);
//! assert_eq!(tape.scalar(loss), 2.25);
//!
//! // d(y²)/dw = 2 y xᵀ, for each watched array in the order it was watched.
//! let gradients = tape.gradient(loss);
//! assert_eq!(gradients, [array![[-3.0], [-6.0]]]);
//! ```

mod gradcheck;
mod gradient;
mod op;
pub mod ops;
mod tape;

pub use gradcheck::{Mismatch, gradcheck};
pub use gradient::Gradient;
pub use op::{Backward, Op};
pub(crate) use ops::product;
pub use ops::softmax;
pub(crate) use ops::sum_of_squares;
pub use tape::{Tape, Var};

/// A constant of the formula at hand, in the float type it is computed in.
pub(crate) fn float<F: ndarray::NdFloat>(value: f64) -> F {
    F::from(value).expect("every f64 rounds to some float")
}
