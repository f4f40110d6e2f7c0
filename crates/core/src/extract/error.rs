//! What stops a whole extraction; what is wrong with one image is an [`ImageFailure`](super::ImageFailure).

use std::io;
use std::path::PathBuf;

use headstart_backbone as backbone;
use headstart_backbone::device::Precision;
use headstart_base::text::counted;
use headstart_cache as cache;
use headstart_cache::FailureKind;
use headstart_image as preprocess;

/// Why features were not computed, or not all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The backbone cannot be opened or run.
    #[error(transparent)]
    Backbone(#[from] backbone::Error),
    /// There is no usable ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] backbone::library::Error),
    /// The cache cannot be read or written.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// Images cannot be prepared as the recipe says.
    #[error(transparent)]
    Recipe(#[from] preprocess::Error),
    /// Features of two precisions are not kept together.
    #[error("the cache holds features in {expected}, but the engine computes them in {found}")]
    OtherPrecision {
        /// The precision of the features in the cache.
        expected: String,
        /// The precision of the engine.
        found: Precision,
    },
    /// The graph in integers, or what was chosen, cannot be kept.
    #[error("cannot store the files for int8 in `{path}`")]
    Keep {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An image that must have features has none.
    #[error("`{file}` has no features: {reason}")]
    NoFeatures {
        /// The image.
        file: PathBuf,
        /// Why, for people.
        reason: String,
    },
    /// What was computed until then is kept.
    #[error("{} failed, at most {allowed} may fail: {}", counted(*failed as u64, "image"), named(first, *failed))]
    TooManyFailures {
        /// How many may fail.
        allowed: usize,
        /// How many failed.
        failed: usize,
        /// The first few.
        first: Vec<(PathBuf, FailureKind)>,
    },
}

/// `a.jpg` (missing), `b.jpg` (truncated) and 7 more
fn named(first: &[(PathBuf, FailureKind)], failed: usize) -> String {
    let names: Vec<_> = first.iter().map(|(path, kind)| format!("`{}` ({kind})", path.display())).collect();
    match failed.saturating_sub(first.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
