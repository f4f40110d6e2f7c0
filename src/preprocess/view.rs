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

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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
    TopLeft = 1,
    TopRight = 2,
    BottomLeft = 3,
    BottomRight = 4,
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

/// Views that are asked for together, beside the plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewKind {
    /// The image mirrored.
    Flip,
    /// Four corners and the centre.
    Crop5,
    /// The same of the mirrored image too.
    Crop10,
}

impl ViewKind {
    /// Every one there is.
    pub const ALL: [Self; 3] = [Self::Flip, Self::Crop5, Self::Crop10];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Crop5 => "crop5",
            Self::Crop10 => "crop10",
        }
    }

    fn has(self, view: View) -> bool {
        match self {
            Self::Flip => view.window == Window::Own && view.flipped,
            Self::Crop5 => view.window != Window::Own && !view.flipped,
            Self::Crop10 => view.window != Window::Own,
        }
    }
}

impl FromStr for ViewKind {
    type Err = UnknownView;

    fn from_str(name: &str) -> Result<Self, UnknownView> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| UnknownView { name: name.to_owned() })
    }
}

/// A word that names no views.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are no views `{name}`; there are `flip`, `crop5`, `crop10`, and `none` for the plain image alone"
)]
pub struct UnknownView {
    name: String,
}

/// What was asked for beside the plain image: in order, each once. None by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<ViewKind>", into = "Vec<ViewKind>")]
pub struct ViewKinds(Vec<ViewKind>);

impl ViewKinds {
    /// Whether there is nothing but the plain image.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The views that this means for images prepared by `recipe`, the plain one among them.
    ///
    /// Where the centre crop is what the recipe shows anyway, it is not among them a second time: with `crop10` there are
    /// ten views then, as in `TenCrop`, and eleven for Keras' recipe.
    pub fn of(&self, recipe: &Recipe) -> Views {
        let twice = crops_of(recipe) == *recipe;
        let asked = |view: View| self.0.iter().any(|kind| kind.has(view));
        let same = |view: View| match view.window {
            Window::Centre if twice => View { window: Window::Own, ..view },
            _ => view,
        };
        Views::ALL.iter().filter(|&view| asked(view)).map(same).chain([View::PLAIN]).collect()
    }
}

impl From<Vec<ViewKind>> for ViewKinds {
    fn from(mut kinds: Vec<ViewKind>) -> Self {
        kinds.sort_unstable();
        kinds.dedup();
        Self(kinds)
    }
}

impl From<ViewKinds> for Vec<ViewKind> {
    fn from(kinds: ViewKinds) -> Self {
        kinds.0
    }
}

/// `flip,crop5`, or `none`.
impl FromStr for ViewKinds {
    type Err = UnknownView;

    fn from_str(text: &str) -> Result<Self, UnknownView> {
        if text == "none" {
            return Ok(Self::default());
        }
        text.split(',').map(|name| name.trim().parse()).collect::<Result<Vec<_>, _>>().map(Self::from)
    }
}

impl fmt::Display for ViewKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("none"),
            kinds => f.write_str(&kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")),
        }
    }
}

/// A set of views, in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Views {
    /// Bit `n` for the view of number `n`.
    bits: u16,
}

impl Views {
    /// The plain image alone.
    pub const PLAIN: Self = Self { bits: 1 };
    const ALL: Self = Self { bits: (1 << (2 * Window::ALL.len())) - 1 };

    pub fn len(self) -> usize {
        self.bits.count_ones() as usize
    }

    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    pub fn contains(self, view: View) -> bool {
        self.bits & (1 << view.number()) != 0
    }

    /// In the order of their numbers, the plain one first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = View> {
        (0..u16::BITS as u16)
            .filter(move |number| self.bits & (1 << number) != 0)
            .filter_map(View::from_number)
    }
}

impl FromIterator<View> for Views {
    fn from_iter<I: IntoIterator<Item = View>>(views: I) -> Self {
        Self { bits: views.into_iter().fold(0, |bits, view| bits | (1 << view.number())) }
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(View::name)).finish()
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
