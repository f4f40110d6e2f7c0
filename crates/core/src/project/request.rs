//! What it takes to compute features that are missing: fronts make a command, or a button, of it.

use std::path::PathBuf;

use headstart_backbone::device::Precision;
use headstart_cache::Storage;
use headstart_image::ViewKinds;

use super::ProjectConfig;
use crate::dataset::Columns;

/// Features of the images of some manifests: these and no others, whatever else the cache holds.
#[derive(Debug, Clone)]
pub struct FeatureRequest {
    /// The manifests.
    pub manifests: Vec<PathBuf>,
    /// What their columns are called.
    pub columns: Columns,
    /// The views of each image beside the plain one.
    pub views: ViewKinds,
    /// How the features are computed.
    pub config: ProjectConfig,
}

/// A kind of features that the cache has of all images that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherKind {
    /// What they were computed in.
    pub precision: Precision,
    /// How they are stored.
    pub storage: Storage,
}
