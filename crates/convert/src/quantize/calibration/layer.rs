//! How one convolution is rounded: a bit for each weight.
//!
//! A weight's bit says whether its code is the one above or the one below `weight / scale`. Where rounding together chose a code
//! further away, which is rare, its place and its code stand in a list.

use ndarray::Array2;

use super::super::kernel::{Codes, WeightBits};
use super::Reader;

#[derive(Debug, Clone)]
pub(in crate::quantize) struct Layer {
    scales: Vec<f32>,
    pub bias: Vec<f32>,
    /// A bit for each weight, the first the lowest of the first byte.
    above: Vec<u8>,
    /// Places and codes of the weights that are rounded further.
    further: Vec<(u32, i8)>,
}

/// The code below a weight. Not by `floor`, which is a call into the system's library where the processor is not known to have it.
fn below(weight: f32, scale: f32) -> f32 {
    let code = weight / scale;
    // Codes are small.
    let toward_zero = code as i32 as f32;
    if toward_zero > code { toward_zero - 1.0 } else { toward_zero }
}

impl Layer {
    pub(in crate::quantize) fn new(kernel: &Array2<f32>, codes: &Codes, bias: Vec<f32>) -> Self {
        let mut above = vec![0u8; kernel.len().div_ceil(8)];
        let mut further = vec![];
        for (at, (&weight, &code)) in kernel.iter().zip(&codes.codes).enumerate() {
            match f32::from(code) - below(weight, codes.scales[at / kernel.ncols().max(1)]) {
                0.0 => {}
                1.0 => above[at / 8] |= 1 << (at % 8),
                _ => further.push((at as u32, code)),
            }
        }
        Self { scales: codes.scales.clone(), bias, above, further }
    }

    /// `None` if `kernel` is of another shape.
    pub(in crate::quantize) fn codes(&self, kernel: &Array2<f32>, bits: WeightBits) -> Option<Codes> {
        use rayon::prelude::*;
        let (filters, size) = kernel.dim();
        if self.scales.len() != filters
            || self.bias.len() != filters
            || self.above.len() != kernel.len().div_ceil(8)
        {
            return None;
        }
        let weights = kernel.as_slice()?;
        let mut codes = vec![0i8; kernel.len()];
        codes.par_chunks_mut(size.max(1)).enumerate().for_each(|(filter, codes)| {
            let scale = self.scales[filter];
            for (column, code) in codes.iter_mut().enumerate() {
                let at = filter * size + column;
                let above = f32::from(self.above[at / 8] >> (at % 8) & 1);
                *code = (below(weights[at], scale) + above).clamp(-bits.top(), bits.top()) as i8;
            }
        });
        for &(at, code) in &self.further {
            *codes.get_mut(at as usize)? = code;
        }
        let codes = Array2::from_shape_vec((filters, size), codes).ok()?;
        Some(Codes { codes, scales: self.scales.clone() })
    }

    /// What [`read`](Self::read) reads.
    pub(in crate::quantize) fn write(&self, bytes: &mut Vec<u8>) {
        for values in [&self.scales, &self.bias] {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        bytes.extend(&self.above);
        bytes.extend((self.further.len() as u32).to_le_bytes());
        for (at, code) in &self.further {
            bytes.extend(at.to_le_bytes());
            bytes.extend(code.to_le_bytes());
        }
    }

    /// One of so many filters with so many weights each.
    pub(in crate::quantize) fn read(reader: &mut Reader<'_>, filters: usize, size: usize) -> Option<Self> {
        let (scales, bias) = (reader.floats(filters)?, reader.floats(filters)?);
        let above = reader.take(filters.checked_mul(size)?.div_ceil(8))?.to_vec();
        let further = (0..reader.number()?)
            .map(|_| Some((reader.number()? as u32, reader.take(1)?[0] as i8)))
            .collect::<Option<_>>()?;
        Some(Self { scales, bias, above, further })
    }
}
