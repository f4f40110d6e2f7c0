//! An evaluation for people to read: tables for the terminal ([`text`]), and one HTML file ([`Report`]).
//!
//! The HTML file holds everything it shows: it asks nothing of the network, runs no script, follows the
//! reader's light or dark scheme, and can be read on a phone and by a screen reader.
//!
//! What is shown is handed over as plain values. In particular this module decodes no image: thumbnails come from a
//! function of the caller's.

mod page;
mod plot;
pub mod text;

use jiff::Timestamp;

use crate::evaluate::{Metrics, Prediction};

/// All that a report shows.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What was evaluated: the run's name.
    pub title: &'a str,
    /// When.
    pub created: Timestamp,
    /// The figures.
    pub metrics: &'a Metrics,
    /// How training went, epoch by epoch; the curves are left out if there is none.
    pub history: &'a [Epoch],
    /// What was said of each image.
    pub images: &'a [Image<'a>],
    /// Tables of what was set and what was used, each with a heading.
    pub facts: &'a [Facts<'a>],
}

/// An image and what was said of it.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// As the manifest has it.
    pub path: &'a str,
    /// What was said.
    pub prediction: &'a Prediction,
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
}

/// A small version of an image, encoded in a form that browsers show.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    /// Such as `image/jpeg` or `image/png`.
    pub media_type: &'static str,
    /// The file's bytes. It is shown 160 pixels wide at most: more than twice that is wasted.
    pub bytes: Vec<u8>,
}

impl Report<'_> {
    /// The whole page.
    ///
    /// `thumbnail` is asked for the few images that are shown, by their index in `images`; where it has none, the
    /// page says so in its place. The same input gives the same page, byte for byte.
    pub fn html(&self, thumbnail: &mut dyn FnMut(usize) -> Option<Thumbnail>) -> String {
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
