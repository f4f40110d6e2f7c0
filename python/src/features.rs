//! Features of images as one array.

use std::collections::HashMap;

use headstart_cache::{Key, Selection};
use headstart_core::extract::{CacheStatus, ExtractEvent, FeatureCache, FillOptions, ImageFailure};
use headstart_core::project::{CalibrationOptions, Error, FeatureSource};
use headstart_core::{Control, Event, ImageInput, Project};
use headstart_image::ViewKinds;
use ndarray::{Array2, ArrayViewMut2, Axis, s};
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::{Config, views};
use crate::errors::{self, OrRaise};
use crate::inputs::images;
use crate::work;

/// A row without features: its place, the kind of failure, and why.
pub type Failed = (usize, String, String);

/// What became of all images.
pub struct Found {
    rows: Array2<f32>,
    failed: Vec<Failed>,
    about: About,
}

/// What names the features.
#[derive(Debug, Clone)]
pub struct About {
    backbone: String,
    digest: String,
    fingerprint: String,
    precision: String,
    size: usize,
}

impl About {
    /// Of these features.
    pub fn of(source: &FeatureSource) -> Self {
        Self {
            backbone: source.backbone.name().to_owned(),
            digest: source.backbone.digest().to_hex().to_string(),
            fingerprint: source.fingerprint.hash().to_hex().to_string(),
            precision: source.fingerprint.parts().precision.clone(),
            size: source.backbone.feature_size(),
        }
    }

    /// The same for Python.
    pub fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let about = PyDict::new(py);
        about.set_item("backbone", &self.backbone)?;
        about.set_item("digest", &self.digest)?;
        about.set_item("fingerprint", &self.fingerprint)?;
        about.set_item("precision", &self.precision)?;
        about.set_item("size", self.size)?;
        Ok(about)
    }
}

type Transformed<'py> = (Bound<'py, PyArray2<f32>>, Vec<Failed>, Bound<'py, PyDict>);

/// Features `(n, d)`, rows that have none, and what names the features.
///
/// With further views a row is the mean over the views. `stop` ends the work at the first image without features.
/// `fingerprint` are the only features that are taken, if it is given.
#[pyfunction]
#[pyo3(signature = (config, items, *, kinds, stop, fingerprint, listener))]
pub fn transform<'py>(
    py: Python<'py>,
    config: Config,
    items: Vec<Bound<'py, PyAny>>,
    kinds: Option<&str>,
    stop: bool,
    fingerprint: Option<String>,
    listener: &Bound<'py, PyAny>,
) -> PyResult<Transformed<'py>> {
    let (project, kinds, images) = (config.project(py)?, views(py, kinds)?, images(&items)?);
    let work = |control: &mut Control<'_>| {
        let source = source(&project, &images, control)?;
        let found = About::of(&source).fingerprint;
        if fingerprint.as_ref().is_some_and(|expected| *expected != found) {
            return Ok(Err(About::of(&source)));
        }
        features(&source, &images, &kinds, stop, control).map(Ok)
    };
    match work::run(py, listener, work)?.or_raise(py)? {
        Ok(Found { failed, .. }) if stop && !failed.is_empty() => Err(first_failure(py, &failed, &images)),
        Ok(Found { rows, failed, about }) => Ok((rows.into_pyarray(py), failed, about.to_dict(py)?)),
        Err(found) => Err(errors::new(
            py,
            "OtherFeaturesError",
            &format!(
                "these features are not those that were fitted on: backbone `{}` in {}, digest `{:.12}…`",
                found.backbone, found.precision, found.digest
            ),
            Some("give the backbone file of that digest, or fit again"),
        )),
    }
}

/// The features of a project, with what has to be made first.
///
/// # Errors
/// As [`Project::prepare_features`].
pub fn source(
    project: &Project,
    images: &[ImageInput],
    control: &mut Control<'_>,
) -> Result<FeatureSource, Error> {
    let files = || images.iter().filter_map(|image| image.path().map(Into::into)).collect();
    project.prepare_features(&files, CalibrationOptions::default(), control)
}

/// Compute what the cache lacks, and gather the rows.
fn features(
    source: &FeatureSource,
    images: &[ImageInput],
    kinds: &ViewKinds,
    stop: bool,
    control: &mut Control<'_>,
) -> Result<Found, Error> {
    let mut cache = source.create_cache()?;
    let failed = fill(source, &mut cache, images, kinds, stop, control)?;
    let about = About::of(source);
    if stop && !failed.is_empty() {
        return Ok(Found { rows: Array2::zeros((0, 0)), failed, about });
    }
    let views = source.views(kinds);
    let ready =
        cache.status_in(views, images).into_iter().enumerate().filter_map(|(row, status)| match status {
            CacheStatus::Ready(key) => Some((row, key)),
            _ => None,
        });
    let (rows, keys): (Vec<usize>, Vec<Key>) = ready.unzip();
    let in_view = |view: headstart_image::View| keys.iter().map(move |key| (*key, view.number()));
    let ids: Vec<_> = views.iter().flat_map(in_view).collect();
    let selection = cache.store().select(&ids).map_err(headstart_cache::Error::from)?;
    let mut all = Array2::from_elem((images.len(), source.backbone.feature_size()), f32::NAN);
    for (place, row) in rows.into_iter().enumerate() {
        put(&selection, place, keys.len(), all.slice_mut(s![row..=row, ..]))?;
    }
    Ok(Found { rows: all, failed, about })
}

/// The row of the image at `place` of `images`; of several views the mean.
fn put(
    selection: &Selection<'_>,
    place: usize,
    images: usize,
    mut row: ArrayViewMut2<'_, f32>,
) -> Result<(), Error> {
    let views = selection.len() / images;
    if views == 1 {
        return Ok(selection.gather_into(&[place], row)?);
    }
    let of_image: Vec<usize> = (0..views).map(|view| view * images + place).collect();
    let mut each = Array2::zeros((0, 0));
    selection.gather(&of_image, &mut each)?;
    row.row_mut(0).assign(&each.mean_axis(Axis(0)).expect("there is the plain view"));
    Ok(())
}

/// Compute what the cache lacks; those that give no features. `stop` ends the work at the first of them.
///
/// # Errors
/// [`Error::Cancelled`] if somebody else ended it; as [`FeatureSource::fill`].
pub fn fill(
    source: &FeatureSource,
    cache: &mut FeatureCache,
    images: &[ImageInput],
    kinds: &ViewKinds,
    stop: bool,
    control: &mut Control<'_>,
) -> Result<Vec<Failed>, Error> {
    let mut failures: HashMap<String, ImageFailure> = HashMap::new();
    let token = control.token().clone();
    let mut listener = |event: Event<'_>| {
        if let Event::Extract(ExtractEvent::Failed { image, failure, .. }) = &event {
            failures.insert(image.name().into_owned(), (*failure).clone());
            if stop {
                token.cancel();
            }
        }
        control.tell(event);
    };
    let mut own = Control::new(token.clone(), &mut listener);
    let summary = source.fill(cache, kinds, images, FillOptions::default(), &mut own)?;
    let of_row = |(row, image): (usize, &ImageInput)| {
        let failure = failures.get(&*image.name())?;
        Some((row, failure.kind.name().to_owned(), failure.reason.clone()))
    };
    let failed: Vec<Failed> = match failures.is_empty() {
        true => vec![],
        false => images.iter().enumerate().filter_map(of_row).collect(),
    };
    let stopped_here = stop && !failed.is_empty();
    if summary.cancelled && !stopped_here { Err(Error::Cancelled) } else { Ok(failed) }
}

/// The exception for the first of these failures.
///
/// # Panics
/// If there is none.
pub fn first_failure(py: Python<'_>, failed: &[Failed], images: &[ImageInput]) -> PyErr {
    let (row, kind, reason) = &failed[0];
    errors::image(py, &images[*row].name(), *row, kind, reason)
}
