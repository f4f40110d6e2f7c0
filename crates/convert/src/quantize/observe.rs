//! What passes through a graph while it looks at images: ranges and histograms.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView4, Axis};
use rayon::prelude::*;

use super::equalise::Factors;
use super::error::{Error, Result};
use super::histogram::{Histogram, STEP, ends};
use super::runner::{Machine, Shown};
use headstart_onnx::Model;

/// What a tensor was seen to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Of each channel, the largest number without its sign in an image, in the mean over the images: one odd image moves it little.
    pub typical: Vec<f32>,
    images: f32,
}

impl Seen {
    pub(super) fn channels(&self) -> usize {
        self.typical.len()
    }

    fn add(&mut self, ends: &[(f32, f32)]) {
        self.typical.resize(ends.len(), 0.0);
        let before = self.images;
        self.images += 1.0;
        for (typical, (low, high)) in self.typical.iter_mut().zip(ends) {
            *typical = (*typical * before + low.abs().max(high.abs())) / self.images;
        }
    }
}

fn channels(shown: &Shown<'_>) -> usize {
    shown.shape.get(1).map_or(1, |&size| size.max(1) as usize)
}

/// The channels of the first of the images that were run.
fn maps<'a>(shown: &Shown<'a>, channels: usize) -> impl Iterator<Item = &'a [f32]> {
    let places = (shown.values.len() / channels / shown.images).max(1);
    shown.values.chunks_exact(places).take(channels)
}

/// The ends of each channel.
fn ends_of(shown: &Shown<'_>) -> Result<Vec<(f32, f32)>> {
    let ends: Option<Vec<_>> = maps(shown, channels(shown)).map(ends).collect();
    ends.ok_or_else(|| Error::NotFinite { tensor: shown.name.to_owned() })
}

/// Ranges of `tensors` over `images`; `go_on` hears for each how much is done.
///
/// # Errors
/// [`Error::NotFinite`]: nothing can be rounded that has no range.
pub(super) fn ranges(
    machine: &Machine<'_>,
    model: &Model,
    images: ArrayView4<'_, f32>,
    tensors: &[String],
    go_on: &mut dyn FnMut(f64) -> Result<()>,
) -> Result<HashMap<String, Seen>> {
    let mut seen = vec![Seen::default(); tensors.len()];
    let count = images.len_of(Axis(0)).max(1) as f64;
    machine.load(model, tensors)?.show(images, &mut |image, all| {
        go_on(image as f64 / count)?;
        seen.par_iter_mut().zip(all).try_for_each(|(seen, shown)| {
            seen.add(&ends_of(shown)?);
            Ok(())
        })
    })?;
    Ok(tensors.iter().cloned().zip(seen).collect())
}

/// Tensors of which each channel is divided by a factor of its own, or none is.
#[derive(Debug, Clone, Default)]
pub(super) struct Scaled {
    pub tensors: Vec<String>,
    pub factors: Factors,
}

/// By the names of the tensors.
pub(super) type Histograms = HashMap<String, Histogram>;

/// Histograms of the tensors of each of `wanted`, from one run over `images`; and the features, a row for each image.
///
/// # Errors
/// As [`ranges`].
pub(super) fn histograms(
    machine: &Machine<'_>,
    model: &Model,
    images: ArrayView4<'_, f32>,
    features: &str,
    wanted: &[Scaled],
    go_on: &mut dyn FnMut(f64) -> Result<()>,
) -> Result<(Vec<Histograms>, Array2<f32>)> {
    let mut names: Vec<String> = wanted.iter().flat_map(|scaled| scaled.tensors.iter().cloned()).collect();
    names.sort();
    names.dedup();
    let mut histograms: Vec<Vec<Option<Histogram>>> =
        names.iter().map(|name| wanted.iter().map(|scaled| scaled.begin(name)).collect()).collect();
    let mut rows: Vec<f32> = vec![];
    let outputs: Vec<String> = names.iter().cloned().chain([features.to_owned()]).collect();
    let count = images.len_of(Axis(0));
    machine.load(model, &outputs)?.show(images, &mut |image, all| {
        go_on(image as f64 / count.max(1) as f64)?;
        let (last, maps) = all.split_last().expect("the features were asked for");
        rows.extend_from_slice(first(last));
        histograms.par_iter_mut().zip(maps).try_for_each(|(histograms, shown)| {
            let ends = ends_of(shown)?;
            for (histogram, scaled) in histograms.iter_mut().zip(wanted) {
                histogram.iter_mut().for_each(|histogram| scaled.count(histogram, shown, &ends, image));
            }
            Ok(())
        })
    })?;
    let rows = Array2::from_shape_vec((count, rows.len() / count.max(1)), rows);
    let mut sorted = vec![HashMap::new(); wanted.len()];
    for (name, histograms) in names.into_iter().zip(histograms) {
        for (sorted, histogram) in sorted.iter_mut().zip(histograms) {
            sorted.extend(histogram.map(|histogram| (name.clone(), histogram)));
        }
    }
    Ok((sorted, rows.expect("features are as many for each image")))
}

/// What the first of the images that were run made.
fn first<'a>(shown: &Shown<'a>) -> &'a [f32] {
    &shown.values[..shown.values.len() / shown.images]
}

impl Scaled {
    fn begin(&self, name: &String) -> Option<Histogram> {
        self.tensors.contains(name).then(Histogram::empty)
    }

    fn count(&self, histogram: &mut Histogram, shown: &Shown<'_>, ends: &[(f32, f32)], image: usize) {
        let factor = |channel: usize| self.factors.get(shown.name).map_or(1.0, |all| 1.0 / all[channel]);
        for (channel, (map, &ends)) in maps(shown, ends.len()).zip(ends).enumerate() {
            histogram.add(map, ends, factor(channel), (image + channel) % STEP);
        }
    }
}
