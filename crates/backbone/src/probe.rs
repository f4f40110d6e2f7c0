//! Is a recipe the right one? Ask the classifier about photographs whose answer is known.
//!
//! Blue taken for red, 0–255 taken for 0–1 or a mean forgotten are no errors to a graph, but it no longer recognises a cat
//! with confidence. That needs no reference at hand, only a graph that still has its classifier of ImageNet's classes. It does
//! not tell recipes apart that differ by a few pixels in size or by the filter: those differ little in what comes of them too.

use std::path::Path;

use ndarray::{Array4, Axis};
use serde::Serialize;

use super::error::Result;
use super::runtime::Runtime;
use super::session::{Session, SessionOptions};
use super::{Backbone, Error, OpenOptions, meaning};
use headstart_image::{Preprocessor, Recipe};
use headstart_onnx as onnx;

/// A photograph, and which of ImageNet's 1000 classes are right for it.
struct Known {
    name: &'static str,
    file: &'static [u8],
    classes: &'static [usize],
}

const KNOWN: [Known; 2] = [
    // Tabby, tiger cat, Egyptian cat.
    Known { name: "cat", file: include_bytes!("photos/cat.jpg"), classes: &[281, 282, 285] },
    // Espresso, cup, coffee mug.
    Known { name: "coffee", file: include_bytes!("photos/coffee.jpg"), classes: &[967, 968, 504] },
];

/// What a classifier said to one photograph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// What the photograph shows: `cat` or `coffee`.
    pub photo: &'static str,
    /// The class that it holds the likeliest, counted as ImageNet's 1000.
    pub class: usize,
    /// How likely it holds that class.
    pub probability: f32,
    /// Whether that is right.
    pub right: bool,
    /// How likely it holds all right classes together.
    pub confidence: f32,
}

/// What a classifier said to all photographs, prepared in one way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probe {
    /// One for each photograph, in their order.
    pub answers: Vec<Answer>,
}

impl Probe {
    /// Probability of the right classes, the lowest of all photographs.
    pub fn confidence(&self) -> f32 {
        self.answers.iter().map(|answer| answer.confidence).fold(1.0, f32::min)
    }
}

/// A classifier of ImageNet's classes that photographs can be shown to.
pub struct Classifier<'a> {
    path: &'a Path,
    scores: String,
    runtime: &'a Runtime,
}

impl<'a> Classifier<'a> {
    /// None if the ONNX file at `path` has no output with the scores of ImageNet's classes: 1000, or 1001 with a class for
    /// everything else in front.
    ///
    /// # Errors
    /// [`Error::Onnx`] if it is no ONNX file.
    pub fn find(runtime: &'a Runtime, path: &'a Path) -> Result<Option<Self>> {
        let model = onnx::read(path)?;
        let Some(graph) = &model.graph else { return Ok(None) };
        let of_imagenet = |output: &&onnx::ValueInfo| {
            let shape = output.tensor().and_then(|(_, shape)| shape);
            let classes = shape.as_deref().and_then(<[_]>::last);
            matches!(classes, Some(onnx::Dim::Static(1000 | 1001)))
                && meaning::of(&model, output.name()).may_be_scores()
        };
        let scores = graph.output.iter().find(of_imagenet).map(|output| output.name().to_owned());
        Ok(scores.map(|scores| Self { path, scores, runtime }))
    }

    /// Show it the photographs, prepared as `recipe` says.
    ///
    /// # Errors
    /// Those of [`Backbone::open_with`] if the recipe does not fit the graph, those of [`Session`] if the graph does not run.
    pub fn ask(&self, recipe: &Recipe) -> Result<Probe> {
        let options = OpenOptions {
            recipe: Some(recipe.clone()),
            feature_tensor: Some(self.scores.clone()),
            ..OpenOptions::default()
        };
        let backbone = Backbone::open_with(self.path, &options)?;
        let wrong = |source| Error::Recipe { path: self.path.to_owned(), source };
        let mut preprocessor = Preprocessor::new(backbone.recipe().clone()).map_err(wrong)?;
        let [a, b, c] = backbone.recipe().input_shape();
        let mut images = Array4::zeros((KNOWN.len(), a, b, c));
        for (known, mut image) in KNOWN.iter().zip(images.axis_iter_mut(Axis(0))) {
            let pixels = image.as_slice_mut().expect("rows of a fresh array are contiguous");
            preprocessor.run(known.file, pixels).map_err(wrong)?;
        }
        let mut session = Session::new(self.runtime, &backbone, SessionOptions::default())?;
        let scores = session.run(images.view())?;
        let answers = KNOWN.iter().zip(scores.outer_iter()).map(|(known, row)| answer(known, &row.to_vec()));
        Ok(Probe { answers: answers.collect() })
    }
}

/// `scores` are logits or probabilities.
fn answer(known: &Known, scores: &[f32]) -> Answer {
    let probabilities = probabilities(scores);
    // Where there is one class more, it is the first and stands for everything else.
    let shift = probabilities.len().saturating_sub(1000);
    let best =
        (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0);
    let class = best.wrapping_sub(shift);
    Answer {
        photo: known.name,
        class,
        probability: probabilities[best],
        right: known.classes.contains(&class),
        confidence: known.classes.iter().map(|class| probabilities[class + shift]).sum(),
    }
}

fn probabilities(scores: &[f32]) -> Vec<f32> {
    let total: f32 = scores.iter().sum();
    if scores.iter().all(|&score| (0.0..=1.0).contains(&score)) && (total - 1.0).abs() < 1e-2 {
        return scores.to_vec();
    }
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = scores.iter().map(|&score| (score - highest).exp()).collect();
    let total: f32 = exponentials.iter().sum();
    exponentials.iter().map(|value| value / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_both_kinds_and_counts_are_understood() {
        let mut logits = vec![0.0; 1000];
        (logits[285], logits[281]) = (12.0, 10.0);
        let said = answer(&KNOWN[0], &logits);
        assert_eq!((said.class, said.right), (285, true));
        // e^12 and e^10 among 998 times e^0.
        assert!(
            (said.probability - 0.8757).abs() < 1e-3 && (said.confidence - 0.9942).abs() < 1e-3,
            "{said:?}"
        );

        let mut probabilities = vec![0.2 / 1000.0; 1001];
        probabilities[968] = 0.8;
        let said = answer(&KNOWN[1], &probabilities);
        assert_eq!((said.class, said.right, said.probability), (967, true, 0.8));
        probabilities.swap(968, 0);
        let said = answer(&KNOWN[1], &probabilities);
        assert!(!said.right && said.confidence < 0.01, "{said:?}");
    }
}
