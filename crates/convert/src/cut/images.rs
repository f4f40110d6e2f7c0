//! The images that a cut is proven on.

use std::path::PathBuf;

use ndarray::{Array4, ArrayView3, ArrayView4, Axis, s};

use super::error::{Error, Result};
use headstart_image::{Heif, Preprocessor, Recipe};

/// Four small photographs inside the program, so that a proof needs no other file. `tests/golden/cut/make_photos.py`
/// makes them from those of `data/photos`, where authors and licences stand (all four are in the public domain).
pub const PHOTOS: [(&str, &[u8]); 4] = [
    ("cat", include_bytes!("photos/cat.jpg")),
    ("coffee", include_bytes!("photos/coffee.jpg")),
    ("rocket", include_bytes!("photos/rocket.jpg")),
    ("galaxy", include_bytes!("photos/galaxy.jpg")),
];

/// More would prove nothing more, and a large network takes its time.
const MOST: usize = 16;

/// Images as a graph takes them.
pub(super) struct Images {
    pub(super) names: Vec<String>,
    tensor: Array4<f32>,
    size: [usize; 2],
}

impl Images {
    /// Prepare the photographs of the program, or `files` instead of them.
    pub(super) fn load(recipe: &Recipe, heif: &Heif, files: &[PathBuf]) -> Result<Self> {
        if files.is_empty() {
            return Self::prepare(
                recipe,
                heif,
                PHOTOS.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).to_vec(),
            );
        }
        let read = |path: &PathBuf| match std::fs::read(path) {
            Ok(bytes) => Ok((path.display().to_string(), bytes)),
            Err(source) => Err(Error::Read { path: path.clone(), source }),
        };
        Self::prepare(recipe, heif, files.iter().take(MOST).map(read).collect::<Result<_>>()?)
    }

    fn prepare(recipe: &Recipe, heif: &Heif, files: Vec<(String, Vec<u8>)>) -> Result<Self> {
        if files.len() < 2 {
            return Err(Error::TooFewImages { found: files.len() });
        }
        let wrong = |source| {
            Error::Backbone(headstart_backbone::Error::Recipe { path: PathBuf::from("the recipe"), source })
        };
        let mut preprocessor = Preprocessor::new(recipe.clone()).map_err(wrong)?.with_heif(heif.clone());
        let [a, b, c] = recipe.input_shape();
        let mut tensor = Array4::zeros((files.len(), a, b, c));
        let mut names = vec![];
        for ((name, bytes), mut image) in files.into_iter().zip(tensor.outer_iter_mut()) {
            let image = image.as_slice_mut().expect("a fresh array has no gaps");
            preprocessor.run(&bytes, image).map_err(|source| Error::Image { name: name.clone(), source })?;
            names.push(name);
        }
        let (width, height) = recipe.size();
        Ok(Self { names, tensor, size: [height, width] })
    }

    /// Height and width of all of them.
    pub(super) fn size(&self) -> [usize; 2] {
        self.size
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn all(&self) -> ArrayView4<'_, f32> {
        self.tensor.view()
    }

    pub(super) fn one(&self, index: usize) -> ArrayView3<'_, f32> {
        self.tensor.index_axis(Axis(0), index)
    }

    /// As a batch of one.
    pub(super) fn alone(&self, index: usize) -> ArrayView4<'_, f32> {
        self.tensor.slice(s![index..=index, .., .., ..])
    }
}
