//! Which recipe a foreign file was trained with, as far as the file tells.
//!
//! A wrong recipe is never an error: it gives features that look plausible and are worse. So a guess says why it was
//! made and what speaks against it, and only one that nothing speaks against may be used without asking.

mod families;
mod traits;

use std::fmt;

use serde::Serialize;

use super::{metadata, zoo};
use crate::onnx::Model;
use crate::preprocess::Recipe;
use crate::preprocess::recipe::Resize;
use families::{Family, family};
use traits::Traits;

/// A recipe that a file seems to want.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guess {
    /// The name of the preset that it began with.
    pub preset: &'static str,
    /// The preset, with the layout of the graph and, where the preset prescribes none, its size.
    pub recipe: Recipe,
    /// What speaks for it, a clause each.
    pub reasons: Vec<String>,
    /// What speaks against it, a clause each.
    pub doubts: Vec<String>,
    /// Presets that the file's look does not rule out either.
    pub alternatives: Vec<&'static str>,
}

impl Guess {
    /// Whether it may be used without asking.
    pub fn is_certain(&self) -> bool {
        self.doubts.is_empty()
    }
}

/// Say which recipe `model` was trained with; `file` are the bytes that it was decoded from.
///
/// None if nothing about it is known, or if it takes no image.
pub fn recipe(model: &Model, file: &[u8]) -> Option<Guess> {
    let traits = Traits::of(model)?;
    if let Some((name, preset)) = zoo::lookup(file).and_then(|file| Some((file.name, file.preset?))) {
        let reason = format!("it is the file `{name}` of the ONNX model zoo, by its SHA-256");
        return Some(guess(&traits, Family::certain(preset, reason)));
    }
    let mut family = family(&traits)?;
    if let Some(operators) = &traits.before_first_convolution
        && !family.normalises_itself
    {
        let doubt = format!(
            "the graph calculates with the pixels itself ({operators}) before its first convolution, so part of the \
             preprocessing may be inside"
        );
        family.doubts.push(doubt);
    }
    let mut guess = guess(&traits, family);
    // A file that was cut no longer shows what was behind the cut.
    let mut doubts = metadata::recipe_doubts(model);
    doubts.retain(|doubt| !guess.doubts.contains(doubt));
    guess.doubts.extend(doubts);
    Some(guess)
}

/// Fit a family's preset to the graph's input.
fn guess(traits: &Traits<'_>, family: Family) -> Guess {
    let Family { mut preset, mut reasons, mut doubts, alternatives, .. } = family;
    if preset == "timm-a1" && traits.size == Some((288, 288)) {
        preset = "timm-a1-288";
    }
    let mut recipe = Recipe::preset(preset).expect("families name presets that exist");
    if let Some(layout) = traits.layout {
        recipe.layout = layout;
    }
    let made = recipe.size();
    if let Some((width, height)) = traits.size.filter(|&(w, h)| (w as usize, h as usize) != made) {
        if let (Resize::Stretch { .. }, None) = (recipe.resize, recipe.crop) {
            recipe.resize = Resize::Stretch { width, height };
            reasons.push(format!("its input is {width}x{height} pixels"));
        } else {
            doubts.push(format!(
                "its input is {width}x{height} pixels, `{preset}` makes {}x{}",
                made.0, made.1
            ));
        }
    }
    Guess { preset, recipe, reasons, doubts, alternatives }
}

/// `` `torchvision-v1`: its layers are called as in torchvision; but … ``
impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.preset, self.reasons.join(", and "))?;
        if !self.doubts.is_empty() {
            write!(f, "; but {}", self.doubts.join(", and "))?;
        }
        let alternatives: Vec<String> = self.alternatives.iter().map(|name| format!("`{name}`")).collect();
        match alternatives.as_slice() {
            [] => Ok(()),
            names => write!(f, "; it could also be {}", names.join(" or ")),
        }
    }
}

#[cfg(test)]
mod tests;
