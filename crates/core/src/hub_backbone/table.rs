//! Backbones with short names.

/// A backbone that a short name stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// What is typed.
    pub name: &'static str,
    /// The repository of a model hub; `None` for those that the project makes of packages, or brings along.
    pub repository: Option<&'static str>,
    /// Megabytes in fp32.
    pub megabytes: f64,
    /// Features for each image.
    pub features: usize,
    /// Billions of multiplications and additions for each image.
    pub gmac: f64,
    /// Under which licence its authors give the weights.
    pub licence: &'static str,
}

/// All of them, the fastest first.
///
/// Sources: sizes and features of the files themselves where they are here, else of the published models; GMAC of ResNet-50, and of
/// DINOv2 at 224 pixels, from the papers' repositories; EfficientNet-Lite0's from its authors' table.
pub const KNOWN: &[Known] = &[
    Known {
        name: "efficientnet-lite0",
        repository: None,
        megabytes: 13.6,
        features: 1280,
        gmac: 0.4,
        licence: "Apache-2.0",
    },
    Known { name: "resnet50", repository: None, megabytes: 94.1, features: 2048, gmac: 4.1, licence: "MIT" },
    Known {
        name: "dinov2-small",
        repository: Some("onnx-community/dinov2-small"),
        megabytes: 88.5,
        features: 384,
        gmac: 5.5,
        licence: "Apache-2.0",
    },
];

impl Known {
    /// The one of this name.
    pub fn of(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_word_and_stands_for_one_thing() {
        for (number, known) in KNOWN.iter().enumerate() {
            assert!(
                !known.name.contains(['/', '.', '@']) && Known::of(known.name) == Some(&KNOWN[number]),
                "{}",
                known.name
            );
            assert!(KNOWN[..number].iter().all(|other| other.gmac <= known.gmac), "{}", known.name);
        }
    }
}
