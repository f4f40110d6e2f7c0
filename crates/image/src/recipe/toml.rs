//! Recipes as people write them.

use serde_json::Value;

use super::Recipe;
use crate::Error;

/// The fields in the order in which they are carried out, and what each may be.
const FIELDS: [(&str, &str); 12] = [
    ("decoder", "The JPEG decoder: a fact, not a choice."),
    (
        "decode",
        "JPEG: full, or scaled (halved up to three times while decoding, as long as it stays no smaller than resize wants:\n\
         much faster for large photos; Pillow's draft).",
    ),
    (
        "exif",
        "EXIF orientation: apply (upright, as people see it) or ignore (as stored: Pillow, torchvision, TensorFlow).",
    ),
    (
        "alpha",
        "Transparency: over-white (as a viewer shows it) or drop (the hidden colour shows: Pillow's convert).",
    ),
    (
        "resize",
        "The size before cropping: { stretch = { width = 224, height = 224 } }, or\n\
         { short-edge = { edge = 256, rounding = \"down\" } } (the longer edge in proportion), or \"none\".",
    ),
    (
        "filter",
        "As Pillow has them, without aliasing: box, bilinear, bicubic, lanczos. These alias: nearest (Pillow's),\n\
         nearest-corners (Boost.GIL), bilinear-tf2 (tf.image.resize, OpenCV), bilinear-tf1 (resize_bilinear).",
    ),
    (
        "crop",
        "The part kept from the middle: { width = 224, height = 224, rounding = \"half-even\" }; without this line, all.\n\
         rounding is what becomes of half a pixel of margin: half-even (torchvision, timm) or down.",
    ),
    ("divisor", "Each value becomes (x / divisor - mean) / std, with x in 0-255."),
    ("mean", "In the order of the channels."),
    ("std", "In the order of the channels."),
    ("channels", "The order of the colours in the tensor: rgb or bgr."),
    ("layout", "The order of its axes: nchw or nhwc."),
];

impl Recipe {
    /// Read and check a recipe written as TOML, in the form of [`to_toml`](Self::to_toml).
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json); the cause quotes the line.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let recipe: Self =
            toml::from_str(text).map_err(|error| Error::RecipeSyntax { source: error.into() })?;
        recipe.check()?;
        Ok(recipe)
    }

    /// The recipe as TOML that says what each line may be, to begin one's own with.
    pub fn to_toml(&self) -> String {
        let values = self.to_value();
        let field = |&(name, help): &(&str, &str)| {
            let comment: String = help.lines().map(|line| format!("# {line}\n")).collect();
            match values.get(name) {
                Some(value) => Some(format!("{comment}{name} = {}\n", inline(value))),
                // What this recipe does not do may be what the reader's own is to do.
                None if name == "crop" => Some(comment),
                None => None,
            }
        };
        FIELDS.iter().filter_map(field).collect::<Vec<_>>().join("\n")
    }
}

/// A value on one line; JSON's numbers and strings are TOML's too.
fn inline(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", list(items.iter().map(inline).collect())),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name} = {}", inline(value));
            format!("{{ {} }}", list(fields.iter().map(field).collect()))
        }
        plain => plain.to_string(),
    }
}
