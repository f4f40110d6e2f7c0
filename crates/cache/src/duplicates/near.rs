//! All pairs of rows with a large cosine, by products of blocks of rows.
//!
//! For `n` rows of `d` numbers that is `n² d` operations, on all cores, and some megabytes of memory a core whatever `n` is.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ndarray::{Array2, s};

use super::super::{Error, Progress, Result, Selection};
use headstart_base::machine::side_by_side;

/// Rows of a block: two of 2,048 numbers fit into a core's cache, and copying them is a tenth of multiplying them.
const BLOCK: usize = 512;
/// More pairs are no duplicates.
const MOST_PAIRS: usize = 10_000_000;

type Found = (usize, usize, f32);

/// Places in `rows`, the smaller first, and their cosine, of all pairs at or above `threshold`; `wanted` says of two ranges of
/// places whether they are to be compared.
pub(super) fn pairs(
    selection: &Selection,
    rows: &[usize],
    threshold: f32,
    wanted: &dyn Fn(Range<usize>, Range<usize>) -> bool,
    on_progress: &mut impl FnMut(Progress),
) -> Result<Vec<Found>> {
    let blocks: Vec<&[usize]> = rows.chunks(BLOCK).collect();
    let total = (blocks.len() * (blocks.len() + 1) / 2) as u64;
    let (mut found, mut done) = (Vec::new(), 0);
    // Counted as they are found, so that a threshold that is far too low fills no memory.
    let count = AtomicUsize::new(0);
    for (number, block) in blocks.iter().enumerate() {
        let places = |number: usize| number * BLOCK..number * BLOCK + blocks[number].len();
        let others = (number..blocks.len()).filter(|&other| wanted(places(number), places(other)));
        let mut tasks: Vec<(usize, Result<Vec<Found>>)> = others.map(|other| (other, Ok(vec![]))).collect();
        let left = if tasks.is_empty() { Array2::zeros((0, 0)) } else { directions(selection, block)? };
        side_by_side(tasks.iter_mut().collect(), |(other, result)| {
            if count.load(Relaxed) <= MOST_PAIRS {
                *result = directions(selection, blocks[*other])
                    .map(|right| above(&left, &right, (number * BLOCK, *other * BLOCK), threshold));
                count.fetch_add(result.as_ref().map_or(0, Vec::len), Relaxed);
            }
        });
        if count.load(Relaxed) > MOST_PAIRS {
            return Err(Error::TooManyPairs { threshold, most: MOST_PAIRS });
        }
        done += (blocks.len() - number) as u64;
        for (_, result) in tasks {
            found.extend(result?);
        }
        on_progress(Progress { done, total });
    }
    Ok(found)
}

/// Rows of length 1; those of zeros stay zeros, which are like nothing.
fn directions(selection: &Selection, rows: &[usize]) -> Result<Array2<f32>> {
    let mut features = Array2::zeros((rows.len(), selection.dim()));
    selection.gather_into(rows, features.view_mut())?;
    for mut row in features.rows_mut() {
        // In f64, for the squares of 16-bit maxima add up beyond f32.
        let length = row.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.mapv_inplace(|number| (f64::from(number) / length) as f32);
        }
    }
    Ok(features)
}

/// `first`: the places of the first rows of both blocks.
fn above(left: &Array2<f32>, right: &Array2<f32>, first: (usize, usize), threshold: f32) -> Vec<Found> {
    let cosines = left.dot(&right.t());
    let mut found = vec![];
    for (i, row) in cosines.rows().into_iter().enumerate() {
        // Of a block with itself each pair once, and none with itself.
        let from = if first.0 == first.1 { i + 1 } else { 0 };
        let row = row.slice(s![from..]);
        let large = row.iter().enumerate().filter(|(_, cosine)| **cosine >= threshold);
        // Rounding can carry it past 1.
        found.extend(large.map(|(j, cosine)| (first.0 + i, first.1 + from + j, cosine.min(1.0))));
    }
    found
}
