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
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    #[error(transparent)]
    Device(#[from] super::device::Error),
    #[error("`{path}` says something about itself that is not valid: entry `{key}`")]
    Metadata { path: PathBuf, key: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{path}` does not say how images are prepared for it{}", supposed(guess.as_deref()))]
    NoRecipe {
        path: PathBuf,
        /// What it may be, if anything can be told; never a certain guess, for that one is used.
        guess: Option<Box<Guess>>,
    },
    #[error("`{path}` holds a recipe that cannot be carried out")]
    Recipe { path: PathBuf, source: preprocess::Error },
    /// The head of a run, exported alone.
    #[error("`{path}` is the head of a classifier alone: it takes features, not images")]
    Head { path: PathBuf },
    #[error("`{path}` is a whole classifier: its output `{output}` gives class scores, not features: {}", why.join(", and "))]
    Classifier {
        path: PathBuf,
        output: String,
        /// What shows it, a clause each.
        why: Vec<String>,
    },
    #[error("`{path}`: nothing tells whether its output `{output}` gives features or class scores: {}", why.join(", and "))]
    Unclear {
        path: PathBuf,
        output: String,
        /// What was found, a clause each.
        why: Vec<String>,
    },
    #[error(
        "`{path}` does not say which output holds the features; its outputs are {}",
        Output::list(outputs)
    )]
    NoFeatures { path: PathBuf, outputs: Vec<Output> },
    #[error("`{path}` has no output `{tensor}`; its outputs are {}", outputs.join(", "))]
    NoSuchOutput {
        path: PathBuf,
        tensor: String,
        outputs: Vec<String>,
        /// The graph has such a tensor, but does not give it.
        inner: bool,
    },
    #[error("`{path}`: features `{tensor}` are {found}, expected {expected}")]
    FeatureShape {
        path: PathBuf,
        tensor: String,
        expected: String,
        found: String,
        /// The caller named the tensor; otherwise nobody has said that it holds features.
        told: bool,
    },
    #[error(
        "`{path}`: features `{tensor}` are {found}, but the file says that there are {said} for each image"
    )]
    FeatureCount { path: PathBuf, tensor: String, said: usize, found: String },
    #[error("`{path}` has {} inputs, expected one{}", inputs.len(), in_words(inputs))]
    Inputs { path: PathBuf, inputs: Vec<String> },
    #[error("`{path}`: input `{input}` is {found}, expected {expected}")]
    Input { path: PathBuf, input: String, expected: String, found: String },
    #[error("`{path}`: input `{input}` holds {found}, expected float32")]
    InputType { path: PathBuf, input: String, found: String },
    #[error("`{path}`: input `{input}` takes images {}, but the recipe makes them {} by {}", Edges(.takes), made.0, made.1)]
    Size {
        path: PathBuf,
        input: String,
        /// Width and height, where the graph prescribes them.
        takes: [Option<u32>; 2],
        /// Width and height.
        made: (usize, usize),
    },
    #[error("`{path}`: input `{input}` takes {expected}, but the recipe makes others, such as {found}")]
    Numbers {
        path: PathBuf,
        input: String,
        expected: String,
        found: f32,
        /// A recipe that makes such numbers.
        preset: &'static str,
    },
    #[error("`{path}` is not quantised: it computes in fp32, not in int8")]
    NotQuantised { path: PathBuf },
    #[error("`{path}` is quantised: it computes in int8, not in {asked}")]
    Quantised { path: PathBuf, asked: Precision },
    #[error("ONNX Runtime refuses the graph `{path}`")]
    Graph { path: PathBuf, source: ort::Error },
    #[error("ONNX Runtime failed while it ran the graph `{path}`")]
    Inference { path: PathBuf, source: ort::Error },
    #[error("the graph `{path}` gave features of the shape {}, expected {}", dims(.found), dims(.expected))]
    OutputShape { path: PathBuf, expected: [usize; 2], found: Vec<i64> },
}

/// An output of a graph that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
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
