//! What is said of a network: by the user, by its file, by its looks.

use std::path::PathBuf;

use super::input::ImageInput;
use super::{CutOptions, Error, Result};
use crate::backbone::graph::describe_shape;
use crate::backbone::{self, Guess, Metadata};
use crate::preprocess::Recipe;
use crate::preprocess::recipe::{Layout, Resize};

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
            metadata.recipe_doubts =
                vec!["the network that it was cut from looked like none that is known".to_owned()]
        }
    }
    guess
}

/// A recipe that makes what `input` takes: the one that was told, or else one for the proof alone.
pub(super) fn recipe_for(input: &ImageInput, told: Option<&Recipe>) -> Result<Recipe> {
    let layout = input.layout.or(told.map(|recipe| recipe.layout)).unwrap_or(Layout::Nchw);
    let size = input.size(layout);
    let Some(told) = told else {
        let [height, width] = size.map(|edge| edge.unwrap_or(224) as u32);
        // The whole network gets the same images, so any scaling that it does not choke on will do.
        let plain = Recipe::preset("torchvision-v1").map_err(|source| {
            Error::Backbone(backbone::Error::Recipe { path: PathBuf::from("the recipe"), source })
        })?;
        let resize = Resize::Stretch { width, height };
        return Ok(Recipe { resize, crop: None, layout, ..plain });
    };
    let (width, height) = told.size();
    let fits = |wanted: Option<usize>, made: usize| wanted.is_none_or(|wanted| wanted == made);
    if fits(size[0], height) && fits(size[1], width) {
        return Ok(Recipe { layout, ..told.clone() });
    }
    let expected = format!("images of {}", describe_shape(&input.shape));
    Err(Error::Size { expected, found: format!("{width}x{height}") })
}
