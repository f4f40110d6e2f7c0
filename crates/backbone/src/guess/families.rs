//! What the networks of each toolkit look like once they are ONNX files.

use super::traits::{Head, Traits};

/// Networks that were trained on images prepared in the same way.
pub(super) struct Family {
    pub preset: &'static str,
    pub reasons: Vec<String>,
    pub doubts: Vec<String>,
    pub alternatives: Vec<&'static str>,
    /// Arithmetic before the first convolution is a known part of it.
    pub normalises_itself: bool,
}

impl Family {
    pub(super) fn certain(preset: &'static str, reason: impl Into<String>) -> Self {
        Self {
            preset,
            reasons: vec![reason.into()],
            doubts: vec![],
            alternatives: vec![],
            normalises_itself: false,
        }
    }

    fn doubted(mut self, doubt: impl Into<String>) -> Self {
        self.doubts.push(doubt.into());
        self
    }

    fn or(mut self, alternatives: &[&'static str]) -> Self {
        self.alternatives = alternatives.to_vec();
        self
    }

    /// A head of its own says that somebody trained further, and may have prepared images in another way.
    fn if_untouched(self, traits: &Traits<'_>) -> Self {
        match traits.head {
            Head::Classes(1000) | Head::None => self,
            Head::Classes(classes) => self.doubted(format!(
                "it has {classes} classes, not ImageNet's 1000, so it was trained further, perhaps with other preprocessing"
            )),
            Head::Uncounted => self.doubted("nothing shows that its classes are ImageNet's"),
        }
    }
}

/// The first family that `traits` fit; the more telling looks come first.
pub(super) fn family(traits: &Traits<'_>) -> Option<Family> {
    [zoo, keras, hugging_face, timm, torchvision, pytorch].iter().find_map(|fits| fits(traits))
}

/// What layers are called in the zoo's ResNets of 18 to 152 layers: MXNet numbers networks as they are made.
const ZOO: [&str; 10] = [
    "resnetv15_",
    "resnetv16_",
    "resnetv17_",
    "resnetv18_",
    "resnetv19_",
    "resnetv22_",
    "resnetv23_",
    "resnetv24_",
    "resnetv25_",
    "resnetv27_",
];

fn zoo(traits: &Traits<'_>) -> Option<Family> {
    let prefix = ZOO.into_iter().find(|prefix| traits.mentions(prefix))?;
    if traits.input != "data" {
        return None;
    }
    let reason = format!("its layers are called `{prefix}…` and its input `data`, as in the ONNX model zoo");
    let family = Family { normalises_itself: true, ..Family::certain("onnx-zoo", reason) };
    Some(family.if_untouched(traits))
}

/// Layers of `keras.applications`, and the preset of each.
const KERAS: [(&str, &str, &str); 6] = [
    // The V2 networks have the second of these too, so theirs comes first. (DenseNet has blocks of two convolutions.)
    ("conv5_block3_preact_bn", "keras-tf", "ResNet V2"),
    ("conv5_block3_3_conv", "keras-resnet50", "ResNet"),
    // As they were called before 2019; Caffe has such names too, but nothing behind a slash.
    ("bn5c_branch2c/", "keras-resnet50", "ResNet"),
    ("block5_conv3", "keras-resnet50", "VGG"),
    ("block_16_project", "keras-tf", "MobileNetV2"),
    ("conv_pw_13", "keras-tf", "MobileNet"),
];

fn keras(traits: &Traits<'_>) -> Option<Family> {
    let (layer, preset, network) = *KERAS.iter().find(|(layer, ..)| traits.mentions(layer))?;
    let reason = format!("it has a layer `{layer}`, as Keras' {network} has");
    let family = Family::certain(preset, reason).if_untouched(traits);
    Some(match traits.head {
        Head::None => {
            family.doubted("it has no classifier, so nothing shows that these are Keras' own weights")
        }
        _ => family,
    })
}

fn hugging_face(traits: &Traits<'_>) -> Option<Family> {
    let told = traits.mentions("transformers.models.resnet.");
    let named = traits.input == "pixel_values"
        && (traits.mentions("/encoder/stages.3/layers.0/") || traits.mentions("encoder.stages.3.layers.0."));
    if !told && !named {
        return None;
    }
    let reason = if traits.has_output("pooler_output") || traits.has_output("last_hidden_state") {
        "input, outputs and layers are called as in Hugging Face's ResNet without a classifier"
    } else {
        "input and layers are called as in Hugging Face's ResNet"
    };
    Some(Family::certain("hf-resnet50", reason).if_untouched(traits))
}

fn timm(traits: &Traits<'_>) -> Option<Family> {
    let told = traits.mentions("timm.models.resnet.");
    let named = traits.mentions("/global_pool/pool/") && traits.mentions("/layer4/");
    (told || named).then(|| {
        Family::certain("timm-a1", "its layers are called as in timm's ResNet")
            .doubted("timm has several sets of weights for it, with different preprocessing, and the file does not say which")
            .or(&["timm-tv", "torchvision-v1"])
            .if_untouched(traits)
    })
}

fn torchvision(traits: &Traits<'_>) -> Option<Family> {
    let told = traits.mentions("torchvision.models.");
    let named = traits.mentions("/layer4/") && traits.mentions("/avgpool/");
    (told || named).then(|| {
        Family::certain("torchvision-v1", "its layers are called as in torchvision's ResNet")
            .doubted("torchvision has two sets of weights for it and the file does not say which")
            .or(&["torchvision-v2"])
            .if_untouched(traits)
    })
}

/// Anything else out of PyTorch that has channels first: most of it expects ImageNet's mean and standard deviation.
fn pytorch(traits: &Traits<'_>) -> Option<Family> {
    let channels_first = traits.layout == Some(headstart_image::recipe::Layout::Nchw);
    (traits.producer == "pytorch" && channels_first).then(|| {
        Family::certain("torchvision-v1", "it was written by PyTorch")
            .doubted("the file does not say which weights these are")
            .or(&["torchvision-v2", "timm-a1", "hf-resnet50"])
    })
}
