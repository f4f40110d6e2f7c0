//! Training as `headstart train` does it.

use std::path::PathBuf;

use headstart_core::dataset::{Columns, Manifest};
use headstart_core::extract::ExtractEvent;
use headstart_core::project::{DataRequest, Error, TrainOptions};
use headstart_core::{Control, Event, ImageInput, Project, ProjectConfig};
use headstart_image::ViewKinds;
use headstart_nn::train::TrainConfig;
use pyo3::prelude::*;

use crate::config::{Config, views};
use crate::errors::{self, OrRaise};
use crate::features::{Failed, fill, first_failure, source};
use crate::head::settings;
use crate::inputs::images;
use crate::run::Run;
use crate::work;

/// What messages call images that have no manifest.
pub const GIVEN: &str = "the given images";

/// Images with labels: manifests, or items of Python's with a label each.
pub enum Data {
    /// Folders and CSVs.
    Manifests(Vec<PathBuf>),
    /// Rows.
    Rows(Box<Manifest>),
}

impl Data {
    /// Of what Python gives: paths of manifests, or items and their labels.
    ///
    /// # Errors
    /// `ImageError` for an item that is no image, `DataError` for labels that contradict each other.
    pub fn of(
        py: Python<'_>,
        manifests: Vec<PathBuf>,
        items: &[Bound<'_, PyAny>],
        labels: Vec<Option<String>>,
    ) -> PyResult<Self> {
        if !manifests.is_empty() {
            return Ok(Self::Manifests(manifests));
        }
        let rows = images(items)?.into_iter().zip(labels);
        let manifest = Manifest::of_rows(GIVEN, rows).map_err(|error| errors::of_dataset(py, error))?;
        Ok(Self::Rows(Box::new(manifest)))
    }

    /// The manifest that they are.
    ///
    /// # Errors
    /// As [`Project::read_all`].
    pub fn manifest(&self, project: &Project, control: &mut Control<'_>) -> Result<Manifest, Error> {
        match self {
            Self::Manifests(paths) => project.read_all(paths, &Columns::default(), control),
            Self::Rows(manifest) => Ok((**manifest).clone()),
        }
    }
}

/// How a head is trained.
struct Wishes {
    settings: TrainConfig,
    validation: Option<f64>,
    shots: Option<usize>,
    views: ViewKinds,
    calibrate: bool,
    stop: bool,
}

/// Compute missing features, train a head and write its run into a folder that goes with the returned object. Images that
/// failed are told by their rows, or raised if `stop`.
#[pyfunction]
#[pyo3(signature = (config, *, manifests, items, labels, settings, validation, shots, kinds, calibrate, stop, listener))]
#[expect(clippy::too_many_arguments, reason = "they have names in Python")]
pub fn train(
    py: Python<'_>,
    config: Config,
    manifests: Vec<PathBuf>,
    items: Vec<Bound<'_, PyAny>>,
    labels: Vec<Option<String>>,
    settings: &str,
    validation: Option<f64>,
    shots: Option<usize>,
    kinds: Option<&str>,
    calibrate: bool,
    stop: bool,
    listener: &Bound<'_, PyAny>,
) -> PyResult<(Run, Vec<Failed>)> {
    let wishes = Wishes {
        settings: self::settings(py, settings)?,
        validation,
        shots,
        views: views(py, kinds)?,
        calibrate,
        stop,
    };
    let data = Data::of(py, manifests, &items, labels)?;
    let folder = tempfile::Builder::new().prefix("headstart-").tempdir()?;
    let project = config.project(py)?;
    let runs = folder.path().to_path_buf();
    let project = Project::new(ProjectConfig { runs, ..project.config().clone() });
    let outcome = work::run(py, listener, |control| wishes.train(&project, &data, control))?;
    let (run, images, failed) = outcome.or_raise(py)?;
    match (run, failed.is_empty()) {
        (_, false) if stop => Err(first_failure(py, &failed, &images)),
        (Some(run), _) => Ok((Run::trained(run, folder, &data)?, failed)),
        (None, _) => Err(pyo3::exceptions::PyKeyboardInterrupt::new_err(())),
    }
}

type Outcome = (Option<headstart_core::run::Run>, Vec<ImageInput>, Vec<Failed>);

impl Wishes {
    fn train(&self, project: &Project, data: &Data, control: &mut Control<'_>) -> Result<Outcome, Error> {
        let manifest = data.manifest(project, control)?;
        let images = manifest.images();
        let mut failed = vec![];
        let mut request = match data {
            Data::Manifests(paths) => DataRequest { manifests: paths.clone(), ..DataRequest::default() },
            Data::Rows(manifest) => {
                let source = source(project, &images, control)?;
                failed =
                    fill(&source, &mut source.create_cache()?, &images, &self.views, self.stop, control)?;
                DataRequest { manifest: Some((**manifest).clone()), ..DataRequest::default() }
            }
        };
        if self.stop && !failed.is_empty() {
            return Ok((None, images, failed));
        }
        request.validation = self.validation.map(Some);
        request.shots = self.shots.map(Some);
        request.views = Some(self.views.clone());
        let options = TrainOptions {
            settings: self.settings.clone(),
            // Which images of a manifest are needed is for the core to say.
            extract: matches!(data, Data::Manifests(_)),
            calibrate: self.calibrate,
            ..TrainOptions::default()
        };
        let mut later = vec![];
        let token = control.token().clone();
        let mut listener = |event: Event<'_>| {
            if let Event::Extract(ExtractEvent::Failed { image, failure, .. }) = &event {
                let row = images.iter().position(|other| other == *image).unwrap_or_default();
                later.push((row, failure.kind.name().to_owned(), failure.reason.clone()));
                if self.stop {
                    token.cancel();
                }
            }
            control.tell(event);
        };
        let trained = project.train(request, &options, &mut Control::new(token.clone(), &mut listener));
        failed.extend(later);
        match trained {
            Ok(trained) => Ok((trained.run, images, failed)),
            Err(Error::Cancelled) if self.stop && !failed.is_empty() => Ok((None, images, failed)),
            Err(error) => Err(error),
        }
    }
}
