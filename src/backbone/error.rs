use std::path::PathBuf;

use super::device::Precision;
use super::guess::Guess;
use crate::{onnx, preprocess};

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
    #[error("`{path}` is a whole classifier: its output `{output}` gives class scores, not features")]
    Classifier { path: PathBuf, output: String },
    #[error("`{path}` does not say which tensor holds the features; its outputs are {}", outputs.join(", "))]
    NoFeatures { path: PathBuf, outputs: Vec<String> },
    #[error("`{path}` has no output `{tensor}`; its outputs are {}", outputs.join(", "))]
    NoSuchOutput { path: PathBuf, tensor: String, outputs: Vec<String> },
    #[error("`{path}`: features `{tensor}` have the shape {found}, expected {expected}")]
    FeatureShape { path: PathBuf, tensor: String, expected: String, found: String },
    #[error("`{path}` has {found} inputs, expected one")]
    Inputs { path: PathBuf, found: usize },
    #[error("`{path}`: input `{input}` is {found}, expected {expected}")]
    Input { path: PathBuf, input: String, expected: String, found: String },
    #[error("`{path}` is not quantised: it computes in fp32, not in int8")]
    NotQuantised { path: PathBuf },
    #[error("`{path}` is quantised: it computes in int8, not in {asked}")]
    Quantised { path: PathBuf, asked: Precision },
    #[error("ONNX Runtime refuses the graph `{path}`")]
    Graph { path: PathBuf, source: ort::Error },
    #[error("ONNX Runtime failed while it ran the graph")]
    Inference { source: ort::Error },
    #[error("the graph gave features of shape {found:?}, expected {expected:?}")]
    OutputShape { expected: [usize; 2], found: Vec<i64> },
}

pub type Result<T> = std::result::Result<T, Error>;

fn supposed(guess: Option<&Guess>) -> String {
    guess.map(|guess| format!("; perhaps as {guess}")).unwrap_or_default()
}

impl Error {
    /// Whether a smaller batch may mend it. ONNX Runtime and its devices have no code for this, only words.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Inference { source } if tells_of_memory(source.message()))
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
