//! Why a repository gives no backbone.

use std::path::PathBuf;

use headstart_convert::cut;
use headstart_hub as hub;

/// Why a repository gives no backbone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The hub, the cache or the network.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// None of its files is a network in ONNX that can be taken.
    #[error("`{repository}` has none of the files {}", .looked_for.join(", "))]
    NoNetwork {
        /// The repository.
        repository: String,
        /// What was looked for.
        looked_for: Vec<String>,
    },
    /// The file is quantised again for each batch.
    #[error(
        "`{file}` is quantised dynamically: the features of an image would depend on the other images of its batch"
    )]
    Quantised {
        /// The file.
        file: String,
    },
    /// The file is no network in ONNX.
    #[error("`{file}` is not an ONNX file")]
    NotOnnx {
        /// The file.
        file: String,
    },
    /// The repository does not say how images are prepared.
    #[error("`{repository}` has no `preprocessor_config.json`, so nothing says how images are prepared")]
    NoRecipe {
        /// The repository.
        repository: String,
    },
    /// A file of settings is not JSON, or not in its form.
    #[error("`{file}` of `{repository}` cannot be read")]
    Json {
        /// The repository.
        repository: String,
        /// The file.
        file: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A step of the preparation that this version does not know, or cannot take.
    #[error("`preprocessor_config.json`: `{field}` is {found}, expected {expected}")]
    Field {
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What it can be.
        expected: &'static str,
    },
    /// The network cannot be cut to features, or the cut cannot be proven.
    #[error("the network `{file}` of `{repository}` cannot serve as a backbone")]
    Cut {
        /// The repository.
        repository: String,
        /// The file.
        file: String,
        /// Why.
        source: Box<cut::Error>,
    },
    /// A file of the cache or the backbone cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A result of this module.
pub type Result<T> = std::result::Result<T, Error>;
