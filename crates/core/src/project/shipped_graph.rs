//! An int8 graph that was calibrated on images of ours: it is there at once, and checked on the user's before it is used.

use std::path::Path;
use std::thread;

use headstart_backbone::Backbone;
use headstart_backbone::device::{Choice, Precision, Selection};
use headstart_base::text::counted;
use headstart_cache::has_store;
use headstart_convert::quantize::{self, Calibration, Fidelity};
use headstart_image::Views;
use headstart_onnx as onnx;

use super::Error;
use super::calibrator::{Calibrator, SAMPLE, rows as stacked, spread};
use crate::extract::{ExtractOptions, Extractor, FeatureCache, FillOptions, GraphCheck, Graphs};
use crate::input::files as image_files;
use crate::precision::Form;
use crate::{Control, ImageInput, UserCache};

/// Whether `int8` is the form of `backbone` that the program brings.
pub(super) fn is_shipped(backbone: &Backbone, int8: &Form) -> bool {
    let shipped = Calibration::shipped(backbone);
    shipped.is_some_and(|calibration| *int8.backbone.digest().to_hex() == *calibration.result())
}

/// The bytes of the graph in integers: as they were made for another project, or made now, and kept for the next one.
pub(super) fn shipped(
    kept: Option<&UserCache>,
    calibration: &Calibration,
    backbone: &Backbone,
) -> Result<Vec<u8>, quantize::Error> {
    if let Some(bytes) = kept.and_then(|kept| kept.int8_graph(calibration.result())) {
        return Ok(bytes);
    }
    let bytes = onnx::encode(&calibration.apply(backbone)?, backbone.path())?;
    if let Some(kept) = kept {
        kept.keep_int8_graph(calibration.result(), &bytes);
    }
    Ok(bytes)
}

/// The int8 form of `backbone` with these bytes.
fn put_in_use(
    made: Result<Vec<u8>, quantize::Error>,
    backbone: &Backbone,
    graphs: &Graphs,
    control: &mut Control<'_>,
) -> Result<Option<Form>, Error> {
    let bytes = match made {
        Ok(bytes) => bytes,
        Err(error) => {
            control.warn(format_args!("the int8 graph that the program brings is not used: {error}"));
            return Ok(None);
        }
    };
    graphs.replace_with(backbone, &bytes)?;
    Ok(Form::only(backbone, Precision::Int8, graphs)?)
}

/// Some of the images that features are wanted of, in fp32; and how they are computed.
struct Floats {
    images: Vec<ImageInput>,
    rows: Vec<Vec<f32>>,
    options: ExtractOptions,
}

impl Calibrator<'_> {
    /// The int8 form of `backbone` that the program brings, put in use in this cache if it is near enough to the floats on the images that
    /// features are wanted of; `None` if it is not, or there is none. `library` is the ONNX Runtime that is loaded, if one is.
    pub(super) fn bring(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        library: Option<&Path>,
        control: &mut Control<'_>,
    ) -> Result<Option<Form>, Error> {
        let Some(calibration) = Calibration::shipped(backbone) else { return Ok(None) };
        let kept = self.config.user_cache.as_ref();
        // The graph is made while the floats are computed.
        let (made, floats) = thread::scope(|scope| {
            let making = scope.spawn(|| shipped(kept, &calibration, backbone));
            let floats = self.floats(backbone, library, control);
            (making.join(), floats)
        });
        let floats = floats?;
        let made = made.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let Some(int8) = put_in_use(made, backbone, graphs, control)? else { return Ok(None) };
        let near = self.is_accepted(&int8, graphs, control, |control| self.check(&int8, floats, control))?;
        Ok(near.then_some(int8))
    }

    /// The int8 form that the program brings, put in use without a look at any image; `None` if there is none.
    pub(super) fn bring_unchecked(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<Option<Form>, Error> {
        let Some(calibration) = Calibration::shipped(backbone) else { return Ok(None) };
        let made = shipped(self.config.user_cache.as_ref(), &calibration, backbone);
        put_in_use(made, backbone, graphs, control)
    }

    /// Whether `int8`, which is in use, is near enough to the floats. One that was calibrated on these images is; one that the program
    /// brings is checked on some of them, once.
    pub(super) fn is_near_enough(
        &self,
        backbone: &Backbone,
        int8: &Form,
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<bool, Error> {
        if !is_shipped(backbone, int8) {
            return Ok(true);
        }
        self.is_accepted(int8, graphs, control, |control| {
            let floats = self.floats(backbone, None, control)?;
            self.check(int8, floats, control)
        })
    }

    /// Whether `int8` is near enough by what was found before, or else by what `find` finds, which is kept. Where no image can be
    /// read nothing is found, and extraction tells of that.
    pub(super) fn is_accepted(
        &self,
        int8: &Form,
        graphs: &Graphs,
        control: &mut Control<'_>,
        find: impl FnOnce(&mut Control<'_>) -> Result<Option<Fidelity>, Error>,
    ) -> Result<bool, Error> {
        let check = match graphs.checked(&int8.backbone) {
            Some(before) => before,
            None => {
                let Some(found) = find(control)? else { return Ok(true) };
                let Fidelity { images, cosine_mean, cosine_min, relative_error } = found;
                let min_cosine = self.options.bound();
                let check = GraphCheck { images, cosine_mean, cosine_min, relative_error, min_cosine };
                graphs.keep_check(&int8.backbone, &check)?;
                check
            }
        };
        Ok(self.accepts(&check, control))
    }

    /// Whether what was found is what was asked for. If not, it is told.
    fn accepts(&self, check: &GraphCheck, control: &mut Control<'_>) -> bool {
        let GraphCheck { images, cosine_mean, .. } = *check;
        // What was accepted once stays so for commands that ask for no other bound.
        let bound = self.options.min_cosine.unwrap_or(check.min_cosine);
        let near = cosine_mean >= bound;
        if !near {
            control.note(format_args!(
                "int8: mean cosine to fp32 {cosine_mean:.4} on {}, expected {bound} or more",
                counted(images as u64, "image")
            ));
        }
        near
    }

    /// Some of the images in fp32, by the library and on the device that int8 is going to use: a process has one library.
    fn floats(
        &self,
        backbone: &Backbone,
        library: Option<&Path>,
        control: &mut Control<'_>,
    ) -> Result<Floats, Error> {
        let sample = image_files(spread((self.files)(), SAMPLE));
        control.note(format_args!(
            "int8: checking the graph that the program brings on {}",
            counted(sample.len() as u64, "image")
        ));
        let mut options = self.config.extract.clone();
        let engine = &mut options.engine;
        engine.libraries = self.libraries(library);
        let selection = Selection::make(engine.device, Precision::Int8, &engine.libraries);
        let selection = selection.map_err(headstart_backbone::Error::from)?;
        engine.device = Choice::Only(selection.device);
        engine.libraries.onnxruntime = Some(selection.library.path);
        engine.session.precision = Precision::Fp32;
        let rows = Extractor::new(backbone, options.clone()).features(&sample, &mut control.silenced())?;
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let (images, rows) =
            sample.into_iter().zip(rows).filter_map(|(image, row)| Some((image, row?.ok()?))).unzip();
        Ok(Floats { images, rows, options })
    }

    /// How near the same images are in int8, if there are any. What is computed is kept.
    fn check(
        &self,
        int8: &Form,
        floats: Floats,
        control: &mut Control<'_>,
    ) -> Result<Option<Fidelity>, Error> {
        let Floats { images, rows, mut options } = floats;
        if images.is_empty() {
            return Ok(None);
        }
        let config = self.config;
        let (fingerprint, _) =
            int8.kept_as(config.storage, |fingerprint| has_store(&config.cache, fingerprint))?;
        let mut cache = FeatureCache::create_or_open(&config.cache, int8.backbone.name(), &fingerprint)?;
        options.engine.session.precision = Precision::Int8;
        let extractor = Extractor::new(&int8.backbone, options);
        let (views, fill) = (Views::PLAIN, FillOptions::default());
        extractor.fill(&mut cache, views, &images, fill, &mut control.silenced())?;
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let integers = cache.features(&images)?;
        let floats = stacked(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        Ok(Some(Fidelity::of(&floats, &integers)))
    }
}
