//! What a convolution reads, as second moments: what it costs to change its weights.
//!
//! With patches `x` a change `e` of a filter's weights changes what it gives by `e·x`, in the mean square by `e·H·eᵀ` with
//! `H` the mean of `x·xᵀ`.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, s};
use rayon::prelude::*;

use super::error::Result;
use super::plan::Conv;
use super::products::{MOST, Products};
use super::range::Levels;
use super::stepper::{Numbers, Stored};

/// The matrices of one convolution, one for each of its groups, `(kernel.ncols(), kernel.ncols())`; only the lower triangle is filled
/// until it is [`complete`](Gram::complete).
#[derive(Debug, Clone)]
pub(super) struct Gram {
    pub groups: Vec<Array2<f32>>,
    patches: u64,
}

/// For each weight so many patches at least are looked at, where there are as many; with two or eight Keras' ResNet50 was no nearer.
const PATCHES_FOR_A_WEIGHT: usize = 1;

/// Of each image so many, where there are as many.
const LEAST: usize = 16;

/// Bytes of patches that are multiplied at once.
const TOGETHER: usize = 16 << 20;

/// Rows of a matrix that are added to at once.
const BLOCK: usize = 512;

impl Gram {
    /// Of what `conv` reads: codes, batch by batch, that stand for `levels`.
    pub(super) fn of(
        products: &mut Products,
        conv: &Conv,
        batches: &[Stored],
        levels: Levels,
    ) -> Result<Self> {
        let size = conv.kernel.ncols();
        let mut gram = Self { groups: vec![Array2::zeros((size, size)); conv.group], patches: 0 };
        let images: usize = batches.iter().map(|batch| batch.shape[0]).sum();
        let mut patches = Patches::new(conv, levels.zero);
        let mut index = 0;
        for batch in batches {
            let (&[count, channels, height, width], Numbers::Codes(codes)) =
                (&batch.shape[..], &batch.numbers)
            else {
                continue;
            };
            for map in codes.chunks_exact(channels * height * width).take(count) {
                let places = conv.positions([height, width]);
                let wanted = (PATCHES_FOR_A_WEIGHT * size).div_ceil(images).max(LEAST);
                let at = spread(places, wanted, index);
                gram.patches += at.len() as u64;
                match conv.group {
                    1 => gram.add(products, conv, &mut patches, map, [height, width], &at)?,
                    _ => gram.add_groups(conv, levels.zero, map, [height, width], &at),
                }
                index += 1;
            }
        }
        gram.take(products, &mut patches)?;
        Ok(gram.complete())
    }

    fn add(
        &mut self,
        products: &mut Products,
        conv: &Conv,
        patches: &mut Patches,
        map: &[u8],
        size: [usize; 2],
        at: &[usize],
    ) -> Result<()> {
        for at in at.chunks(patches.columns.ncols()) {
            if patches.filled + at.len() > patches.columns.ncols() {
                self.take(products, patches)?;
            }
            let free = patches.columns.slice_mut(s![.., patches.filled..patches.filled + at.len()]);
            conv.patches(map, size, 0, at, patches.zero, free);
            patches.filled += at.len();
        }
        Ok(())
    }

    /// Groups are small.
    fn add_groups(&mut self, conv: &Conv, zero: u8, map: &[u8], size: [usize; 2], at: &[usize]) {
        self.groups.par_iter_mut().enumerate().for_each(|(index, group)| {
            let mut codes = Array2::zeros((conv.kernel.ncols(), at.len()));
            conv.patches(map, size, index, at, zero, codes.view_mut());
            let own = codes.mapv(|code| f32::from(code) - f32::from(zero));
            general_mat_mul(1.0, &own, &own.t(), 1.0, group);
        });
    }

    /// Multiply what has come together: of the one group there is.
    fn take(&mut self, products: &mut Products, patches: &mut Patches) -> Result<()> {
        if patches.filled == 0 {
            return Ok(());
        }
        let columns = patches.columns.slice(s![.., ..patches.filled]);
        let columns = columns.as_standard_layout();
        let size = columns.nrows();
        // Both triangles are the same: the lower one in blocks of rows.
        for from in (0..size).step_by(BLOCK) {
            let to = size.min(from + BLOCK);
            let (left, right) = (columns.slice(s![from..to, ..]), columns.slice(s![..to, ..]));
            let sums = self.groups[0].slice_mut(s![from..to, ..to]);
            products.add(left, right, patches.zero, sums)?;
        }
        patches.filled = 0;
        Ok(())
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

/// Patches of several images, a column for each, of which so many are there.
struct Patches {
    columns: Array2<u8>,
    filled: usize,
    /// The code of zero, which also stands for what is outside of the map.
    zero: u8,
}

impl Patches {
    fn new(conv: &Conv, zero: u8) -> Self {
        let size = conv.kernel.ncols();
        let together = if conv.group > 1 { 0 } else { (TOGETHER / size.max(1)).clamp(1, MOST) };
        Self { columns: Array2::zeros((size, together)), filled: 0, zero }
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
