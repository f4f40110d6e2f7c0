//! What int8 needs before the first image: a graph of its own.

use std::path::{Path, PathBuf};

use headstart_backbone::device::Precision;
use headstart_backbone::runtime::Runtime;
use headstart_backbone::{Backbone, Libraries};
use headstart_base::text::counted;
use headstart_convert::quantize::{self, Fidelity, QuantizeOptions, Quantized};
use ndarray::{Array2, Axis, stack};

use super::{Error, ProjectConfig};
use crate::extract::Graphs;
use crate::precision::Form;
use crate::{Control, Event};

/// Images that are computed in both precisions, if there are so many.
pub(super) const SAMPLE: usize = 32;

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
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CalibrationOptions {
    /// Make again what was made before.
    pub rebuild: bool,
    /// The least mean cosine to fp32 that is taken; `None`: that of [`QuantizeOptions`], or that which a graph was accepted by before.
    pub min_cosine: Option<f64>,
}

impl CalibrationOptions {
    /// The least mean cosine where nothing was accepted before.
    pub fn bound(&self) -> f64 {
        self.min_cosine.unwrap_or(QuantizeOptions::default().min_cosine)
    }
}

/// Makes what a precision needs, of the images that features are wanted of.
pub(super) struct Calibrator<'a> {
    pub(super) files: &'a dyn Fn() -> Vec<PathBuf>,
    pub(super) config: &'a ProjectConfig,
    pub(super) options: CalibrationOptions,
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

    /// Make the int8 graph of these images and keep it, for all that is extracted into this cache.
    pub(super) fn quantise(
        &self,
        backbone: &Backbone,
        graphs: &Graphs,
        library: Option<&Path>,
        control: &mut Control<'_>,
    ) -> Result<Form, Error> {
        control.note(format_args!("int8: calibrating `{}` on these images, once", backbone.name()));
        let runtime = Runtime::load(&self.libraries(library))?;
        let options = QuantizeOptions {
            min_cosine: self.options.bound(),
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

pub(super) fn rows(rows: &[&[f32]]) -> Array2<f32> {
    let views: Vec<_> = rows.iter().map(|row| ndarray::ArrayView1::from(*row)).collect();
    stack(Axis(0), &views).expect("one graph gives rows of one length, and there is one at least")
}

/// So many files from all over the list, for they often lie class by class; all if there are no more.
pub(super) fn spread(files: Vec<PathBuf>, wanted: usize) -> Vec<PathBuf> {
    let all = files.len();
    if all <= wanted {
        return files;
    }
    (0..wanted).map(|place| files[place * all / wanted].clone()).collect()
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
        assert_eq!([names(3), names(5), names(10), names(99)], ["036", "02468", "0123456789", "0123456789"]);
        assert_eq!(spread(vec![], 5), Vec::<PathBuf>::new());
    }
}
