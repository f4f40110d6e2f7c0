//! The one input that images go into.

use std::path::Path;

use crate::backbone::error::{Error, Result};
use crate::backbone::graph;
use crate::onnx::{DataType, Dim, ValueInfo, Walk, type_name};
use crate::preprocess::Recipe;
use crate::preprocess::recipe::Layout;

/// The graph's one input, as far as it tells of itself.
pub(super) struct Input {
    pub(super) name: String,
    shape: Vec<Dim>,
    pub(super) layout: Option<Layout>,
}

impl Input {
    pub(super) fn find(path: &Path, walk: &Walk<'_>) -> Result<Self> {
        let inputs: Vec<&ValueInfo> = walk.inputs().collect();
        let [input] = inputs.as_slice() else {
            return Err(Error::Inputs { path: path.to_owned(), found: inputs.len() });
        };
        let wrong = |expected: &str, found: String| Error::Input {
            path: path.to_owned(),
            input: input.name().to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let Some((kind, Some(shape))) = input.tensor() else {
            return Err(wrong("a tensor of known rank", graph::describe(input)));
        };
        if kind != DataType::Float as i32 {
            return Err(wrong("`float32`", format!("`{}`", type_name(kind))));
        }
        if shape.len() != 4 {
            return Err(wrong("`(n, 3, h, w)` or `(n, h, w, 3)`", graph::describe(input)));
        }
        Ok(Self { name: input.name().to_owned(), layout: graph::layout(&shape), shape })
    }

    /// The recipe must make what the graph takes.
    pub(super) fn check(&self, path: &Path, recipe: &Recipe) -> Result<()> {
        let made = recipe.input_shape();
        let fits = self.shape[1..].iter().zip(made).all(|(dim, made)| match dim {
            Dim::Static(n) => *n == made as i64,
            _ => true,
        });
        if fits {
            return Ok(());
        }
        let [a, b, c] = made;
        Err(Error::Input {
            path: path.to_owned(),
            input: self.name.clone(),
            expected: format!("`(n, {a}, {b}, {c})`, which is what the recipe makes"),
            found: graph::describe_shape(&self.shape),
        })
    }

    pub(super) fn batch_size(&self) -> Option<usize> {
        match self.shape.first() {
            Some(Dim::Static(n)) => usize::try_from(*n).ok().filter(|&n| n > 0),
            _ => None,
        }
    }
}
