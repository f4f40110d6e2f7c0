//! Holding an exported graph against its run.

use std::fmt;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4};
use serde::Serialize;

use super::Options;
use super::card::Form;
use super::classifier::as_tensor;
use super::error::{Error, Result};
use super::net::Net;
use crate::run::Run;
use headstart_backbone::Backbone;
use headstart_backbone::runtime::Runtime;
use headstart_backbone::session::{Session, SessionOptions};
use headstart_base::text::counted;
use headstart_convert::cut::images::PHOTOS;
use headstart_image::{Preprocessor, original};

/// How near an exported graph is to its run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Images that both were shown.
    pub images: usize,
    /// The largest difference of a probability.
    pub difference: f32,
    /// What that may be at most.
    pub bound: f32,
    /// Images to which both give the same class.
    pub same_class: usize,
}

/// What a probability may differ by.
fn bound(options: &Options) -> f32 {
    match (options.form, options.half) {
        // The same kernels on the same numbers, but for the head: 256 products added up in another order. Seen: 6e-8.
        (Form::Tensor | Form::Features, false) => 1e-5,
        // Pixels beside Pillow's by one of 255 here and there, or weights and activations of 11 bits.
        (Form::Image, _) | (_, true) => 0.02,
    }
}

/// Images as they came from their files.
struct Photo {
    name: String,
    bytes: Vec<u8>,
}

impl Photo {
    fn all(files: &[PathBuf]) -> Result<Vec<Self>> {
        if files.is_empty() {
            return Ok(PHOTOS
                .iter()
                .map(|(name, bytes)| Self { name: (*name).into(), bytes: bytes.to_vec() })
                .collect());
        }
        if files.len() < 2 {
            return Err(Error::TooFewImages { found: files.len() });
        }
        let read = |path: &PathBuf| match std::fs::read(path) {
            Ok(bytes) => Ok(Self { name: path.display().to_string(), bytes }),
            Err(source) => Err(Error::Read { path: path.clone(), source }),
        };
        files.iter().map(read).collect()
    }
}

/// Run the graph at `draft` and the run on the same images.
pub(super) fn against_run(
    runtime: &Runtime,
    run: &Run,
    backbone: &Backbone,
    draft: &Path,
    options: &Options,
) -> Result<Check> {
    let photos = Photo::all(&options.images)?;
    let mut session = Session::new(runtime, backbone, &SessionOptions::default())?;
    let mut exported = Net::load(runtime, draft, run.info.classes.len(), None)?;
    let heif = &runtime.libraries().heif;
    let mut preprocessor = preprocessor(backbone)?.with_heif(heif.clone());
    let mut check = Check { images: photos.len(), difference: 0.0, bound: bound(options), same_class: 0 };
    // One after another, as an image form takes them; that a batch changes nothing is the backbone's to prove.
    for photo in &photos {
        let failed = |source| Error::Image { name: photo.name.clone(), source };
        let [a, b, c] = backbone.recipe().input_shape();
        let mut tensor = Array4::zeros((1, a, b, c));
        let pixels = tensor.as_slice_mut().expect("a fresh array has no gaps");
        preprocessor.run(&photo.bytes, pixels).map_err(failed)?;
        let features = session.run(tensor.view())?;
        let want = run.probabilities(features.view());
        let got = match options.form {
            Form::Tensor => exported.run_alone(tensor.view())?,
            Form::Features => exported.run(features.view().into_dyn())?,
            Form::Image => {
                let recipe = backbone.recipe();
                let image = original(&photo.bytes, recipe.exif, recipe.alpha, heif).map_err(failed)?;
                exported.run(as_tensor(&image).into_dyn())?
            }
        };
        check.take(&photo.name, &want, &got)?;
    }
    Ok(check)
}

fn preprocessor(backbone: &Backbone) -> Result<Preprocessor> {
    Preprocessor::new(backbone.recipe().clone()).map_err(|source| {
        headstart_backbone::Error::Recipe { path: backbone.path().to_owned(), source }.into()
    })
}

impl Check {
    fn take(&mut self, image: &str, want: &Array2<f32>, got: &Array2<f32>) -> Result<()> {
        // Of the run itself, and not of the way into the file.
        if want.iter().any(|p| !p.is_finite()) {
            return Err(Error::NoNumbers { image: image.to_owned() });
        }
        let apart = want.iter().zip(got).map(|(want, got)| (want - got).abs());
        // A NaN is beyond every bound; `f32::max` would pass it over.
        let difference =
            apart.fold(0.0, |most: f32, one| if one > most || one.is_nan() { one } else { most });
        if difference.is_nan() || difference > self.bound {
            let bound = self.bound;
            return Err(Error::Differs { image: image.to_owned(), difference, bound });
        }
        self.difference = self.difference.max(difference);
        self.same_class += usize::from(best(want) == best(got));
        Ok(())
    }
}

fn best(probabilities: &Array2<f32>) -> Option<usize> {
    let row = probabilities.iter().enumerate();
    row.max_by(|a, b| a.1.total_cmp(b.1)).map(|(class, _)| class)
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, difference, bound, same_class } = self;
        write!(
            f,
            "checked against the run on {}: probabilities differ by at most {difference:.1e} \
             (allowed {bound:.0e}), the same class for {same_class} of {images}",
            counted(*images as u64, "image")
        )
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn what_differs_too_much_is_named_also_when_it_is_no_number() {
        let mut check = Check { images: 1, difference: 0.0, bound: 1e-5, same_class: 0 };
        check.take("cat", &array![[0.25, 0.75]], &array![[0.250001, 0.749999]]).unwrap();
        assert!(check.same_class == 1 && check.difference > 0.0);
        for wrong in [0.2501, f32::NAN] {
            let error = check.take("cat", &array![[0.25, 0.75]], &array![[wrong, 0.75]]).unwrap_err();
            assert!(matches!(&error, Error::Differs { image, .. } if image == "cat"), "{error}");
        }
        assert_eq!(check.same_class, 1);
    }
}
