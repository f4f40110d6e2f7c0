//! What is said of a network: by the user, by its file, by its looks.

use std::path::PathBuf;

use super::{CutOptions, Error, Result};
use headstart_backbone::image_input::ImageInput;
use headstart_backbone::pixels::Pixels;
use headstart_backbone::{self as backbone, Guess, Metadata};
use headstart_image::Recipe;
use headstart_image::recipe::{Layout, Resize};

/// What the user says goes before what the file says, and that before what it looks like; that guess, where it was needed.
///
/// A doubtful one is not used, and its doubts go into the file: there the classifier is missing that raised them.
pub(super) fn tell(metadata: &mut Metadata, options: &CutOptions, guess: Option<Guess>) -> Option<Guess> {
    let CutOptions { name, recipe, labels, source, licence, .. } = options;
    let put = |field: &mut Option<String>, told: &Option<String>| {
        if told.is_some() {
            field.clone_from(told);
        }
    };
    put(&mut metadata.name, name);
    put(&mut metadata.source, source);
    put(&mut metadata.licence, licence);
    if !labels.is_empty() {
        metadata.labels.clone_from(labels);
    }
    if recipe.is_some() {
        metadata.recipe.clone_from(recipe);
    }
    metadata.recipe_doubts.clear();
    if metadata.recipe.is_some() {
        return None;
    }
    match &guess {
        Some(guess) if guess.is_certain() => metadata.recipe = Some(guess.recipe.clone()),
        Some(guess) => metadata.recipe_doubts.clone_from(&guess.doubts),
        None => {
            metadata.recipe_doubts = vec!["the network that it was cut from is not a known one".to_owned()]
        }
    }
    guess
}

/// A recipe that makes what `input` takes: the one that was told, or else one for the proof alone.
pub(super) fn recipe_for(input: &ImageInput, pixels: &Pixels, told: Option<&Recipe>) -> Result<Recipe> {
    let layout = input.layout.or(told.map(|recipe| recipe.layout)).unwrap_or(Layout::Nchw);
    let [height, width] = input.size(layout).map(|edge| edge.and_then(|edge| u32::try_from(edge).ok()));
    let Some(told) = told else {
        let (width, height) = (width.unwrap_or(224), height.unwrap_or(224));
        // The whole network gets the same images, so any scaling that it does not choke on will do.
        let plain = Recipe::preset(pixels.preset().unwrap_or("torchvision-v1")).map_err(|source| {
            Error::Backbone(backbone::Error::Recipe { path: PathBuf::from("the recipe"), source })
        })?;
        let resize = Resize::Stretch { width, height };
        return Ok(Recipe { resize, crop: None, layout, ..plain });
    };
    let mut recipe = Recipe { layout, ..told.clone() };
    if let (Some(width), Some(height)) = (width, height) {
        recipe = recipe.sized(width, height);
    }
    let made = recipe.size();
    let fits = |wanted: Option<u32>, made: usize| wanted.is_none_or(|wanted| wanted as usize == made);
    if !fits(width, made.0) || !fits(height, made.1) {
        return Err(Error::Size { takes: [width, height], made });
    }
    match pixels.misfit(&recipe) {
        None => Ok(recipe),
        Some(misfit) => Err(Error::Numbers {
            expected: misfit.to_string(),
            found: misfit.found,
            preset: pixels.preset().unwrap_or("raw"),
        }),
    }
}
