//! The recipe: everything that changes a pixel on its way from an image file into a graph, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Error;

/// Everything that changes a pixel between an image file and the graph's input.
///
/// A recipe is a value: it is compared, stored in a backbone file, hashed into a fingerprint. [`Preprocessor`] carries
/// it out. The steps run in the order of the fields: decode, turn upright, drop alpha, resize, crop, then for each
/// channel `(x / divisor - mean) / std` in f32, with `x` in 0–255.
///
/// An unknown field is refused when a recipe is read: it would be a step that this version does not take.
///
/// [`Preprocessor`]: super::Preprocessor
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The JPEG decoder, such as `zune-jpeg 0.5.15`: another one gives other pixels. A fact, filled in by [`Preprocessor::new`](super::Preprocessor::new); a preset has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<String>,
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

/// An interpolation filter, as Pillow computes it: wide enough not to alias when the image shrinks.
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
    /// Read and check a recipe written as JSON.
    ///
    /// # Errors
    /// [`Error::RecipeSyntax`] if the text is no recipe, [`Error::Recipe`] if a value in it makes no sense.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let recipe: Self = serde_json::from_str(text).map_err(|source| Error::RecipeSyntax { source })?;
        recipe.check()?;
        Ok(recipe)
    }

    /// The recipe as a JSON value with sorted keys.
    pub fn to_value(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self).expect("a recipe is numbers and words");
        // serde_json sorts by itself only as long as no crate in the build turns on its `preserve_order`.
        value.sort_all_objects();
        value
    }

    /// The canonical text: equal recipes give equal bytes.
    ///
    /// Compact JSON with sorted keys and the shortest decimal that reads back as the same f64.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// Find what could not be carried out.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the field: no size or one above 16384, a size that the image would decide, a crop larger than
    /// what it is cut from, a number that is not finite, a divisor or standard deviation of zero or less.
    pub fn check(&self) -> Result<(), Error> {
        self.check_geometry()?;
        positive("divisor", self.divisor)?;
        self.mean.iter().try_for_each(|&mean| finite("mean", mean))?;
        self.std.iter().try_for_each(|&std| positive("std", std))
    }

    fn check_geometry(&self) -> Result<(), Error> {
        match self.resize {
            Resize::Stretch { width, height } => {
                edge("resize", width)?;
                edge("resize", height)?;
            }
            Resize::ShortEdge { edge: short, .. } => edge("resize", short)?,
            Resize::None => {}
        }
        let Some(crop) = self.crop else {
            return match self.resize {
                Resize::Stretch { .. } => Ok(()),
                _ => {
                    Err(problem("crop", "a crop, for without one each image would have its own size", "none"))
                }
            };
        };
        edge("crop", crop.width)?;
        edge("crop", crop.height)?;
        let (widest, highest) = match self.resize {
            Resize::Stretch { width, height } => (width, height),
            Resize::ShortEdge { edge, .. } => (edge, edge),
            Resize::None => return Ok(()),
        };
        if crop.width > widest || crop.height > highest {
            let expected = format!("at most the {widest}x{highest} that resizing leaves");
            return Err(problem("crop", expected, format!("{}x{}", crop.width, crop.height)));
        }
        Ok(())
    }

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

/// No graph takes larger images, and the tensor's length stays far from overflowing.
const MAX_EDGE: u32 = 16_384;

fn edge(field: &'static str, pixels: u32) -> Result<(), Error> {
    match pixels {
        1..=MAX_EDGE => Ok(()),
        _ => Err(problem(field, format!("edges of 1 to {MAX_EDGE} pixels"), pixels)),
    }
}

fn finite(field: &'static str, number: f64) -> Result<(), Error> {
    // Also when narrowed: the arithmetic is in f32.
    if (number as f32).is_finite() { Ok(()) } else { Err(problem(field, "finite numbers", number)) }
}

fn positive(field: &'static str, number: f64) -> Result<(), Error> {
    finite(field, number)?;
    // Narrowed as well: what underflows to zero divides by zero.
    if number as f32 > 0.0 { Ok(()) } else { Err(problem(field, "numbers above 0", number)) }
}

fn problem(field: &'static str, expected: impl Into<String>, found: impl fmt::Display) -> Error {
    Error::Recipe { field, expected: expected.into(), found: found.to_string() }
}

/// One line for people, such as
/// `stretched to 224x224 (bilinear), BGR minus mean [103.939, 116.779, 123.68], NHWC`.
impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resize {
            Resize::Stretch { width, height } => {
                write!(f, "stretched to {width}x{height} ({})", self.filter)?
            }
            Resize::ShortEdge { edge, .. } => write!(f, "short edge to {edge} ({})", self.filter)?,
            Resize::None => f.write_str("not resized")?,
        }
        if let Some(crop) = self.crop {
            write!(f, ", centre {}x{}", crop.width, crop.height)?;
        }
        write!(f, ", {}", self.channels)?;
        if self.divisor != 1.0 {
            write!(f, " / {}", self.divisor)?;
        }
        if self.mean != [0.0; 3] {
            write!(f, " minus mean {:?}", self.mean)?;
        }
        if self.std != [1.0; 3] {
            write!(f, " over std {:?}", self.std)?;
        }
        write!(f, ", {}", self.layout)?;
        if self.exif == Exif::Ignore {
            f.write_str(", EXIF orientation ignored")?;
        }
        if self.alpha == Alpha::Drop {
            f.write_str(", alpha dropped")?;
        }
        Ok(())
    }
}

/// Words as they stand in a sentence, one per variant.
macro_rules! in_words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

in_words!(Filter {
    Nearest => "nearest", Box => "box", Bilinear => "bilinear", Bicubic => "bicubic", Lanczos => "Lanczos",
});
in_words!(Channels { Rgb => "RGB", Bgr => "BGR" });
in_words!(Layout { Nchw => "NCHW", Nhwc => "NHWC" });

#[cfg(test)]
mod tests {
    use super::*;

    fn keras() -> Recipe {
        Recipe::preset("keras-resnet50").unwrap()
    }

    #[test]
    fn json_is_canonical_and_comes_back() {
        let recipe = keras();
        let text = recipe.to_json();
        assert_eq!(
            text,
            r#"{"alpha":"over-white","channels":"bgr","divisor":1.0,"exif":"apply","filter":"bilinear","layout":"nhwc","mean":[103.939,116.779,123.68],"resize":{"stretch":{"height":224,"width":224}},"std":[1.0,1.0,1.0]}"#
        );
        assert_eq!(Recipe::from_json(&text).unwrap(), recipe);
        // Whole numbers, as a person would write them, are the same recipe.
        assert_eq!(Recipe::from_json(&text.replace("1.0", "1")).unwrap().to_json(), text);
    }

    #[test]
    fn every_preset_survives_json_and_toml() {
        for preset in Recipe::presets() {
            let mut recipe = preset.recipe();
            recipe.check().unwrap();
            recipe.decoder = Some("some decoder 1.0".into());
            assert_eq!(Recipe::from_json(&recipe.to_json()).unwrap(), recipe);
            let text = toml::to_string(&recipe).unwrap();
            assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), recipe, "{text}");
        }
    }

    #[test]
    fn an_unknown_step_is_refused() {
        let text = keras().to_json().replacen('{', r#"{"sharpen":2,"#, 1);
        let error = Recipe::from_json(&text).unwrap_err();
        assert!(matches!(error, Error::RecipeSyntax { .. }), "{error}");
        let inside = keras().to_json().replace(r#""height""#, r#""depth":1,"height""#);
        assert!(matches!(Recipe::from_json(&inside), Err(Error::RecipeSyntax { .. })));
    }

    #[test]
    fn nonsense_is_named_by_its_field() {
        let crop = |width, height| Some(Crop { width, height, rounding: Rounding::Down });
        let short = |edge| Resize::ShortEdge { edge, rounding: Rounding::Down };
        let wrong: [(&str, Recipe); 12] = [
            ("std", Recipe { std: [1.0, 0.0, 1.0], ..keras() }),
            ("std", Recipe { std: [1.0, -0.2, 1.0], ..keras() }),
            ("std", Recipe { std: [1e-60, 1.0, 1.0], ..keras() }),
            ("mean", Recipe { mean: [f64::NAN, 0.0, 0.0], ..keras() }),
            ("mean", Recipe { mean: [0.0, 1e60, 0.0], ..keras() }),
            ("divisor", Recipe { divisor: f64::INFINITY, ..keras() }),
            ("divisor", Recipe { divisor: 0.0, ..keras() }),
            ("resize", Recipe { resize: Resize::Stretch { width: 0, height: 224 }, ..keras() }),
            ("resize", Recipe { resize: Resize::Stretch { width: 224, height: 1 << 20 }, ..keras() }),
            ("crop", Recipe { resize: short(256), ..keras() }),
            ("crop", Recipe { resize: short(200), crop: crop(224, 100), ..keras() }),
            ("crop", Recipe { resize: Resize::None, crop: crop(0, 9), ..keras() }),
        ];
        for (field, recipe) in wrong {
            match recipe.check() {
                Err(Error::Recipe { field: found, .. }) => assert_eq!(found, field, "{recipe:?}"),
                other => panic!("{recipe:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn shapes_follow_the_layout() {
        let recipe = Recipe { resize: Resize::Stretch { width: 320, height: 200 }, ..keras() };
        assert_eq!(recipe.input_shape(), [200, 320, 3]);
        assert_eq!(Recipe { layout: Layout::Nchw, ..recipe.clone() }.input_shape(), [3, 200, 320]);
        assert_eq!(recipe.len(), 192_000);
    }

    #[test]
    fn reads_as_a_sentence() {
        assert_eq!(
            keras().to_string(),
            "stretched to 224x224 (bilinear), BGR minus mean [103.939, 116.779, 123.68], NHWC"
        );
        assert_eq!(
            Recipe::preset("torchvision-v2").unwrap().to_string(),
            "short edge to 232 (bilinear), centre 224x224, RGB / 255 minus mean [0.485, 0.456, 0.406] \
             over std [0.229, 0.224, 0.225], NCHW"
        );
    }

    #[test]
    fn halves_go_to_the_even_side() {
        let halves: Vec<u64> = (1..8).step_by(2).map(|n| Rounding::HalfEven.divide(n, 2)).collect();
        assert_eq!(halves, [0, 2, 2, 4]);
        assert_eq!(Rounding::Down.divide(7, 2), 3);
        assert_eq!(Rounding::HalfEven.divide(5, 3), 2);
    }
}
