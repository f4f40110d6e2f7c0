use ndarray::ArrayView2;

use super::super::Result;
use super::{Entry, Out, Sink};

/// The `.npy` format, version 1.0: a magic number, a header as a Python literal, the numbers.
///
/// # Source
/// NumPy's `numpy.lib.format`.
pub(super) struct Npy(Out);

impl Npy {
    pub(super) fn new(mut out: Out, (rows, dim): (usize, usize)) -> Result<Self> {
        out.put(&header(rows, dim))?;
        Ok(Self(out))
    }
}

/// Padded, so that the numbers begin at a multiple of 64 bytes.
fn header(rows: usize, dim: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    let before = b"\x93NUMPY\x01\x00".len() + 2;
    let length = (before + text.len() + 1).next_multiple_of(64) - before;
    text.push_str(&" ".repeat(length - text.len() - 1));
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(length as u16).to_le_bytes());
    header.extend_from_slice(text.as_bytes());
    header
}

impl Sink for Npy {
    fn write(&mut self, _: &[Entry], features: ArrayView2<f32>) -> Result<()> {
        self.0.put_numbers(features)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.flush()
    }
}
