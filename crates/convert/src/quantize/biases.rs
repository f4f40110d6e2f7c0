//! Means put right: what rounding changes on average is taken back by the biases, one convolution after another.
//!
//! What is rounded alike in many places, as the even ground of a picture is, does not average out: it shifts whole channels, and with them everything behind.
//! So each convolution is held against the floats while all before it compute in integers with biases that are put right already. What counts is
//! where it makes a difference: behind a ReLU a shift of what is below zero on both sides changes nothing, and a mean over
//! all places, most of which are below zero, would spoil those that are not.
//!
//! # Source
//! Biases that take in a shift measured layer by layer are those of Nagel et al. 2019, arXiv:1906.04721, section 4.2; there all places count.

use std::collections::HashMap;

use ndarray::{ArrayView4, Axis};
use rayon::prelude::*;

use super::error::Result;
use super::observe::Seen;
use super::plan::{Conv, Layer, Plan};
use super::rewrite::{Choice, exact, rewrite};
use super::runner::{Machine, Shown};
use super::{graph, graph_mut};
use headstart_onnx::{Model, Node, ValueInfo, Walk};

/// Numbers of the floats that are kept at once: half a GiB.
const ROOM: usize = 1 << 27;

/// What the biases are fitted to.
pub(super) struct Aim<'a> {
    pub machine: &'a Machine<'a>,
    /// The graph in floats that is quantised.
    pub model: &'a Model,
    pub plan: &'a Plan,
    pub seen: &'a HashMap<String, Seen>,
    pub images: ArrayView4<'a, f32>,
}

/// A convolution, and the tensor that is above zero where an error of it reaches others, if a ReLU follows a sum.
#[derive(Clone, Copy)]
struct Place<'a> {
    layer: &'a Layer,
    conv: &'a Conv,
    behind: Option<&'a str>,
}

/// Put the biases of all convolutions right, from the first to the last; `go_on` is asked before each.
pub(super) fn put_right(
    aim: &Aim<'_>,
    choice: &mut Choice,
    go_on: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let walk = Walk::new(graph(aim.model));
    let mut open: Vec<Place<'_>> =
        aim.plan.convs().map(|(layer, conv)| Place { layer, conv, behind: behind(&walk, layer) }).collect();
    while !open.is_empty() {
        let mut taken = 0;
        let fits = open.iter().take_while(|place| {
            taken += aim.images.len_of(Axis(0)) * aim.size(&place.layer.output);
            taken <= ROOM
        });
        let some: Vec<Place<'_>> = open.drain(..fits.count().max(1)).collect();
        let mut wanted = aim.floats(&some)?;
        for place in some {
            go_on()?;
            let wanted = wanted.remove(&place.layer.raw).unwrap_or_default();
            let shifts = aim.shifts(place.layer, choice, &wanted)?;
            let biases =
                choice.biases.entry(place.layer.raw.clone()).or_insert_with(|| place.conv.bias.clone());
            biases.iter_mut().zip(shifts).for_each(|(bias, shift)| *bias -= shift as f32);
        }
    }
    Ok(())
}

/// What the ReLU gives that follows the sum which alone reads `layer`.
fn behind<'a>(walk: &Walk<'a>, layer: &Layer) -> Option<&'a str> {
    let reader = |name: &str, operator: &str| -> Option<&'a Node> {
        let mut readers = walk.consumers(name);
        let (only, None) = (readers.next()?, readers.next()) else { return None };
        (only.op_type() == operator).then_some(only)
    };
    let sum = reader(&layer.output, "Add")?;
    let relu = reader(sum.output.first()?, "Relu")?;
    relu.output.first().map(String::as_str)
}

impl Aim<'_> {
    fn size(&self, tensor: &str) -> usize {
        self.seen.get(tensor).map_or(0, |seen| seen.shape.iter().product())
    }

    /// For each image what the convolutions give in floats, before the activation; not a number where it counts for nothing.
    fn floats(&self, places: &[Place<'_>]) -> Result<HashMap<String, Vec<Vec<f32>>>> {
        let mut outputs: Vec<String> = places.iter().map(|place| place.layer.raw.clone()).collect();
        outputs.extend(places.iter().filter_map(|place| place.behind.map(str::to_owned)));
        outputs.sort();
        outputs.dedup();
        let mut values: HashMap<String, Vec<Vec<f32>>> = HashMap::new();
        let mut masks: HashMap<String, Vec<f32>> = HashMap::new();
        let count = self.images.len_of(Axis(0));
        let mut runner = self.machine.load(self.model, &outputs)?;
        for index in 0..count {
            let image = self.images.slice(ndarray::s![index..=index, .., .., ..]);
            runner.show(image, &mut |_, shown| {
                masks.insert(shown.name.to_owned(), first(shown).to_vec());
                Ok(())
            })?;
            for &Place { layer, behind, .. } in places {
                let mut own = masks[&layer.raw].clone();
                if let Some(behind) = behind.map(|name| &masks[name]) {
                    let pairs = own.iter_mut().zip(behind);
                    pairs.filter(|(_, behind)| **behind <= 0.0).for_each(|(own, _)| *own = f32::NAN);
                }
                values.entry(layer.raw.clone()).or_default().push(own);
            }
        }
        Ok(values)
    }

    /// By how much each channel of `layer` is above `wanted` on average, everything before it being rounded as chosen.
    fn shifts(&self, layer: &Layer, choice: &Choice, wanted: &[Vec<f32>]) -> Result<Vec<f64>> {
        let mut begin = self.model.clone();
        let whole = graph_mut(&mut begin);
        whole.output = vec![ValueInfo { name: Some(layer.output.clone()), ..Default::default() }];
        whole.drop_unused();
        let rounded = rewrite(whole, self.plan, choice);
        let name = exact(&rounded, &layer.output).unwrap_or(&layer.raw).to_owned();
        let begin = Model { graph: Some(rounded), ..begin };
        let channels = self.seen.get(&layer.output).map_or(1, Seen::channels).max(1);
        let mut sums = vec![Sums::default(); channels];
        self.machine.load(&begin, &[name])?.show(self.images, &mut |index, shown| {
            let (found, wanted) = (first(shown), &wanted[index]);
            let places = (found.len() / channels).max(1);
            let maps = found.par_chunks_exact(places).zip(wanted.par_chunks_exact(places));
            maps.zip(&mut sums).for_each(|((found, wanted), sums)| sums.add(found, wanted, layer));
            Ok(())
        })?;
        Ok(sums.iter().map(Sums::shift).collect())
    }
}

/// What the first of the images that were run made.
fn first<'a>(shown: Shown<'a>) -> &'a [f32] {
    let count = shown.shape.first().map_or(1, |&count| count.max(1) as usize);
    &shown.values[..shown.values.len() / count]
}

/// Of one channel: differences and how many there are, where they count and everywhere.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    counted: (f64, u64),
    all: (f64, u64),
}

impl Sums {
    fn add(&mut self, found: &[f32], wanted: &[f32], layer: &Layer) {
        let inside = |x: f32| match layer.activation {
            None => true,
            Some(activation) => x > 0.0 && activation.top.is_none_or(|top| x < top),
        };
        for (&found, &wanted) in found.iter().zip(wanted).filter(|(_, wanted)| !wanted.is_nan()) {
            let difference = f64::from(found) - f64::from(wanted);
            self.all = (self.all.0 + difference, self.all.1 + 1);
            if inside(found) || inside(wanted) {
                self.counted = (self.counted.0 + difference, self.counted.1 + 1);
            }
        }
    }

    fn shift(&self) -> f64 {
        let (sum, count) = if self.counted.1 > 0 { self.counted } else { self.all };
        if count == 0 { 0.0 } else { sum / count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Activation, Kind};
    use super::*;

    fn layer(activation: Option<Activation>) -> Layer {
        let name = String::from("conv");
        Layer { name, kind: Kind::Same, inputs: vec![], raw: "y".into(), output: "y".into(), activation }
    }

    fn shift(activation: Option<Activation>, found: &[f32], wanted: &[f32]) -> f64 {
        let mut sums = Sums::default();
        sums.add(found, wanted, &layer(activation));
        sums.shift()
    }

    #[test]
    fn what_a_relu_removes_from_both_does_not_count() {
        let (found, wanted) = ([-5.0, 1.0, 0.5, 4.0, 3.0], [-1.0, 0.5, -0.5, 3.0, f32::NAN]);
        let relu = Some(Activation { top: None });
        assert_eq!(shift(relu, &found, &wanted), (0.5 + 1.0 + 1.0) / 3.0);
        assert_eq!(shift(None, &found, &wanted), (-4.0 + 0.5 + 1.0 + 1.0) / 4.0);
        // Both above the top are cut off alike; one inside counts.
        let clip = Some(Activation { top: Some(2.5) });
        assert_eq!(shift(clip, &found, &wanted), (0.5 + 1.0) / 2.0);
    }

    #[test]
    fn a_channel_that_never_counts_goes_by_all_places() {
        let relu = Some(Activation { top: None });
        assert_eq!(shift(relu, &[-2.0, -4.0], &[-1.0, -1.0]), -2.0);
        assert_eq!(shift(relu, &[1.0], &[f32::NAN]), 0.0);
    }
}
