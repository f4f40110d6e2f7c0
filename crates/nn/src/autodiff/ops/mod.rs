//! The ops, one a file: value and derivative side by side, and the method of [`Tape`](super::Tape) that records it.

mod activation;
mod add;
mod add_bias;
mod cross_entropy;
mod dropout;
mod matmul;
mod mean;
mod relu;
mod scale;
mod sum_of_squares;

pub use activation::{Sigmoid, Tanh};
pub use add::Add;
pub use add_bias::AddBias;
pub use cross_entropy::{SoftmaxCrossEntropy, softmax};
pub use dropout::Dropout;
pub use matmul::MatMul;
pub(crate) use matmul::product;
pub use mean::Mean;
pub use relu::Relu;
pub use scale::Scale;
pub use sum_of_squares::SumOfSquares;
pub(crate) use sum_of_squares::sum_of_squares;
