//! Images a second, of two graphs in turn.

use std::time::Instant;

use ndarray::ArrayView4;

use super::error::Result;
use super::report::Speed;
use super::runner::Runner;

/// Pairs of runs: an odd number, for their median.
const ROUNDS: usize = 7;
/// Images of one run.
pub(super) const IMAGES: usize = 16;
/// Images run at once.
const BATCH: usize = 8;

/// Run both over `images` in turn and take the median of each.
pub(super) fn measure(
    floats: &mut Runner,
    integers: &mut Runner,
    images: ArrayView4<'_, f32>,
) -> Result<Speed> {
    let count = images.len_of(ndarray::Axis(0)) as f64;
    let (mut slow, mut fast) = (vec![], vec![]);
    // The first runs make room in memory.
    floats.rows(images, BATCH)?;
    integers.rows(images, BATCH)?;
    for _ in 0..ROUNDS {
        for (runner, rates) in [(&mut *floats, &mut slow), (&mut *integers, &mut fast)] {
            let began = Instant::now();
            runner.rows(images, BATCH)?;
            rates.push(count / began.elapsed().as_secs_f64().max(1e-9));
        }
    }
    Ok(Speed { floats: median(slow), integers: median(fast) })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
