//! Views by the names of their kinds, as they are asked for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::recipe::Recipe;
use super::{View, Views, Window, crops_of};

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
#[error("unknown view `{name}`: expected `flip`, `crop5`, `crop10`, or `none` for the plain image alone")]
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
