//! An exported file at work, without the run that it came from.

use std::path::{Path, PathBuf};

use ndarray::{Array4, ArrayView4};

use super::card::{Card, Form};
use super::error::{Error, Result};
use super::net::Net;
use headstart_backbone::runtime::Runtime;
use headstart_image::recipe::{Alpha, Exif};
use headstart_image::{Heif, Original, Preprocessor, original};
use headstart_onnx as onnx;

/// A classifier from one ONNX file: image files in, probabilities out.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use headstart_backbone::{Libraries, runtime::Runtime};
/// use headstart_core::export::Classifier;
///
/// let mut classifier = Classifier::load(&Runtime::load(&Libraries::default())?, "classifier.onnx".as_ref(), None)?;
/// let probabilities = classifier.classify(&std::fs::read("photo.jpg")?)?;
/// for (class, probability) in classifier.card().classes.iter().zip(probabilities) {
///     println!("{class}: {probability:.4}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Classifier {
    path: PathBuf,
    card: Card,
    net: Net,
    prepare: Prepare,
}

/// What is left to do before the graph's turn.
enum Prepare {
    Everything(Box<Preprocessor>),
    Decode(Exif, Alpha, Heif),
}

impl Classifier {
    /// Load the file at `path`; so many `threads` compute, or as many as there are cores.
    ///
    /// # Errors
    /// [`Error::NotExported`] if it is another ONNX file, [`Error::HeadOnly`] if it takes no images, [`Error::Refused`] if ONNX
    /// Runtime cannot load it.
    pub fn load(runtime: &Runtime, path: &Path, threads: Option<usize>) -> Result<Self> {
        let card = Card::read(&onnx::read(path)?, path)?;
        let wrong = |source| Error::from(headstart_backbone::Error::Recipe { path: path.to_owned(), source });
        let heif = runtime.libraries().heif.clone();
        let prepare = match (card.form, &card.recipe) {
            (Form::Features, _) | (_, None) => return Err(Error::HeadOnly { path: path.to_owned() }),
            (Form::Image, Some(recipe)) => Prepare::Decode(recipe.exif, recipe.alpha, heif),
            (Form::Tensor, Some(recipe)) => {
                let preprocessor = Preprocessor::new(recipe.clone()).map_err(wrong)?;
                Prepare::Everything(Box::new(preprocessor.with_heif(heif)))
            }
        };
        let net = Net::load(runtime, path, card.classes.len(), threads)?;
        Ok(Self { path: path.to_owned(), card, net, prepare })
    }

    /// What the file says about itself.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Probabilities of the classes, in the order of [`Card::classes`], for an image in `bytes`, which are a file's.
    ///
    /// # Errors
    /// [`Error::Pixels`] if it cannot be decoded; the classifier stays usable. [`Error::Inference`] if ONNX Runtime fails.
    pub fn classify(&mut self, bytes: &[u8]) -> Result<Vec<f32>> {
        let probabilities = match &mut self.prepare {
            Prepare::Decode(exif, alpha, heif) => {
                let image = original(bytes, *exif, *alpha, heif).map_err(Error::Pixels)?;
                self.net.run(as_tensor(&image).into_dyn())?
            }
            Prepare::Everything(preprocessor) => {
                let [a, b, c] = preprocessor.recipe().input_shape();
                let mut tensor = Array4::zeros((1, a, b, c));
                let pixels = tensor.as_slice_mut().expect("a fresh array has no gaps");
                preprocessor.run(bytes, pixels).map_err(Error::Pixels)?;
                self.net.run_alone(tensor.view())?
            }
        };
        Ok(probabilities.into_raw_vec_and_offset().0)
    }
}

/// `(1, h, w, 3)`, as the graph takes it.
pub(super) fn as_tensor(image: &Original) -> ArrayView4<'_, u8> {
    let shape = (1, image.height, image.width, 3);
    ArrayView4::from_shape(shape, &image.rgb).expect("three bytes for each pixel")
}
