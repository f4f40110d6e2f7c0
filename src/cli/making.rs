//! What a precision needs before the first image: an int8 graph of its own, or measurements to choose by.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use headstart::backbone::device::{Device, Precision, Selection};
use headstart::backbone::runtime::Runtime;
use headstart::backbone::{Backbone, Engine, EngineOptions};
use headstart::convert::quantize::{Event, Fidelity, QuantizeOptions, Quantized, quantize};
use headstart::extract::{Chosen, ExtractOptions, Extractor, Graphs, Measured};
use headstart::{Control, image_files};
use ndarray::{Array2, Axis, stack};

use super::args::RuntimeArgs;
use super::console::{Console, count};
use super::rate;
use headstart::precision::Form;

/// Images that closeness to fp32 is measured on, if there are so many.
const SAMPLE: usize = 64;
/// Fewer tell nothing.
const LEAST: usize = 8;
/// What another precision must gain to be worth its error.
const GAIN: f64 = 1.1;

/// Means to make what is not there yet.
pub struct Making<'a> {
    /// The images that are wanted.
    pub files: &'a dyn Fn() -> Vec<PathBuf>,
    pub runtime: &'a RuntimeArgs,
    /// Make anew what was made before.
    pub anew: bool,
    /// The least mean cosine to fp32 that is taken.
    pub min_cosine: f64,
}

/// What was chosen, and the ONNX Runtime that is loaded now, if one is.
pub struct Choosing {
    pub form: Form,
    pub onnxruntime: Option<PathBuf>,
}

/// What one form does.
struct Trial {
    form: Form,
    device: Device,
    images_per_second: f64,
    /// One row an image; none of those that cannot be used.
    features: Vec<Option<Vec<f32>>>,
}

impl<'a> Making<'a> {
    pub fn of(files: &'a dyn Fn() -> Vec<PathBuf>, runtime: &'a RuntimeArgs) -> Self {
        Self { files, runtime, anew: false, min_cosine: QuantizeOptions::default().min_cosine }
    }

    /// The backbone in this precision, with its int8 graph made if there is none.
    pub fn form(
        &self,
        backbone: &Backbone,
        precision: Precision,
        graphs: &Graphs,
        console: &Console,
    ) -> anyhow::Result<Form> {
        let there = Form::only(backbone, precision, graphs);
        let own = precision != Precision::Int8 || backbone.is_quantised();
        match there {
            Ok(Some(form)) if own || !self.anew => {
                if !own {
                    console.detail(format_args!("int8 graph: {}", form.backbone.path().display()));
                }
                Ok(form)
            }
            Err(error) if own => Err(error.into()),
            // A damaged one is in the way until it is asked to be made anew.
            Err(error) if !self.anew => Err(error.into()),
            _ => self.quantise(backbone, graphs, self.runtime.onnxruntime.as_deref(), console),
        }
    }

    /// The int8 graph that is there, or a new one.
    fn int8(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        library: &Path,
        console: &Console,
    ) -> anyhow::Result<Form> {
        match Form::only(backbone, Precision::Int8, graphs) {
            Ok(Some(form)) if !self.anew => Ok(form),
            _ => self.quantise(backbone, graphs, Some(library), console),
        }
    }

    /// Make the int8 graph of these images and keep it, for all that is extracted into this cache.
    fn quantise(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        library: Option<&Path>,
        console: &Console,
    ) -> anyhow::Result<Form> {
        console.note(format_args!(
            "int8: making a graph for `{}`; this takes some minutes, once",
            backbone.name()
        ));
        let runtime = Runtime::load(library)?;
        let options = QuantizeOptions {
            min_cosine: self.min_cosine,
            threads: self.runtime.threads.map(usize::from),
            ..QuantizeOptions::default()
        };
        let mut tell = |event: Event<'_>| tell(&event, console);
        // Nothing that would be lost is written before the end, so Ctrl-C may end the program at once.
        let never = AtomicBool::new(false);
        let made = quantize(&runtime, backbone, &(self.files)(), &options, &never, &mut tell)?;
        let Quantized { report, .. } = &made;
        let path = graphs.replace(backbone, |draft| anyhow::Ok(made.write(draft, false)?))?;
        let Fidelity { images, cosine_mean, cosine_min, .. } = report.fidelity;
        console.note(format_args!(
            "int8: cosine to fp32: mean {cosine_mean:.4}, lowest {cosine_min:.4}, on {} not used for calibration",
            count(images, "image")
        ));
        console.note(format_args!("int8: graph written to {}", path.display()));
        let form = Form::only(backbone, Precision::Int8, graphs)?;
        Ok(form.expect("it was written just now"))
    }
}

fn tell(event: &Event<'_>, console: &Console) {
    match event {
        Event::Drawn { calibration, held_out, failed } => {
            let calibration = count(*calibration, "image");
            console.note(format_args!("int8: calibrating on {calibration}, {held_out} held out"));
            for (file, reason) in *failed {
                console.warn(format_args!("`{}`: {reason}", file.display()));
            }
        }
        Event::Tried { what, error } => console.detail(format_args!("{what}: relative error {error:.4}")),
        _ => {}
    }
}

impl Making<'_> {
    /// The fastest form whose features are near enough to fp32's: as it was chosen before, or found by measuring.
    pub fn choose(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        console: &Console,
    ) -> anyhow::Result<Choosing> {
        if let Some(chosen) = graphs.chosen(backbone).filter(|_| !self.anew) {
            // A graph that was deleted is a reason to choose again.
            if let Ok(Some(form)) = Form::only(backbone, chosen.precision, graphs) {
                console.note(format_args!("auto: {}, as chosen before", about(&chosen)));
                return Ok(Choosing { form, onnxruntime: None });
            }
        }
        let own = Form::own(backbone);
        if backbone.is_quantised() {
            console.note(format_args!("auto: int8, the only precision of `{}`", backbone.name()));
            return Ok(Choosing { form: own, onnxruntime: None });
        }
        self.measure(own, graphs, console)
    }

    fn measure(&self, own: Form, graphs: &Graphs, console: &Console) -> anyhow::Result<Choosing> {
        let sample = spread((self.files)(), SAMPLE);
        let backbone = own.backbone.clone();
        console.note(format_args!("auto: measuring on {}", count(sample.len(), "image")));
        let (fp32, library) = self.trial(own, None, &sample)?;
        let usable = fp32.features.iter().flatten().count();
        if usable < LEAST {
            console.note(format_args!(
                "auto: fp32, because {} cannot tell how good the others are",
                count(usable, "image")
            ));
            return Ok(Choosing { form: fp32.form, onnxruntime: Some(library) });
        }
        let mut trials = vec![];
        if Selection::make(self.runtime.device, Precision::Bf16, Some(&library)).is_ok() {
            let bf16 = Form { backbone: backbone.clone(), precision: Precision::Bf16 };
            trials.push(self.trial(bf16, Some(&library), &sample)?.0);
        }
        if Selection::make(self.runtime.device, Precision::Int8, Some(&library)).is_ok() {
            match self.int8(&backbone, graphs, &library, console) {
                Ok(int8) => trials.push(self.trial(int8, Some(&library), &sample)?.0),
                Err(error) => console.note(format_args!("auto: not int8: {error}")),
            }
        }
        let (form, chosen) = self.judge(fp32, trials);
        graphs.choose(&backbone, &chosen)?;
        for measured in &chosen.measured {
            console.note(format_args!("auto: {}", line(measured)));
        }
        console.note(format_args!("auto: {}", about(&chosen)));
        Ok(Choosing { form, onnxruntime: Some(library) })
    }

    /// Load a form, measure it, and compute the features of the sample by it.
    fn trial(
        &self,
        form: Form,
        library: Option<&PathBuf>,
        sample: &[PathBuf],
    ) -> anyhow::Result<(Trial, PathBuf)> {
        let onnxruntime = library.or(self.runtime.onnxruntime.as_ref()).cloned();
        let options =
            EngineOptions { precision: form.precision, onnxruntime, ..self.runtime.engine_options() };
        let mut engine = Engine::start(&form.backbone, &options)?;
        let images_per_second = rate::images_per_second(&form.backbone, &mut engine.session)?;
        let (device, library) = (engine.selection.device, engine.runtime.library().to_path_buf());
        drop(engine);
        let options = ExtractOptions { engine: options, ..ExtractOptions::default() };
        let extractor = Extractor::new(&form.backbone, options);
        let rows = extractor.features(&image_files(sample), &mut Control::silent())?;
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
            if mean >= self.min_cosine && trial.images_per_second > best.images_per_second * gain {
                (best, place) = (trial, measured.len() - 1);
            }
        }
        let images = fp32.features.iter().flatten().count();
        let precision = measured[place].precision;
        (best.form.clone(), Chosen { precision, min_cosine: self.min_cosine, images, measured })
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

fn rows(rows: &[&[f32]]) -> Array2<f32> {
    let views: Vec<_> = rows.iter().map(|row| ndarray::ArrayView1::from(*row)).collect();
    stack(Axis(0), &views).expect("one graph gives rows of one length, and there is one at least")
}

/// So many files from all over the list, for they often lie class by class.
fn spread(files: Vec<PathBuf>, wanted: usize) -> Vec<PathBuf> {
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
