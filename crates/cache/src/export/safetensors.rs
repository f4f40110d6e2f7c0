use std::collections::BTreeSet;

use ndarray::ArrayView2;
use serde_json::json;

use super::super::Result;
use super::{Entry, Out, Sink};

/// A length, a header in JSON, the tensors: `features` as `f32` `(n, dim)`, `labels` as `i64` `(n)`.
///
/// Written by hand, because the crate wants each tensor whole in memory.
///
/// # Source
/// The section "Format" of the README of `safetensors`.
pub(super) struct Safetensors {
    out: Out,
    labels: Vec<i64>,
}

impl Safetensors {
    pub(super) fn new(mut out: Out, (rows, dim): (usize, usize), entries: &[Entry]) -> Result<Self> {
        let classes: Vec<&str> =
            entries.iter().filter_map(|entry| entry.label).collect::<BTreeSet<_>>().into_iter().collect();
        out.put(&header(rows, dim, &classes))?;
        // Sorted, as the classes of a training are; none is -1.
        let number = |label| classes.binary_search(&label).map_or(-1, |class| class as i64);
        let labels = entries.iter().map(|entry| entry.label.map_or(-1, number)).collect();
        Ok(Self { out, labels })
    }
}

/// Padded, so that the numbers begin at a multiple of 64 bytes.
fn header(rows: usize, dim: usize, classes: &[&str]) -> Vec<u8> {
    let (features, labels) = (rows * dim * 4, rows * 8);
    let text = json!({
        "__metadata__": { "classes": json!(classes).to_string() },
        "features": { "dtype": "F32", "shape": [rows, dim], "data_offsets": [0, features] },
        "labels": { "dtype": "I64", "shape": [rows], "data_offsets": [features, features + labels] },
    });
    let mut text = text.to_string();
    let length = (8 + text.len()).next_multiple_of(64) - 8;
    text.push_str(&" ".repeat(length - text.len()));
    let mut header = (length as u64).to_le_bytes().to_vec();
    header.extend_from_slice(text.as_bytes());
    header
}

impl Sink for Safetensors {
    fn write(&mut self, _: &[Entry], features: ArrayView2<f32>) -> Result<()> {
        self.out.put_numbers(features)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let labels: Vec<u8> = self.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        self.out.put(&labels)?;
        self.out.flush()
    }
}
