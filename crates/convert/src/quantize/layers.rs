//! Layer by layer: the weights of a convolution are rounded for what it really reads, everything before it being in integers,
//! and its bias takes in what rounding changes on average.

use ndarray::ArrayView4;

use super::biases::{Shifts, behind};
use super::error::Result;
use super::gram::Gram;
use super::kernel::WeightBits;
use super::plan::{Conv, Layer, Plan};
use super::rewrite::Choice;
use super::runner::Machine;
use super::second_order;
use super::stepper::Stepper;
use headstart_onnx::{Model, Walk};

/// What is rounded, and on what.
pub(super) struct Layers<'a> {
    pub machine: &'a Machine<'a>,
    /// The graph in floats that is quantised.
    pub model: &'a Model,
    pub plan: &'a Plan,
    /// What weights are rounded on.
    pub images: ArrayView4<'a, f32>,
    /// What biases are fitted on.
    pub few: ArrayView4<'a, f32>,
    /// Round weights together, in so many bits; `None` leaves them as they are.
    pub together: Option<WeightBits>,
}

impl Layers<'_> {
    /// Improve `choice` from the first convolution to the last; `on_layer` hears the share of the work that is done, and may end it.
    pub(super) fn round(
        &self,
        choice: &mut Choice,
        on_layer: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<()> {
        let walk = Walk::new(super::graph(self.model));
        let mut floats = Stepper::new(self.machine, self.model, self.few);
        let mut rounded = Stepper::new(self.machine, self.model, self.images);
        for (layer, _) in self.plan.convs() {
            floats.pin([layer.raw.as_str()].into_iter().chain(behind(&walk, layer)));
        }
        let all = self.plan.convs().map(|(_, conv)| conv.kernel.len()).sum::<usize>();
        let mut done = 0;
        for (layer, conv) in self.plan.convs() {
            on_layer(done as f64 / all as f64)?;
            let input = layer.inputs[0].as_str();
            rounded.advance(&[input], Some((self.plan, choice)))?;
            if let Some(bits) = self.together {
                let gram = Gram::of(conv, rounded.stored(input), choice.levels[input]);
                choice.kernels.insert(layer.raw.clone(), second_order::round(conv, &gram, bits));
            }
            let raw = layer.raw.as_str();
            let behind = behind(&walk, layer);
            floats.advance(&[raw].into_iter().chain(behind).collect::<Vec<_>>(), None)?;
            self.put_right(layer, conv, [&floats, &rounded], behind, choice)?;
            floats.forget();
            rounded.advance(&[layer.output.as_str()], Some((self.plan, choice)))?;
            rounded.forget();
            done += conv.kernel.len();
        }
        Ok(())
    }

    /// Take back by the bias of `layer` what is above the floats on average.
    fn put_right(
        &self,
        layer: &Layer,
        conv: &Conv,
        [floats, rounded]: [&Stepper<'_>; 2],
        behind: Option<&str>,
        choice: &mut Choice,
    ) -> Result<()> {
        let wanted = floats.stored(&layer.raw);
        let masks = behind.map(|name| floats.stored(name));
        let mut shifts = Shifts::of(layer, conv.kernel.nrows());
        let rounding = (self.plan, &*choice);
        rounded.exact(&layer.output, &layer.raw, rounding, wanted.len(), &mut |batch, found| {
            shifts.add(found, &wanted[batch], masks.map(|masks| &masks[batch]));
            Ok(())
        })?;
        let biases = choice.biases.entry(layer.raw.clone()).or_insert_with(|| conv.bias.clone());
        biases.iter_mut().zip(shifts.means()).for_each(|(bias, shift)| *bias -= shift as f32);
        Ok(())
    }
}
