//! How fast a graph runs here: measured, for no rule about processors holds for all of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use headstart_backbone::device::Device;
use headstart_backbone::session::Session;
use headstart_backbone::{self as backbone, Backbone};
use ndarray::Array4;

use super::{Error, ExtractEvent, Extractor};
use crate::{CancelToken, Control, Event, ImageInput};

/// Images of one run: enough for a processor, few enough to take no time.
pub const RATE_BATCH: usize = 4;
/// Timed runs, of which the best counts, after one that allocates and compiles.
const RUNS: usize = 3;

/// A network that takes longer for one run is slow in any case.
const SLOW: Duration = Duration::from_millis(500);

/// Images a second, of the network alone: the best of three runs on [`RATE_BATCH`] images, or the first if it takes long.
///
/// # Errors
/// If the graph cannot be run.
pub fn images_per_second(backbone: &Backbone, session: &mut Session) -> Result<f64, backbone::Error> {
    let [a, b, c] = backbone.recipe().input_shape();
    // Any pixels take the same time, as long as they are numbers of the usual size.
    let images = Array4::from_shape_fn((RATE_BATCH, a, b, c), |(n, i, j, k)| {
        ((n + 3 * i + 5 * j + 7 * k) % 11) as f32 / 11.0
    });
    let began = Instant::now();
    session.run(images.view())?;
    let first = began.elapsed();
    if first > SLOW {
        return Ok(RATE_BATCH as f64 / first.as_secs_f64());
    }
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let began = Instant::now();
        session.run(images.view())?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(RATE_BATCH as f64 / best)
}

/// Features of some images, and how fast they came.
pub(crate) struct TimedRows {
    /// One row an image; none of those that cannot be used.
    pub(crate) rows: Vec<Option<Vec<f32>>>,
    /// From the files on, once the graph was loaded.
    pub(crate) images_per_second: f64,
    /// What computed; `None` if no image could be read.
    pub(crate) device: Option<Device>,
    /// The ONNX Runtime that was loaded.
    pub(crate) library: Option<PathBuf>,
}

impl Extractor<'_> {
    /// As [`features`](Self::features), by the clock; `None` if it was stopped.
    pub(crate) fn timed(
        &self,
        images: &[ImageInput],
        cancel: &CancelToken,
    ) -> Result<Option<TimedRows>, Error> {
        let mut loaded = None;
        let mut listener = |event: Event<'_>| {
            if let Event::Extract(ExtractEvent::Loaded { engine }) = event {
                let library = engine.runtime.library().to_path_buf();
                loaded = Some((Instant::now(), engine.selection.device, library));
            }
        };
        let rows = self.features(images, &mut Control::new(cancel.clone(), &mut listener))?;
        let rows: Vec<_> = rows.into_iter().map(|row| row.and_then(Result::ok)).collect();
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let seconds = loaded.as_ref().map_or(f64::INFINITY, |(began, ..)| began.elapsed().as_secs_f64());
        let images_per_second = rows.iter().flatten().count() as f64 / seconds;
        let (device, library) = loaded.map(|(_, device, library)| (device, library)).unzip();
        Ok(Some(TimedRows { rows, images_per_second, device, library }))
    }
}
