//! Which recipe a foreign file was trained with, as far as the file tells.
//!
//! A wrong recipe is never an error: it gives features that look plausible and are worse. So a guess says why it was
//! made and what speaks against it, and only one that nothing speaks against may be used without asking.

mod families;
mod traits;

use std::fmt;

use serde::Serialize;

use super::{metadata, zoo};
use families::{Family, family};
use headstart_image::Recipe;
use headstart_onnx::Model;
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
    /// Width and height of the images that the graph takes, where it takes no others.
    #[serde(skip)]
    pub size: Option<(u32, u32)>,
}

impl Guess {
    /// Whether it may be used without asking.
    pub fn is_certain(&self) -> bool {
        self.doubts.is_empty()
    }

    /// The preset and its alternatives, as far as they make images of the graph's size.
    pub fn fitting(&self) -> Vec<&'static str> {
        let fits = |name: &&str| {
            let Some((width, height)) = self.size else { return true };
            let made = Recipe::preset(name).map(|recipe| recipe.sized(width, height).size());
            made.is_ok_and(|made| made == (width as usize, height as usize))
        };
        [self.preset].into_iter().chain(self.alternatives.iter().copied()).filter(fits).collect()
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
    let family = family(&traits);
    let known = family.as_ref().is_some_and(|family| family.normalises_itself);
    let mut guess = match (raw(&traits).filter(|_| !known), family) {
        (Some(raw), _) => guess(&traits, raw),
        (None, family) => guess(&traits, with_arithmetic(&traits, family?)),
    };
    // A file that was cut no longer shows what was behind the cut.
    let mut doubts = metadata::recipe_doubts(model);
    doubts.retain(|doubt| !guess.doubts.contains(doubt));
    guess.doubts.extend(doubts);
    Some(guess)
}

/// A graph that prepares images itself, whoever made it: what is left to do is to bring them to its size.
fn raw(traits: &Traits<'_>) -> Option<Family> {
    let preset = traits.pixels.preset()?;
    let mut family = Family::certain(preset, traits.pixels.reason());
    family.doubts.push(
        "the file does not say how images were resized for it, nor whether the colours are RGB or BGR"
            .to_owned(),
    );
    Some(family)
}

/// Arithmetic that cannot be followed is a doubt.
fn with_arithmetic(traits: &Traits<'_>, mut family: Family) -> Family {
    if !traits.pixels.operators.is_empty() && !family.normalises_itself {
        let operators: Vec<String> =
            traits.pixels.operators.iter().map(|operator| format!("`{operator}`")).collect();
        family.doubts.push(format!(
            "the graph changes the pixels ({}) before its first convolution, so part of the preprocessing may be \
             inside",
            operators.join(", ")
        ));
    }
    family
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
        recipe = recipe.sized(width, height);
        if recipe.size() == (width as usize, height as usize) {
            reasons.push(format!("its input is {width}x{height} pixels"));
        } else {
            doubts.push(format!(
                "its input is {width}x{height} pixels, `{preset}` makes {}x{}",
                made.0, made.1
            ));
        }
    }
    Guess { preset, recipe, reasons, doubts, alternatives, size: traits.size }
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
