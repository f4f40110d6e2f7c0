//! Why an image gives no features.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use headstart_cache::{Failure, FailureKind};
use headstart_image::{self as preprocess, Limits};

/// The bytes of an image file. Only of a file: a pipe could keep us waiting for ever, a device never ends. And only of one
/// that may be an image by its size: what is larger is a video or a disk image that lies among the photos.
pub(crate) fn read_image(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(path, Limits::default().file)
}

fn read_up_to(path: &Path, allowed: u64) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "expected an image, found a folder"));
    }
    if !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected an image, found a pipe or device"));
    }
    let mut bytes = Vec::new();
    if metadata.len() <= allowed {
        bytes.reserve_exact(metadata.len() as usize);
        // One byte more than allowed tells of a file that has grown meanwhile.
        File::open(path)?.take(allowed + 1).read_to_end(&mut bytes)?;
    }
    let found = metadata.len().max(bytes.len() as u64);
    if found > allowed {
        let found = found.div_ceil(1 << 20);
        let message =
            format!("the file is too large: {found} MiB, {} MiB are allowed", allowed.div_ceil(1 << 20));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// One image's failure, as it stands in the failures file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFailure {
    /// Where it stopped: `read`, `library`, `decode`, `resize` or `infer`.
    pub stage: String,
    /// What sort of failure it is, for counting.
    pub kind: FailureKind,
    /// A sentence for people.
    pub reason: String,
}

impl ImageFailure {
    fn new(stage: &str, kind: FailureKind, reason: String) -> Self {
        Self { stage: stage.into(), kind, reason }
    }

    /// As it was noted by an earlier run.
    pub(super) fn recorded(failure: &Failure) -> Self {
        Self::new(&failure.stage, failure.kind, failure.reason.clone())
    }

    pub(super) fn read(error: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, NotADirectory, NotFound};
        match error.kind() {
            NotFound | NotADirectory => {
                Self::new("read", FailureKind::Missing, "there is no such file".into())
            }
            FileTooLarge => Self::new("read", FailureKind::TooLarge, error.to_string()),
            _ => Self::new("read", FailureKind::Unreadable, error.to_string()),
        }
    }

    /// `value` is a feature that cannot be kept.
    pub(super) fn not_kept(value: f32) -> Self {
        let reason = match value.is_finite() {
            false => "the features hold NaN or infinity".into(),
            true => format!("the features hold {value}, more than their storage can"),
        };
        Self::new("infer", FailureKind::NonFinite, reason)
    }
}

impl From<&preprocess::Error> for ImageFailure {
    fn from(error: &preprocess::Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            reason = format!("{reason}: {inner}");
            cause = inner.source();
        }
        Self::new(error.stage(), kind_of(error), reason)
    }
}

fn kind_of(error: &preprocess::Error) -> FailureKind {
    use preprocess::Error::{
        Damaged, Empty, NoLibrary, NotAnImage, Panicked, Recipe, RecipeSyntax, TooLarge, TooSmall, Truncated,
        UnknownPreset, Unsupported,
    };
    match error {
        NotAnImage { .. } | Unsupported { .. } | NoLibrary { .. } | TooSmall { .. } => {
            FailureKind::Unsupported
        }
        Empty | Truncated { .. } => FailureKind::Truncated,
        TooLarge { .. } => FailureKind::TooLarge,
        // The latter three are about no image: a preprocessor that runs has a recipe that was checked.
        Damaged { .. } | Panicked { .. } | UnknownPreset { .. } | RecipeSyntax { .. } | Recipe { .. } => {
            FailureKind::DecoderError
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_image_by_its_size_is_not_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        // A hole: the size costs nothing.
        File::create(&path).unwrap().set_len(3 << 40).unwrap();
        let error = read_image(&path).unwrap_err();
        let failure = ImageFailure::read(&error);
        assert_eq!((failure.stage.as_str(), failure.kind), ("read", FailureKind::TooLarge));
        assert_eq!(failure.reason, "the file is too large: 3145728 MiB, 512 MiB are allowed");
        std::fs::write(&path, [7; 100]).unwrap();
        assert_eq!(read_up_to(&path, 100).unwrap(), [7; 100]);
        assert!(read_up_to(&path, 99).is_err());
    }
}
