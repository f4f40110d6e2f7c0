//! The images that ranges are measured on, and others that the result is measured on.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ndarray::{Array4, ArrayView4, Axis, s};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::error::{Error, Result};
use headstart_backbone as backbone;
use headstart_image::{Heif, Preprocessor, Recipe};

/// Read at once: enough for every core, and few enough that little is read in vain.
const CHUNK: usize = 32;

/// Prepared images of different files with different contents.
#[derive(Debug, Clone)]
pub(super) struct Images {
    /// Places of the files in the list that they were drawn from.
    pub places: Vec<usize>,
    /// `(n, …)`, as the recipe lays them out.
    tensor: Array4<f32>,
    /// Of the files' bytes.
    keys: Vec<blake3::Hash>,
}

/// What was drawn, before anything was computed.
#[derive(Debug)]
pub(super) struct Sample {
    pub calibration: Images,
    pub held_out: Images,
    /// Files that could not be read or decoded among those that were tried, and why.
    pub failed: Vec<(PathBuf, String)>,
}

/// How many images are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub calibration: usize,
    pub held_out: usize,
}

impl Sample {
    /// Draw from `files`, always in the same order, and divide; `apart` are files to hold out instead of some of them.
    ///
    /// An image that is there twice counts once, and none is on both sides under two names.
    pub(super) fn draw(
        recipe: &Recipe,
        heif: &Heif,
        files: &[PathBuf],
        apart: Option<&[PathBuf]>,
        wanted: Wanted,
    ) -> Result<Self> {
        let mut drawer = Drawer::new(recipe, heif)?;
        if let Some(apart) = apart {
            let held_out = drawer.draw(apart, wanted.held_out)?;
            let calibration = drawer.draw(files, wanted.calibration)?;
            return Self::checked(calibration, held_out, drawer.failed);
        }
        let all = drawer.draw(files, wanted.calibration + wanted.held_out)?;
        // A third at most is held out where there are few.
        let held_out = wanted.held_out.min(all.len() / 3).max(1).min(all.len());
        Self::checked(all.part(held_out, all.len()), all.part(0, held_out), drawer.failed)
    }

    fn checked(calibration: Images, held_out: Images, failed: Vec<(PathBuf, String)>) -> Result<Self> {
        if calibration.is_empty() || held_out.is_empty() {
            let found = calibration.len() + held_out.len();
            return Err(Error::TooFewImages { expected: 2, found, failed: failed.len() });
        }
        Ok(Self { calibration, held_out, failed })
    }
}

/// Reads files in an order of its own, and none with the same bytes twice.
struct Drawer<'a> {
    recipe: &'a Recipe,
    heif: &'a Heif,
    seen: HashSet<blake3::Hash>,
    failed: Vec<(PathBuf, String)>,
}

/// The key and the tensor of one file.
type Prepared = std::result::Result<(blake3::Hash, Vec<f32>), String>;

impl<'a> Drawer<'a> {
    fn new(recipe: &'a Recipe, heif: &'a Heif) -> Result<Self> {
        let wrong = |source| backbone::Error::Recipe { path: PathBuf::from("the recipe"), source };
        // Once here, so that it cannot fail for each image.
        Preprocessor::new(recipe.clone()).map_err(wrong)?;
        Ok(Self { recipe, heif, seen: HashSet::new(), failed: vec![] })
    }

    fn draw(&mut self, files: &[PathBuf], wanted: usize) -> Result<Images> {
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
        let [a, b, c] = self.recipe.input_shape();
        let (mut places, mut keys, mut pixels) = (vec![], vec![], vec![]);
        for chunk in order.chunks(CHUNK) {
            let prepared: Vec<Prepared> =
                chunk.par_iter().map_init(|| self.preprocessor(), |p, &at| prepare(p, &files[at])).collect();
            for (&place, prepared) in chunk.iter().zip(prepared) {
                match prepared {
                    Err(why) => self.failed.push((files[place].clone(), why)),
                    Ok((key, tensor)) if places.len() < wanted && self.seen.insert(key) => {
                        places.push(place);
                        keys.push(key);
                        pixels.extend(tensor);
                    }
                    Ok(_) => {}
                }
            }
            if places.len() >= wanted {
                break;
            }
        }
        let tensor = Array4::from_shape_vec((places.len(), a, b, c), pixels)
            .expect("every image has the recipe's length");
        Ok(Images { places, tensor, keys })
    }

    fn preprocessor(&self) -> Preprocessor {
        let preprocessor = Preprocessor::new(self.recipe.clone()).expect("the recipe was tried before");
        preprocessor.with_heif(self.heif.clone())
    }
}

fn prepare(preprocessor: &mut Preprocessor, file: &Path) -> Prepared {
    let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("expected an image, found a folder, pipe or device".into());
    }
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut tensor = vec![0.0; preprocessor.recipe().len()];
    preprocessor.run(&bytes, &mut tensor).map_err(|error| error.to_string())?;
    Ok((blake3::hash(&bytes), tensor))
}

impl Images {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn tensor(&self) -> ArrayView4<'_, f32> {
        self.tensor.view()
    }

    /// The first `n`, or all if there are fewer.
    pub(super) fn first(&self, n: usize) -> ArrayView4<'_, f32> {
        self.tensor.slice(s![..n.min(self.len()), .., .., ..])
    }

    fn part(&self, from: usize, to: usize) -> Self {
        Self {
            places: self.places[from..to].to_vec(),
            tensor: self.tensor.slice_axis(Axis(0), (from..to).into()).to_owned(),
            keys: self.keys[from..to].to_vec(),
        }
    }

    /// Of the files' bytes, in the order in which they are used.
    pub(super) fn keys(&self) -> &[blake3::Hash] {
        &self.keys
    }

    /// One hash for which images these are, whatever their order and names.
    pub(super) fn digest(&self) -> blake3::Hash {
        let mut keys: Vec<_> = self.keys.iter().map(blake3::Hash::as_bytes).collect();
        keys.sort();
        let mut hasher = blake3::Hasher::new();
        keys.iter().for_each(|key| {
            hasher.update(*key);
        });
        hasher.finalize()
    }
}
