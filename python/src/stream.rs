//! Features one image after the other, as they are known.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headstart_core::extract::{Extractor, FillOptions, ImageResult, NotYet, Results};
use headstart_core::{Control, Event};
use ndarray::Axis;
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use crate::config::{Config, views};
use crate::errors::OrRaise;
use crate::features::{Failed, source};
use crate::inputs::images;
use crate::work::{self, AtWork};

/// Ctrl-C is looked for so often.
const LOOK: Duration = Duration::from_millis(50);

/// Rows that come while others are computed. `next` gives the place of an image and its row, or why it has none.
#[pyclass(frozen, module = "headstart._core")]
pub struct Stream {
    results: Mutex<Option<Results>>,
    /// The first place of each image, by its name.
    places: HashMap<String, usize>,
    _at_work: AtWork,
}

type Row<'py> = (usize, Option<Bound<'py, PyArray1<f32>>>, Option<Failed>);

#[pymethods]
impl Stream {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Row<'py>>> {
        loop {
            let next = py.detach(|| {
                let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
                results.as_mut().map_or(Ok(None), |results| results.next_within(LOOK))
            });
            match next {
                Ok(Some(image)) => return self.row(py, image).map(Some),
                Ok(None) => return self.end(py).map(|()| None),
                Err(NotYet) => {}
            }
            if let Err(interrupt) = py.check_signals() {
                self.close(py);
                return Err(interrupt);
            }
        }
    }

    /// End the work after the batch in hand, which is kept.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.results.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Stream {
    fn row<'py>(&self, py: Python<'py>, image: ImageResult) -> PyResult<Row<'py>> {
        let row = self.places[&*image.image.name()];
        Ok(match image.features {
            Ok(views) => {
                let mean = views.mean_axis(Axis(0)).expect("there is the plain view");
                let plain = if views.nrows() == 1 { views.row(0).to_owned() } else { mean };
                (row, Some(plain.into_pyarray(py)), None)
            }
            Err(failure) => (row, None, Some((row, failure.kind.name().to_owned(), failure.reason))),
        })
    }

    /// What ended the work, if it was an error.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(results) = results else { return Ok(()) };
        py.detach(|| results.finish().map(|_| ())).or_raise(py)
    }
}

/// Begin to compute.
#[pyfunction]
#[pyo3(signature = (config, items, *, kinds, listener))]
pub fn stream(
    py: Python<'_>,
    config: Config,
    items: Vec<Bound<'_, PyAny>>,
    kinds: Option<&str>,
    listener: &Bound<'_, PyAny>,
) -> PyResult<Stream> {
    let (project, kinds, images) = (config.project(py)?, views(py, kinds)?, images(&items)?);
    let begin = |control: &mut Control<'_>| {
        let source = source(&project, &images, control)?;
        let cache = source.create_cache()?;
        let extractor = Extractor::new(&source.backbone, source.extract_options());
        let listener = |_: Event<'_>| {};
        let views = source.views(&kinds);
        Ok::<_, headstart_core::project::Error>(extractor.results(
            cache,
            views,
            images.clone(),
            FillOptions::default(),
            listener,
        ))
    };
    let results = work::run(py, listener, begin)?.or_raise(py)?;
    let mut places = HashMap::new();
    for (place, image) in images.iter().enumerate() {
        places.entry(image.name().into_owned()).or_insert(place);
    }
    Ok(Stream { results: Mutex::new(Some(results)), places, _at_work: AtWork::begin(py)? })
}
