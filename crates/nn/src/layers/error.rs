//! Errors of reading and writing heads.

use std::{io, path::PathBuf};

use headstart_base::text::dims;

/// A head that could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot use `{path}` as a head")]
    Format { path: PathBuf, source: FormatError },
}

/// What is wrong with the content of a file of weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Not a safetensors file, or cut short.
    #[error("it is not a complete safetensors file")]
    SafeTensors(#[from] safetensors::SafeTensorError),
    /// A safetensors file of another kind.
    #[error("its header has no entry `{key}`")]
    NoMetadata { key: &'static str },
    /// The entry in the header is not what was written there.
    #[error("its header entry `{key}` cannot be read")]
    Metadata { key: &'static str, source: serde_json::Error },
    /// Written by a later version.
    #[error("it has the format {found}, and this version reads up to {known}")]
    Newer { found: u32, known: u32 },
    /// Settings that cannot be.
    #[error("its settings are not valid")]
    Config(#[from] super::ConfigError),
    #[error("tensor `{name}` is missing")]
    Missing { name: String },
    #[error("tensor `{name}` has the shape {}, expected {}", dims(found), dims(expected))]
    Shape { name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error("tensor `{name}` holds {found}, expected {expected}")]
    Dtype { name: String, expected: String, found: String },
    #[error("tensor `{name}` holds a number that is not finite")]
    NotFinite { name: String },
    /// More than belongs there: it is not the file that the header speaks of.
    #[error("tensor `{name}` does not belong in a head")]
    Unexpected { name: String },
}
