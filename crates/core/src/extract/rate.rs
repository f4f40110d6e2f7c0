//! How fast a graph runs here: measured, for no rule about processors holds for all of them.

use std::time::Instant;

use headstart_backbone::session::Session;
use headstart_backbone::{self as backbone, Backbone};
use ndarray::Array4;

/// Images of one run: enough for a processor, few enough to take no time.
pub const RATE_BATCH: usize = 4;
/// Timed runs, of which the best counts, after one that allocates and compiles.
const RUNS: usize = 3;

/// Images a second, of the network alone: the best of three runs on [`RATE_BATCH`] images.
///
/// # Errors
/// If the graph cannot be run.
pub fn images_per_second(backbone: &Backbone, session: &mut Session) -> Result<f64, backbone::Error> {
    let [a, b, c] = backbone.recipe().input_shape();
    // Any pixels take the same time, as long as they are numbers of the usual size.
    let images = Array4::from_shape_fn((RATE_BATCH, a, b, c), |(n, i, j, k)| {
        ((n + 3 * i + 5 * j + 7 * k) % 11) as f32 / 11.0
    });
    session.run(images.view())?;
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let began = Instant::now();
        session.run(images.view())?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(RATE_BATCH as f64 / best)
}
