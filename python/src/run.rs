//! A run: a trained head, what it tells apart, and by which features.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headstart_base::files::{folder_of, path_text, write_bytes};
use headstart_core::dataset::Whereabouts;
use headstart_core::export::{Form, Options};
use headstart_core::extract::Extractor;
use headstart_core::project::{Accept, Error, EvaluateOptions, NoPrediction, PredictOptions};
use headstart_core::run::{self as runs, NewRun, Origin, RunInfo, TrainingRecord};
use headstart_core::{Control, ImageInput, Project};
use headstart_image::ViewKinds;
use ndarray::{Array2, ArrayView1};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyDict;
use tempfile::TempDir;

use crate::config::{Config, views};
use crate::errors::OrRaise;
use crate::evaluation::Evaluation;
use crate::features::{Failed, fill, first_failure};
use crate::head::history;
use crate::inputs::images;
use crate::manifest::csv;
use crate::training::Data;
use crate::work;

/// A list of the images, in the folder of a run that was trained on none.
const LIST: &str = "images.csv";

type Parameters<'py> = (Vec<Bound<'py, PyArray2<f32>>>, Vec<Bound<'py, PyArray1<f32>>>);

/// A trained head with all that a run keeps.
#[pyclass(frozen, module = "headstart._core")]
pub struct Run {
    run: runs::Run,
    /// Where it lies until it is saved.
    folder: Option<Arc<TempDir>>,
}

impl Run {
    /// Trained just now, into a folder that goes with this.
    ///
    /// # Errors
    /// If the list of the images cannot be written.
    pub fn trained(run: runs::Run, folder: TempDir, data: &Data) -> std::io::Result<Self> {
        if let Data::Rows(manifest) = data
            && manifest.is_of_files()
        {
            write_bytes(&run.dir().join(LIST), csv(manifest).as_bytes()).map_err(|error| error.source)?;
        }
        Ok(Self { run, folder: Some(Arc::new(folder)) })
    }
}

#[pymethods]
impl Run {
    /// The run that `name` means: its folder, its name among the runs of `config`, or `latest`.
    #[staticmethod]
    fn load(py: Python<'_>, config: Config, name: PathBuf) -> PyResult<Self> {
        let run = config.project(py)?.run(&name).or_raise(py)?;
        Ok(Self { run, folder: None })
    }

    /// Its folder.
    #[getter]
    fn folder(&self) -> &Path {
        self.run.dir()
    }

    /// The classes, in the order of the head's outputs.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.run.info.classes.clone()
    }

    /// A list for each figure.
    #[getter]
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        history(py, &self.run.history.epochs)
    }

    /// Kernels `(inputs, units)` and biases `(units,)` of the layers.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Parameters<'py> {
        let layers = self.run.head.layers();
        let kernels = layers.iter().map(|layer| layer.kernel.clone().into_pyarray(py)).collect();
        let biases = layers.iter().map(|layer| layer.bias.row(0).to_owned().into_pyarray(py)).collect();
        (kernels, biases)
    }

    /// What it was trained with, in JSON; `None` for a head that was trained elsewhere.
    #[getter]
    fn settings(&self) -> Option<String> {
        let training = self.run.info.training()?;
        serde_json::to_string(&training.settings).ok()
    }

    /// How the training went, in JSON: the content of `metrics.json`.
    #[getter]
    fn metrics(&self) -> Option<String> {
        serde_json::to_string(self.run.metrics.as_ref()?).ok()
    }

    /// What logits are divided by; `None` if nothing was fitted.
    #[getter]
    fn temperature(&self) -> Option<f64> {
        self.run.calibration.as_ref().map(|_| self.run.temperature().get())
    }

    /// The backbone: its name, digest, the precision and the fingerprint of its features.
    #[getter]
    fn backbone<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let RunInfo { backbone, features, .. } = &self.run.info;
        let about = PyDict::new(py);
        about.set_item("backbone", &backbone.name)?;
        about.set_item("digest", &backbone.digest)?;
        about.set_item("quantised_from", &backbone.quantised_from)?;
        about.set_item("fingerprint", &features.fingerprint)?;
        about.set_item("size", features.size)?;
        Ok(about)
    }

    /// Probabilities `(n, classes)`; rows of images that failed are NaN, and are told.
    #[pyo3(signature = (config, items, *, kinds, stop, listener))]
    fn predict<'py>(
        &self,
        py: Python<'py>,
        config: Config,
        items: Vec<Bound<'py, PyAny>>,
        kinds: Option<&str>,
        stop: bool,
        listener: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyArray2<f32>>, Vec<Failed>)> {
        let (project, views, images) = (config.project(py)?, views(py, kinds)?, images(&items)?);
        let predict = |control: &mut Control<'_>| self.probabilities(&project, &images, views, control);
        let (rows, failed) = work::run(py, listener, predict)?.or_raise(py)?;
        match failed.is_empty() {
            false if stop => Err(first_failure(py, &failed, &images)),
            _ => Ok((rows.into_pyarray(py), failed)),
        }
    }

    /// Measure it on labelled images, and compute missing features first.
    #[pyo3(signature = (config, *, manifests, items, labels, split, kinds, calibrate, resamples, stop, listener))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn evaluate(
        &self,
        py: Python<'_>,
        config: Config,
        manifests: Vec<PathBuf>,
        items: Vec<Bound<'_, PyAny>>,
        labels: Vec<Option<String>>,
        split: Option<String>,
        kinds: Option<&str>,
        calibrate: bool,
        resamples: u32,
        stop: bool,
        listener: &Bound<'_, PyAny>,
    ) -> PyResult<(Evaluation, Vec<Failed>)> {
        let (project, views) = (config.project(py)?, views(py, kinds)?);
        let data = Data::of(py, manifests, &items, labels)?;
        let options = EvaluateOptions { split, views, calibrate, resamples, ..EvaluateOptions::default() };
        let evaluate = |control: &mut Control<'_>| self.measure(&project, &data, &options, stop, control);
        match work::run(py, listener, evaluate)?.or_raise(py)? {
            Measured::Found(evaluation, failed) => Ok((Evaluation::new(*evaluation, config.heif()), failed)),
            Measured::Failed(images, failed) => Err(first_failure(py, &failed, &images)),
        }
    }

    /// Write it to a folder of its own. The run that is there then.
    #[pyo3(signature = (path, *, overwrite))]
    fn save(&self, py: Python<'_>, path: PathBuf, overwrite: bool) -> PyResult<Self> {
        let run = py.detach(|| self.write(&path, overwrite)).or_raise(py)?;
        Ok(Self { run, folder: None })
    }

    /// The same as it is in its folder by now: an evaluation may have given it a temperature.
    fn reload(&self, py: Python<'_>) -> PyResult<Self> {
        let run = runs::Run::load(self.run.dir()).or_raise(py)?;
        Ok(Self { run, folder: self.folder.clone() })
    }

    /// Its files by their names, for a pickle: all but what it takes to train on.
    fn pack(&self) -> PyResult<BTreeMap<String, Cow<'static, [u8]>>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.run.dir())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                files
                    .insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?.into());
            }
        }
        Ok(files)
    }

    /// What was packed, in a folder that goes with the returned object.
    #[staticmethod]
    fn unpack(py: Python<'_>, files: BTreeMap<String, PyBackedBytes>) -> PyResult<Self> {
        let folder = tempfile::Builder::new().prefix("headstart-").tempdir()?;
        let dir = folder.path().join("pickled");
        fs::create_dir(&dir)?;
        for (name, bytes) in files {
            let name = Path::new(&name).file_name().unwrap_or_default();
            write_bytes(&dir.join(name), &bytes).map_err(|error| error.source)?;
        }
        let run = runs::Run::load(&dir).or_raise(py)?;
        Ok(Self { run, folder: Some(Arc::new(folder)) })
    }

    /// Write one ONNX file. What was written, in JSON.
    #[pyo3(signature = (config, output, *, form, half, opset, overwrite, listener))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn export(
        &self,
        py: Python<'_>,
        config: Config,
        output: PathBuf,
        form: &str,
        half: bool,
        opset: Option<i64>,
        overwrite: bool,
        listener: &Bound<'_, PyAny>,
    ) -> PyResult<String> {
        let project = config.project(py)?;
        let form = match form {
            "image" => Form::Image,
            "features" => Form::Features,
            _ => Form::Tensor,
        };
        let options = Options { form, half, opset, overwrite, ..Options::default() };
        let export = |control: &mut Control<'_>| {
            project.export(&self.run, &output, &options, Accept::OwnOrAsk, control)
        };
        let exported = work::run(py, listener, export)?.or_raise(py)?;
        Ok(serde_json::to_string(&exported).expect("what was exported is JSON"))
    }
}

enum Measured {
    Found(Box<headstart_core::project::Evaluation<'static>>, Vec<Failed>),
    Failed(Vec<ImageInput>, Vec<Failed>),
}

impl Run {
    fn probabilities(
        &self,
        project: &Project,
        images: &[ImageInput],
        views: ViewKinds,
        control: &mut Control<'_>,
    ) -> Result<(Array2<f32>, Vec<Failed>), Error> {
        let options = PredictOptions { views, accept: Accept::OwnOrAsk };
        let said = project.predict(&self.run, images.iter().cloned(), &options, control)?;
        let mut rows = Array2::from_elem((images.len(), said.classes.len()), f32::NAN);
        let mut without = vec![];
        for (row, probabilities) in said.rows.iter().enumerate() {
            match probabilities {
                Ok(probabilities) => rows.row_mut(row).assign(&ArrayView1::from(probabilities)),
                Err(NoPrediction::Stopped) => return Err(Error::Cancelled),
                Err(NoPrediction::Failed(_)) => without.push(row),
            }
        }
        let failed = self.failures(project, images, &without, control)?;
        Ok((rows, failed))
    }

    /// Of which kind each failure is: they are tried once more, which costs little, for what cannot be read is not computed.
    fn failures(
        &self,
        project: &Project,
        images: &[ImageInput],
        rows: &[usize],
        control: &mut Control<'_>,
    ) -> Result<Vec<Failed>, Error> {
        if rows.is_empty() {
            return Ok(vec![]);
        }
        let source = project.features_of(&self.run, Accept::OwnOrAsk)?;
        let again: Vec<ImageInput> = rows.iter().map(|&row| images[row].clone()).collect();
        let extractor = Extractor::new(&source.backbone, source.extract_options());
        let found = extractor.features(&again, &mut control.silenced())?;
        let failure =
            |(&row, found): (&usize, Option<Result<Vec<f32>, headstart_core::extract::ImageFailure>>)| {
                let failure = found?.err()?;
                Some((row, failure.kind.name().to_owned(), failure.reason))
            };
        Ok(rows.iter().zip(found).filter_map(failure).collect())
    }

    fn measure(
        &self,
        project: &Project,
        data: &Data,
        options: &EvaluateOptions,
        stop: bool,
        control: &mut Control<'_>,
    ) -> Result<Measured, Error> {
        let mut manifest = data.manifest(project, control)?;
        if let Some(part) = &options.split {
            manifest = manifest.split(part)?;
        }
        let images = manifest.images();
        let source = project.features_of(&self.run, options.accept)?;
        let failed = fill(&source, &mut source.create_cache()?, &images, &options.views, stop, control)?;
        if stop && !failed.is_empty() {
            return Ok(Measured::Failed(images, failed));
        }
        let evaluation = project.evaluate_owned(&self.run, manifest, options, control)?;
        Ok(Measured::Found(Box::new(evaluation), failed))
    }

    fn write(&self, path: &Path, overwrite: bool) -> Result<runs::Run, Error> {
        let whole = std::path::absolute(path).map_err(|source| Error::Read { path: path.into(), source })?;
        let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = folder_of(&whole);
        let list = fs::read(self.run.dir().join(LIST)).ok();
        let info = self.info_in(folder, list.is_some().then(|| whole.join(LIST)).as_deref());
        let images = self.run.images()?;
        // One that came out of a pickle has none.
        let kept = self.run.checkpoint_path().exists();
        let checkpoint = kept.then(|| self.run.checkpoint()).transpose()?;
        let course = self.run.metrics.as_ref().map(|metrics| TrainingRecord {
            history: &self.run.history,
            metrics,
            checkpoint: checkpoint.as_ref(),
            images: images.as_ref(),
        });
        let new = NewRun { info: &info, head: &self.run.head, course };
        let mut run = new.create(folder, Some(&name), overwrite)?;
        if let Some(text) = list {
            write_bytes(&run.dir().join(LIST), &text)?;
        }
        if let Some(calibration) = &self.run.calibration {
            run.calibrate(calibration.clone())?;
        }
        Ok(run)
    }

    /// What it says of itself in the folder of other runs: where its manifests are as seen from there. `list` is a list of the images
    /// of a run that was trained on no manifest.
    fn info_in(&self, folder: &Path, list: Option<&Path>) -> RunInfo {
        let mut info = self.run.info.clone();
        let Origin::Trained(training) = &mut info.origin else { return info };
        let Some(data) = &mut training.data else { return info };
        if let Some(list) = list {
            let text = path_text(list).into_owned();
            data.manifests = vec![text.clone()];
            training.images.path.clone_from(&text);
            if let (Some(_), Some(validation)) = (data.validation, &mut training.validation) {
                validation.path = text;
            }
            data.places = Whereabouts::of(&[list], folder);
        } else if let Some(places) = &data.places {
            let paths: Vec<PathBuf> =
                places.paths.iter().map(|path| headstart_base::files::path_of_text(path)).collect();
            data.places = Whereabouts::of(&paths, folder);
        }
        info
    }
}
