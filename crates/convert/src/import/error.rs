use std::io;
use std::path::PathBuf;

use headstart_base::text::dims;

use crate::checkpoint;

/// Why a network cannot be turned into a backbone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the network cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The description of the network is damaged.
    #[error("`{path}` is not valid JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why it is not valid.
        source: serde_json::Error,
    },
    /// The file of weights is damaged, or holds more than weights.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// Weights of a network that is not known.
    #[error("the {tensors} tensors (the first is `{first}`) are those of no network that is known; known are {}", known.join(", "))]
    Unrecognised {
        /// How many there are.
        tensors: usize,
        /// The first in the order of the alphabet.
        first: String,
        /// The networks that are known.
        known: Vec<&'static str>,
    },
    /// Weights that are nearly those of a known network.
    #[error("the weights look like {architecture}, but there is no tensor `{tensor}`")]
    TensorMissing {
        /// The network.
        architecture: &'static str,
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor of a known network has another shape.
    #[error(
        "the weights look like {architecture}, but tensor `{tensor}` has the shape {}, expected {}", dims(.found), open_dims(.expected)
    )]
    TensorShape {
        /// The network.
        architecture: &'static str,
        /// The tensor's name.
        tensor: String,
        /// The shape that the network needs; 0 for any size.
        expected: Vec<usize>,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// There is a tensor that a known network does not have, so it computes something else.
    #[error("the weights look like {architecture}, but it has no tensor `{tensor}`")]
    TensorUnknown {
        /// The network.
        architecture: &'static str,
        /// The tensor's name.
        tensor: String,
    },
    /// The file is JSON of another kind.
    #[error("`{path}` is {found}, expected a TensorFlow.js layers model")]
    NotLayersModel {
        /// The file.
        path: PathBuf,
        /// What it is, for people.
        found: String,
    },
    /// The description names a file of weights that is not beside it.
    #[error("weight file `{path}` is missing")]
    ShardMissing {
        /// The file that is missing.
        path: PathBuf,
    },
    /// A file of weights is cut off, or belongs to another network.
    #[error("weight file `{path}`: expected {expected} bytes, found {found}")]
    ShardLength {
        /// The file.
        path: PathBuf,
        /// Bytes that the description's weights take.
        expected: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// Nothing outside the folder is read.
    #[error("weight file `{name}` is outside the model's folder")]
    ShardPath {
        /// The file's name in the description.
        name: String,
    },
    /// Numbers of this type are not read.
    #[error("weight `{weight}` has the type `{found}`, expected one of {expected}")]
    WeightType {
        /// The weight's name.
        weight: String,
        /// Types that are read, for people.
        expected: &'static str,
        /// Its type in the description.
        found: String,
    },
    /// The files of weights lack one that a layer needs.
    #[error("layer `{layer}` has no weight `{weight}`")]
    WeightMissing {
        /// The layer's name.
        layer: String,
        /// The weight's name.
        weight: String,
    },
    /// A weight does not fit its layer.
    #[error("weight `{weight}` of layer `{layer}`: expected the shape {}, found {}", dims(.expected), dims(.found))]
    WeightShape {
        /// The layer's name.
        layer: String,
        /// The weight's name.
        weight: String,
        /// The shape that the layer needs.
        expected: Vec<usize>,
        /// The shape in the description.
        found: Vec<usize>,
    },
    /// There is no conversion for layers of this class.
    #[error("layer `{layer}` is a `{class}`, which cannot be converted; supported are {}", supported.join(", "))]
    Layer {
        /// The layer's name.
        layer: String,
        /// The layer's class in Keras.
        class: String,
        /// What can be converted.
        supported: Vec<&'static str>,
    },
    /// There is no conversion for this activation.
    #[error("layer `{layer}` has the activation `{activation}`, which cannot be converted; supported are {}", supported.join(", "))]
    Activation {
        /// The layer's name.
        layer: String,
        /// What Keras calls it.
        activation: String,
        /// What can be converted.
        supported: Vec<&'static str>,
    },
    /// A setting of a layer is missing, not valid, or not converted.
    #[error("layer `{layer}` (`{class}`), setting `{key}`: expected {expected}, found `{found}`")]
    Setting {
        /// The layer's name.
        layer: String,
        /// The layer's class in Keras.
        class: String,
        /// The setting's name.
        key: String,
        /// What is converted, for people.
        expected: String,
        /// Its value, as JSON.
        found: String,
    },
    /// A layer meets values that it cannot take.
    #[error("layer `{layer}` (`{class}`): expected {expected}, found the shape {}", dims(.found))]
    Shape {
        /// The layer's name.
        layer: String,
        /// The layer's class in Keras.
        class: String,
        /// What it can take, for people.
        expected: String,
        /// The shape of the values, without the batch.
        found: Vec<usize>,
    },
    /// A layer reads too few or too many others.
    #[error("layer `{layer}`: expected {expected} inputs, found {found}")]
    Inputs {
        /// The layer's name.
        layer: String,
        /// How many it takes, for people.
        expected: &'static str,
        /// How many it reads.
        found: usize,
    },
    /// The layers' order is damaged.
    #[error("layer `{layer}` reads `{input}`, which no layer before it makes")]
    Wiring {
        /// The layer's name.
        layer: String,
        /// The name that it reads.
        input: String,
    },
    /// A backbone takes one image and gives one vector.
    #[error("the network has {inputs} inputs and {outputs} outputs, expected one of each")]
    Ends {
        /// Inputs of the network.
        inputs: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// Height, width or channels of the images are not known.
    #[error("input `{layer}` has the shape {shape}, and the size of its dynamic dimensions is not known")]
    OpenInput {
        /// The layer's name.
        layer: String,
        /// The input's shape, for people.
        shape: String,
    },
    /// The recipe makes images of another size than the network takes.
    #[error(
        "the network takes images of {}, but the recipe makes {} (height, width, channels)", dims(.expected), dims(.found)
    )]
    RecipeShape {
        /// Height, width and channels that the network takes.
        expected: Vec<usize>,
        /// Height, width and channels that the recipe makes.
        found: Vec<usize>,
    },
    /// The network is none of those whose preprocessing is known, so the caller has to say it.
    #[error("the preprocessing of the network `{network}` is not known")]
    RecipeUnknown {
        /// The network's name.
        network: String,
    },
    /// The output before the classifier is not one vector for each image.
    #[error("no pooled features in the network: its output has the shape {}", dims(.shape))]
    NoFeatures {
        /// The output's shape, without the batch.
        shape: Vec<usize>,
    },
    /// The operators of this version cannot be written.
    #[error("opset {found} cannot be written; supported are {lowest} to {highest}")]
    Opset {
        /// The version that was asked for.
        found: i64,
        /// The oldest that can be written.
        lowest: i64,
        /// The newest that can be written.
        highest: i64,
    },
    /// The file with the names of the classes cannot be understood.
    #[error("`{path}`: expected a list of class names or an object from index to name, found {found}")]
    Labels {
        /// The file.
        path: PathBuf,
        /// What it holds, for people.
        found: String,
    },
    /// The names of the classes are not as many as the classes.
    #[error("expected {expected} labels, one for each class, found {found}")]
    LabelCount {
        /// Classes of the classifier.
        expected: usize,
        /// Names.
        found: usize,
    },
}

/// A shape in which a size of 0 may be any.
fn open_dims(shape: &[usize]) -> String {
    let sizes: Vec<String> =
        shape.iter().map(|&n| if n == 0 { "n".to_owned() } else { n.to_string() }).collect();
    dims(&sizes)
}

/// A result of importing a network.
pub type Result<T> = std::result::Result<T, Error>;
