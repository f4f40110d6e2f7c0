//! What stops a whole extraction; what is wrong with one image is an [`ImageFailure`](super::ImageFailure).

use std::path::PathBuf;

use crate::backbone::device::Precision;
use crate::{backbone, cache, preprocess};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
    #[error(transparent)]
    Runtime(#[from] backbone::library::Error),
    #[error(transparent)]
    Cache(#[from] cache::Error),
    #[error(transparent)]
    Recipe(#[from] preprocess::Error),
    #[error("the cache is for features in {expected}, but they are to be computed in {found}")]
    OtherPrecision { expected: String, found: Precision },
    #[error("`{file}` has no features: {reason}")]
    NoFeatures { file: PathBuf, reason: String },
}
