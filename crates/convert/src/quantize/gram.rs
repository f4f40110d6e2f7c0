//! What a convolution reads, as second moments: what it costs to change its weights.
//!
//! With patches `x` a change `e` of a filter's weights changes what it gives by `e·x`, in the mean square by `e·H·eᵀ` with
//! `H` the mean of `x·xᵀ`.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

use super::plan::Conv;
use super::range::Levels;
use super::stepper::{Numbers, Stored};

/// The matrices of one convolution, one for each of its groups, `(kernel.ncols(), kernel.ncols())`; only the lower triangle is filled
/// until it is [`complete`](Gram::complete).
#[derive(Debug, Clone)]
pub(super) struct Gram {
    pub groups: Vec<Array2<f32>>,
    patches: u64,
}

/// For each weight so many patches at least are looked at, where there are as many; with eight Keras' ResNet50 was no nearer.
const PATCHES_FOR_A_WEIGHT: usize = 2;

/// Of each image so many, where there are as many.
const LEAST: usize = 16;

/// Patches that are multiplied at once.
const TOGETHER: usize = 1024;

/// Rows of a matrix that are added to at once.
const BLOCK: usize = 256;

impl Gram {
    /// Of what `conv` reads: codes, batch by batch, that stand for `levels`.
    pub(super) fn of(conv: &Conv, batches: &[Stored], levels: Levels) -> Self {
        let size = conv.kernel.ncols();
        let mut gram = Self { groups: vec![Array2::zeros((size, size)); conv.group], patches: 0 };
        let images: usize = batches.iter().map(|batch| batch.shape[0]).sum();
        let mut patches = Patches::new(conv);
        let mut index = 0;
        for batch in batches {
            let (&[count, channels, height, width], Numbers::Codes(codes)) =
                (&batch.shape[..], &batch.numbers)
            else {
                continue;
            };
            for image in codes.chunks_exact(channels * height * width).take(count) {
                let places = conv.positions([height, width]);
                let wanted = (PATCHES_FOR_A_WEIGHT * size).div_ceil(images).max(LEAST);
                let at = spread(places, wanted, index);
                let map: Vec<f32> =
                    image.iter().map(|&code| f32::from(code) - f32::from(levels.zero)).collect();
                gram.add(conv, &mut patches, &map, [height, width], &at);
                index += 1;
            }
        }
        gram.take(&mut patches);
        gram.complete()
    }

    fn add(&mut self, conv: &Conv, patches: &mut Patches, map: &[f32], size: [usize; 2], at: &[usize]) {
        self.patches += at.len() as u64;
        if conv.group > 1 {
            self.groups.par_iter_mut().enumerate().for_each(|(index, group)| {
                let mut own = Array2::zeros((conv.kernel.ncols(), at.len()));
                conv.patches(map, size, index, at, own.view_mut());
                general_mat_mul(1.0, &own, &own.t(), 1.0, group);
            });
            return;
        }
        for at in at.chunks(TOGETHER) {
            if patches.filled + at.len() > TOGETHER {
                self.take(patches);
            }
            let free = patches.columns.slice_mut(s![.., patches.filled..patches.filled + at.len()]);
            conv.patches(map, size, 0, at, free);
            patches.filled += at.len();
        }
    }

    /// Multiply what has come together: of the one group there is.
    fn take(&mut self, patches: &mut Patches) {
        let columns = patches.columns.slice(s![.., ..patches.filled]);
        // Both triangles are the same: the lower one in blocks of rows, the longest first.
        let mut blocks: Vec<_> = self.groups[0].axis_chunks_iter_mut(Axis(0), BLOCK).enumerate().collect();
        blocks.reverse();
        blocks.into_par_iter().with_max_len(1).for_each(|(block, mut rows)| {
            let (from, to) = (block * BLOCK, block * BLOCK + rows.nrows());
            let (left, right) = (columns.slice(s![from..to, ..]), columns.slice(s![..to, ..]));
            general_mat_mul(1.0, &left, &right.t(), 1.0, &mut rows.slice_mut(s![.., ..to]));
        });
        patches.filled = 0;
    }

    /// Means instead of sums, and the upper triangle too.
    fn complete(mut self) -> Self {
        let factor = 1.0 / self.patches.max(1) as f32;
        for group in &mut self.groups {
            for row in 0..group.nrows() {
                for column in 0..=row {
                    let value = group[(row, column)] * factor;
                    group[(row, column)] = value;
                    group[(column, row)] = value;
                }
            }
        }
        self
    }
}

/// Patches of several images, `(kernel.ncols(), TOGETHER)`, of which so many are there.
struct Patches {
    columns: Array2<f32>,
    filled: usize,
}

impl Patches {
    fn new(conv: &Conv) -> Self {
        let together = if conv.group > 1 { 0 } else { TOGETHER };
        Self { columns: Array2::zeros((conv.kernel.ncols(), together)), filled: 0 }
    }
}

/// `wanted` of so many places, all over them, others for each image.
fn spread(places: usize, wanted: usize, image: usize) -> Vec<usize> {
    if wanted >= places {
        return (0..places).collect();
    }
    // Steps by the golden ratio are never in step with the rows.
    let fraction = |k: usize| (k as f64 * 0.618_033_988_749_895).fract();
    (0..wanted)
        .map(|k| ((k as f64 + fraction(k + 31 * image)) * places as f64 / wanted as f64) as usize)
        .map(|at| at.min(places - 1))
        .collect()
}
