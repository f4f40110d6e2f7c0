use super::heif::LibheifError;
use super::kind::{FileKind, Format};
use super::recipe::Recipe;

/// Why a recipe makes no sense, or an image became no tensor.
///
/// The messages name no file: the caller knows where the bytes came from.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No recipe has this name.
    #[error("there is no recipe `{name}`; there are {}", names())]
    UnknownPreset {
        /// The name that was asked for.
        name: String,
    },
    /// A recipe's JSON or TOML cannot be read.
    #[error("cannot read the recipe")]
    RecipeSyntax {
        /// Where and why it cannot be read.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value in a recipe could not be carried out.
    #[error("recipe field `{field}`: expected {expected}, found `{found}`")]
    Recipe {
        /// The field's path, such as `crop`.
        field: &'static str,
        /// What can be carried out, for people.
        expected: String,
        /// The value in the recipe.
        found: String,
    },

    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Something else than an image.
    #[error("expected an image, found {found}")]
    NotAnImage {
        /// What it is instead.
        found: FileKind,
    },
    /// An image of a kind that is not decoded here.
    #[error("cannot decode {what}; save it as {}", if is_jpeg(what) { "PNG" } else { "PNG or JPEG" })]
    Unsupported {
        /// The kind of image, for people.
        what: String,
    },
    /// The library that decodes the format is not installed. As soon as it is, the same file may be decoded.
    #[error("cannot decode {format}")]
    NoLibrary {
        /// The format that the library decodes.
        format: Format,
        /// Why there is none.
        source: LibheifError,
    },
    /// The file ends before the image does.
    #[error("the {format} file is cut off: its data end before the image does")]
    Truncated {
        /// The format that the file is in.
        format: Format,
        /// What the decoder said, where it was the one to notice.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Decoding would take more than is allowed; found before anything of that size is allocated.
    #[error("the image is too large: {found}, {allowed} are allowed")]
    TooLarge {
        /// What decoding would take, for people.
        found: String,
        /// What is allowed, for people.
        allowed: String,
    },
    /// The data contradict the format.
    #[error("the {format} data are damaged")]
    Damaged {
        /// The format that the file is in.
        format: Format,
        /// What the decoder said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A decoder, or a step behind it, failed in a way that it must not: a fault of the program, which costs this image alone.
    #[error("a bug in this program stopped the decoding of this image: {message}")]
    Panicked {
        /// What the fault said of itself.
        message: String,
    },

    /// The crop does not fit into an image that is not resized.
    #[error("the image of {width}x{height} pixels is smaller than the crop of {crop_width}x{crop_height}")]
    TooSmall {
        /// Width of the image, in pixels.
        width: u32,
        /// Height of the image, in pixels.
        height: u32,
        /// Width of the crop, in pixels.
        crop_width: u32,
        /// Height of the crop, in pixels.
        crop_height: u32,
    },
}

/// Whether this is a JPEG of a rare kind. The program that saved it would save it as such a JPEG again.
fn is_jpeg(what: &str) -> bool {
    what.ends_with(" JPEG") || what.starts_with("a JPEG with ") || what.starts_with("a JPEG of ")
}

impl Error {
    /// Where it went wrong: `recipe`, `read`, `library`, `decode` or `resize`. Stable, for files and scripts.
    pub fn stage(&self) -> &'static str {
        match self {
            Self::UnknownPreset { .. } | Self::RecipeSyntax { .. } | Self::Recipe { .. } => "recipe",
            Self::Empty => "read",
            Self::NoLibrary { .. } => "library",
            Self::NotAnImage { .. }
            | Self::Unsupported { .. }
            | Self::Truncated { .. }
            | Self::TooLarge { .. }
            | Self::Damaged { .. }
            | Self::Panicked { .. } => "decode",
            Self::TooSmall { .. } => "resize",
        }
    }

    /// What went wrong, in a word: `empty`, `not-an-image`, `unsupported`, `no-library`, `truncated`, `too-large`, `damaged`,
    /// `panicked`, `too-small`, or `recipe`. Finer than the kinds by which failures are kept.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownPreset { .. } | Self::RecipeSyntax { .. } | Self::Recipe { .. } => "recipe",
            Self::Empty => "empty",
            Self::NotAnImage { .. } => "not-an-image",
            Self::Unsupported { .. } => "unsupported",
            Self::NoLibrary { .. } => "no-library",
            Self::Truncated { .. } => "truncated",
            Self::TooLarge { .. } => "too-large",
            Self::Damaged { .. } => "damaged",
            Self::Panicked { .. } => "panicked",
            Self::TooSmall { .. } => "too-small",
        }
    }
}

fn names() -> String {
    let names: Vec<_> = Recipe::presets().iter().map(|preset| format!("`{}`", preset.name)).collect();
    names.join(", ")
}
