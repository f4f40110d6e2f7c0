//! Rounding weights together instead of each to its nearest code.
//!
//! A filter's error `e` costs `e·H·eᵀ`, with `H` of what it reads ([`gram`](super::gram)). With `H = L·Lᵀ` that is the length of `Lᵀ·eᵀ`,
//! and `L` is triangular: once the codes of some weights are chosen, the next one's best value, given their errors, is known. So weights
//! are rounded one after another, the most important first, and each makes good what those before it spoilt.
//! Afterwards single codes are moved while that makes the whole cheaper.
//!
//! # Source
//! The nearest-plane algorithm of Babai 1986; in the reverse order it is what Frantar et al. 2023, arXiv:2210.17323 (GPTQ), do by the inverse of `H`.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayBase, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, DataMut, Ix2, s};
use rayon::prelude::*;

use super::conv::Conv;
use super::gram::Gram;
use super::kernel::{Codes, WeightBits, code_of, scales};
use headstart_base::machine::{Loops, vectorise};

/// Of the mean of the diagonal, added to it: matrices of few patches are not definite, and what was not seen is to cost something.
const DAMPING: f32 = 0.01;

/// Weights whose common errors are passed on at once.
const BLOCK: usize = 64;

/// Rows that one thread multiplies at once.
const ROWS: usize = 256;

/// How often all codes of a filter are looked at again.
const PASSES: usize = 4;

/// Weights of `conv` in integers, rounded together for the least error by `gram`.
pub(super) fn round(conv: &Conv, gram: &Gram, bits: WeightBits) -> Codes {
    let filters = conv.kernel.nrows() / conv.group;
    let rows = conv.kernel.axis_chunks_iter(Axis(0), filters).collect::<Vec<_>>();
    let groups: Vec<Codes> = rows
        .into_par_iter()
        .zip(&gram.groups)
        .map(|(kernel, hessian)| round_group(&kernel.to_owned(), hessian, bits))
        .collect();
    let views: Vec<_> = groups.iter().map(|group| group.codes.view()).collect();
    Codes {
        codes: ndarray::concatenate(Axis(0), &views).expect("groups are of one width"),
        scales: groups.iter().flat_map(|group| group.scales.iter().copied()).collect(),
    }
}

fn round_group(kernel: &Array2<f32>, hessian: &Array2<f32>, bits: WeightBits) -> Codes {
    let size = kernel.ncols();
    let mean = hessian.diag().sum() / size.max(1) as f32;
    if !(mean > 0.0 && mean.is_finite()) {
        return Codes::nearest(kernel, None, bits);
    }
    // The most important last, for rounding begins there.
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| hessian[(a, a)].total_cmp(&hessian[(b, b)]));
    let mut sorted = Array2::zeros((size, size));
    rows_of(&mut sorted).into_par_iter().zip(&order).for_each(|(mut row, &from)| {
        let from = hessian.row(from);
        row.iter_mut().zip(&order).for_each(|(x, &at)| *x = from[at]);
    });
    sorted.diag_mut().mapv_inplace(|x| x + DAMPING * mean);
    let weights = kernel.select(Axis(1), &order).as_standard_layout().into_owned();
    let importance: Array1<f32> = sorted.diag().to_owned();
    let scales = scales(&weights, Some(&importance), bits);
    let Some(lower) = cholesky(sorted.clone()) else { return Codes::nearest(kernel, None, bits) };

    let mut codes = planes(&weights, &lower, &scales, bits);
    drop(lower);
    // How the cost changes with each weight's error, halved.
    let mut slopes = times(&errors(&codes, &weights, &scales), sorted.view());
    descend(&mut codes, &mut slopes, &weights, &scales, sorted.view(), bits);
    let mut back = Array2::zeros(codes.raw_dim());
    for (at, &column) in order.iter().enumerate() {
        back.column_mut(column).assign(&codes.column(at));
    }
    Codes { codes: back, scales }
}

/// `L` with `L·Lᵀ` the matrix; `None` if it is not definite.
pub(super) fn cholesky(mut matrix: Array2<f32>) -> Option<Array2<f32>> {
    let size = matrix.nrows();
    for from in (0..size).step_by(BLOCK) {
        let to = size.min(from + BLOCK);
        let (above, below) = matrix.view_mut().split_at(Axis(0), to);
        let mut block = above.slice_move(s![from.., from..to]);
        on_diagonal(&mut block)?;
        let inverse = inverse(block.view());
        let (mut left, mut right) = below.split_at(Axis(1), to);
        // What stands below it: divided by the block, which is a product with its inverse.
        let mut panel = left.slice_mut(s![.., from..to]);
        panel.axis_chunks_iter_mut(Axis(0), ROWS).collect::<Vec<_>>().into_par_iter().for_each(|mut rows| {
            let before = rows.to_owned();
            general_mat_mul(1.0, &before, &inverse.t(), 0.0, &mut rows);
        });
        // And what remains, less what is explained; only the lower triangle counts.
        let panel = panel.view();
        right.axis_chunks_iter_mut(Axis(0), ROWS).collect::<Vec<_>>().into_par_iter().enumerate().for_each(
            |(chunk, mut rows)| {
                let (first, last) = (chunk * ROWS, chunk * ROWS + rows.nrows());
                let (a, b) = (panel.slice(s![first..last, ..]), panel.slice(s![..last, ..]));
                general_mat_mul(-1.0, &a, &b.t(), 1.0, &mut rows.slice_mut(s![.., ..last]));
            },
        );
    }
    for row in 0..size {
        matrix.slice_mut(s![row, row + 1..]).fill(0.0);
    }
    Some(matrix)
}

/// The same of a small matrix, in its lower triangle.
fn on_diagonal(block: &mut ArrayViewMut2<'_, f32>) -> Option<()> {
    for column in 0..block.nrows() {
        for row in column..block.nrows() {
            let known = block.slice(s![row, ..column]).dot(&block.slice(s![column, ..column]));
            let rest = block[(row, column)] - known;
            if row > column {
                block[(row, column)] = rest / block[(column, column)];
            } else if rest > 0.0 {
                block[(row, column)] = rest.sqrt();
            } else {
                // A NaN, too.
                return None;
            }
        }
    }
    Some(())
}

/// Of a lower triangle.
fn inverse(lower: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut inverse = Array2::<f32>::zeros(lower.raw_dim());
    for row in 0..lower.nrows() {
        let (above, mut rest) = inverse.view_mut().split_at(Axis(0), row);
        let mut found = rest.row_mut(0);
        for (before, above) in above.rows().into_iter().enumerate() {
            found.scaled_add(-lower[(row, before)], &above);
        }
        found[row] = 1.0;
        found /= lower[(row, row)];
    }
    inverse
}

/// To be shared out among threads.
fn rows_of<S: DataMut>(array: &mut ArrayBase<S, Ix2>) -> Vec<ArrayViewMut1<'_, S::Elem>> {
    array.axis_iter_mut(Axis(0)).collect()
}

/// From the last weight to the first, each to the code that is nearest to its best value given the errors before.
fn planes(weights: &Array2<f32>, lower: &Array2<f32>, scales: &[f32], bits: WeightBits) -> Array2<i8> {
    let mut codes = Array2::<i8>::zeros(weights.raw_dim());
    // No filter has to do with another.
    let parts: Vec<_> = codes
        .axis_chunks_iter_mut(Axis(0), FILTERS)
        .zip(weights.axis_chunks_iter(Axis(0), FILTERS))
        .zip(scales.chunks(FILTERS))
        .collect();
    parts
        .into_par_iter()
        .for_each(|((codes, weights), scales)| planes_of(codes, weights, lower, scales, bits));
    codes
}

/// Filters that one thread rounds at once.
const FILTERS: usize = 32;

fn planes_of(
    mut codes: ArrayViewMut2<'_, i8>,
    weights: ArrayView2<'_, f32>,
    lower: &Array2<f32>,
    scales: &[f32],
    bits: WeightBits,
) {
    let (filters, size) = weights.dim();
    let mut errors = Array2::<f32>::zeros((filters, size));
    let mut to = size;
    while to > 0 {
        let from = to.saturating_sub(BLOCK);
        // What the weights behind this block have spoilt, for each of its columns.
        let mut spoilt = Array2::zeros((filters, to - from));
        let (after, below) = (errors.slice(s![.., to..]), lower.slice(s![to.., from..to]));
        general_mat_mul(1.0, &after, &below, 0.0, &mut spoilt);
        let block = lower.slice(s![from..to, from..to]).as_standard_layout().into_owned();
        for (filter, &scale) in scales.iter().enumerate() {
            vectorise(InBlock {
                lower: block.as_slice().expect("it was just laid out"),
                weights: weights.slice(s![filter, from..to]).as_slice().expect("rows lie side by side"),
                spoilt: spoilt.row_mut(filter).as_slice_mut().expect("rows lie side by side"),
                codes: codes.slice_mut(s![filter, from..to]).as_slice_mut().expect("rows lie side by side"),
                errors: errors.slice_mut(s![filter, from..to]).as_slice_mut().expect("rows lie side by side"),
                scale,
                bits,
            });
        }
        to = from;
    }
}

/// The weights of one filter in a block.
struct InBlock<'a> {
    /// A square, row by row.
    lower: &'a [f32],
    weights: &'a [f32],
    spoilt: &'a mut [f32],
    codes: &'a mut [i8],
    errors: &'a mut [f32],
    scale: f32,
    bits: WeightBits,
}

impl Loops for InBlock<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { lower, weights, spoilt, codes, errors, scale, bits } = self;
        let size = weights.len();
        for at in (0..size).rev() {
            let row = &lower[at * size..][..size];
            let weight = weights[at];
            let wanted = weight + spoilt[at] / row[at];
            let code = neighbour(weight, code_of(wanted, scale, bits), scale, bits);
            let error = weight - f32::from(code) * scale;
            (codes[at], errors[at]) = (code, error);
            add_scaled(&mut spoilt[..at], error, &row[..at]);
        }
    }
}

#[inline(always)]
fn add_scaled(to: &mut [f32], factor: f32, values: &[f32]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += factor * value);
}

fn errors(codes: &Array2<i8>, weights: &Array2<f32>, scales: &[f32]) -> Array2<f32> {
    let mut errors = weights.clone();
    for ((mut errors, codes), &scale) in errors.rows_mut().into_iter().zip(codes.rows()).zip(scales) {
        errors.zip_mut_with(&codes, |error, &code| *error -= f32::from(code) * scale);
    }
    errors
}

/// `code` if it is one of the two next to the weight, else the one of them that is nearer to it.
///
/// Further ones bring nothing: of Keras' ResNet50 they were 3 % of the weights, with the same error. So a bit says how a weight is rounded.
#[inline(always)]
fn neighbour(weight: f32, code: i8, scale: f32, bits: WeightBits) -> i8 {
    let below = (weight / scale).floor();
    f32::from(code).clamp(below, below + 1.0).clamp(-bits.top(), bits.top()) as i8
}

/// The product of two matrices, the rows of the first shared out among threads.
fn times(a: &Array2<f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut product = Array2::zeros((a.nrows(), b.ncols()));
    let parts: Vec<_> =
        product.axis_chunks_iter_mut(Axis(0), FILTERS).zip(a.axis_chunks_iter(Axis(0), FILTERS)).collect();
    parts.into_par_iter().for_each(|(mut product, a)| general_mat_mul(1.0, &a, &b, 0.0, &mut product));
    product
}

/// Move single codes as long as each move makes the whole cheaper.
///
/// `slopes` is `errors · hessian`.
fn descend(
    codes: &mut Array2<i8>,
    slopes: &mut Array2<f32>,
    weights: &Array2<f32>,
    scales: &[f32],
    hessian: ArrayView2<'_, f32>,
    bits: WeightBits,
) {
    let diagonal = hessian.diag().to_vec();
    let rows = rows_of(codes).into_par_iter().zip(rows_of(slopes));
    rows.enumerate().for_each(|(filter, (mut codes, mut slopes))| {
        vectorise(Moves {
            codes: codes.as_slice_mut().expect("rows lie side by side"),
            slopes: slopes.as_slice_mut().expect("rows lie side by side"),
            weights: weights.row(filter).as_slice().expect("rows lie side by side"),
            scale: scales[filter],
            hessian: hessian.as_slice().expect("it was made row by row"),
            diagonal: &diagonal,
            bits,
        });
    });
}

/// Of the codes of one filter.
struct Moves<'a> {
    codes: &'a mut [i8],
    slopes: &'a mut [f32],
    weights: &'a [f32],
    scale: f32,
    hessian: &'a [f32],
    diagonal: &'a [f32],
    bits: WeightBits,
}

impl Loops for Moves<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { codes, slopes, weights, scale, hessian, diagonal, bits } = self;
        let size = codes.len();
        for _ in 0..PASSES {
            let mut moved = false;
            for at in 0..size {
                let step = (slopes[at] / (scale * diagonal[at])).round();
                // Mostly.
                if step == 0.0 {
                    continue;
                }
                let code = (f32::from(codes[at]) + step).clamp(-bits.top(), bits.top()) as i8;
                let code = f32::from(neighbour(weights[at], code, scale, bits));
                let change = code - f32::from(codes[at]);
                if change == 0.0 {
                    continue;
                }
                codes[at] = code as i8;
                moved = true;
                add_scaled(slopes, -change * scale, &hessian[at * size..][..size]);
            }
            if !moved {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are always the same, from -1 to 1.
    fn numbers(mut state: u64) -> impl FnMut() -> f32 {
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        }
    }

    /// Second moments of patches whose neighbours are alike, as those of images are.
    fn hessian(size: usize) -> Array2<f32> {
        let mut next = numbers(3);
        let mut patches = Array2::from_shape_fn((size, 4 * size), |_| next());
        for row in 1..size {
            let (above, mut rest) = patches.view_mut().split_at(Axis(0), row);
            rest.row_mut(0).scaled_add(0.9, &above.row(row - 1));
        }
        patches.dot(&patches.t()) / (4 * size) as f32
    }

    fn cost(error: &Array2<f32>, hessian: &Array2<f32>) -> f64 {
        let product = error.dot(hessian);
        product.iter().zip(error).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    #[test]
    fn a_triangle_times_itself_is_the_matrix() {
        // More than one block, and a part of one.
        let matrix = hessian(2 * BLOCK + 13);
        let lower = cholesky(matrix.clone()).unwrap();
        let largest = matrix.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        for (found, expected) in lower.dot(&lower.t()).iter().zip(&matrix) {
            // Sums of some hundred products in 32 bits.
            assert!((found - expected).abs() < 1e-4 * largest, "{found} {expected}");
        }
        assert!(lower.indexed_iter().all(|((row, column), &x)| column <= row || x == 0.0));
        let mut indefinite = matrix;
        indefinite[(100, 100)] = -1.0;
        assert!(cholesky(indefinite).is_none());
    }

    #[test]
    fn rounding_together_costs_less_than_each_by_itself_in_every_filter() {
        let (size, mut next) = (BLOCK + 30, numbers(5));
        let hessian = hessian(size);
        let kernel = Array2::from_shape_fn((20, size), |_| next());
        let together = round_group(&kernel, &hessian, WeightBits::Eight).weights() - &kernel;
        let alone =
            Codes::nearest(&kernel, Some(&hessian.diag().to_owned()), WeightBits::Eight).weights() - &kernel;
        for (a, b) in together.axis_chunks_iter(Axis(0), 1).zip(alone.axis_chunks_iter(Axis(0), 1)) {
            assert!(cost(&a.to_owned(), &hessian) <= 1.0001 * cost(&b.to_owned(), &hessian));
        }
        let ratio = cost(&together, &hessian) / cost(&alone, &hessian);
        assert!(ratio < 0.6, "{ratio}");
    }

    #[test]
    fn of_three_weights_the_codes_are_nearly_the_best_of_all() {
        let hessian = ndarray::array![[2.0f32, 1.2, 0.4], [1.2, 1.0, 0.5], [0.4, 0.5, 0.6]];
        let mut next = numbers(9);
        let kernel = Array2::from_shape_fn((40, 3), |_| next());
        let codes = round_group(&kernel, &hessian, WeightBits::Eight);
        let mut excess = 0.0f64;
        for (filter, &scale) in codes.scales.iter().enumerate() {
            let weights = kernel.row(filter);
            let of = |codes: [f32; 3]| {
                let error = Array2::from_shape_fn((1, 3), |(_, at)| weights[at] - codes[at] * scale);
                cost(&error, &hessian)
            };
            let near = |at: usize| {
                (-3..=3).map(move |step| (weights[at] / scale).round().clamp(-124.0, 124.0) + step as f32)
            };
            let all = near(0).flat_map(|a| near(1).flat_map(move |b| near(2).map(move |c| [a, b, c])));
            let best = all.map(of).fold(f64::INFINITY, f64::min);
            let found = of(std::array::from_fn(|at| f32::from(codes.codes[(filter, at)])));
            excess += found / best.max(1e-12) - 1.0;
        }
        // Nearest planes and single moves are no exhaustive search.
        assert!(excess / 40.0 < 0.5, "{}", excess / 40.0);
    }

    #[test]
    fn what_was_never_read_is_rounded_by_itself() {
        let kernel = ndarray::array![[0.5f32, -1.0, 0.2]];
        let codes = round_group(&kernel, &Array2::zeros((3, 3)), WeightBits::Eight);
        assert_eq!(codes, Codes::nearest(&kernel, None, WeightBits::Eight));
        assert_eq!(codes.codes, ndarray::array![[64i8, -127, 25]]);
    }
}
