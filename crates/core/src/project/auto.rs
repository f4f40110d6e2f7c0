//! The fastest precision that is near enough: measured on some of the images, in less time than it saves.

use std::path::{Path, PathBuf};

use headstart_backbone::Backbone;
use headstart_backbone::device::{Precision, Selection};
use headstart_base::text::counted;
use headstart_convert::quantize::Fidelity;

use super::Error;
use super::calibrator::{Calibrator, rows, spread};
use super::shipped_graph::is_shipped;
use crate::Control;
use crate::extract::{Chosen, ExtractOptions, Extractor, Graphs, Measured, TimedRows};
use crate::input::files as image_files;
use crate::precision::Form;

/// Images that are measured: in fp32 they take a second on two cores, and the choice is to take less than two.
const SAMPLE: usize = 24;
/// Fewer images tell nothing.
const LEAST: usize = 8;
/// What another precision must gain to be worth its error.
const GAIN: f64 = 1.1;

/// What was chosen, and the ONNX Runtime that is loaded now, if one is.
pub(super) struct Choosing {
    pub(super) form: Form,
    pub(super) onnxruntime: Option<PathBuf>,
}

/// What one form does on the sample.
struct Trial {
    form: Form,
    timed: TimedRows,
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
        control.note(format_args!("auto: measuring on {}", counted(sample.len() as u64, "image")));
        let backbone = own.backbone.clone();
        let fp32 = self.trial(own, None, &sample, control)?;
        let library = fp32.timed.library.clone();
        let usable = fp32.timed.rows.iter().flatten().count();
        if usable < LEAST {
            control.note(format_args!(
                "auto: fp32, because {} are too few to measure the others",
                counted(usable as u64, "image")
            ));
            return Ok(Choosing { form: fp32.form, onnxruntime: library });
        }
        let mut trials = vec![];
        if self.is_possible(Precision::Bf16, library.as_deref()) {
            let bf16 = Form { backbone: backbone.clone(), precision: Precision::Bf16 };
            trials.push(self.trial(bf16, library.as_deref(), &sample, control)?);
        }
        if self.is_possible(Precision::Int8, library.as_deref()) {
            match self.int8(&backbone, &fp32, &sample, graphs, control) {
                Ok(int8) => trials.push(int8),
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
        Ok(Choosing { form, onnxruntime: library })
    }

    fn is_possible(&self, precision: Precision, library: Option<&Path>) -> bool {
        Selection::make(self.config.extract.engine.device, precision, &self.libraries(library)).is_ok()
    }

    /// The int8 graph that is in use, or that the program brings if it is near enough, or one made of these images.
    fn int8(
        &self,
        backbone: &Backbone,
        fp32: &Trial,
        sample: &[PathBuf],
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<Trial, Error> {
        let library = fp32.timed.library.as_deref();
        let there = match Form::only(backbone, Precision::Int8, graphs) {
            _ if self.options.rebuild => None,
            Ok(None) => self.bring_unchecked(backbone, graphs, control)?,
            // A damaged one is made anew.
            there => there.ok().flatten(),
        };
        if let Some(form) = there {
            let trial = self.trial(form, library, sample, control)?;
            let found = |_: &mut Control<'_>| Ok(Some(trial.fidelity(fp32)));
            // One that was calibrated on images of this cache was measured then.
            if !is_shipped(backbone, &trial.form) || self.is_accepted(&trial.form, graphs, control, found)? {
                return Ok(trial);
            }
        }
        let made = self.quantise(backbone, graphs, library, control)?;
        self.trial(made, library, sample, control)
    }

    /// Compute the features of the sample by a form, and see how long it takes.
    fn trial(
        &self,
        form: Form,
        library: Option<&Path>,
        sample: &[PathBuf],
        control: &Control<'_>,
    ) -> Result<Trial, Error> {
        let mut options = ExtractOptions { engine: self.config.extract.engine.clone(), ..Default::default() };
        options.engine.libraries = self.libraries(library);
        options.engine.session.precision = form.precision;
        let extractor = Extractor::new(&form.backbone, options);
        match extractor.timed(&image_files(sample), control.token())? {
            Some(timed) => Ok(Trial { form, timed }),
            None => Err(Error::Cancelled),
        }
    }

    /// The fastest that is near enough, and worth it.
    fn judge(&self, fp32: Trial, trials: Vec<Trial>) -> (Form, Chosen) {
        let mut measured = vec![fp32.measured(&fp32)];
        let (mut best, mut place) = (&fp32, 0);
        for trial in &trials {
            measured.push(trial.measured(&fp32));
            let [mean, _] = measured[measured.len() - 1].cosine;
            let gain = if place == 0 { GAIN } else { 1.0 };
            if mean >= self.options.bound()
                && trial.timed.images_per_second > best.timed.images_per_second * gain
            {
                (best, place) = (trial, measured.len() - 1);
            }
        }
        let images = fp32.timed.rows.iter().flatten().count();
        let precision = measured[place].precision;
        (best.form.clone(), Chosen { precision, min_cosine: self.options.bound(), images, measured })
    }
}

impl Trial {
    fn fidelity(&self, fp32: &Self) -> Fidelity {
        let both = self.timed.rows.iter().zip(&fp32.timed.rows);
        let both = both.filter_map(|(mine, theirs)| Some((mine.as_deref()?, theirs.as_deref()?)));
        let (mine, theirs): (Vec<_>, Vec<_>) = both.unzip();
        Fidelity::of(&rows(&theirs), &rows(&mine))
    }

    fn measured(&self, fp32: &Self) -> Measured {
        let fidelity = self.fidelity(fp32);
        Measured {
            precision: self.form.precision,
            device: self.timed.device.map_or_else(String::new, |device| device.to_string()),
            images_per_second: self.timed.images_per_second,
            cosine: [fidelity.cosine_mean, fidelity.cosine_min],
        }
    }
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
