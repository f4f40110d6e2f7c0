//! Errors of reading weights.

use headstart_base::text::dims;

/// What is wrong with the content of a file of weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Not a safetensors file, or cut short.
    #[error("it is not a complete safetensors file")]
    SafeTensors(#[from] safetensors::SafeTensorError),
    /// A safetensors file of another kind.
    #[error("its header has no entry `{key}`")]
    NoMetadata {
        /// The entry that is not there.
        key: &'static str,
    },
    /// The entry in the header is not what was written there.
    #[error("its header entry `{key}` cannot be read")]
    Metadata {
        /// The entry.
        key: &'static str,
        /// Where and why it cannot be read.
        source: serde_json::Error,
    },
    /// Written by a later version.
    #[error("it has the format {found}, and this version reads up to {known}")]
    Newer {
        /// The version of its format.
        found: u32,
        /// The newest version that can be read.
        known: u32,
    },
    /// Settings that cannot be.
    #[error("its settings are not valid")]
    Config(#[from] super::ConfigError),
    /// A layer of the header has no weights.
    #[error("tensor `{name}` is missing")]
    Missing {
        /// The tensor's name.
        name: String,
    },
    /// A tensor does not have the shape that the header's settings give it.
    #[error("tensor `{name}` has the shape {}, expected {}", dims(found), dims(expected))]
    Shape {
        /// The tensor's name.
        name: String,
        /// The shape that the settings give.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor holds numbers of another type.
    #[error("tensor `{name}` holds {found}, expected {expected}")]
    Dtype {
        /// The tensor's name.
        name: String,
        /// The type that belongs there.
        expected: String,
        /// The type in the file.
        found: String,
    },
    /// A weight is infinity or NaN.
    #[error("tensor `{name}` holds a number that is not finite")]
    NotFinite {
        /// The tensor's name.
        name: String,
    },
    /// More than belongs there: it is not the file that the header speaks of.
    #[error("tensor `{name}` does not belong in a head")]
    Unexpected {
        /// The tensor's name.
        name: String,
    },
}
