//! Features of two graphs, and images a second: they run in turn, so that what else the machine does meets both.

use std::time::Instant;

use ndarray::{Array2, ArrayView4, Axis, concatenate, s};

use super::error::Result;
use super::report::Speed;
use super::runner::Runner;

/// Images of one turn.
const IMAGES: usize = 16;
/// Images run at once.
const BATCH: usize = 8;

/// Run both over `images`: the features of each, and the median of its rates. `go_on` hears before each turn
/// how much is done.
pub(super) fn measure(
    floats: &mut Runner,
    integers: &mut Runner,
    images: ArrayView4<'_, f32>,
    go_on: &mut dyn FnMut(f64) -> Result<()>,
) -> Result<([Array2<f32>; 2], Speed)> {
    let count = images.len_of(Axis(0));
    let (mut rates, mut rows) = ([vec![], vec![]], [vec![], vec![]]);
    for from in (0..count).step_by(IMAGES) {
        go_on(from as f64 / count as f64)?;
        let some = images.slice(s![from..count.min(from + IMAGES), .., .., ..]);
        for (place, runner) in [&mut *floats, &mut *integers].into_iter().enumerate() {
            let began = Instant::now();
            rows[place].push(runner.rows(some, BATCH)?);
            rates[place].push(some.len_of(Axis(0)) as f64 / began.elapsed().as_secs_f64().max(1e-9));
        }
    }
    let whole = |rows: Vec<Array2<f32>>| {
        let views: Vec<_> = rows.iter().map(|rows| rows.view()).collect();
        concatenate(Axis(0), &views).expect("one graph gives rows of one length")
    };
    // The first runs make room in memory.
    let [floats, integers] =
        rates.map(|rates| median(if rates.len() > 1 { rates[1..].to_vec() } else { rates }));
    Ok((rows.map(whole), Speed { floats, integers }))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
