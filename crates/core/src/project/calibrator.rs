//! What a precision needs before the first image: an int8 graph of its own, or measurements to choose by.

use std::path::{Path, PathBuf};

use headstart_backbone::device::{Device, Precision, Selection};
use headstart_backbone::runtime::Runtime;
use headstart_backbone::{Backbone, Engine, EngineOptions, Libraries};
use headstart_base::text::counted;
use headstart_convert::quantize::{self, Fidelity, QuantizeOptions, Quantized};
use ndarray::{Array2, Axis, stack};

use super::{Error, ProjectConfig};
use crate::extract::{Chosen, ExtractOptions, Extractor, Graphs, Measured, images_per_second};
use crate::input::files as image_files;
use crate::precision::Form;
use crate::{Control, Event};

/// Images that closeness to fp32 is measured on, if there are so many.
const SAMPLE: usize = 64;
/// Fewer tell nothing.
const LEAST: usize = 8;
/// What another precision must gain to be worth its error.
const GAIN: f64 = 1.1;

/// Quantise a backbone: see [`quantize`](quantize::quantize()).
///
/// # Errors
/// [`Error::Quantize`]; [`Error::Cancelled`].
pub fn quantize(
    runtime: &Runtime,
    backbone: &Backbone,
    files: &[PathBuf],
    options: &QuantizeOptions,
    control: &mut Control<'_>,
) -> Result<Quantized, Error> {
    let token = control.token().clone();
    let _watch = control.watch();
    let mut tell = |event: quantize::QuantizeEvent<'_>| control.tell(Event::Quantize(event));
    match quantize::quantize(runtime, backbone, files, options, token.flag(), &mut tell) {
        Err(quantize::Error::Cancelled) => Err(Error::Cancelled),
        made => Ok(made?),
    }
}

/// How an int8 graph is made, and a precision chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationOptions {
    /// Make again what was made before.
    pub rebuild: bool,
    /// The least mean cosine to fp32 that is taken.
    pub min_cosine: f64,
}

impl Default for CalibrationOptions {
    fn default() -> Self {
        Self { rebuild: false, min_cosine: QuantizeOptions::default().min_cosine }
    }
}

/// Makes what a precision needs, of the images that features are wanted of.
pub(super) struct Calibrator<'a> {
    pub(super) files: &'a dyn Fn() -> Vec<PathBuf>,
    pub(super) config: &'a ProjectConfig,
    pub(super) options: CalibrationOptions,
}

/// What was chosen, and the ONNX Runtime that is loaded now, if one is.
pub(super) struct Choosing {
    pub(super) form: Form,
    pub(super) onnxruntime: Option<PathBuf>,
}

/// What one form does.
struct Trial {
    form: Form,
    device: Device,
    images_per_second: f64,
    /// One row an image; none of those that cannot be used.
    features: Vec<Option<Vec<f32>>>,
}

impl Calibrator<'_> {
    /// The backbone in this precision, with its int8 graph made if there is none.
    pub(super) fn form(
        &self,
        backbone: &Backbone,
        precision: Precision,
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<Form, Error> {
        let there = Form::only(backbone, precision, graphs);
        let own = precision != Precision::Int8 || backbone.is_quantised();
        if own {
            return Ok(there?.expect("nothing has to be made for it"));
        }
        let library = self.config.extract.engine.libraries.onnxruntime.as_deref();
        if self.options.rebuild {
            return self.quantise(backbone, graphs, library, control);
        }
        // A damaged one is in the way until it is asked to be made anew.
        let form = match there? {
            Some(form) => self.is_near_enough(backbone, &form, graphs, control)?.then_some(form),
            None => self.bring(backbone, graphs, library, control)?,
        };
        match form {
            Some(form) => {
                control.detail(format_args!("int8 graph: {}", form.backbone.path().display()));
                Ok(form)
            }
            None => self.quantise(backbone, graphs, library, control),
        }
    }

    /// Those of the configuration, but this ONNX Runtime if one is loaded already.
    pub(super) fn libraries(&self, onnxruntime: Option<&Path>) -> Libraries {
        let mut libraries = self.config.extract.engine.libraries.clone();
        if let Some(onnxruntime) = onnxruntime {
            libraries.onnxruntime = Some(onnxruntime.to_path_buf());
        }
        libraries
    }

    /// The int8 graph that is there, or a new one.
    fn int8(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        library: &Path,
        control: &mut Control<'_>,
    ) -> Result<Form, Error> {
        match Form::only(backbone, Precision::Int8, graphs) {
            Ok(Some(form)) if !self.options.rebuild => Ok(form),
            Ok(None) if !self.options.rebuild => {
                match self.bring(backbone, graphs, Some(library), control)? {
                    Some(form) => Ok(form),
                    None => self.quantise(backbone, graphs, Some(library), control),
                }
            }
            _ => self.quantise(backbone, graphs, Some(library), control),
        }
    }

    /// Make the int8 graph of these images and keep it, for all that is extracted into this cache.
    fn quantise(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        library: Option<&Path>,
        control: &mut Control<'_>,
    ) -> Result<Form, Error> {
        control.note(format_args!("int8: calibrating `{}` on these images, once", backbone.name()));
        let runtime = Runtime::load(&self.libraries(library))?;
        let options = QuantizeOptions {
            min_cosine: self.options.min_cosine,
            threads: self.config.extract.engine.session.threads,
            unfinished: Some(graphs.unfinished(backbone)),
            ..QuantizeOptions::default()
        };
        let made = quantize(&runtime, backbone, &(self.files)(), &options, control)?;
        let Quantized { report, .. } = &made;
        let path = graphs.replace(backbone, |draft| made.write(draft, false).map_err(Error::from))?;
        made.forget_unfinished();
        let Fidelity { images, cosine_mean, cosine_min, .. } = report.fidelity;
        control.note(format_args!(
            "int8: cosine to fp32: mean {cosine_mean:.4}, lowest {cosine_min:.4}, on {} not used for calibration",
            counted(images as u64, "image")
        ));
        control.note(format_args!("int8: graph written to {}", path.display()));
        let form = Form::only(backbone, Precision::Int8, graphs)?;
        Ok(form.expect("it was written just now"))
    }
}

impl Calibrator<'_> {
    /// The fastest form whose features are near enough to fp32's: as it was chosen before, or found by measuring.
    pub(super) fn choose(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<Choosing, Error> {
        if let Some(chosen) = graphs.chosen(backbone).filter(|_| !self.options.rebuild) {
            // A graph that was deleted is a reason to choose again.
            if let Ok(Some(form)) = Form::only(backbone, chosen.precision, graphs) {
                control.note(format_args!("auto: {}, as chosen before", about(&chosen)));
                return Ok(Choosing { form, onnxruntime: None });
            }
        }
        let own = Form::own(backbone);
        if backbone.is_quantised() {
            control.note(format_args!("auto: int8, the only precision of `{}`", backbone.name()));
            return Ok(Choosing { form: own, onnxruntime: None });
        }
        self.measure(own, graphs, control)
    }

    fn measure(&self, own: Form, graphs: &Graphs, control: &mut Control<'_>) -> Result<Choosing, Error> {
        let sample = spread((self.files)(), SAMPLE);
        let backbone = own.backbone.clone();
        control.note(format_args!("auto: measuring on {}", counted(sample.len() as u64, "image")));
        let (fp32, library) = self.trial(own, None, &sample, &mut control.silenced())?;
        let usable = fp32.features.iter().flatten().count();
        if usable < LEAST {
            control.note(format_args!(
                "auto: fp32, because {} are too few to measure the others",
                counted(usable as u64, "image")
            ));
            return Ok(Choosing { form: fp32.form, onnxruntime: Some(library) });
        }
        let mut trials = vec![];
        if Selection::make(
            self.config.extract.engine.device,
            Precision::Bf16,
            &self.libraries(Some(&library)),
        )
        .is_ok()
        {
            let bf16 = Form { backbone: backbone.clone(), precision: Precision::Bf16 };
            trials.push(self.trial(bf16, Some(&library), &sample, &mut control.silenced())?.0);
        }
        if Selection::make(
            self.config.extract.engine.device,
            Precision::Int8,
            &self.libraries(Some(&library)),
        )
        .is_ok()
        {
            match self.int8(&backbone, graphs, &library, control) {
                Ok(int8) => {
                    trials.push(self.trial(int8, Some(&library), &sample, &mut control.silenced())?.0);
                }
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => control.note(format_args!("auto: not int8: {error}")),
            }
        }
        let (form, chosen) = self.judge(fp32, trials);
        graphs.choose(&backbone, &chosen)?;
        for measured in &chosen.measured {
            control.note(format_args!("auto: {}", line(measured)));
        }
        control.note(format_args!("auto: {}", about(&chosen)));
        Ok(Choosing { form, onnxruntime: Some(library) })
    }

    /// Load a form, measure it, and compute the features of the sample by it.
    fn trial(
        &self,
        form: Form,
        library: Option<&PathBuf>,
        sample: &[PathBuf],
        control: &mut Control<'_>,
    ) -> Result<(Trial, PathBuf), Error> {
        let libraries = self.libraries(library.map(PathBuf::as_path));
        let mut options = EngineOptions { libraries, ..self.config.extract.engine.clone() };
        options.session.precision = form.precision;
        let mut engine = Engine::start(&form.backbone, &options)?;
        let images_per_second = images_per_second(&form.backbone, &mut engine.session)?;
        let (device, library) = (engine.selection.device, engine.runtime.library().to_path_buf());
        drop(engine);
        let options = ExtractOptions { engine: options, ..ExtractOptions::default() };
        let extractor = Extractor::new(&form.backbone, options);
        let rows = extractor.features(&image_files(sample), control)?;
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let features = rows.into_iter().map(|row| row.and_then(Result::ok)).collect();
        Ok((Trial { form, device, images_per_second, features }, library))
    }

    /// The fastest that is near enough, and worth it.
    fn judge(&self, fp32: Trial, trials: Vec<Trial>) -> (Form, Chosen) {
        let mut measured = vec![fp32.measured(&fp32)];
        let (mut best, mut place) = (&fp32, 0);
        for trial in &trials {
            measured.push(trial.measured(&fp32));
            let [mean, _] = measured[measured.len() - 1].cosine;
            let gain = if place == 0 { GAIN } else { 1.0 };
            if mean >= self.options.min_cosine && trial.images_per_second > best.images_per_second * gain {
                (best, place) = (trial, measured.len() - 1);
            }
        }
        let images = fp32.features.iter().flatten().count();
        let precision = measured[place].precision;
        (best.form.clone(), Chosen { precision, min_cosine: self.options.min_cosine, images, measured })
    }
}

impl Trial {
    fn measured(&self, fp32: &Self) -> Measured {
        let both = self.features.iter().zip(&fp32.features);
        let both = both.filter_map(|(mine, theirs)| Some((mine.as_deref()?, theirs.as_deref()?)));
        let (mine, theirs): (Vec<_>, Vec<_>) = both.unzip();
        let fidelity = Fidelity::of(&rows(&theirs), &rows(&mine));
        Measured {
            precision: self.form.precision,
            device: self.device.to_string(),
            images_per_second: self.images_per_second,
            cosine: [fidelity.cosine_mean, fidelity.cosine_min],
        }
    }
}

pub(super) fn rows(rows: &[&[f32]]) -> Array2<f32> {
    let views: Vec<_> = rows.iter().map(|row| ndarray::ArrayView1::from(*row)).collect();
    stack(Axis(0), &views).expect("one graph gives rows of one length, and there is one at least")
}

/// So many files from all over the list, for they often lie class by class.
pub(super) fn spread(files: Vec<PathBuf>, wanted: usize) -> Vec<PathBuf> {
    let step = files.len().div_ceil(wanted.max(1)).max(1);
    files.into_iter().step_by(step).collect()
}

/// `int8 on cpu: 84.1 images/s, cosine to fp32: mean 0.9981, lowest 0.9903`
fn line(measured: &Measured) -> String {
    let Measured { precision, device, images_per_second, cosine: [mean, least] } = measured;
    let near = match precision {
        Precision::Fp32 => String::new(),
        _ => format!(", cosine to fp32: mean {mean:.4}, lowest {least:.4}"),
    };
    format!("{precision} on {device}: {images_per_second:.1} images/s{near}")
}

/// `int8, the fastest with a mean cosine of 0.99 or more (84.1 images/s, fp32 25.3)`
fn about(chosen: &Chosen) -> String {
    let rate = |precision| {
        let of = |measured: &&Measured| measured.precision == precision;
        chosen.measured.iter().find(of).map_or(0.0, |measured| measured.images_per_second)
    };
    let Chosen { precision, min_cosine, .. } = chosen;
    let beside = match precision {
        Precision::Fp32 => String::new(),
        _ => format!(", fp32 {:.1}", rate(Precision::Fp32)),
    };
    format!(
        "{precision}, the fastest with a mean cosine of {min_cosine} or more ({:.1} images/s{beside})",
        rate(*precision)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_comes_from_all_over() {
        let files: Vec<PathBuf> = (0..10).map(|i| PathBuf::from(i.to_string())).collect();
        let names = |wanted| {
            spread(files.clone(), wanted).iter().map(|path| path.display().to_string()).collect::<String>()
        };
        assert_eq!([names(3), names(5), names(10), names(99)], ["048", "02468", "0123456789", "0123456789"]);
        assert_eq!(spread(vec![], 5), Vec::<PathBuf>::new());
    }
}
