//! Means put right: what rounding changes on average is taken back, by the biases and at the features.

use ndarray::{Array2, ArrayView1};

use super::conv::Conv;
use super::gram::Gram;
use super::kernel::Codes;

/// For each feature the factor and the summand that bring `integers` nearest to `floats`, drawn towards 1 and 0 where few
/// images speak for another.
pub(super) fn affine(floats: &Array2<f32>, integers: &Array2<f32>) -> (Vec<f32>, Vec<f32>) {
    let n = floats.nrows() as f64;
    let column =
        |array: &Array2<f32>, at: usize| -> Vec<f64> { array.column(at).iter().map(|&x| x.into()).collect() };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    (0..floats.ncols())
        .map(|at| {
            let (y, x) = (column(floats, at), column(integers, at));
            let (my, mx) = (mean(&y), mean(&x));
            let variance: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
            let common: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
            let residual: f64 = x.iter().zip(&y).map(|(x, y)| (y - x - my + mx).powi(2)).sum();
            if variance <= 0.0 || n < 8.0 {
                return (1.0, 0.0);
            }
            // The slope's own uncertainty, as a ridge: a slope that noise may have made is not taken.
            let noise = residual / (n - 1.0);
            let gain = common / variance - 1.0;
            let trust = gain * gain / (gain * gain + noise / variance);
            let factor = 1.0 + gain * trust;
            let shift = my - factor * mx;
            let shift_noise = noise / n;
            let trust = shift * shift / (shift * shift + shift_noise).max(f64::MIN_POSITIVE);
            (factor as f32, (shift * trust) as f32)
        })
        .unzip()
}

/// `features · factor + summand`, feature by feature.
pub(super) fn apply(features: &Array2<f32>, (factors, summands): &(Vec<f32>, Vec<f32>)) -> Array2<f32> {
    let mut result = features.clone();
    for mut row in result.rows_mut() {
        for ((x, factor), summand) in row.iter_mut().zip(factors).zip(summands) {
            *x = *x * factor + summand;
        }
    }
    result
}

/// The bias with which `codes` give the mean that the weights gave, of what was read on average.
pub(super) fn bias(conv: &Conv, codes: &Codes, gram: &Gram) -> Vec<f32> {
    let filters = conv.kernel.nrows() / conv.group;
    let change = codes.weights() - &conv.kernel;
    let shift = |(filter, change): (usize, ArrayView1<'_, f32>)| change.dot(&gram.means[filter / filters]);
    change
        .rows()
        .into_iter()
        .enumerate()
        .map(shift)
        .zip(&conv.bias)
        .map(|(shift, bias)| bias - shift)
        .collect()
}
