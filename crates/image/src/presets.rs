//! Recipes by name: one for each well-known source of weights, and three for graphs that prepare images themselves.

use super::Error;
use super::recipe::{Alpha, Channels, Crop, Decode, Exif, Filter, Layout, Recipe, Resize, Rounding};

/// A recipe with a name.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// What it is called, in settings and in backbone files.
    pub name: &'static str,
    /// Whose weights it belongs to.
    pub about: &'static str,
    /// Whether its size is no more than the usual one: the graph's own goes, where it has one.
    pub any_size: bool,
    build: fn() -> Recipe,
}

impl Preset {
    /// The recipe itself.
    pub fn recipe(&self) -> Recipe {
        (self.build)()
    }
}

/// Mean and standard deviation of ImageNet's training images scaled to 0–1, red first.
const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

const PRESETS: &[Preset] = &[
    Preset {
        name: "keras-resnet50",
        about: "Keras ResNet50, 101, 152 and VGG: images stretched with antialiasing",
        any_size: true,
        build: || keras_caffe(Filter::Bilinear),
    },
    Preset {
        name: "keras-resnet50-nearest",
        about: "the same with the default filter of Keras' load_img, which aliases",
        any_size: true,
        build: || keras_caffe(Filter::Nearest),
    },
    Preset {
        name: "keras-tf",
        about: "Keras ResNet50V2, 101V2, 152V2, MobileNet and MobileNetV2: -1 to 1",
        any_size: true,
        build: || Recipe {
            channels: Channels::Rgb,
            divisor: 127.5,
            mean: [1.0; 3],
            ..keras_caffe(Filter::Bilinear)
        },
    },
    Preset {
        name: "torchvision-v1",
        about: "torchvision ResNet weights IMAGENET1K_V1 (pretrained=True was V1)",
        any_size: false,
        build: || imagenet(256, Filter::Bilinear),
    },
    Preset {
        name: "torchvision-v2",
        about: "torchvision ResNet weights IMAGENET1K_V2 (DEFAULT)",
        any_size: false,
        build: || imagenet(232, Filter::Bilinear),
    },
    Preset {
        name: "timm-a1",
        about: "timm resnet50.a1_in1k, its default tag, at 224 with crop_pct 0.95",
        any_size: false,
        build: || imagenet(235, Filter::Bicubic),
    },
    Preset {
        name: "timm-a1-288",
        about: "timm resnet50.a1_in1k at its test size, 288 with crop_pct 1",
        any_size: false,
        build: || Recipe { crop: centre(288), ..imagenet(288, Filter::Bicubic) },
    },
    Preset {
        name: "timm-tv",
        about: "timm resnet50.tv_in1k",
        any_size: false,
        build: || imagenet(256, Filter::Bilinear),
    },
    Preset {
        name: "hf-resnet50",
        about: "Hugging Face microsoft/resnet-50 and exports of it",
        any_size: false,
        build: || centred_down(imagenet(256, Filter::Bicubic)),
    },
    Preset {
        name: "onnx-zoo",
        about: "ONNX model zoo resnet50-v1-7, v1-12 and v2-7",
        any_size: false,
        build: || centred_down(imagenet(256, Filter::Bilinear)),
    },
    Preset {
        name: "mlnet-resnet-v2",
        about: "ML.NET's ResNet V2 50 and 101 and Inception V3: 0 to 1, stretched with TensorFlow 1's bilinear",
        any_size: false,
        build: mlnet,
    },
    Preset {
        name: "turicreate-resnet50",
        about: "Turi Create's ResNet-50, which takes 0 to 255, stretched to the nearest pixels",
        any_size: false,
        build: || Recipe {
            filter: Filter::NearestCorners,
            mean: [0.0; 3],
            channels: Channels::Rgb,
            ..keras_caffe(Filter::Nearest)
        },
    },
    Preset {
        name: "efficientnet-lite0",
        about: "EfficientNet-Lite0 as its authors trained it in TensorFlow: -1 to 1",
        any_size: false,
        build: || Recipe {
            divisor: 1.0,
            mean: [127.0; 3],
            std: [128.0; 3],
            ..imagenet(256, Filter::Bicubic)
        },
    },
    Preset {
        name: "ssl-transfer",
        about: "the transfer benchmark of Ericsson et al. 2021",
        any_size: false,
        build: || imagenet(224, Filter::Bicubic),
    },
    Preset {
        name: "raw",
        about: "graphs that prepare images themselves: bytes, 0 to 255 as they are, stretched to the graph's size",
        any_size: true,
        build: || raw(1.0, 0.0),
    },
    Preset {
        name: "raw-signed",
        about: "the same for signed bytes: -128 to 127",
        any_size: true,
        build: || raw(1.0, 128.0),
    },
    Preset {
        name: "raw-unit",
        about: "the same for floats: 0 to 1",
        any_size: true,
        build: || raw(255.0, 0.0),
    },
];

impl Recipe {
    /// The recipe called `name`.
    ///
    /// # Errors
    /// [`Error::UnknownPreset`] with the names there are.
    pub fn preset(name: &str) -> Result<Self, Error> {
        let found = PRESETS.iter().find(|preset| preset.name == name);
        found.map(Preset::recipe).ok_or_else(|| Error::UnknownPreset { name: name.to_owned() })
    }

    /// This recipe for a graph that takes images of `width` by `height` pixels and no others: of a preset that prescribes no size
    /// the graph's own is taken, every other recipe stays as it is.
    #[must_use]
    pub fn sized(&self, width: u32, height: u32) -> Self {
        let is =
            |preset: &Preset| preset.any_size && Self { layout: self.layout, ..preset.recipe() } == *self;
        let any_size = PRESETS.iter().any(is);
        let resize = if any_size { Resize::Stretch { width, height } } else { self.resize };
        Self { resize, ..self.clone() }
    }

    /// All recipes that have a name, in the order for a listing.
    pub fn presets() -> &'static [Preset] {
        PRESETS
    }
}

/// Caffe's habit: blue first, 0–255, minus the mean colour; no scaling.
///
/// Source: `preprocess_input` of Keras `applications/imagenet_utils.py`, mode `caffe`.
fn keras_caffe(filter: Filter) -> Recipe {
    Recipe {
        decoder: None,
        decode: Decode::Full,
        exif: Exif::Apply,
        alpha: Alpha::OverWhite,
        resize: Resize::Stretch { width: 224, height: 224 },
        filter,
        crop: None,
        divisor: 1.0,
        mean: [103.939, 116.779, 123.68],
        std: [1.0; 3],
        channels: Channels::Bgr,
        layout: Layout::Nhwc,
    }
}

/// Nothing but another size, and at most another range.
fn raw(divisor: f64, mean: f64) -> Recipe {
    Recipe { divisor, mean: [mean; 3], channels: Channels::Rgb, ..keras_caffe(Filter::Bilinear) }
}

/// The PyTorch world's habit: short edge, 224 from the centre, ImageNet's mean and standard deviation.
///
/// Source: torchvision `transforms/_presets.py`, `ImageClassification`.
fn imagenet(edge: u32, filter: Filter) -> Recipe {
    Recipe {
        decoder: None,
        decode: Decode::Full,
        exif: Exif::Apply,
        alpha: Alpha::OverWhite,
        resize: Resize::ShortEdge { edge, rounding: Rounding::Down },
        filter,
        crop: centre(224),
        divisor: 255.0,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        channels: Channels::Rgb,
        layout: Layout::Nchw,
    }
}

/// Source: ML.NET `ImageClassificationTrainer.cs`, `AddJpegDecoding` and `ImagePreprocessingSize`.
fn mlnet() -> Recipe {
    Recipe {
        resize: Resize::Stretch { width: 299, height: 299 },
        divisor: 255.0,
        mean: [0.0; 3],
        channels: Channels::Rgb,
        ..keras_caffe(Filter::BilinearTf1)
    }
}

fn centre(edge: u32) -> Option<Crop> {
    Some(Crop { width: edge, height: edge, rounding: Rounding::HalfEven })
}

/// Hugging Face and MXNet halve the margin with integer division.
fn centred_down(mut recipe: Recipe) -> Recipe {
    recipe.crop = recipe.crop.map(|crop| Crop { rounding: Rounding::Down, ..crop });
    recipe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (i, preset) in PRESETS.iter().enumerate() {
            assert!(PRESETS[..i].iter().all(|other| other.name != preset.name), "{} twice", preset.name);
            assert_eq!(Recipe::preset(preset.name).unwrap(), preset.recipe());
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = Recipe::preset("resnet").unwrap_err().to_string();
        assert!(message.contains("`resnet`") && message.contains("torchvision-v1"), "{message}");
    }

    /// Nobody runs MXNet and Turi Create for golden files, so here is again what their sources say.
    #[test]
    fn presets_without_a_reference_are_as_their_sources_say() {
        let preset = |name| Recipe::preset(name).unwrap();
        let crop = Crop { width: 224, height: 224, rounding: Rounding::Down };
        assert_eq!(preset("onnx-zoo"), Recipe { crop: Some(crop), ..preset("torchvision-v1") });
        let turi = preset("turicreate-resnet50");
        assert_eq!(turi.resize, Resize::Stretch { width: 224, height: 224 });
        assert_eq!((turi.filter, turi.crop), (Filter::NearestCorners, None));
        assert_eq!((turi.channels, turi.layout), (Channels::Rgb, Layout::Nhwc));
        assert_eq!((turi.divisor, turi.mean, turi.std), (1.0, [0.0; 3], [1.0; 3]));
    }

    /// Numbers from -128 to 127 are made of whole ones, so that signed bytes hold them.
    #[test]
    fn raw_bytes_stay_what_they_are() {
        let ends = |name: &str| {
            let numbers: Vec<f32> = Recipe::preset(name).unwrap().numbers().next().unwrap().collect();
            assert_eq!(numbers.len(), 256);
            (numbers[0], numbers[51], numbers[255])
        };
        assert_eq!(ends("raw"), (0.0, 51.0, 255.0));
        assert_eq!(ends("raw-signed"), (-128.0, -77.0, 127.0));
        assert_eq!(ends("raw-unit"), (0.0, 0.2, 1.0));
    }

    #[test]
    fn only_what_prescribes_no_size_takes_another() {
        let of = |recipe: Recipe| recipe.sized(64, 32).size();
        assert_eq!(of(Recipe::preset("raw").unwrap()), (64, 32));
        let last = Recipe { layout: Layout::Nchw, ..Recipe::preset("keras-tf").unwrap() };
        assert_eq!(of(last.clone()), (64, 32));
        assert_eq!(of(Recipe::preset("torchvision-v1").unwrap()), (224, 224));
        let own = Recipe { resize: Resize::Stretch { width: 100, height: 100 }, ..last };
        assert_eq!(of(own), (100, 100), "whoever writes a size means it");
    }

    /// The references do neither, so no golden file tells.
    #[test]
    fn photos_come_upright_and_transparency_over_white() {
        for preset in PRESETS {
            let recipe = preset.recipe();
            assert_eq!((recipe.exif, recipe.alpha), (Exif::Apply, Alpha::OverWhite), "{}", preset.name);
        }
    }
}
