//! Layer by layer: the weights of a convolution are rounded for what it really reads, everything before it being in integers,
//! and its bias takes in what rounding changes on average.

use ndarray::ArrayView4;

use super::biases::{Shifts, behind};
use super::calibration::Layer as Kept;
use super::error::Result;
use super::gram::Gram;
use super::kernel::{Codes, WeightBits};
use super::plan::{Conv, Layer, Plan};
use super::products::Products;
use super::rewrite::Choice;
use super::runner::Machine;
use super::second_order;
use super::stepper::Stepper;
use super::unfinished::Round;
use headstart_onnx::{Model, Walk};

fn take(choice: &mut Choice, layer: &Layer, known: Rounded) {
    choice.kernels.insert(layer.raw.clone(), known.codes);
    choice.biases.insert(layer.raw.clone(), known.bias);
}

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

/// How a convolution is rounded, as an earlier run left it.
pub(super) struct Rounded {
    codes: Codes,
    bias: Vec<f32>,
}

/// What the caller hears.
pub(super) enum Step {
    /// The share of the work that is done.
    Begins(f64),
    /// A convolution: what it gives, its filters and the weights of each, and how it is rounded.
    Done((String, usize, usize), Kept),
}

impl Layers<'_> {
    /// The convolutions that an earlier run has rounded.
    pub(super) fn known(&self, round: &Round, bits: WeightBits) -> Vec<Rounded> {
        let both = self.plan.convs().zip(&round.layers);
        both.map_while(|((_, conv), (_, kept))| {
            Some(Rounded { codes: kept.codes(&conv.kernel, bits)?, bias: kept.bias.clone() })
        })
        .collect()
    }

    /// Improve `choice` from the first convolution to the last, but for those that are `known`; `on_step` may end it.
    pub(super) fn round(
        &self,
        choice: &mut Choice,
        known: Vec<Rounded>,
        on_step: &mut dyn FnMut(Step) -> Result<()>,
    ) -> Result<()> {
        let is_known = known.len() == self.plan.convs().count();
        let mut known = known.into_iter();
        if is_known {
            for ((layer, _), known) in self.plan.convs().zip(known) {
                take(choice, layer, known);
            }
            return Ok(());
        }
        let walk = Walk::new(super::graph(self.model));
        let mut floats = Stepper::new(self.machine, self.model, self.few);
        let mut rounded = Stepper::new(self.machine, self.model, self.images);
        for (layer, _) in self.plan.convs() {
            floats.pin([layer.raw.as_str()].into_iter().chain(behind(&walk, layer)));
        }
        let mut products = Products::new(self.machine)?;
        let all = self.plan.convs().map(|(_, conv)| conv.kernel.len()).sum::<usize>();
        let mut done = 0;
        for (layer, conv) in self.plan.convs() {
            on_step(Step::Begins(done as f64 / all as f64))?;
            let (input, raw) = (layer.inputs[0].as_str(), layer.raw.as_str());
            let known = known.next();
            rounded.advance(&[input], Some((self.plan, choice)))?;
            if let (None, Some(bits)) = (&known, self.together) {
                let gram = Gram::of(&mut products, conv, rounded.stored(input), choice.levels[input])?;
                choice.kernels.insert(layer.raw.clone(), second_order::round(conv, &gram, bits));
            }
            let behind = behind(&walk, layer);
            match known {
                Some(known) => {
                    // In the same pieces: others might sum in another order.
                    floats.show(&asked(layer, behind), &mut |_| Ok(()))?;
                    take(choice, layer, known);
                }
                None => {
                    self.put_right(layer, conv, (&mut floats, &rounded), behind, choice)?;
                    let kept = Kept::new(&conv.kernel, &choice.kernels[raw], choice.biases[raw].clone());
                    let shape = (layer.raw.clone(), conv.kernel.nrows(), conv.kernel.ncols());
                    on_step(Step::Done(shape, kept))?;
                }
            }
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
        (floats, rounded): (&mut Stepper<'_>, &Stepper<'_>),
        behind: Option<&str>,
        choice: &mut Choice,
    ) -> Result<()> {
        let mut shifts = Shifts::of(layer, conv.kernel.nrows());
        let mut exact = rounded.exact(&layer.output, &layer.raw, (self.plan, &*choice))?;
        floats.show(&asked(layer, behind), &mut |made| {
            if let (Some(found), Some(wanted)) = (exact.batch(made.batch)?, made.get(&layer.raw)) {
                shifts.add(&found, wanted, behind.and_then(|name| made.get(name)));
            }
            Ok(())
        })?;
        let biases = choice.biases.entry(layer.raw.clone()).or_insert_with(|| conv.bias.clone());
        biases.iter_mut().zip(shifts.means()).for_each(|(bias, shift)| *bias -= shift as f32);
        Ok(())
    }
}

/// What is asked of the floats for a convolution.
fn asked<'a>(layer: &'a Layer, behind: Option<&'a str>) -> Vec<&'a str> {
    [layer.raw.as_str()].into_iter().chain(behind).collect()
}
