//! `preprocessor_config.json` as a recipe, field by field. A field that is not known would be a step that is not taken, so it is
//! an error.
//!
//! The reference is transformers' processors on Pillow: the longer edge is rounded down, and so is the margin of a crop. As in
//! every recipe here, photos are turned upright and transparency is laid over white, which those leave to their callers.
//!
//! Source: transformers, `image_processing_*.py` of ViT, DeiT, BiT, CLIP, SigLIP and ConvNeXt, and `image_transforms.py`.

use headstart_image::Recipe;
use headstart_image::recipe::{Alpha, Channels, Crop, Decode, Exif, Filter, Layout, Resize, Rounding};
use serde_json::{Map, Value};

use super::error::{Error, Result};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

/// Fields that change no pixel of an image in RGB.
const NAMES: [&str; 6] = [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "_valid_processor_keys",
    "return_tensors",
    "data_format",
];

/// The steps of a processor, and how it reads its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Both edges; one number is both. Never a crop.
    Vit,
    /// Both edges. Never a crop, and no size of one number: the versions on Pillow and torchvision differ there.
    Siglip,
    /// Both edges, then a crop.
    Deit,
    /// The shorter edge or both, then a crop; one number is the shorter edge.
    ShortEdge,
    /// The shorter edge, of which a part is cropped: `crop_pct`.
    ConvNext,
}

impl Kind {
    /// Whether `do_center_crop` and `crop_size` are fields of this processor. The others on Pillow pass over them.
    fn has_crop(self) -> bool {
        matches!(self, Self::Deit | Self::ShortEdge)
    }
}

/// The processors whose steps are those of a recipe.
const KINDS: [(&str, Kind); 6] = [
    ("BitImageProcessor", Kind::ShortEdge),
    ("CLIPImageProcessor", Kind::ShortEdge),
    ("ConvNextImageProcessor", Kind::ConvNext),
    ("DeiTImageProcessor", Kind::Deit),
    ("SiglipImageProcessor", Kind::Siglip),
    ("ViTImageProcessor", Kind::Vit),
];

/// The recipe that the file says.
pub(super) fn recipe(config: &Map<String, Value>) -> Result<Recipe> {
    let mut fields = Fields(config.clone());
    let kind = fields.kind()?;
    for name in NAMES {
        fields.0.remove(name);
    }
    // All images here are RGB, so `null` is as good as `false`.
    fields.flag_or_null("do_convert_rgb")?;
    let (resize, crop) = fields.sizes(kind)?;
    let filter = fields.filter()?;
    let divisor = fields.divisor()?;
    let is_normalised = fields.flag("do_normalize")?;
    let (mean, std) = (fields.channels("image_mean")?, fields.channels("image_std")?);
    let expected = "three numbers, for `do_normalize` is on";
    let needed =
        |field: &str, value: Option<[f64; 3]>| value.ok_or_else(|| unfit(field, &Value::Null, expected));
    let (mean, std) = match is_normalised {
        true => (needed("image_mean", mean)?, needed("image_std", std)?),
        false => ([0.0; 3], [1.0; 3]),
    };
    // The versions on torchvision write all that they know, and null where it was not asked for.
    if let Some((field, value)) = fields.0.iter().find(|(_, value)| !value.is_null()) {
        return Err(unfit(field, value, "no such field: what it does is not known here"));
    }
    Ok(Recipe {
        decoder: None,
        decode: Decode::Full,
        exif: Exif::Apply,
        alpha: Alpha::OverWhite,
        resize,
        filter,
        crop,
        divisor,
        mean,
        std,
        channels: Channels::Rgb,
        layout: Layout::Nchw,
    })
}

fn unfit(field: &str, found: &Value, expected: &'static str) -> Error {
    Error::Field { field: field.to_owned(), found: found.to_string().chars().take(80).collect(), expected }
}

/// What is left of the file: each field goes when it is understood.
struct Fields(Map<String, Value>);

impl Fields {
    fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field).filter(|value| !value.is_null())
    }

    fn kind(&self) -> Result<Kind> {
        let field = ["image_processor_type", "feature_extractor_type"]
            .into_iter()
            .find(|field| self.0.contains_key(*field));
        let field = field.unwrap_or("image_processor_type");
        let value = self.0.get(field).cloned().unwrap_or_default();
        // Older files have the older name, and newer ones that of the version on torchvision.
        let name = value
            .as_str()
            .unwrap_or_default()
            .trim_end_matches("Fast")
            .replace("FeatureExtractor", "ImageProcessor");
        let found = KINDS.iter().find(|(known, _)| *known == name);
        let expected = "the processor of ViT, DeiT, DINOv2 (Bit), CLIP, SigLIP or ConvNeXt";
        found.map(|(_, kind)| *kind).ok_or_else(|| unfit(field, &value, expected))
    }

    /// All are on where the file does not name them. `null` turns a step off on Pillow, and leaves it on in the version on
    /// torchvision, so it is refused.
    fn flag(&mut self, field: &str) -> Result<bool> {
        let value = self.0.remove(field);
        value.map_or(Ok(true), |value| value.as_bool().ok_or_else(|| unfit(field, &value, "true or false")))
    }

    fn flag_or_null(&mut self, field: &str) -> Result<bool> {
        if self.0.get(field).is_none_or(Value::is_null) {
            self.0.remove(field);
            return Ok(false);
        }
        self.flag(field)
    }

    fn number(&mut self, field: &str) -> Result<Option<f64>> {
        let number = |value: Value| {
            value.as_f64().filter(|n| *n > 0.0).ok_or_else(|| unfit(field, &value, "a number above 0"))
        };
        self.take(field).map(number).transpose()
    }

    fn channels(&mut self, field: &str) -> Result<Option<[f64; 3]>> {
        let three = |value: Value| {
            let numbers: Option<Vec<f64>> =
                value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
            let numbers = numbers.and_then(|numbers| <[f64; 3]>::try_from(numbers).ok());
            numbers.ok_or_else(|| unfit(field, &value, "three numbers"))
        };
        self.take(field).map(three).transpose()
    }

    /// Pillow's numbers.
    fn filter(&mut self) -> Result<Filter> {
        let value = self.take("resample").unwrap_or(Value::Null);
        Ok(match value.as_u64() {
            Some(0) => Filter::Nearest,
            Some(1) => Filter::Lanczos,
            Some(2) => Filter::Bilinear,
            Some(3) => Filter::Bicubic,
            Some(4) => Filter::Box,
            _ => return Err(unfit("resample", &value, "a filter of Pillow, 0 to 4")),
        })
    }

    fn divisor(&mut self) -> Result<f64> {
        let factor = self.number("rescale_factor")?.unwrap_or(1.0 / 255.0);
        let divisor = 1.0 / factor;
        // A file holds the factor as a decimal, and 255 is meant.
        let divisor = if (divisor - 255.0).abs() < 1e-6 { 255.0 } else { divisor };
        Ok(if self.flag("do_rescale")? { divisor } else { 1.0 })
    }

    fn sizes(&mut self, kind: Kind) -> Result<(Resize, Option<Crop>)> {
        let is_resized = self.flag("do_resize")?;
        let pct = self.number("crop_pct")?;
        if let Some(pct) = pct.filter(|_| kind != Kind::ConvNext) {
            return Err(unfit("crop_pct", &pct.into(), "none: this processor has no such field"));
        }
        let crop = self.crop(kind)?;
        let size = self.take("size");
        let resize = match size.filter(|_| is_resized) {
            Some(size) => Size::of(&size, kind)?,
            None if is_resized => {
                return Err(unfit("size", &Value::Null, "a size, for `do_resize` is on"));
            }
            None => {
                return match crop {
                    Some(_) => Ok((Resize::None, crop)),
                    None => Err(unfit("do_resize", &false.into(), ANY_SHAPE)),
                };
            }
        };
        let (widest, highest) = match resize {
            Size::Short(edge) if kind == Kind::ConvNext => return convnext(edge, pct),
            Size::Short(edge) => (edge, edge),
            Size::Both { width, height } => (width, height),
        };
        match (resize, crop) {
            (Size::Short(_), None) => Err(unfit("do_center_crop", &false.into(), ANY_SHAPE)),
            // There, what is missing is filled with zeros.
            (_, Some(crop)) if crop.width > widest || crop.height > highest => {
                Err(unfit("crop_size", &crop.width.max(crop.height).into(), "no more than the size"))
            }
            _ => Ok((resize.resize(), crop)),
        }
    }

    fn crop(&mut self, kind: Kind) -> Result<Option<Crop>> {
        let field = "do_center_crop";
        if !kind.has_crop() {
            self.take("crop_size");
            // The version on Pillow does not crop here, and that on torchvision does.
            return match self.flag_or_null(field)? {
                true => Err(unfit(field, &true.into(), "false: this processor does not crop")),
                false => Ok(None),
            };
        }
        let is_cropped = self.flag(field)?;
        let size = self.take("crop_size");
        match size.filter(|_| is_cropped) {
            Some(size) => crop(&size).map(Some),
            None if is_cropped => Err(unfit("crop_size", &Value::Null, "a size, for `do_center_crop` is on")),
            None => Ok(None),
        }
    }
}

const ANY_SHAPE: &str = "true: images of any shape do not fit the network";

/// ConvNeXt's: below 384 a part is cropped, and from there on the image is stretched.
fn convnext(edge: u32, pct: Option<f64>) -> Result<(Resize, Option<Crop>)> {
    if edge >= 384 {
        return Ok((Resize::Stretch { width: edge, height: edge }, None));
    }
    let pct = pct.unwrap_or(224.0 / 256.0);
    // As Python's `int` rounds.
    let short = (f64::from(edge) / pct) as u32;
    if short < edge {
        return Err(unfit("crop_pct", &pct.into(), "no more than 1"));
    }
    let crop = Crop { width: edge, height: edge, rounding: Rounding::Down };
    Ok((Resize::ShortEdge { edge: short, rounding: Rounding::Down }, Some(crop)))
}

/// A size as a file has it.
#[derive(Debug, Clone, Copy)]
enum Size {
    Both { width: u32, height: u32 },
    Short(u32),
}

impl Size {
    /// A form that the processor does not take is refused, as it is there.
    fn of(value: &Value, kind: Kind) -> Result<Self> {
        let found = match (value, kind) {
            (Value::Number(_), Kind::Vit | Kind::Deit) => both(value),
            (Value::Number(_), Kind::ShortEdge | Kind::ConvNext) => edge(value).map(Self::Short),
            (Value::Object(map), Kind::ShortEdge | Kind::ConvNext) if map.len() == 1 => {
                map.get("shortest_edge").and_then(edge).map(Self::Short)
            }
            (Value::Object(_), Kind::Vit | Kind::Siglip | Kind::Deit | Kind::ShortEdge) => both(value),
            _ => None,
        };
        let expected = match kind {
            Kind::Vit | Kind::Deit => "a number of pixels, or `height` and `width`",
            Kind::Siglip => "`height` and `width`",
            Kind::ShortEdge => "a number of pixels, `height` and `width`, or `shortest_edge`",
            Kind::ConvNext => "a number of pixels, or `shortest_edge`",
        };
        found.ok_or_else(|| unfit("size", value, expected))
    }

    fn resize(self) -> Resize {
        match self {
            Self::Both { width, height } => Resize::Stretch { width, height },
            Self::Short(edge) => Resize::ShortEdge { edge, rounding: Rounding::Down },
        }
    }
}

fn edge(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
}

/// One number for both edges, or a number for each.
fn both(value: &Value) -> Option<Size> {
    let (width, height) = match value {
        Value::Object(map) if map.len() == 2 => (edge(map.get("width")?)?, edge(map.get("height")?)?),
        _ => (edge(value)?, edge(value)?),
    };
    Some(Size::Both { width, height })
}

fn crop(value: &Value) -> Result<Crop> {
    match both(value) {
        Some(Size::Both { width, height }) => Ok(Crop { width, height, rounding: Rounding::Down }),
        _ => Err(unfit("crop_size", value, "a number of pixels, or `height` and `width`")),
    }
}
