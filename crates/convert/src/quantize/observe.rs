//! What passes through a graph while it looks at images: shapes, ranges, histograms.

use std::collections::HashMap;

use ndarray::ArrayView4;
use rayon::prelude::*;

use super::error::{Error, Result};
use super::histogram::Histogram;
use super::runner::{Machine, Shown};
use headstart_onnx::Model;

/// What a tensor was seen to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Without the axis that counts images.
    pub shape: Vec<usize>,
    /// Of each channel, over all images.
    pub low: Vec<f32>,
    pub high: Vec<f32>,
    /// Of each channel, the largest number without its sign in an image, in the mean over the images: one odd image moves it little.
    pub typical: Vec<f32>,
    images: f32,
}

impl Seen {
    pub(super) fn channels(&self) -> usize {
        self.low.len()
    }

    /// Of all channels.
    pub(super) fn range(&self) -> [f32; 2] {
        let low = self.low.iter().copied().fold(f32::INFINITY, f32::min);
        let high = self.high.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        [low, high]
    }

    fn add(&mut self, shown: Shown<'_>) {
        let sizes: Vec<usize> = shown.shape.iter().skip(1).map(|&size| size.max(0) as usize).collect();
        let channels = sizes.first().copied().unwrap_or(1).max(1);
        if self.low.is_empty() {
            self.low = vec![f32::INFINITY; channels];
            self.high = vec![f32::NEG_INFINITY; channels];
            self.typical = vec![0.0; channels];
            self.shape = sizes;
        }
        let places =
            (shown.values.len() / channels).max(1) / shown.shape.first().map_or(1, |&n| n.max(1) as usize);
        let before = self.images;
        self.images += 1.0;
        let (images, places) = (self.images, places.max(1));
        let maps = shown.values.chunks_exact(places).take(channels);
        for (c, map) in maps.enumerate() {
            let (low, high) = ends(map);
            self.low[c] = self.low[c].min(low);
            self.high[c] = self.high[c].max(high);
            self.typical[c] = (self.typical[c] * before + low.abs().max(high.abs())) / images;
        }
    }
}

/// The least and the greatest; written so that it becomes vector instructions.
fn ends(values: &[f32]) -> (f32, f32) {
    let mut low = [f32::INFINITY; 8];
    let mut high = [f32::NEG_INFINITY; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(chunk) {
            *low = if value < *low { value } else { *low };
            *high = if value > *high { value } else { *high };
        }
    }
    let all =
        |ends: [f32; 8], pick: fn(f32, f32) -> f32| ends.into_iter().chain(rest.iter().copied()).reduce(pick);
    (all(low, f32::min).unwrap_or(0.0), all(high, f32::max).unwrap_or(0.0))
}

/// Ranges of `tensors` over `images`.
///
/// # Errors
/// [`Error::NotFinite`]: nothing can be rounded that has no range.
pub(super) fn ranges(
    machine: &Machine<'_>,
    model: &Model,
    images: ArrayView4<'_, f32>,
    tensors: &[String],
) -> Result<HashMap<String, Seen>> {
    let mut seen: HashMap<String, Seen> = HashMap::new();
    machine.load(model, tensors)?.show(images, &mut |_, shown| {
        if shown.values.iter().any(|x| !x.is_finite()) {
            return Err(Error::NotFinite { tensor: shown.name.to_owned() });
        }
        seen.entry(shown.name.to_owned()).or_default().add(shown);
        Ok(())
    })?;
    Ok(seen)
}

/// Histograms of the tensors that `seen` tells the ranges of.
pub(super) fn histograms(
    machine: &Machine<'_>,
    model: &Model,
    images: ArrayView4<'_, f32>,
    tensors: &[String],
    seen: &HashMap<String, Seen>,
) -> Result<HashMap<String, Histogram>> {
    let mut histograms: HashMap<String, Histogram> = HashMap::new();
    for name in tensors {
        let [low, high] = seen[name].range();
        histograms.insert(name.clone(), Histogram::new(low.min(0.0), high.max(0.0)));
    }
    machine.load(model, tensors)?.show(images, &mut |_, shown| {
        let histogram = histograms.get_mut(shown.name).expect("made for each that was asked for");
        // Parts on all cores, and then their sum: counts do not depend on the order.
        let empty = || Histogram::new(histogram.low, histogram.high);
        let parts: Vec<Histogram> = shown
            .values
            .par_chunks(1 << 17)
            .map(|part| {
                let mut histogram = empty();
                histogram.add(part, 1.0);
                histogram
            })
            .collect();
        for part in parts {
            histogram.counts.iter_mut().zip(part.counts).for_each(|(sum, count)| *sum += count);
        }
        Ok(())
    })?;
    Ok(histograms)
}
