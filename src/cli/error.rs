//! What the program finds wrong that the library cannot.

use std::path::PathBuf;

use headstart::dataset::Skipped;
use headstart::files::{TargetError, path_text};

use super::console::count;

/// What only the program can find wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{source}")]
    Target { flag: &'static str, named: PathBuf, source: TargetError },
    #[error("`{path}` is broken")]
    Broken { path: PathBuf },
    #[error("there is no feature cache in `{path}`")]
    NoCache { path: PathBuf },
    #[error("{failed} of {} failed", count(*.images, "image"))]
    ImagesFailed { images: usize, failed: usize },
    #[error("`{path}` is an exported model and takes one view per image")]
    ViewsOfExport { path: PathBuf },
    #[error("`{path}` is an exported model: its temperature, if any, is part of the graph")]
    TemperatureOfExport { path: PathBuf },
    #[error("{}", match .others {
        0 => format!("`{pattern}` matches no file"),
        others => format!("`{pattern}` matches {}, and none is an image by its name", count(*others, "file")),
    })]
    NothingMatches { pattern: String, others: usize },
    #[error("no images were given")]
    NoImages,
    #[error("`{}` holds no images: found {}", path_text(folder), found.all())]
    NoImagesIn { folder: PathBuf, found: Box<Skipped> },
    #[error("the program brings no calibration for `{}`", .backbone.display())]
    NoShippedCalibration { backbone: PathBuf },
    #[error("`{first}` and `{second}` both name `{}`", .path.display())]
    SameFile { first: &'static str, second: &'static str, path: PathBuf },
    #[error("there is no file `{}`", .path.display())]
    NoExport { path: PathBuf },
    #[error("`{}` is an exported model, and takes no `{}`", .path.display(), .flags.join("`, `"))]
    FlagsOfExport { path: PathBuf, flags: Vec<String> },
    #[error("`{name}` does not come from a model hub: the wheel brings it, or `just setup` makes it")]
    NotOfHub { name: String },
    #[error("`{repository}` must be fetched, and there is no terminal to ask on")]
    NotAsked { repository: String },
    #[error("`{repository}` was fetched, but it is not where it was put")]
    NotKept { repository: String },
    #[error("there is no folder to keep backbones in")]
    NoUserFolder,
}
