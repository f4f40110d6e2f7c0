//! Heads that were trained elsewhere: the weights of Keras' `Dense` or PyTorch's `Linear` layers in a safetensors file.
//!
//! The tensors of a layer are those whose names have the same words before the last `.` or `/`: one matrix, its kernel, and at most one
//! vector, its bias. Keras keeps kernels as `(inputs, units)` and calls them `kernel`; PyTorch keeps `(units, inputs)` and calls
//! them `weight`. Under other names the bias tells, unless the kernel is square. Layers follow one another from the features
//! to the classes; where their sizes leave a choice, their names are put in order, `dense_2` before `dense_10`.

mod chain;
mod layers;

use std::fmt;
use std::str::FromStr;

use ndarray::{Array2, concatenate};
use safetensors::SafeTensors;

use super::{Activation, Head, HeadConfig};
use headstart_base::text::dims;

pub use layers::Unreadable;
use layers::{Layer, layers};

/// Which axis of a kernel counts what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `(inputs, units)`.
    Keras,
    /// `(units, inputs)`.
    PyTorch,
}

/// What is known of the head that a file should hold.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportOptions {
    /// Size of a row of features.
    pub inputs: usize,
    /// Number of classes.
    pub classes: usize,
    /// Activation between the layers, which no file of weights tells.
    pub activation: Activation,
    /// The layout of all kernels, where names and shapes do not tell or tell it wrong.
    pub layout: Option<Layout>,
    /// Names of the layers, first to last, out of a file that holds more or whose order cannot be told; empty for all.
    pub layers: Vec<String>,
}

/// A head, and what was found of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedHead {
    /// The head.
    pub head: Head,
    /// The layers in the order in which they are applied, and the layout of each kernel.
    pub layers: Vec<(String, Layout)>,
    /// Whether it ended in a single unit, whose sigmoid is the probability of the second class.
    pub single_unit: bool,
}

/// Why a file is not a head that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file is cut off, damaged, or of another kind.
    #[error("it is not a complete safetensors file")]
    SafeTensors(#[from] safetensors::SafeTensorError),
    /// There is nothing to make a layer of.
    #[error("it holds no tensors")]
    Empty,
    /// Asked for, and not there.
    #[error("it has no layer `{name}`; there are {found}")]
    NoLayer {
        /// The layer that was asked for.
        name: String,
        /// The layers that there are, for people.
        found: String,
    },
    /// A convolution, a normalisation, or two layers under one name.
    #[error("`{layer}` is not a dense layer: expected a matrix and at most one vector, found {found}")]
    NotDense {
        /// The layer's name.
        layer: String,
        /// Its tensors, for people.
        found: String,
    },
    /// A square kernel, or one without a bias, under a name that says nothing.
    #[error(
        "cannot tell whether `{tensor}`, of shape {}, is (inputs, units) or (units, inputs)",
        dims(shape)
    )]
    LayoutUnknown {
        /// The kernel's name.
        tensor: String,
        /// Its shape.
        shape: [usize; 2],
    },
    /// The bias and the kernel of a layer do not have as many units.
    #[error(
        "the bias of `{layer}` has {found} numbers, but its kernel of shape {}, read as {layout}, has {expected} units",
        dims(shape)
    )]
    Bias {
        /// The layer's name.
        layer: String,
        /// How its kernel is read.
        layout: Layout,
        /// The kernel's shape.
        shape: [usize; 2],
        /// Units of the kernel.
        expected: usize,
        /// Numbers in the bias.
        found: usize,
    },
    /// Sizes that do not follow one another.
    #[error("the layers do not lead from {inputs} features to {classes} classes: {found}")]
    NoChain {
        /// Features of an image.
        inputs: usize,
        /// Classes to tell apart.
        classes: usize,
        /// The layers and their sizes, for people.
        found: String,
    },
    /// Several orders would do.
    #[error("cannot tell the order of the layers: {found}")]
    OrderUnknown {
        /// The layers and their sizes, for people.
        found: String,
    },
    /// The numbers of a tensor cannot be taken.
    #[error("tensor `{name}`: {source}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What is wrong with them.
        source: Unreadable,
    },
    /// The sizes that were found cannot be those of a classifier.
    #[error("its layers do not make a head")]
    Config(#[from] super::ConfigError),
}

/// Read a head from the bytes of a safetensors file.
///
/// A last layer of a single unit is a head of two classes: the logits are `[0, x]`, whose softmax is `[1 - sigmoid(x), sigmoid(x)]`.
///
/// # Errors
/// [`ImportError`] says what is wrong with it, or cannot be told.
pub fn import_head(bytes: &[u8], options: &ImportOptions) -> Result<ImportedHead, ImportError> {
    let file = SafeTensors::deserialize(bytes)?;
    let found = layers(&file, options)?;
    let mut ordered = chain::order(found, options)?;
    let single_unit = ordered.last().is_some_and(|layer| layer.units() == 1);
    let told = ordered.iter().map(|layer| (layer.name.clone(), layer.layout)).collect();
    if let Some(last) = ordered.last_mut().filter(|_| single_unit) {
        *last = last.beside_nothing();
    }
    let config = HeadConfig {
        inputs: options.inputs,
        hidden: ordered[..ordered.len() - 1].iter().map(Layer::units).collect(),
        activation: options.activation,
        dropout: 0.0,
        classes: options.classes,
    };
    let parameters = ordered.into_iter().flat_map(|layer| [layer.kernel, layer.bias]).collect();
    Ok(ImportedHead { head: Head::from_parameters(config, parameters)?, layers: told, single_unit })
}

impl Layer {
    /// With a unit before its only one that is always 0.
    fn beside_nothing(&self) -> Self {
        let before = |values: &Array2<f32>| {
            let zeros = Array2::zeros((values.nrows(), 1));
            concatenate![ndarray::Axis(1), zeros, *values]
        };
        Self { kernel: before(&self.kernel), bias: before(&self.bias), ..self.clone() }
    }
}

impl Layout {
    /// What one calls it.
    const NAMES: [(&'static str, Self); 2] = [("keras", Self::Keras), ("pytorch", Self::PyTorch)];
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keras => "(inputs, units)",
            Self::PyTorch => "(units, inputs)",
        })
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, layout)| layout).ok_or_else(|| "expected `keras` or `pytorch`".into())
    }
}

#[cfg(test)]
mod tests;
