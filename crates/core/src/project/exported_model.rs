//! Predictions of an exported ONNX file, without the run that it came from.

use std::path::Path;
use std::thread;

use headstart_backbone::runtime::Runtime;
use headstart_backbone::{Backbone, Engine, OpenOptions};
use headstart_base::files::path_text;
use headstart_onnx as onnx;

use super::predict::{NoPrediction, Predicted, Probabilities, row};
use super::{Error, Project};
use crate::export::{self, Card, Classifier, Form};
use crate::extract::{self, Extractor};
use crate::{Control, Event, ImageInput};

impl Project {
    /// Predict what images show by a file that [`export`](crate::export::export) wrote. Of the configuration only what computes
    /// counts: recipe, classes and temperature are part of the file. A cancelled `control` ends the work after the images in hand.
    ///
    /// # Errors
    /// [`Error::Export`] if it is another ONNX file, or takes no images; [`Error::Onnx`], [`Error::Backbone`],
    /// [`Error::NoNumbers`]. What is wrong with one image is in its row.
    pub fn predict_exported<I: Into<ImageInput>>(
        &self,
        path: &Path,
        images: impl IntoIterator<Item = I>,
        control: &mut Control<'_>,
    ) -> Result<Predicted, Error> {
        let images: Vec<ImageInput> = images.into_iter().map(Into::into).collect();
        let card = thread::scope(|scope| {
            scope.spawn(|| Engine::prepare(&self.config().extract.engine.libraries));
            Card::read(&onnx::read(path)?, path)
        })?;
        let rows = match card.form {
            // A graph from tensors to rows of numbers is what extraction runs, in batches and on any device.
            Form::Tensor => self.in_batches(path, &card, &images, control)?,
            Form::Image | Form::Features => self.one_by_one(path, &images, control)?,
        };
        let predicted = Predicted { classes: card.classes, rows, other_precision: None };
        predicted.require_numbers(&path_text(path), &images)
    }

    fn in_batches(
        &self,
        path: &Path,
        card: &Card,
        images: &[ImageInput],
        control: &mut Control<'_>,
    ) -> Result<Vec<Probabilities>, Error> {
        let options = OpenOptions { feature_tensor: Some(card.output.clone()), ..OpenOptions::default() };
        let backbone = Backbone::open_with(path, &options)?;
        let extractor = Extractor::new(&backbone, self.config().extract.clone());
        Ok(extractor.features(images, control)?.into_iter().map(row).collect())
    }

    /// Each image has its own size, and so its own turn.
    fn one_by_one(
        &self,
        path: &Path,
        images: &[ImageInput],
        control: &mut Control<'_>,
    ) -> Result<Vec<Probabilities>, Error> {
        let engine = &self.config().extract.engine;
        let runtime = Runtime::load(&engine.libraries)?;
        let mut classifier = Classifier::load(&runtime, path, engine.session.threads)?;
        let _watch = control.watch();
        control.tell(Event::Extract(extract::ExtractEvent::Computing { images: images.len() }));
        let mut rows = vec![];
        for image in images {
            if control.is_cancelled() {
                rows.push(Err(NoPrediction::Stopped));
                continue;
            }
            rows.push(match image.read() {
                Ok(bytes) => match classifier.classify(&bytes) {
                    Err(export::Error::Pixels(error)) => Err(NoPrediction::Failed(error.to_string())),
                    answer => Ok(answer?),
                },
                Err(error) => Err(NoPrediction::Failed(error.to_string())),
            });
            control.tell(Event::Extract(extract::ExtractEvent::Progress));
        }
        Ok(rows)
    }
}
