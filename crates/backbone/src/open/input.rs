//! The one input that images go into.

use std::path::Path;

use crate::error::{Error, Result};
use crate::graph;
use crate::image_input::{ImageInput, NoImages};
use crate::pixels::Pixels;
use headstart_image::Recipe;
use headstart_image::recipe::Layout;
use headstart_onnx::{DataType, Dim, ValueInfo, Walk, type_name};

/// The graph's one input, and the numbers that it expects.
pub(super) struct Input {
    pub(super) image: ImageInput,
    pixels: Pixels,
}

impl Input {
    pub(super) fn find(path: &Path, walk: &Walk<'_>) -> Result<Self> {
        let path = || path.to_owned();
        let inputs: Vec<&ValueInfo> = walk.inputs().collect();
        let [input] = inputs.as_slice() else {
            let inputs = inputs.iter().map(|input| input.name().to_owned()).collect();
            return Err(Error::Inputs { path: path(), inputs });
        };
        let name = input.name().to_owned();
        let kind = input.tensor().map_or(DataType::Undefined as i32, |(kind, _)| kind);
        let image = match ImageInput::of(walk, input) {
            Ok(image) if image.kind == DataType::Float => image,
            Ok(_) | Err(NoImages::Type) => {
                return Err(Error::InputType { path: path(), input: name, found: type_name(kind) });
            }
            Err(wrong) => {
                let (expected, found) = (wrong.to_string(), graph::describe(input));
                return Err(Error::Input { path: path(), input: name, expected, found });
            }
        };
        let pixels = Pixels::of(walk, &name);
        Ok(Self { image, pixels })
    }

    /// `recipe` as the graph needs it: its axes in the graph's order, and its size where it prescribes none.
    pub(super) fn fit(&self, recipe: &Recipe) -> Recipe {
        let recipe = Recipe { layout: self.image.layout.unwrap_or(recipe.layout), ..recipe.clone() };
        match self.size(recipe.layout) {
            [Some(width), Some(height)] => recipe.sized(width, height),
            _ => recipe,
        }
    }

    /// The recipe must make what the graph takes.
    pub(super) fn check(&self, path: &Path, recipe: &Recipe) -> Result<()> {
        let (path, input) = (path.to_owned(), self.image.name.clone());
        let made = recipe.input_shape();
        let same = |(dim, made): (&Dim, usize)| match dim {
            Dim::Static(n) => *n == made as i64,
            _ => true,
        };
        let takes = self.size(recipe.layout);
        let (width, height) = recipe.size();
        let fits = takes
            .iter()
            .zip([width, height])
            .all(|(takes, made)| takes.is_none_or(|takes| takes as usize == made));
        if !fits {
            return Err(Error::Size { path, input, takes, made: (width, height) });
        }
        if !self.image.shape[1..].iter().zip(made).all(same) {
            let [a, b, c] = made;
            let expected = format!("`(n, {a}, {b}, {c})`, which is what the recipe makes");
            return Err(Error::Input {
                path,
                input,
                expected,
                found: graph::describe_shape(&self.image.shape),
            });
        }
        match self.pixels.misfit(recipe) {
            None => Ok(()),
            Some(misfit) => Err(Error::Numbers {
                path,
                input,
                expected: misfit.to_string(),
                found: misfit.found,
                preset: self.pixels.preset().unwrap_or("raw"),
            }),
        }
    }

    /// What speaks against the recipe although it can be carried out.
    pub(super) fn doubt(&self, recipe: &Recipe) -> Option<String> {
        self.pixels.doubt(recipe)
    }

    /// Width and height, where the graph prescribes them.
    fn size(&self, layout: Layout) -> [Option<u32>; 2] {
        let [height, width] = self.image.size(layout);
        [width, height].map(|edge| edge.and_then(|edge| u32::try_from(edge).ok()))
    }
}
