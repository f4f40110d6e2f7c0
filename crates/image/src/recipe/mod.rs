//! The recipe: everything that changes a pixel on its way from an image file into a graph, as data.

mod check;
#[cfg(test)]
mod tests;
mod text;
mod toml;

use serde::{Deserialize, Serialize};

/// Everything that changes a pixel between an image file and the graph's input.
///
/// A recipe is a value: it is compared, stored in a backbone file, hashed into a fingerprint. [`Preprocessor`] carries
/// it out. The steps run in the order of the fields: decode (in full or scaled), turn upright, drop alpha, resize, crop, then for each
/// channel `(x / divisor - mean) / std` in f32, with `x` in 0–255.
///
/// An unknown field is refused when a recipe is read: it would be a step that this version does not take.
///
/// [`Preprocessor`]: super::Preprocessor
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The JPEG decoder, such as `headstart islow 1`: another one gives other pixels. A fact, filled in by [`Preprocessor::new`](super::Preprocessor::new); a preset has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<String>,
    /// Whether large JPEGs are scaled down while they are decoded.
    #[serde(default)]
    pub decode: Decode,
    /// Whether the EXIF orientation turns the image upright.
    #[serde(default)]
    pub exif: Exif,
    /// What becomes of transparency.
    #[serde(default)]
    pub alpha: Alpha,
    /// The size the image is brought to.
    pub resize: Resize,
    /// How pixels are interpolated when the size changes.
    pub filter: Filter,
    /// The part kept after resizing; absent: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// What 0–255 is divided by first: 255 gives 0–1.
    pub divisor: f64,
    /// Subtracted from each channel after the division, in the order of `channels`.
    pub mean: [f64; 3],
    /// Each channel is divided by this last, in the order of `channels`.
    pub std: [f64; 3],
    /// The order of the colours in the tensor.
    pub channels: Channels,
    /// The order of the tensor's axes.
    pub layout: Layout,
}

/// How much of a JPEG is decoded. Other formats are decoded in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decode {
    /// Every pixel.
    #[default]
    Full,
    /// The smallest of 1/1, 1/2, 1/4 and 1/8 of the size whose width and height, not rounded, are at least those that
    /// `resize` asks for, which is what Pillow's `draft` does: many times as fast for photos of many megapixels, with features
    /// that are near those of the full size but are not they.
    Scaled,
}

/// What is done with a photo's EXIF orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exif {
    /// The image is turned upright, as people see it.
    #[default]
    Apply,
    /// Pixels stay as stored, as Pillow, torchvision and TensorFlow leave them.
    Ignore,
}

/// What becomes of transparent pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alpha {
    /// Laid over white, as a viewer shows it.
    #[default]
    OverWhite,
    /// Alpha is dropped and the hidden colour shows, as in Pillow's `convert("RGB")`.
    Drop,
}

/// The size an image is brought to before it is cropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resize {
    /// Width and height as given; the aspect ratio is lost.
    Stretch {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The shorter edge as given, the longer one in proportion; needs a crop.
    ShortEdge {
        /// The shorter edge in pixels.
        edge: u32,
        /// How the longer edge is brought to a whole number: torchvision rounds down.
        rounding: Rounding,
    },
    /// The size of the file; needs a crop.
    None,
}

/// A rectangle from the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// How half a pixel of margin is rounded: torchvision goes to the even side.
    pub rounding: Rounding,
}

/// How a fraction of a pixel becomes a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Towards zero, Python's `int(x)`.
    Down,
    /// To the nearest, halves to the even side, Python's `round(x)`.
    HalfEven,
}

impl Rounding {
    /// `numerator / denominator` as a whole number.
    pub(super) fn divide(self, numerator: u64, denominator: u64) -> u64 {
        let (whole, rest) = (numerator / denominator, numerator % denominator);
        let up = match self {
            Self::Down => false,
            Self::HalfEven => rest * 2 > denominator || (rest * 2 == denominator && whole % 2 == 1),
        };
        whole + u64::from(up)
    }
}

/// How pixels are interpolated. Those that are not said to alias are Pillow's, which grow wider as the image shrinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// The nearest pixel; aliases.
    Nearest,
    /// The mean of the covered pixels.
    Box,
    /// A triangle of two pixels.
    Bilinear,
    /// Keys' cubic with `a = -0.5`, four pixels.
    Bicubic,
    /// A windowed sinc of six pixels (Pillow's `LANCZOS`).
    Lanczos,
    /// The nearest pixel where corners fall on corners, as Boost.GIL has it; aliases.
    NearestCorners,
    /// A triangle of two pixels whatever the scale, measured from the upper left corners of pixels, as TensorFlow 1's
    /// `resize_bilinear`; aliases, and moves the image by up to half a pixel.
    #[serde(rename = "bilinear-tf1")]
    BilinearTf1,
    /// The same measured from the centres of pixels, as TensorFlow 2's `tf.image.resize`, and OpenCV but for rounding;
    /// aliases.
    #[serde(rename = "bilinear-tf2")]
    BilinearTf2,
}

/// The order of the three colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// The order of the tensor's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Channels first: `(3, height, width)`.
    Nchw,
    /// Channels last: `(height, width, 3)`.
    Nhwc,
}

impl Recipe {
    /// Width and height of the tensor, in pixels.
    ///
    /// # Panics
    /// If the recipe has no fixed size, which [`check`](Self::check) finds.
    pub fn size(&self) -> (usize, usize) {
        match (self.crop, self.resize) {
            (Some(crop), _) => (crop.width as usize, crop.height as usize),
            (None, Resize::Stretch { width, height }) => (width as usize, height as usize),
            (None, _) => panic!("a recipe without a fixed size was not checked"),
        }
    }

    /// The shape of one image's tensor, without the batch, in the order of `layout`.
    ///
    /// # Panics
    /// As [`size`](Self::size).
    pub fn input_shape(&self) -> [usize; 3] {
        let (width, height) = self.size();
        match self.layout {
            Layout::Nchw => [3, height, width],
            Layout::Nhwc => [height, width, 3],
        }
    }

    /// How many numbers one image becomes.
    ///
    /// # Panics
    /// As [`size`](Self::size).
    #[expect(clippy::len_without_is_empty, reason = "the length of the tensor; a checked recipe has one")]
    pub fn len(&self) -> usize {
        self.input_shape().iter().product()
    }
}
