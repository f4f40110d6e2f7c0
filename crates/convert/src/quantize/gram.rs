//! What a convolution reads, as second moments: what it costs to change its weights.
//!
//! With patches `x` a change `e` of a filter's weights changes what it gives by `e·x`, in the mean square by `e·H·eᵀ` with
//! `H` the mean of `x·xᵀ`.

use std::collections::HashMap;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView4, Axis, s};
use rayon::prelude::*;

use super::error::Result;
use super::plan::{Conv, Plan};
use super::runner::Machine;
use headstart_onnx::Model;

/// The matrices of one convolution, one for each of its groups, `(kernel.ncols(), kernel.ncols())`; only the lower triangle is filled
/// until it is [`complete`](Gram::complete).
#[derive(Debug, Clone)]
pub(super) struct Gram {
    pub groups: Vec<Array2<f32>>,
    patches: u64,
}

/// Numbers in all matrices of one pass: half a GiB.
const ROOM: usize = 1 << 27;

/// For each weight so many patches at least are looked at, where there are as many.
const PATCHES_FOR_A_WEIGHT: usize = 8;

/// Rows of a matrix that are added to at once.
const BLOCK: usize = 256;

impl Gram {
    fn new(conv: &Conv) -> Self {
        let size = conv.kernel.ncols();
        Self { groups: vec![Array2::zeros((size, size)); conv.group], patches: 0 }
    }

    fn add(&mut self, conv: &Conv, map: &[f32], size: [usize; 2], at: &[usize]) {
        let columns = conv.kernel.ncols();
        let one = |group: &mut Array2<f32>, index: usize| {
            let mut patches = Array2::zeros((columns, at.len()));
            conv.patches(map, size, index, at, patches.view_mut());
            // Both triangles are the same: the lower one in blocks of rows.
            let blocks: Vec<_> = group.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
            blocks.into_par_iter().enumerate().for_each(|(block, mut rows)| {
                let (from, to) = (block * BLOCK, block * BLOCK + rows.nrows());
                let (left, right) = (patches.slice(s![from..to, ..]), patches.slice(s![..to, ..]));
                general_mat_mul(1.0, &left, &right.t(), 1.0, &mut rows.slice_mut(s![.., ..to]));
            });
        };
        match conv.group {
            1 => one(&mut self.groups[0], 0),
            _ => {
                let groups = self.groups.par_iter_mut().enumerate();
                groups.for_each(|(index, group)| one(group, index));
            }
        }
        self.patches += at.len() as u64;
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

/// Look at what the convolutions of `plan` read while `model` sees `images`, and hand their matrices to `visit`, as many
/// at a time as there is room for.
pub(super) fn grams(
    machine: &Machine<'_>,
    model: &Model,
    plan: &Plan,
    images: ArrayView4<'_, f32>,
    visit: &mut dyn FnMut(HashMap<String, Gram>) -> Result<()>,
) -> Result<()> {
    let mut open: Vec<(&str, &str, &Conv)> =
        plan.convs().map(|(layer, conv)| (layer.raw.as_str(), layer.inputs[0].as_str(), conv)).collect();
    while !open.is_empty() {
        let mut taken = 0;
        let fits = open.iter().take_while(|(_, _, conv)| {
            taken += conv.group * conv.kernel.ncols().pow(2);
            taken <= ROOM
        });
        let pass: Vec<_> = open.drain(..fits.count().max(1)).collect();
        visit(one_pass(machine, model, &pass, images)?)?;
    }
    Ok(())
}

fn one_pass(
    machine: &Machine<'_>,
    model: &Model,
    convs: &[(&str, &str, &Conv)],
    images: ArrayView4<'_, f32>,
) -> Result<HashMap<String, Gram>> {
    let mut inputs: Vec<String> = convs.iter().map(|&(_, input, _)| input.to_owned()).collect();
    inputs.sort();
    inputs.dedup();
    let mut grams: HashMap<String, Gram> =
        convs.iter().map(|&(raw, _, conv)| (raw.to_owned(), Gram::new(conv))).collect();
    let count = images.len_of(Axis(0));
    machine.load(model, &inputs)?.show(images, &mut |index, shown| {
        let size = match shown.shape {
            &[_, _, height, width] => [height as usize, width as usize],
            _ => return Ok(()),
        };
        for &(raw, _, conv) in convs.iter().filter(|(_, input, _)| *input == shown.name) {
            let places = conv.positions(size);
            let wanted =
                (PATCHES_FOR_A_WEIGHT * conv.kernel.ncols()).div_ceil(count).clamp(64, places.max(64));
            let at = spread(places, wanted, index);
            grams.get_mut(raw).expect("made for each").add(conv, shown.values, size, &at);
        }
        Ok(())
    })?;
    Ok(grams.into_iter().map(|(raw, gram)| (raw, gram.complete())).collect())
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
