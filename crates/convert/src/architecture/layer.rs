//! The parts that networks are described with.

/// One layer. Images are `(n, channels, height, width)`, and layers follow each other but for [`Layer::Branch`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Layer {
    Conv(Conv),
    /// Each channel shifted and scaled by the statistics of training.
    BatchNorm {
        name: String,
        channels: usize,
        epsilon: f32,
    },
    /// `min(max(x, 0), 6)`
    Relu6,
    /// The next [`Layer::Join`] adds what is here.
    Branch,
    Join,
    /// The mean of each channel; these are the features.
    Pool,
    /// The classifier; it may have been trained anew on any number of classes.
    Classifier {
        name: String,
        features: usize,
    },
}

/// A convolution without a bias, with TensorFlow's `SAME` padding: as many results as strides fit, the odd row of zeros
/// below and to the right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conv {
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    pub groups: usize,
}

impl Layer {
    /// Its tensors and their shapes, by PyTorch's names; a size of 0 may be any.
    pub(super) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        match self {
            Self::Conv(Conv { name, inputs, outputs, kernel, groups, .. }) => {
                vec![(format!("{name}.weight"), vec![*outputs, inputs / groups, *kernel, *kernel])]
            }
            Self::BatchNorm { name, channels, .. } => ["weight", "bias", "running_mean", "running_var"]
                .map(|part| (format!("{name}.{part}"), vec![*channels]))
                .to_vec(),
            Self::Classifier { name, features } => {
                vec![(format!("{name}.weight"), vec![0, *features]), (format!("{name}.bias"), vec![0])]
            }
            Self::Relu6 | Self::Branch | Self::Join | Self::Pool => vec![],
        }
    }
}
