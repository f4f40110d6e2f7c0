//! Views: other looks at an image that follow from its pixels and the recipe alone, so that their features can be kept.
//!
//! A view is a number in the cache, beside the key of the image, and means the same for ever: the list is closed,
//! and whatever is to be made in another way gets another number. Everything else that a view depends on is in the
//! recipe, and so in the cache's fingerprint.
//!
//! | number | view | |
//! |---|---|---|
//! | 0 | plain | the recipe and nothing else |
//! | 2, 4, 6, 8 | top-left, top-right, bottom-left, bottom-right | corners, as torchvision's `FiveCrop` cuts them |
//! | 10 | centre | its centre |
//! | n + 1 | flip, flip-top-left, … | view n of the image mirrored left to right, as `TenCrop` has it |
//!
//! The image is mirrored when it is upright and not yet resized, so a flipped view is, bit for bit, the plain view of a
//! file that was mirrored beforehand, whatever filter and rounding the recipe has.
//!
//! Crops are of the tensor's size and cut from the image as the recipe resizes it, if the recipe crops it smaller then:
//! Resize(256) and FiveCrop(224) for `torchvision-v1`. Where no margin is left to cut off (Keras stretches to 224x224,
//! `timm-a1-288` keeps 288 of 288), the image is resized 8/7 as large, each edge rounded to the nearest pixel: crops of
//! 224x224 from 256x256 for Keras. An image that the recipe does not resize is cropped as it is.

mod kinds;
mod set;

use std::fmt;

pub use kinds::{UnknownView, ViewKind, ViewKinds};
pub use set::Views;

use super::recipe::{Crop, Recipe, Resize, Rounding};
use super::resample::{Part, Size};
use super::resize;

/// One look at an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    /// Which part is seen.
    pub window: Window,
    /// Whether left and right are exchanged, before anything else.
    pub flipped: bool,
}

/// Which part of an image a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// What the recipe shows: all, or the crop from the middle.
    Own = 0,
    /// The crop in the upper left corner.
    TopLeft = 1,
    /// The crop in the upper right corner.
    TopRight = 2,
    /// The crop in the lower left corner.
    BottomLeft = 3,
    /// The crop in the lower right corner.
    BottomRight = 4,
    /// The crop in the middle.
    Centre = 5,
}

impl Window {
    const ALL: [Self; 6] =
        [Self::Own, Self::TopLeft, Self::TopRight, Self::BottomLeft, Self::BottomRight, Self::Centre];

    /// The part of an image of this size that is seen.
    pub(super) fn part(self, crop: Option<&Crop>, size: Size) -> Part {
        let middle = resize::part(crop, size);
        let (right, bottom) = (size.0 - middle.size.0, size.1 - middle.size.1);
        let origin = match self {
            Self::Own | Self::Centre => middle.origin,
            Self::TopLeft => (0, 0),
            Self::TopRight => (right, 0),
            Self::BottomLeft => (0, bottom),
            Self::BottomRight => (right, bottom),
        };
        Part { origin, ..middle }
    }
}

impl View {
    /// The image as the recipe has it.
    pub const PLAIN: Self = Self { window: Window::Own, flipped: false };

    /// What the cache knows it by.
    pub const fn number(self) -> u16 {
        2 * self.window as u16 + self.flipped as u16
    }

    /// The view of this number, if there is one.
    pub fn from_number(number: u16) -> Option<Self> {
        let window = *Window::ALL.get(usize::from(number / 2))?;
        Some(Self { window, flipped: number % 2 == 1 })
    }

    /// What people know it by: `plain`, `flip`, `top-left`, `flip-top-left`, and so on.
    pub fn name(self) -> &'static str {
        match (self.window, self.flipped) {
            (Window::Own, false) => "plain",
            (Window::Own, true) => "flip",
            (Window::TopLeft, false) => "top-left",
            (Window::TopLeft, true) => "flip-top-left",
            (Window::TopRight, false) => "top-right",
            (Window::TopRight, true) => "flip-top-right",
            (Window::BottomLeft, false) => "bottom-left",
            (Window::BottomLeft, true) => "flip-bottom-left",
            (Window::BottomRight, false) => "bottom-right",
            (Window::BottomRight, true) => "flip-bottom-right",
            (Window::Centre, false) => "centre",
            (Window::Centre, true) => "flip-centre",
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The recipe by which crops are cut: `recipe` itself if it leaves a margin to cut off on every edge, else the same on an
/// image 8/7 as large.
pub(super) fn crops_of(recipe: &Recipe) -> Recipe {
    let (width, height) = recipe.size();
    let (width, height) = (width as u32, height as u32);
    let wider = |edge: u32| Rounding::HalfEven.divide(u64::from(edge) * 8, 7) as u32;
    let roomy = |edge: u32, part: u32| if edge > part { edge } else { wider(part) };
    let resize = match recipe.resize {
        Resize::Stretch { width: w, height: h } => {
            Resize::Stretch { width: roomy(w, width), height: roomy(h, height) }
        }
        Resize::ShortEdge { edge, rounding } => {
            Resize::ShortEdge { edge: roomy(edge, width.max(height)), rounding }
        }
        Resize::None => Resize::None,
    };
    let crop = recipe.crop.unwrap_or(Crop { width, height, rounding: Rounding::HalfEven });
    Recipe { resize, crop: Some(crop), ..recipe.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(name: &str) -> Recipe {
        Recipe::preset(name).unwrap()
    }

    fn kinds(text: &str) -> ViewKinds {
        text.parse().unwrap()
    }

    /// These stand in caches: never change a line.
    #[test]
    fn numbers_are_for_ever() {
        let all = [
            "plain",
            "flip",
            "top-left",
            "flip-top-left",
            "top-right",
            "flip-top-right",
            "bottom-left",
            "flip-bottom-left",
            "bottom-right",
            "flip-bottom-right",
            "centre",
            "flip-centre",
        ];
        for (number, name) in all.into_iter().enumerate() {
            let view = View::from_number(number as u16).unwrap();
            assert_eq!((view.number(), view.name()), (number as u16, name));
        }
        for unknown in [12, 13, 255, u16::MAX] {
            assert_eq!(View::from_number(unknown), None);
        }
        assert_eq!(Views::ALL.len(), all.len());
    }

    #[test]
    fn kinds_are_sets_with_names() {
        assert_eq!(kinds("crop5, flip,flip").to_string(), "flip,crop5");
        assert_eq!(kinds("none"), ViewKinds::default());
        assert_eq!(kinds("none").to_string(), "none");
        for wrong in ["", "flop", "flip,,crop5", "flip,none", "FLIP"] {
            let said = wrong.parse::<ViewKinds>().unwrap_err().to_string();
            assert!(ViewKind::ALL.iter().all(|kind| said.contains(&format!("`{}`", kind.name()))), "{said}");
        }
        let json = serde_json::to_string(&kinds("crop10,flip")).unwrap();
        assert_eq!(json, r#"["flip","crop10"]"#);
        assert_eq!(
            serde_json::from_str::<ViewKinds>(r#"["crop10","flip","flip"]"#).unwrap(),
            kinds("flip,crop10")
        );
    }

    #[test]
    fn a_centre_that_is_the_plain_image_is_not_had_twice() {
        let numbers = |text: &str, recipe: &str| -> Vec<u16> {
            kinds(text).of(&preset(recipe)).iter().map(View::number).collect()
        };
        for (text, keras, torchvision) in [
            ("none", &[0][..], &[0][..]),
            ("flip", &[0, 1], &[0, 1]),
            ("crop5", &[0, 2, 4, 6, 8, 10], &[0, 2, 4, 6, 8]),
            ("crop10", &[0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            ("flip,crop5", &[0, 1, 2, 4, 6, 8, 10], &[0, 1, 2, 4, 6, 8]),
        ] {
            assert_eq!(numbers(text, "keras-resnet50"), keras, "{text}");
            assert_eq!(numbers(text, "torchvision-v1"), torchvision, "{text}");
        }
    }

    #[test]
    fn crops_come_from_a_larger_image_only_where_the_recipe_leaves_no_margin() {
        let stretched = |width, height| Resize::Stretch { width, height };
        let short = |edge| Resize::ShortEdge { edge, rounding: Rounding::Down };
        for (recipe, resize, size) in [
            (preset("keras-resnet50"), stretched(256, 256), (224, 224)),
            (preset("mlnet-resnet-v2"), stretched(342, 342), (299, 299)),
            (preset("torchvision-v1"), short(256), (224, 224)),
            (preset("torchvision-v2"), short(232), (224, 224)),
            (preset("timm-a1"), short(235), (224, 224)),
            (preset("timm-a1-288"), short(329), (288, 288)),
            (preset("ssl-transfer"), short(256), (224, 224)),
            (Recipe { resize: Resize::None, ..preset("torchvision-v1") }, Resize::None, (224, 224)),
            // A margin on one edge only.
            (
                Recipe { resize: stretched(240, 224), ..preset("torchvision-v1") },
                stretched(240, 256),
                (224, 224),
            ),
        ] {
            let crops = crops_of(&recipe);
            assert_eq!((crops.resize, crops.size()), (resize, size), "{recipe}");
            assert_eq!(crops_of(&crops), crops, "once is enough");
        }
    }

    #[test]
    fn corners_are_corners() {
        let crop = Crop { width: 4, height: 3, rounding: Rounding::HalfEven };
        let origins = Window::ALL.map(|window| window.part(Some(&crop), (10, 6)).origin);
        // Margins of 6 and 3: the halves of 3 go to the even side.
        assert_eq!(origins, [(3, 2), (0, 0), (6, 0), (0, 3), (6, 3), (3, 2)]);
    }
}
