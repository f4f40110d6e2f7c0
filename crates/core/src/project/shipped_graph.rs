//! An int8 graph that was calibrated on images of ours: it is there at once, and checked on the user's before it is used.

use headstart_backbone::device::{Choice, Precision, Selection};
use headstart_backbone::{Backbone, Libraries};
use headstart_base::text::counted;
use headstart_cache::has_store;
use headstart_convert::quantize::{Calibration, Fidelity};
use headstart_image::Views;
use headstart_onnx as onnx;
use ndarray::{ArrayView1, Axis, stack};

use super::Error;
use super::calibrator::{CalibrationOptions, Calibrator, spread};
use crate::extract::{ExtractOptions, Extractor, FeatureCache, FillOptions, GraphCheck, Graphs};
use crate::input::files as image_files;
use crate::precision::Form;
use crate::{Control, ImageInput};

/// Images that are computed in both precisions.
const CHECKED: usize = 32;

impl Calibrator<'_> {
    /// The int8 form of `backbone` that the program brings, put in use in this cache; `None` if it brings none.
    pub(super) fn shipped(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<Option<Form>, Error> {
        let Some(calibration) = Calibration::shipped(backbone) else { return Ok(None) };
        let model = match calibration.apply(backbone) {
            Ok(model) => model,
            Err(error) => {
                control.warn(format_args!("the int8 graph that the program brings is not used: {error}"));
                return Ok(None);
            }
        };
        graphs.replace(backbone, |draft| {
            onnx::write(&model, draft).map_err(|error| Error::Quantize(error.into()))
        })?;
        Ok(Form::only(backbone, Precision::Int8, graphs)?)
    }

    /// Whether `int8` is near enough to the floats on the images that features are wanted of. One that was calibrated on them is; one that the
    /// program brings is checked on some of them, once.
    pub(super) fn is_near_enough(
        &self,
        backbone: &Backbone,
        int8: &Form,
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<bool, Error> {
        let is_shipped = Calibration::shipped(backbone)
            .is_some_and(|calibration| *int8.backbone.digest().to_hex() == *calibration.result());
        if !is_shipped {
            return Ok(true);
        }
        let check = match graphs.checked(&int8.backbone) {
            Some(check) => check,
            None => match self.check(backbone, int8, control)? {
                Some(check) => {
                    graphs.keep_check(&int8.backbone, &check)?;
                    check
                }
                // No image can be read: extraction tells of that.
                None => return Ok(true),
            },
        };
        let GraphCheck { images, cosine_mean, .. } = check;
        // What was accepted once stays so for commands that ask for no other bound.
        let asked = self.options.min_cosine;
        let default = CalibrationOptions::default().min_cosine;
        let bound = if asked == default { check.min_cosine } else { asked };
        let near = cosine_mean >= bound;
        if !near {
            control.note(format_args!(
                "int8: mean cosine to fp32 {cosine_mean:.4} on {}, expected {bound} or more",
                counted(images as u64, "image")
            ));
        }
        Ok(near)
    }

    /// Compute some images in both precisions. What is computed in int8 is kept.
    fn check(
        &self,
        backbone: &Backbone,
        int8: &Form,
        control: &mut Control<'_>,
    ) -> Result<Option<GraphCheck>, Error> {
        let config = self.config;
        let (fingerprint, _) =
            int8.kept_as(config.storage, |fingerprint| has_store(&config.cache, fingerprint))?;
        let sample = image_files(spread((self.files)(), CHECKED));
        control.note(format_args!(
            "int8: checking the graph that the program brings on {}",
            counted(sample.len() as u64, "image")
        ));
        // Both by one library, for a process has one.
        let engine = &config.extract.engine;
        let selection = Selection::make(engine.device, Precision::Int8, &engine.libraries);
        let selection = selection.map_err(headstart_backbone::Error::from)?;
        let on = |precision| {
            let mut options: ExtractOptions = config.extract.clone();
            options.engine.device = Choice::Only(selection.device);
            options.engine.libraries =
                Libraries { onnxruntime: Some(selection.library.path.clone()), ..engine.libraries.clone() };
            options.engine.session.precision = precision;
            options
        };
        let floats =
            Extractor::new(backbone, on(Precision::Fp32)).features(&sample, &mut control.silenced())?;
        let (images, floats): (Vec<ImageInput>, Vec<Vec<f32>>) =
            (sample.into_iter().zip(floats)).filter_map(|(image, row)| Some((image, row?.ok()?))).unzip();
        let mut cache = FeatureCache::create_or_open(&config.cache, int8.backbone.name(), &fingerprint)?;
        let extractor = Extractor::new(&int8.backbone, on(Precision::Int8));
        let (views, options) = (Views::PLAIN, FillOptions::default());
        extractor.fill(&mut cache, views, &images, options, &mut control.silenced())?;
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if images.is_empty() {
            return Ok(None);
        }
        let integers = cache.features(&images)?;
        let floats: Vec<_> = floats.iter().map(|row| ArrayView1::from(&row[..])).collect();
        let floats = stack(Axis(0), &floats).expect("one graph gives rows of one length");
        let Fidelity { images, cosine_mean, cosine_min, relative_error } = Fidelity::of(&floats, &integers);
        let min_cosine = self.options.min_cosine;
        Ok(Some(GraphCheck { images, cosine_mean, cosine_min, relative_error, min_cosine }))
    }
}
