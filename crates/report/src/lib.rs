//! What is known of a classifier, for people to read: tables for the terminal ([`text`]), one HTML file for a run
//! ([`Report`]), and one for several runs beside each other ([`Comparison`]).
//!
//! An HTML file holds everything it shows: it asks nothing of the network, follows the reader's light or dark scheme, and
//! can be read on a phone, with the keyboard alone, and by a screen reader. A small script shows the images of the map; without
//! it they stand in a list.
//!
//! [`page`] makes one of what the core found. What is shown is handed over as plain values, and this crate computes no figure but
//! the maps in `projection`.
//!
//! ```
//! use headstart_report::{Report, is_ours};
//!
//! let classes = ["cat".to_owned(), "dog".to_owned()];
//! let report = Report {
//!     title: "pets",
//!     created: jiff::Timestamp::UNIX_EPOCH,
//!     about: "A linear head on the features of ResNet-50.",
//!     classes: &classes,
//!     evaluations: &[],
//!     history: &[],
//!     training: None,
//!     facts: &[],
//! };
//! let page = report.html(&mut |_file, _edge| None);
//! assert!(is_ours(page.as_bytes()) && page.contains("pets"));
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod comparison;
mod from_core;
mod names;
mod page;
mod plot;
#[cfg(feature = "maps")]
pub mod projection;
pub mod text;

use std::path::Path;

use jiff::Timestamp;

use headstart_evaluate::label_errors::Suspect;
use headstart_evaluate::{Metrics, Prediction};

/// Whether this is a page that [`Report::html`] or [`Comparison::html`] made, of this version or another.
pub fn is_ours(page: &[u8]) -> bool {
    let mark = page::MARK.as_bytes();
    page.starts_with(b"<!DOCTYPE html>") && page.windows(mark.len()).any(|part| part == mark)
}

pub use comparison::{Compared, ComparedOn, Comparison, Setting};
pub use from_core::{comparison_page, page};

/// All that the report on a run shows.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The run's name.
    pub title: &'a str,
    /// When.
    pub created: Timestamp,
    /// Where the classifier comes from, in a sentence or two; may be empty.
    pub about: &'a str,
    /// Names of the classes, in the order of their indices.
    pub classes: &'a [String],
    /// How good it is, on one set of images after the other.
    pub evaluations: &'a [Evaluation<'a>],
    /// How training went, epoch by epoch; the curves are left out if there is none.
    pub history: &'a [Epoch],
    /// What cross-validation says of the training images, if that was done.
    pub training: Option<Training<'a>>,
    /// Tables of what was set and what was used, each with a heading.
    pub facts: &'a [Facts<'a>],
}

/// An evaluation on one set of images.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// What the set is called.
    pub title: &'a str,
    /// The figures.
    pub metrics: &'a Metrics,
    /// What was said of each image; none if that is not known any more.
    pub images: &'a [Image<'a>],
    /// Labels that are likely wrong; rows are places in `images`.
    pub suspects: Option<Known<'a, &'a [Suspect]>>,
    /// Images that were trained on too.
    pub leaks: Option<Known<'a, Leaks<'a>>>,
    /// Where images lie in the plane.
    pub map: Option<Known<'a, Map<'a>>>,
}

/// What was found, or a sentence that says why it is not known.
pub type Known<'a, T> = Result<T, &'a str>;

/// An image and what was said of it.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// As the manifest has it.
    pub path: &'a str,
    /// Where it lies.
    pub file: &'a Path,
    /// What was said.
    pub prediction: &'a Prediction,
}

/// What was said of the training images by heads that had not seen them.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// Parts that each were held out once.
    pub folds: usize,
    /// What was said of each image.
    pub images: &'a [Image<'a>],
    /// Labels that are likely wrong; rows are places in `images`.
    pub suspects: &'a [Suspect],
}

/// Evaluated images that the classifier learned from, or nearly.
#[derive(Debug, Clone, Copy)]
pub struct Leaks<'a> {
    /// Images that it learned from.
    pub training: usize,
    /// The least cosine of nearly the same images; `None` if only files were compared.
    pub threshold: Option<f32>,
    /// The surest first.
    pub pairs: &'a [Leak<'a>],
}

/// An evaluated image and one that was learned from.
#[derive(Debug, Clone, Copy)]
pub struct Leak<'a> {
    /// Its place among the evaluation's images.
    pub image: usize,
    /// The other one, as its manifest has it.
    pub path: &'a str,
    /// Where that lies.
    pub file: &'a Path,
    /// Its class.
    pub label: usize,
    /// Of the angle between their features.
    pub cosine: f32,
    /// Whether the files are the same, byte for byte.
    pub identical: bool,
}

/// Images in the plane.
#[derive(Debug, Clone, Copy)]
pub struct Map<'a> {
    /// Which: places among the evaluation's images. If not all, they were drawn.
    pub images: &'a [usize],
    /// Where each lies in the first two principal components.
    pub pca: &'a [[f64; 2]],
    /// The part of the variance that each of these has, from 0 to 1.
    pub explained: [f64; 2],
    /// Where t-SNE puts each.
    pub tsne: Option<&'a [[f64; 2]]>,
}

/// One epoch of training. What is not finite is not drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: usize,
    /// Mean loss on the training images.
    pub loss: f64,
    /// Accuracy on the training images, from 0 to 1.
    pub accuracy: Option<f64>,
    /// Mean loss on the validation images.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation images, from 0 to 1.
    pub validation_accuracy: Option<f64>,
}

/// A table of names and values under a heading, such as "Settings".
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The heading.
    pub heading: &'a str,
    /// Names and values, in the order in which to show them.
    pub rows: Vec<(String, String)>,
    /// Those that are as they always are unless somebody changes them: they unfold on request.
    pub defaults: Vec<(String, String)>,
}

/// A small version of an image, encoded in a form that browsers show.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    /// Such as `image/jpeg` or `image/png`.
    pub media_type: &'static str,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

impl Report<'_> {
    /// The whole page.
    ///
    /// `thumbnail` is asked for the few images that are shown, by their file and the length in pixels of the longer edge that
    /// is of use; where it has none, the page says so in its place. The same input gives the same page, byte for byte.
    pub fn html(&self, thumbnail: &mut dyn FnMut(&Path, usize) -> Option<Thumbnail>) -> String {
        page::render(self, thumbnail).into_string()
    }
}

/// A share as a percentage. Only what is all, or nothing, is called so.
fn percent(share: f64) -> String {
    match format!("{:.1}%", 100.0 * share) {
        text if text == "100.0%" && share < 1.0 => ">99.9%".into(),
        text if text == "0.0%" && share > 0.0 => "<0.1%".into(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_does_not_make_a_classifier_perfect() {
        assert_eq!(
            [0.0, 0.0004, 0.8456, 0.9999, 1.0].map(percent),
            ["0.0%", "<0.1%", "84.6%", ">99.9%", "100.0%"]
        );
    }
}
