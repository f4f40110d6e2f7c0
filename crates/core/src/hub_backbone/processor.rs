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

/// Fields that change no pixel of an image in RGB.
const NAMES: [&str; 6] = [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "_valid_processor_keys",
    "return_tensors",
    "data_format",
];

/// What a size of one number means, which depends on the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Both edges.
    Square,
    /// The shorter edge.
    ShortEdge,
    /// The shorter edge, of which a part is cropped: `crop_pct`.
    ConvNext,
}

/// The processors whose steps are those of a recipe.
const KINDS: [(&str, Kind); 6] = [
    ("BitImageProcessor", Kind::ShortEdge),
    ("CLIPImageProcessor", Kind::ShortEdge),
    ("ConvNextImageProcessor", Kind::ConvNext),
    ("DeiTImageProcessor", Kind::Square),
    ("SiglipImageProcessor", Kind::Square),
    ("ViTImageProcessor", Kind::Square),
];

/// The recipe that the file says.
pub(super) fn recipe(config: &Map<String, Value>) -> Result<Recipe> {
    let mut fields = Fields(config.clone());
    let kind = fields.kind()?;
    for name in NAMES {
        fields.0.remove(name);
    }
    // All images here are RGB.
    fields.flag("do_convert_rgb", true)?;
    let (resize, crop) = fields.sizes(kind)?;
    let filter = fields.filter()?;
    let divisor = fields.divisor()?;
    let is_normalised = fields.flag("do_normalize", true)?;
    let (mean, std) = (fields.channels("image_mean")?, fields.channels("image_std")?);
    let expected = "three numbers, for `do_normalize` is on";
    let needed =
        |field: &str, value: Option<[f64; 3]>| value.ok_or_else(|| unfit(field, &Value::Null, expected));
    let (mean, std) = match is_normalised {
        true => (needed("image_mean", mean)?, needed("image_std", std)?),
        false => ([0.0; 3], [1.0; 3]),
    };
    if let Some((field, value)) = fields.0.iter().next() {
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

    fn flag(&mut self, field: &str, default: bool) -> Result<bool> {
        let value = self.take(field);
        value
            .map_or(Ok(default), |value| value.as_bool().ok_or_else(|| unfit(field, &value, "true or false")))
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
                value.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect());
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
        Ok(if self.flag("do_rescale", true)? { divisor } else { 1.0 })
    }

    fn sizes(&mut self, kind: Kind) -> Result<(Resize, Option<Crop>)> {
        let is_resized = self.flag("do_resize", true)?;
        let is_cropped = self.flag("do_center_crop", self.0.contains_key("crop_size"))?;
        let pct = self.number("crop_pct")?;
        let (size, crop_size) = (self.take("size"), self.take("crop_size"));
        if let Some(pct) = pct.filter(|_| kind != Kind::ConvNext) {
            return Err(unfit("crop_pct", &pct.into(), "none: this processor has no such field"));
        }
        let given = size.clone().unwrap_or_default();
        let size = size.map(|size| Size::of("size", &size, kind)).transpose()?;
        let crop = match crop_size.filter(|_| is_cropped) {
            Some(crop) => Some(Size::of("crop_size", &crop, Kind::Square)?.crop(&crop)?),
            None if is_cropped => {
                return Err(unfit("crop_size", &Value::Null, "a size, for `do_center_crop` is on"));
            }
            None => None,
        };
        let resize = match (is_resized, size) {
            (false, _) => Resize::None,
            (true, Some(Size::Short(edge))) if kind == Kind::ConvNext => return convnext(edge, pct, crop),
            (true, Some(size)) => size.resize(),
            (true, None) => return Err(unfit("size", &given, "a size, for `do_resize` is on")),
        };
        match (resize, crop) {
            (Resize::ShortEdge { .. } | Resize::None, None) => Err(unfit(
                "do_center_crop",
                &false.into(),
                "true: images of any shape do not fit the network",
            )),
            (Resize::ShortEdge { edge, .. }, Some(crop)) if crop.width.max(crop.height) > edge => {
                Err(unfit("crop_size", &crop.width.max(crop.height).into(), "no more than the size"))
            }
            sizes => Ok(sizes),
        }
    }
}

/// ConvNeXt's: below 384 a part is cropped, and from there on the image is stretched.
fn convnext(edge: u32, pct: Option<f64>, crop: Option<Crop>) -> Result<(Resize, Option<Crop>)> {
    if crop.is_some() {
        return Err(unfit("crop_size", &true.into(), "none: this processor crops by `crop_pct`"));
    }
    if edge >= 384 {
        return Ok((Resize::Stretch { width: edge, height: edge }, None));
    }
    let pct = pct.unwrap_or(224.0 / 256.0);
    // As Python's `int` rounds.
    let short = (f64::from(edge) / pct) as u32;
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
    fn of(field: &str, value: &Value, kind: Kind) -> Result<Self> {
        let edge = |value: Option<&Value>| {
            value.and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
        };
        let found = match value {
            Value::Number(_) => edge(Some(value)).map(|edge| match kind {
                Kind::Square => Self::Both { width: edge, height: edge },
                Kind::ShortEdge | Kind::ConvNext => Self::Short(edge),
            }),
            Value::Object(map) if map.len() == 1 => edge(map.get("shortest_edge")).map(Self::Short),
            Value::Object(map) if map.len() == 2 => edge(map.get("width"))
                .zip(edge(map.get("height")))
                .map(|(width, height)| Self::Both { width, height }),
            _ => None,
        };
        found.ok_or_else(|| {
            unfit(field, value, "a number of pixels, `height` and `width`, or `shortest_edge`")
        })
    }

    fn resize(self) -> Resize {
        match self {
            Self::Both { width, height } => Resize::Stretch { width, height },
            Self::Short(edge) => Resize::ShortEdge { edge, rounding: Rounding::Down },
        }
    }

    fn crop(self, value: &Value) -> Result<Crop> {
        match self {
            Self::Both { width, height } => Ok(Crop { width, height, rounding: Rounding::Down }),
            Self::Short(_) => Err(unfit("crop_size", value, "`height` and `width`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(config: Value) -> Result<Recipe> {
        recipe(config.as_object().unwrap())
    }

    /// As `facebook/dinov2-small` has it.
    fn dinov2() -> Value {
        json!({
            "crop_size": { "height": 224, "width": 224 }, "do_center_crop": true, "do_convert_rgb": true,
            "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.485, 0.456, 0.406],
            "image_processor_type": "BitImageProcessor", "image_std": [0.229, 0.224, 0.225], "resample": 3,
            "rescale_factor": 0.00392156862745098, "size": { "shortest_edge": 256 }
        })
    }

    fn with(field: &str, value: Value) -> Result<Recipe> {
        let mut config = dinov2();
        config[field] = value;
        of(config)
    }

    #[test]
    fn dinov2_is_prepared_as_a_resnet_of_the_same_library() {
        assert_eq!(of(dinov2()).unwrap(), Recipe::preset("hf-resnet50").unwrap());
    }

    #[test]
    fn one_number_means_what_the_processor_takes_it_for() {
        let size = |kind: &str| {
            let mean = [0.5, 0.5, 0.5];
            of(
                json!({ "feature_extractor_type": kind, "size": 224, "crop_size": 224, "resample": 2, "image_mean": mean, "image_std": mean }),
            )
        };
        assert_eq!(size("ViTFeatureExtractor").unwrap().resize, Resize::Stretch { width: 224, height: 224 });
        let short = Resize::ShortEdge { edge: 224, rounding: Rounding::Down };
        assert_eq!(size("CLIPFeatureExtractor").unwrap().resize, short);
        let siglip = of(json!({
            "image_processor_type": "SiglipImageProcessor", "processor_class": "SiglipProcessor", "size": { "height": 256, "width": 224 },
            "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_convert_rgb": null,
        }))
        .unwrap();
        assert_eq!((siglip.resize, siglip.crop), (Resize::Stretch { width: 224, height: 256 }, None));
        assert_eq!((siglip.filter, siglip.divisor, siglip.mean), (Filter::Bicubic, 255.0, [0.5; 3]));
    }

    #[test]
    fn convnext_crops_a_part_and_stretches_large_sizes() {
        let of = |edge: u32| {
            of(json!({
                "image_processor_type": "ConvNextImageProcessor", "size": { "shortest_edge": edge }, "crop_pct": 0.875, "resample": 3,
                "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]
            }))
            .unwrap()
        };
        assert_eq!(of(224), Recipe::preset("hf-resnet50").unwrap());
        assert_eq!((of(384).resize, of(384).crop), (Resize::Stretch { width: 384, height: 384 }, None));
    }

    #[test]
    fn steps_that_are_off_are_not_taken() {
        let plain = with("do_normalize", false.into()).unwrap();
        assert_eq!((plain.mean, plain.std, plain.divisor), ([0.0; 3], [1.0; 3], 255.0));
        assert_eq!(with("do_rescale", false.into()).unwrap().divisor, 1.0);
        assert_eq!(with("do_resize", false.into()).unwrap().resize, Resize::None);
        assert_eq!(with("rescale_factor", json!(0.5)).unwrap().divisor, 2.0);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (field, value) in [
            ("do_pad", json!(true)),
            ("rescale_offset", json!(true)),
            ("image_processor_type", json!("EfficientNetImageProcessor")),
            ("image_processor_type", json!(null)),
            ("resample", json!(5)),
            ("resample", json!(null)),
            ("image_mean", json!([0.5])),
            ("image_std", json!(null)),
            ("size", json!({ "longest_edge": 256 })),
            ("size", json!({ "shortest_edge": 256, "longest_edge": 512 })),
            ("size", json!(0)),
            ("crop_size", json!(257)),
            ("crop_size", json!({ "shortest_edge": 224 })),
            ("do_center_crop", json!(false)),
            ("do_center_crop", json!("yes")),
            ("crop_pct", json!(0.9)),
            ("rescale_factor", json!(0)),
        ] {
            let error = with(field, value.clone()).unwrap_err();
            assert!(
                matches!(&error, Error::Field { field: named, .. } if named == field),
                "{field} {value}: {error}"
            );
        }
    }
}
