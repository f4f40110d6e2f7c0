//! Weights in eight bits, a scale for each filter.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use headstart_backbone::session::bytes_overflow;
use headstart_base::machine::{Loops, vectorise};

/// How large the codes of weights may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightBits {
    /// From -127 to 127.
    #[default]
    Eight,
    /// From -63 to 63, for processors without instructions for dot products of bytes: there two products are added in 16 bits, which larger
    /// weights overflow. Sessions of this program multiply those in a slower way; others cut the sums off without a word.
    Seven,
}

impl WeightBits {
    /// The largest code.
    #[inline(always)]
    pub fn top(self) -> f32 {
        match self {
            Self::Eight => 127.0,
            Self::Seven => 63.0,
        }
    }

    /// What this processor multiplies without overflow, and so at its fastest.
    pub fn for_this_processor() -> Self {
        if bytes_overflow() { Self::Seven } else { Self::Eight }
    }
}

/// A convolution's weights in integers: row `o` stands for `codes[o] · scales[o]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Codes {
    pub codes: Array2<i8>,
    pub scales: Vec<f32>,
}

impl Codes {
    /// Each weight by itself to the nearest code. `importance` has one number for each column: what an error there costs.
    pub(super) fn nearest(kernel: &Array2<f32>, importance: Option<&Array1<f32>>, bits: WeightBits) -> Self {
        let scales = scales(kernel, importance, bits);
        let mut codes = Array2::zeros(kernel.raw_dim());
        for ((mut codes, weights), &scale) in codes.rows_mut().into_iter().zip(kernel.rows()).zip(&scales) {
            codes.zip_mut_with(&weights, |code, &weight| *code = code_of(weight, scale, bits));
        }
        Self { codes, scales }
    }

    /// What the codes stand for.
    #[cfg(test)]
    pub(super) fn weights(&self) -> Array2<f32> {
        let mut weights = self.codes.mapv(f32::from);
        for (mut row, &scale) in weights.rows_mut().into_iter().zip(&self.scales) {
            row *= scale;
        }
        weights
    }
}

/// The nearest code.
#[inline(always)]
pub(super) fn code_of(weight: f32, scale: f32, bits: WeightBits) -> i8 {
    (weight / scale).round_ties_even().clamp(-bits.top(), bits.top()) as i8
}

/// For each row the scale of least error: that of its largest weight, or a smaller one that cuts a few off.
pub(super) fn scales(kernel: &Array2<f32>, importance: Option<&Array1<f32>>, bits: WeightBits) -> Vec<f32> {
    let rows: Vec<ArrayView1<'_, f32>> = kernel.axis_iter(Axis(0)).collect();
    rows.into_par_iter().map(|row| scale(row, importance, bits)).collect()
}

fn scale(row: ArrayView1<'_, f32>, importance: Option<&Array1<f32>>, bits: WeightBits) -> f32 {
    let largest = row.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs()));
    let whole = largest / bits.top();
    if !whole.is_normal() {
        return 1.0;
    }
    let Some(importance) = importance else { return whole };
    let candidates: [f32; CANDIDATES] = std::array::from_fn(|at| whole * (10 + at.min(10)) as f32 / 20.0);
    let mut errors = [0.0; CANDIDATES];
    let (weights, importance) = (row.to_vec(), importance.to_vec());
    vectorise(Errors { weights: &weights, importance: &importance, candidates, errors: &mut errors, bits });
    let candidates = candidates.into_iter().zip(errors);
    candidates.fold((whole, f32::INFINITY), |a, b| if b.1 <= a.1 { b } else { a }).0
}

/// From half of the whole scale to all of it; the last are alike, for vectors are as long.
const CANDIDATES: usize = 16;

/// What each of the candidates does to a filter.
struct Errors<'a> {
    weights: &'a [f32],
    importance: &'a [f32],
    candidates: [f32; CANDIDATES],
    errors: &'a mut [f32; CANDIDATES],
    bits: WeightBits,
}

impl Loops for Errors<'_> {
    #[inline(always)]
    fn run(self) {
        let top = self.bits.top();
        for (&weight, &importance) in self.weights.iter().zip(self.importance) {
            for (sum, scale) in self.errors.iter_mut().zip(self.candidates) {
                let code = (weight / scale).round_ties_even().clamp(-top, top);
                let error = code * scale - weight;
                *sum += importance * error * error;
            }
        }
    }
}
