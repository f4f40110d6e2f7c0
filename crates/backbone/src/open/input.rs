//! The one input that images go into.

use std::path::Path;

use crate::error::{Error, Result};
use crate::graph;
use crate::pixels::Pixels;
use headstart_image::Recipe;
use headstart_image::recipe::Layout;
use headstart_onnx::{DataType, Dim, ValueInfo, Walk, type_name};

/// The graph's one input, as far as it tells of itself.
pub(super) struct Input {
    pub(super) name: String,
    shape: Vec<Dim>,
    pub(super) layout: Option<Layout>,
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
        let wrong = |expected: &str| Error::Input {
            path: path(),
            input: name.clone(),
            expected: expected.to_owned(),
            found: graph::describe(input),
        };
        let Some((kind, Some(shape))) = input.tensor() else {
            return Err(wrong("a tensor of known rank"));
        };
        if shape.len() != 4 {
            return Err(wrong("images, `(n, 3, h, w)` or `(n, h, w, 3)`"));
        }
        if kind != DataType::Float as i32 {
            return Err(Error::InputType { path: path(), input: name, found: type_name(kind) });
        }
        let pixels = Pixels::of(walk, &name);
        Ok(Self { name, layout: graph::layout(&shape), shape, pixels })
    }

    /// `recipe` as the graph needs it: its axes in the graph's order, and its size where it prescribes none.
    pub(super) fn fit(&self, recipe: &Recipe) -> Recipe {
        let recipe = Recipe { layout: self.layout.unwrap_or(recipe.layout), ..recipe.clone() };
        match self.size(recipe.layout) {
            [Some(width), Some(height)] => recipe.sized(width, height),
            _ => recipe,
        }
    }

    /// The recipe must make what the graph takes.
    pub(super) fn check(&self, path: &Path, recipe: &Recipe) -> Result<()> {
        let (path, input) = (path.to_owned(), self.name.clone());
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
        if !self.shape[1..].iter().zip(made).all(same) {
            let [a, b, c] = made;
            let expected = format!("`(n, {a}, {b}, {c})`, which is what the recipe makes");
            return Err(Error::Input { path, input, expected, found: graph::describe_shape(&self.shape) });
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
        let axes = if layout == Layout::Nchw { [3, 2] } else { [2, 1] };
        axes.map(|axis| match self.shape[axis] {
            Dim::Static(n) => u32::try_from(n).ok().filter(|&n| n > 0),
            _ => None,
        })
    }

    pub(super) fn batch_size(&self) -> Option<usize> {
        match self.shape.first() {
            Some(Dim::Static(n)) => usize::try_from(*n).ok().filter(|&n| n > 0),
            _ => None,
        }
    }
}
