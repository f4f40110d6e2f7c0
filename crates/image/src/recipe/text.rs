//! Recipes as text: JSON for machines, a sentence for readers.

use std::fmt;

use super::{Alpha, Channels, Decode, Exif, Filter, Layout, Recipe, Resize};
use crate::Error;

impl Recipe {
    /// Read and check a recipe written as JSON.
    ///
    /// # Errors
    /// [`Error::RecipeSyntax`] if the text is no recipe, [`Error::Recipe`] if a value in it makes no sense.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let recipe: Self =
            serde_json::from_str(text).map_err(|error| Error::RecipeSyntax { source: error.into() })?;
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
        if self.decode == Decode::Scaled {
            f.write_str(", large JPEGs scaled while decoding")?;
        }
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
    NearestCorners => "nearest between the corners", BilinearTf1 => "TensorFlow 1's bilinear",
    BilinearTf2 => "TensorFlow 2's bilinear",
});
in_words!(Channels { Rgb => "RGB", Bgr => "BGR" });
in_words!(Layout { Nchw => "NCHW", Nhwc => "NHWC" });
