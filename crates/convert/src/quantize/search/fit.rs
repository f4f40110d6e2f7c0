//! The best rounding that is found with certain layers in floats: ranges and channels, then weights, then biases.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::biases::{Aim, put_right};
use super::super::equalise::equalise;
use super::super::error::{Error, Result};
use super::super::fidelity::Fidelity;
use super::super::gram::grams;
use super::super::histogram::Histogram;
use super::super::kernel::Codes;
use super::super::observe::{self, Seen};
use super::super::options::{QuantizeEvent, Ranges, Rounding, Stage};
use super::super::plan::Plan;
use super::super::pooled::average_codes;
use super::super::range::{Levels, Method};
use super::super::rewrite::{Choice, rewrite};
use super::super::{graph, second_order};
use super::Bench;
use headstart_onnx::Model;

/// Images that biases are fitted on. Each layer is run anew, and with twice as many Keras' ResNet50 was no nearer on images held out.
const FIT: usize = 32;

const METHODS: [Method; 5] = [
    Method::MinMax,
    Method::Percentile(99.999),
    Method::Percentile(99.99),
    Method::Entropy,
    Method::MeanSquare,
];

/// How much channels are evened out where that is tried: to the full, weights become so uneven that it costs more than it brings.
const EVENED_OUT: f64 = 0.5;

/// A graph in floats that is ready, and how it is rounded so far.
pub(super) struct Fit {
    pub model: Model,
    pub plan: Plan,
    seen: HashMap<String, Seen>,
    pub choice: Choice,
    /// As `choice` was with weights rounded each by itself and biases as they are, which nothing else in the network had a part in.
    pub plain: Choice,
    pub method: Method,
    pub exponent: f64,
    /// Of `choice`, on the images that choices are tried on.
    pub fidelity: Fidelity,
}

impl Fit {
    /// The graph in integers.
    pub(super) fn rounded(&self) -> Model {
        rounded(&self.model, &self.plan, &self.choice)
    }
}

/// `model` in integers where `plan` says so.
pub(super) fn rounded(model: &Model, plan: &Plan, choice: &Choice) -> Model {
    let mut model = Model { graph: Some(rewrite(graph(model), plan, choice)), ..model.clone() };
    average_codes(&mut model);
    model
}

impl Bench<'_> {
    /// The best that is found with the layers `keep` in floats.
    pub(super) fn fit(&mut self, prepared: &Model, keep: &BTreeSet<String>) -> Result<Fit> {
        let mut fit = self.ranges(prepared, keep)?;
        if self.options.rounding == Rounding::SecondOrder {
            self.round(&mut fit)?;
        }
        self.put_right(&mut fit)?;
        Ok(fit)
    }

    /// The best of evened out channels and methods of ranges, with weights rounded each by itself.
    fn ranges(&mut self, prepared: &Model, keep: &BTreeSet<String>) -> Result<Fit> {
        let images = self.sample.calibration.tensor();
        let plan = Plan::of(graph(prepared), keep)?;
        if plan.convs().next().is_none() {
            return Err(Error::NothingToDo { path: self.path.to_owned() });
        }
        let names: Vec<String> = plan.rounded().map(str::to_owned).collect();
        let seen = observe::ranges(self.machine, prepared, images, &names)?;
        let mut best: Option<Fit> = None;
        let exponents = self.options.equalise.map_or(vec![0.0, EVENED_OUT], |told| vec![told]);
        for exponent in exponents {
            self.stage(Stage::Ranges)?;
            let graph = match exponent {
                0.0 => graph(prepared).clone(),
                _ => equalise(graph(prepared), &plan, &seen, exponent)?,
            };
            let model = Model { graph: Some(graph), ..prepared.clone() };
            self.check_same(&model)?;
            let plan = Plan::of(super::graph(&model), keep)?;
            let seen = observe::ranges(self.machine, &model, images, &plan.tensors)?;
            let histograms = observe::histograms(self.machine, &model, images, &plan.tensors, &seen)?;
            let methods = match self.options.ranges {
                Ranges::Measured => METHODS.to_vec(),
                Ranges::By(method) => vec![method],
            };
            for method in methods {
                let choice = self.nearest(&plan, &histograms, method);
                let fidelity = self.trial(&rounded(&model, &plan, &choice))?;
                let what = format!("{method}, channels evened out by {:.0} %", 100.0 * exponent);
                (self.on_event)(QuantizeEvent::Tried { what, error: fidelity.relative_error });
                if best.as_ref().is_none_or(|best| fidelity.is_nearer_than(&best.fidelity)) {
                    let (model, plan, seen) = (model.clone(), plan.clone(), seen.clone());
                    let plain = choice.clone();
                    best = Some(Fit { model, plan, seen, choice, plain, method, exponent, fidelity });
                }
            }
        }
        Ok(best.expect("one method and one exponent at least were tried"))
    }

    fn nearest(&self, plan: &Plan, histograms: &HashMap<String, Histogram>, method: Method) -> Choice {
        let top = |tensor: &str| {
            let layer = plan.layers.iter().find(|layer| layer.output == tensor);
            layer.and_then(|layer| layer.activation).and_then(|activation| activation.top)
        };
        let levels = |name: &String| {
            // Bytes are whole numbers: exact, whatever was seen.
            if self.bytes.as_ref() == Some(name) {
                return Levels { scale: 1.0, zero: 0 };
            }
            let mut levels = method.levels(&histograms[name], top(name));
            // What an activation cut off must not come back.
            let absorbs = plan.layers.iter().any(|layer| layer.output == *name && layer.activation.is_some());
            if absorbs {
                levels.zero = 0;
            }
            levels
        };
        let own: BTreeMap<&str, Levels> =
            plan.tensors.iter().map(|name| (name.as_str(), levels(name))).collect();
        Choice {
            levels: plan.rounded().map(|name| (name.to_owned(), own[plan.root(name)])).collect(),
            kernels: (plan.convs())
                .map(|(layer, conv)| {
                    (layer.raw.clone(), Codes::nearest(&conv.kernel, None, self.options.bits))
                })
                .collect(),
            biases: HashMap::new(),
        }
    }

    /// Take `choice` if it is nearer than what `fit` has: what helps most networks is no help to some.
    fn take_nearer(&mut self, fit: &mut Fit, choice: Choice, what: &str) -> Result<()> {
        let fidelity = self.trial(&rounded(&fit.model, &fit.plan, &choice))?;
        let nearer = fidelity.is_nearer_than(&fit.fidelity);
        let what = if nearer { what.to_owned() } else { format!("{what}, which is left out") };
        (self.on_event)(QuantizeEvent::Tried { what, error: fidelity.relative_error });
        if nearer {
            (fit.choice, fit.fidelity) = (choice, fidelity);
        }
        Ok(())
    }

    /// Round weights together.
    fn round(&mut self, fit: &mut Fit) -> Result<()> {
        self.stage(Stage::Weights)?;
        let mut choice = fit.choice.clone();
        let bits = self.options.bits;
        let convs: HashMap<String, _> =
            fit.plan.convs().map(|(layer, conv)| (layer.raw.clone(), conv)).collect();
        let images = self.sample.calibration.tensor();
        grams(self.machine, &fit.rounded(), &fit.plan, images, &mut |grams| {
            for (raw, gram) in grams {
                let conv = convs[&raw];
                let codes = second_order::round(conv, &gram, bits);
                choice.kernels.insert(raw, codes);
            }
            Ok(())
        })?;
        self.take_nearer(fit, choice, "weights rounded together")
    }

    /// Take back by the biases what rounding changes on average.
    fn put_right(&mut self, fit: &mut Fit) -> Result<()> {
        self.stage(Stage::Biases)?;
        let mut choice = fit.choice.clone();
        let images = self.sample.calibration.first(FIT);
        let aim = Aim { machine: self.machine, model: &fit.model, plan: &fit.plan, seen: &fit.seen, images };
        put_right(&aim, &mut choice, &mut || self.go_on())?;
        self.take_nearer(fit, choice, "biases put right")
    }
}
