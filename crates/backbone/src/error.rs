use std::fmt;
use std::path::PathBuf;

use super::device::Precision;
use super::guess::Guess;
use headstart_base::text::{dims, listed};
use headstart_image as preprocess;
use headstart_onnx as onnx;

/// Why a file cannot serve as a backbone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read as ONNX.
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    /// The device cannot be used, or there is no ONNX Runtime.
    #[error(transparent)]
    Device(#[from] super::device::Error),
    /// An entry of the file's metadata cannot be understood.
    #[error("`{path}` has a metadata entry that is not valid: `{key}`")]
    Metadata {
        /// The ONNX file.
        path: PathBuf,
        /// The entry's key.
        key: &'static str,
        /// Why it is not valid.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Neither the file nor the caller says how images are prepared, and it is not certain from the graph.
    #[error("`{path}` does not say how images are prepared for it{}", supposed(guess.as_deref()))]
    NoRecipe {
        /// The ONNX file.
        path: PathBuf,
        /// What it may be, if anything can be told; never a certain guess, for that one is used.
        guess: Option<Box<Guess>>,
    },
    /// The recipe in the file, or the caller's, contradicts itself.
    #[error("`{path}` has a recipe that is not valid")]
    Recipe {
        /// The ONNX file.
        path: PathBuf,
        /// What is wrong with it.
        source: preprocess::Error,
    },
    /// The head of a run, exported alone.
    #[error("`{path}` is the head of a classifier alone: it takes features, not images")]
    Head {
        /// The ONNX file.
        path: PathBuf,
    },
    /// The output holds scores of classes, and the network must be cut before them.
    #[error("`{path}` is a whole classifier: its output `{output}` gives class scores, not features: {}", why.join(", and "))]
    Classifier {
        /// The ONNX file.
        path: PathBuf,
        /// The output's name in the graph.
        output: String,
        /// What shows it, a clause each.
        why: Vec<String>,
    },
    /// The caller has to say what the output is.
    #[error("`{path}`: cannot tell whether its output `{output}` gives features or class scores: {}", why.join(", and "))]
    Unclear {
        /// The ONNX file.
        path: PathBuf,
        /// The output's name in the graph.
        output: String,
        /// What was found, a clause each.
        why: Vec<String>,
    },
    /// The graph has several outputs, and the caller has to choose.
    #[error(
        "`{path}` does not say which output holds the features; its outputs are {}",
        Output::list(outputs)
    )]
    NoFeatures {
        /// The ONNX file.
        path: PathBuf,
        /// All of them.
        outputs: Vec<Output>,
    },
    /// The caller or the metadata names an output that the graph does not give.
    #[error("`{path}` has no output `{tensor}`; its outputs are {}", outputs.join(", "))]
    NoSuchOutput {
        /// The ONNX file.
        path: PathBuf,
        /// The name that was asked for.
        tensor: String,
        /// Names of the outputs that there are.
        outputs: Vec<String>,
        /// The graph has such a tensor, but does not give it.
        inner: bool,
    },
    /// The output is not one vector of a known length for each image.
    #[error("`{path}`: features `{tensor}` are {found}, expected {expected}")]
    FeatureShape {
        /// The ONNX file.
        path: PathBuf,
        /// The name of the tensor with the features.
        tensor: String,
        /// The shape or type that features have.
        expected: String,
        /// The shape or type of this tensor.
        found: String,
        /// The caller named the tensor; otherwise nobody has said that it holds features.
        told: bool,
    },
    /// The graph and the file's metadata disagree on the length of a vector of features.
    #[error("`{path}`: features `{tensor}` are {found}, but the file says {said} for each image")]
    FeatureCount {
        /// The ONNX file.
        path: PathBuf,
        /// The name of the tensor with the features.
        tensor: String,
        /// Features for each image, as the metadata have it.
        said: usize,
        /// The shape of the tensor.
        found: String,
    },
    /// The graph does not take images and nothing else.
    #[error("`{path}` has {} inputs, expected one{}", inputs.len(), in_words(inputs))]
    Inputs {
        /// The ONNX file.
        path: PathBuf,
        /// Names of its inputs.
        inputs: Vec<String>,
    },
    /// The input does not have the shape that the recipe makes.
    #[error("`{path}`: input `{input}` is {found}, expected {expected}")]
    Input {
        /// The ONNX file.
        path: PathBuf,
        /// The input's name in the graph.
        input: String,
        /// The shape that the recipe makes.
        expected: String,
        /// The shape that the graph declares.
        found: String,
    },
    /// The input does not take 32-bit floats.
    #[error("`{path}`: input `{input}` holds {found}, expected float32")]
    InputType {
        /// The ONNX file.
        path: PathBuf,
        /// The input's name in the graph.
        input: String,
        /// The type of its elements.
        found: String,
    },
    /// The recipe makes images of a size that the graph does not take.
    #[error("`{path}`: input `{input}` takes images {}, but the recipe makes them {} by {}", Edges(.takes), made.0, made.1)]
    Size {
        /// The ONNX file.
        path: PathBuf,
        /// The input's name in the graph.
        input: String,
        /// Width and height, where the graph prescribes them.
        takes: [Option<u32>; 2],
        /// Width and height.
        made: (usize, usize),
    },
    /// The recipe makes numbers outside the range that the graph was made for.
    #[error("`{path}`: input `{input}` takes {expected}, but the recipe makes others, such as {found}")]
    Numbers {
        /// The ONNX file.
        path: PathBuf,
        /// The input's name in the graph.
        input: String,
        /// The range, for people.
        expected: String,
        /// A number that the recipe makes.
        found: f32,
        /// A recipe that makes such numbers.
        preset: &'static str,
    },
    /// Integers were asked for, and the graph has none.
    #[error("`{path}` is not quantised: it computes in fp32, not in int8")]
    NotQuantised {
        /// The ONNX file.
        path: PathBuf,
    },
    /// Floats were asked for, and the graph computes in integers.
    #[error("`{path}` is quantised: it computes in int8, not in {asked}")]
    Quantised {
        /// The ONNX file.
        path: PathBuf,
        /// The precision that was asked for.
        asked: Precision,
    },
    /// ONNX Runtime cannot load the graph.
    #[error("ONNX Runtime refuses the graph `{path}`")]
    Graph {
        /// The ONNX file.
        path: PathBuf,
        /// ONNX Runtime's own error.
        source: ort::Error,
    },
    /// ONNX Runtime gave up on a batch, for instance for want of memory.
    #[error("ONNX Runtime failed while it ran the graph `{path}`")]
    Inference {
        /// The ONNX file.
        path: PathBuf,
        /// ONNX Runtime's own error.
        source: ort::Error,
    },
    /// The graph did not give what it declares.
    #[error("the graph `{path}` gave features of the shape {}, expected {}", dims(.found), dims(.expected))]
    OutputShape {
        /// The ONNX file.
        path: PathBuf,
        /// Images in the batch, and features for each.
        expected: [usize; 2],
        /// The shape that came out.
        found: Vec<i64>,
    },
}

/// An output of a graph that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name in the graph.
    pub name: String,
    /// What it is, with what speaks against its being features.
    pub what: String,
    /// Whether it can be taken for features as it is.
    pub usable: bool,
}

impl Output {
    fn list(outputs: &[Self]) -> String {
        outputs.iter().map(|output| output.what.as_str()).collect::<Vec<_>>().join("; ")
    }
}

/// Width and height, as far as they are prescribed.
pub struct Edges<'a>(pub &'a [Option<u32>; 2]);

impl fmt::Display for Edges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.0 {
            [Some(width), Some(height)] => write!(f, "of {width} by {height} pixels"),
            [Some(width), None] => write!(f, "{width} pixels wide"),
            [None, Some(height)] => write!(f, "{height} pixels high"),
            [None, None] => f.write_str("of any size"),
        }
    }
}

fn in_words(inputs: &[String]) -> String {
    if inputs.is_empty() { String::new() } else { format!(": it takes {}", listed(inputs)) }
}

/// A result of opening or running a backbone.
pub type Result<T> = std::result::Result<T, Error>;

fn supposed(guess: Option<&Guess>) -> String {
    guess.map(|guess| format!("; perhaps as {guess}")).unwrap_or_default()
}

impl Error {
    /// Whether a smaller batch may mend it. ONNX Runtime and its devices have no code for this, only words.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Inference { source, .. } if tells_of_memory(source.message()))
    }
}

/// In lower case: ONNX Runtime's arenas, C++, CUDA, cuDNN, cuBLAS and TensorRT, DirectX.
const OUT_OF_MEMORY: [&str; 8] = [
    "failed to allocate memory",
    "memory allocation failed",
    "bad_alloc",
    "bad allocation",
    "out of memory",
    "outofmemory",
    "alloc_failed",
    "8007000e",
];

fn tells_of_memory(message: &str) -> bool {
    let message = message.to_lowercase();
    OUT_OF_MEMORY.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::tells_of_memory;

    #[test]
    fn out_of_memory_is_known_by_its_words() {
        for message in [
            "Non-zero status code returned while running FusedConv node. Name:'conv1' Status Message: \
             bfc_arena.cc:376 AllocateRawInternal Failed to allocate memory for requested buffer of size 822083584",
            "std::bad_alloc",
            "CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size)",
            "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0",
            "the GPU device instance: 8007000E Not enough memory resources are available",
        ] {
            assert!(tells_of_memory(message), "{message}");
        }
        assert!(!tells_of_memory("Got invalid dimensions for input: images index: 1 Got: 224 Expected: 3"));
    }
}
