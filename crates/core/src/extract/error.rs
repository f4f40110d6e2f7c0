//! What stops a whole extraction; what is wrong with one image is an [`ImageFailure`](super::ImageFailure).

use std::io;
use std::path::PathBuf;

use headstart_backbone as backbone;
use headstart_backbone::device::Precision;
use headstart_base::text::counted;
use headstart_cache as cache;
use headstart_cache::FailureKind;
use headstart_image as preprocess;

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
    #[error("the cache holds features in {expected}, but the engine computes them in {found}")]
    OtherPrecision { expected: String, found: Precision },
    #[error("cannot store the files for int8 in `{path}`")]
    Keep { path: PathBuf, source: io::Error },
    #[error("`{file}` has no features: {reason}")]
    NoFeatures { file: PathBuf, reason: String },
    /// What was computed until then is kept.
    #[error("{} failed, at most {allowed} may fail: {}", counted(*failed as u64, "image"), named(first, *failed))]
    TooManyFailures {
        allowed: usize,
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
