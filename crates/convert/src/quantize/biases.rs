//! Means put right: what rounding changes on average is taken back by the biases, one convolution after another.
//!
//! What is rounded alike in many places, as the even ground of a picture is, does not average out: it shifts whole channels, and with them everything behind.
//! So each convolution is held against the floats while all before it compute in integers with biases that are put right already. What counts is
//! where it makes a difference: behind a ReLU a shift of what is below zero on both sides changes nothing, and a mean over
//! all places, most of which are below zero, would spoil those that are not.
//!
//! # Source
//! Biases that take in a shift measured layer by layer are those of Nagel et al. 2019, arXiv:1906.04721, section 4.2; there all places count.

use rayon::prelude::*;

use super::plan::Layer;
use super::stepper::Stored;
use headstart_onnx::{Node, Walk};

/// What the ReLU gives that follows the sum which alone reads `layer`: where it is zero an error of the layer reaches nobody.
pub(super) fn behind<'a>(walk: &Walk<'a>, layer: &Layer) -> Option<&'a str> {
    let reader = |name: &str, operator: &str| -> Option<&'a Node> {
        let mut readers = walk.consumers(name);
        let (only, None) = (readers.next()?, readers.next()) else { return None };
        (only.op_type() == operator).then_some(only)
    };
    let sum = reader(&layer.output, "Add")?;
    let relu = reader(sum.output.first()?, "Relu")?;
    relu.output.first().map(String::as_str)
}

/// By how much each channel of a convolution is above the floats.
pub(super) struct Shifts<'a> {
    layer: &'a Layer,
    channels: Vec<Sums>,
}

impl<'a> Shifts<'a> {
    pub(super) fn of(layer: &'a Layer, channels: usize) -> Self {
        Self { layer, channels: vec![Sums::default(); channels.max(1)] }
    }

    /// Take in what a batch gives before its activation, and what it should; only places count where `mask` is above zero.
    pub(super) fn add(&mut self, found: &Stored, wanted: &Stored, mask: Option<&Stored>) {
        let (layer, channels) = (self.layer, self.channels.len());
        let images = found.shape.first().copied().unwrap_or(1);
        let (found, wanted, mask) = (found.floats(), wanted.floats(), mask.map(Stored::floats));
        let places = (found.len() / channels / images.max(1)).max(1);
        self.channels.par_iter_mut().enumerate().for_each(|(channel, sums)| {
            for image in 0..images {
                let at = (image * channels + channel) * places;
                let mask = mask.map(|mask| &mask[at..at + places]);
                sums.add(&found[at..at + places], &wanted[at..at + places], mask, layer);
            }
        });
    }

    /// The mean difference of each channel.
    pub(super) fn means(&self) -> impl Iterator<Item = f64> {
        self.channels.iter().map(Sums::mean)
    }
}

/// Of one channel: differences and how many there are, where they count and everywhere.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    counted: (f64, u64),
    all: (f64, u64),
}

impl Sums {
    fn add(&mut self, found: &[f32], wanted: &[f32], mask: Option<&[f32]>, layer: &Layer) {
        let inside = |x: f32| match layer.activation {
            None => true,
            Some(activation) => x > 0.0 && activation.top.is_none_or(|top| x < top),
        };
        for (at, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
            if mask.is_some_and(|mask| mask[at] <= 0.0) {
                continue;
            }
            let difference = f64::from(found) - f64::from(wanted);
            self.all = (self.all.0 + difference, self.all.1 + 1);
            if inside(found) || inside(wanted) {
                self.counted = (self.counted.0 + difference, self.counted.1 + 1);
            }
        }
    }

    fn mean(&self) -> f64 {
        let (sum, count) = if self.counted.1 > 0 { self.counted } else { self.all };
        if count == 0 { 0.0 } else { sum / count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Activation, Kind};
    use super::super::stepper::Numbers;
    use super::*;

    fn layer(activation: Option<Activation>) -> Layer {
        let name = String::from("conv");
        Layer { name, kind: Kind::Same, inputs: vec![], raw: "y".into(), output: "y".into(), activation }
    }

    fn shift(activation: Option<Activation>, found: &[f32], wanted: &[f32]) -> f64 {
        let mut sums = Sums::default();
        sums.add(found, wanted, None, &layer(activation));
        sums.mean()
    }

    #[test]
    fn what_a_relu_removes_from_both_does_not_count() {
        let (found, wanted) = ([-5.0, 1.0, 0.5, 4.0], [-1.0, 0.5, -0.5, 3.0]);
        let relu = Some(Activation { top: None });
        assert_eq!(shift(relu, &found, &wanted), (0.5 + 1.0 + 1.0) / 3.0);
        assert_eq!(shift(None, &found, &wanted), (-4.0 + 0.5 + 1.0 + 1.0) / 4.0);
        // Both above the top are cut off alike; one inside counts.
        let clip = Some(Activation { top: Some(2.5) });
        assert_eq!(shift(clip, &found, &wanted), (0.5 + 1.0) / 2.0);
    }

    #[test]
    fn places_that_the_next_relu_cuts_off_do_not_count() {
        let stored =
            |numbers: &[f32]| Stored { shape: vec![2, 2, 1], numbers: Numbers::Floats(numbers.to_vec()) };
        let layer = layer(None);
        let mut shifts = Shifts::of(&layer, 2);
        // Two images of two channels of one place.
        let (found, wanted) = (stored(&[1.0, 2.0, 3.0, 9.0]), stored(&[0.0, 1.5, 1.0, 0.0]));
        shifts.add(&found, &wanted, Some(&stored(&[1.0, 1.0, 1.0, 0.0])));
        assert_eq!(shifts.means().collect::<Vec<_>>(), [1.5, 0.5]);
    }

    #[test]
    fn a_channel_that_never_counts_goes_by_all_places() {
        let relu = Some(Activation { top: None });
        assert_eq!(shift(relu, &[-2.0, -4.0], &[-1.0, -1.0]), -2.0);
        assert_eq!(shift(relu, &[], &[]), 0.0);
    }
}
