//! The best rounding that is found with certain layers in floats: ranges and channels, then weights, then biases.

use std::collections::{BTreeSet, HashMap};

use super::super::calibration::Chosen;
use super::super::equalise::{Factors, equalise, factors};
use super::super::error::{Error, Result};
use super::super::fidelity::Fidelity;
use super::super::graph;
use super::super::kernel::{Codes, WeightBits};
use super::super::layers::{Layers, Step};
use super::super::observe::{self, Histograms, Scaled};
use super::super::options::{QuantizeEvent, Ranges, Rounding, Stage};
use super::super::plan::{Conv, Plan, Why};
use super::super::range::{Levels, Method};
use super::super::rewrite::{Choice, rounded};
use super::super::unfinished::Fitted;
use super::{BIASES, Bench, OBSERVED, RANKED, TRIAL};
use headstart_onnx::{Model, Walk};
use rayon::prelude::*;

const METHODS: [Method; 5] = [
    Method::MinMax,
    Method::Percentile(99.999),
    Method::Percentile(99.99),
    Method::Entropy,
    Method::MeanSquare,
];

/// The share of looking at a few images first, for what channels are like, in looking at images at all.
const BEFORE: f64 = 0.3;

/// Methods that are tried with the channels left as they are, too.
const GOOD: usize = 2;

/// How much channels are evened out where that is tried: to the full, weights become so uneven that it costs more than it brings.
const EVENED_OUT: f64 = 0.5;

/// A graph in floats that is ready, and how it is rounded so far.
pub(in crate::quantize) struct Fit {
    /// Layers that are told to stay in floats.
    pub keep: BTreeSet<String>,
    pub model: Model,
    pub plan: Plan,
    /// What the channels of `model` were divided by.
    pub factors: Factors,
    pub choice: Choice,
    /// As `choice` was with weights rounded each by itself and biases as they are, which nothing else in the network had a part in.
    pub plain: Choice,
    pub method: Method,
    pub exponent: f64,
    /// Of `choice`, on the images that choices are tried on.
    pub fidelity: Fidelity,
}

/// Channels that are evened out so far, and what passes through the graph then. The graph itself is made where it is needed: it is as large as the
/// weights, and its plan as well.
struct Candidate {
    exponent: f64,
    scaled: Scaled,
    histograms: Histograms,
}

/// The graph with its channels divided by `factors`, and what of it is rounded.
fn divided(prepared: &Model, keep: &BTreeSet<String>, factors: &Factors) -> Result<(Model, Plan)> {
    let plan = Plan::of(graph(prepared), keep)?;
    if factors.is_empty() {
        return Ok((prepared.clone(), plan));
    }
    let model = prepared.with_graph(equalise(graph(prepared), &plan, factors));
    drop(plan);
    let plan = Plan::of(graph(&model), keep)?;
    Ok((model, plan))
}

impl Fit {
    /// The graph in integers.
    pub(super) fn rounded(&self) -> Model {
        rounded(&self.model, &self.plan, &self.choice)
    }

    /// Without what is only needed to round it otherwise: it is as large as the weights.
    pub(super) fn settled(self) -> Settled {
        let Self { plan, factors, choice, method, exponent, .. } = self;
        Settled { plan, factors, choice, method, exponent }
    }
}

/// How a graph is rounded at last.
pub(in crate::quantize) struct Settled {
    pub plan: Plan,
    pub factors: Factors,
    pub choice: Choice,
    pub method: Method,
    pub exponent: f64,
}

impl Settled {
    /// What makes the same graph again, with weights in so many bits.
    pub(in crate::quantize) fn chosen(&self, bits: WeightBits) -> Chosen<'_> {
        let kept = self.plan.float.iter().filter(|float| float.why == Why::Kept);
        Chosen {
            plan: &self.plan,
            choice: &self.choice,
            factors: &self.factors,
            bits,
            float: kept.map(|float| float.name.clone()).collect(),
        }
    }
}

impl Bench<'_> {
    /// The best that is found with the layers `keep` in floats.
    pub(super) fn fit(&mut self, prepared: Model, keep: &BTreeSet<String>) -> Result<Fit> {
        let mut fit = match self.unfinished.find(keep).cloned() {
            Some(known) => self.known(&prepared, known)?,
            None => self.ranges(&prepared, keep)?,
        };
        // Where channels are evened out it is as large again.
        drop(prepared);
        let together = match self.options.rounding {
            Rounding::SecondOrder => Some(self.options.bits),
            Rounding::Nearest => None,
        };
        let is_nearer = self.layers(&mut fit, together)?;
        if !is_nearer && together.is_some() {
            self.layers(&mut fit, None)?;
        }
        Ok(fit)
    }

    /// The best of evened out channels and methods of ranges, with weights rounded each by itself.
    fn ranges(&mut self, prepared: &Model, keep: &BTreeSet<String>) -> Result<Fit> {
        self.stage(Stage::Observation)?;
        let mut candidates = self.candidates(prepared, keep)?;
        self.observe(prepared, keep, &mut candidates)?;
        self.stage(Stage::Ranges)?;
        let methods = match self.options.ranges {
            Ranges::Measured => METHODS.to_vec(),
            Ranges::By(method) => vec![method],
        };
        let mut best: Option<(usize, Method, Choice, Fidelity)> = None;
        let trials = (candidates.len() * methods.len()) as f64;
        let mut errors: Vec<(f64, Method)> = vec![];
        for (place, candidate) in candidates.iter().enumerate() {
            let (model, plan) = divided(prepared, keep, &candidate.scaled.factors)?;
            let kernels = self.kernels(&plan);
            // Which methods are good depends little on the channels.
            errors.sort_by(|a, b| a.0.total_cmp(&b.0));
            let methods = match errors.is_empty() {
                true => methods.clone(),
                false => errors.iter().take(GOOD).map(|&(_, method)| method).collect(),
            };
            for (number, &method) in methods.iter().enumerate() {
                self.within(Stage::Ranges, (place * methods.len() + number) as f64 / trials)?;
                let choice = self.nearest(&plan, &candidate.histograms, &kernels, method);
                let fidelity = self.trial(&rounded(&model, &plan, &choice), RANKED)?;
                let what = format!("{method}, channels evened out by {:.0} %", 100.0 * candidate.exponent);
                (self.on_event)(QuantizeEvent::Tried { what, error: fidelity.relative_error });
                errors.push((fidelity.relative_error, method));
                if best.as_ref().is_none_or(|(.., best)| fidelity.is_nearer_than(best)) {
                    best = Some((place, method, choice, fidelity));
                }
            }
        }
        let (place, method, choice, _) = best.expect("one method and one exponent at least were tried");
        let Candidate { exponent, scaled, .. } = candidates.swap_remove(place);
        let (model, plan) = divided(prepared, keep, &scaled.factors)?;
        let fidelity = self.trial(&rounded(&model, &plan, &choice), TRIAL)?;
        self.unfinished.begin(Fitted {
            keep: keep.clone(),
            exponent,
            method,
            levels: choice.levels.iter().map(|(name, levels)| (name.clone(), *levels)).collect(),
            factors: scaled.factors.clone(),
            features: self.calibration.clone(),
            fidelity,
            rounds: vec![],
        });
        Ok(Fit {
            keep: keep.clone(),
            model,
            plan,
            factors: scaled.factors,
            plain: choice.clone(),
            choice,
            method,
            exponent,
            fidelity,
        })
    }

    /// As ranges were chosen before the work was stopped.
    fn known(&mut self, prepared: &Model, known: Fitted) -> Result<Fit> {
        let Fitted { keep, exponent, method, levels, factors, features, fidelity, .. } = known;
        let (model, plan) = divided(prepared, &keep, &factors)?;
        self.calibration = features;
        let (levels, kernels) = (levels.into_iter().collect(), self.kernels(&plan));
        let choice = Choice { levels, kernels, biases: HashMap::new() };
        Ok(Fit { keep, model, plan, factors, plain: choice.clone(), choice, method, exponent, fidelity })
    }

    /// The graph with its channels evened out as much as is to be tried.
    fn candidates(&mut self, prepared: &Model, keep: &BTreeSet<String>) -> Result<Vec<Candidate>> {
        let plan = Plan::of(graph(prepared), keep)?;
        if plan.convs().next().is_none() {
            return Err(Error::NothingToDo { path: self.path.to_owned() });
        }
        let names: Vec<String> = plan.rounded().map(str::to_owned).collect();
        let exponents = self.options.equalise.map_or(vec![EVENED_OUT, 0.0], |told| vec![told]);
        let (images, machine) = (self.part(TRIAL), self.machine);
        let mut seen = HashMap::new();
        if exponents.iter().any(|&exponent| exponent != 0.0) {
            let mut go_on = |done| self.within(Stage::Observation, done * BEFORE);
            seen = observe::ranges(machine, prepared, images, &names, &mut go_on)?;
        }
        let mut candidates = vec![];
        for exponent in exponents {
            let factors = match exponent {
                0.0 => Factors::default(),
                _ => factors(graph(prepared), &plan, &seen, exponent),
            };
            let (model, plan) = divided(prepared, keep, &factors)?;
            if !factors.is_empty() {
                self.check_same(&model)?;
            }
            let scaled = Scaled { tensors: plan.tensors, factors };
            candidates.push(Candidate { exponent, scaled, histograms: HashMap::new() });
        }
        Ok(candidates)
    }

    /// Look at half of the calibration images, once for all candidates that have no tensors of their own.
    fn observe(
        &mut self,
        prepared: &Model,
        keep: &BTreeSet<String>,
        candidates: &mut [Candidate],
    ) -> Result<()> {
        let known = Walk::new(graph(prepared));
        let shared: Vec<usize> = (0..candidates.len())
            .filter(|&place| {
                candidates[place].scaled.tensors.iter().all(|name| known.producer(name).is_some())
            })
            .collect();
        let apart = (0..candidates.len()).filter(|place| !shared.contains(place)).map(|place| vec![place]);
        for places in [shared.clone()].into_iter().chain(apart).filter(|places| !places.is_empty()) {
            let together = places == shared;
            let unscaled = |scaled: &Scaled| Scaled { factors: Factors::default(), ..scaled.clone() };
            let wanted: Vec<Scaled> = places
                .iter()
                .map(|&place| match together {
                    true => candidates[place].scaled.clone(),
                    // Its channels are divided already.
                    false => unscaled(&candidates[place].scaled),
                })
                .collect();
            let apart = match together {
                true => None,
                false => Some(divided(prepared, keep, &candidates[places[0]].scaled.factors)?.0),
            };
            let model = apart.as_ref().unwrap_or(prepared);
            let images = self.part(OBSERVED);
            let ([features], machine) = (self.features.clone(), self.machine);
            let mut go_on = |done| self.within(Stage::Observation, BEFORE + (1.0 - BEFORE) * done);
            let (histograms, rows) =
                observe::histograms(machine, model, images, &features, &wanted, &mut go_on)?;
            self.calibration = rows;
            for (place, histograms) in places.into_iter().zip(histograms) {
                candidates[place].histograms = histograms;
            }
        }
        Ok(())
    }

    /// Each weight by itself.
    fn kernels(&self, plan: &Plan) -> HashMap<String, Codes> {
        let nearest = |conv: &Conv| Codes::nearest(&conv.kernel, None, self.options.bits);
        plan.convs().map(|(layer, conv)| (layer.raw.clone(), nearest(conv))).collect()
    }

    fn nearest(
        &self,
        plan: &Plan,
        histograms: &Histograms,
        kernels: &HashMap<String, Codes>,
        method: Method,
    ) -> Choice {
        let top = |tensor: &str| {
            let layer = plan.layers.iter().find(|layer| layer.output == tensor);
            layer.and_then(|layer| layer.activation).and_then(|activation| activation.top)
        };
        let bytes = self.bytes.as_ref();
        let levels = |name: &String| {
            // Bytes are whole numbers: exact, whatever was seen.
            if bytes == Some(name) {
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
        let own: HashMap<&str, Levels> =
            plan.tensors.par_iter().map(|name| (name.as_str(), levels(name))).collect();
        Choice {
            levels: plan.rounded().map(|name| (name.to_owned(), own[plan.root(name)])).collect(),
            kernels: kernels.clone(),
            biases: HashMap::new(),
        }
    }

    /// Go through the layers, and take what comes of it if it is nearer: what helps most networks is no help to some.
    fn layers(&mut self, fit: &mut Fit, together: Option<WeightBits>) -> Result<bool> {
        let stage = if together.is_some() { Stage::Weights } else { Stage::Biases };
        self.stage(stage)?;
        let mut choice = fit.choice.clone();
        let (images, few) = (self.sample.calibration.tensor(), self.part(BIASES));
        let (model, plan) = (&fit.model, &fit.plan);
        let layers = Layers { machine: self.machine, model, plan, images, few, together };
        let (keep, is_together) = (&fit.keep, together.is_some());
        let known = self.unfinished.round(keep, is_together);
        let told = known.and_then(|known| known.fidelity);
        let known = known.map_or(vec![], |known| layers.known(known, self.options.bits));
        layers.round(&mut choice, known, &mut |step| match step {
            Step::Begins(done) => self.within(stage, done),
            Step::Done(shape, layer) => {
                self.unfinished.change(keep, is_together, |round| round.layers.push((shape, layer)));
                Ok(())
            }
        })?;
        let fidelity = match told {
            Some(fidelity) => fidelity,
            None => self.trial(&rounded(&fit.model, &fit.plan, &choice), TRIAL)?,
        };
        self.unfinished.change(keep, is_together, |round| round.fidelity = Some(fidelity));
        let nearer = fidelity.is_nearer_than(&fit.fidelity);
        let what = if together.is_some() {
            "weights rounded together, biases put right"
        } else {
            "biases put right"
        };
        let what = if nearer { what.to_owned() } else { format!("{what}, which is left out") };
        (self.on_event)(QuantizeEvent::Tried { what, error: fidelity.relative_error });
        if nearer {
            (fit.choice, fit.fidelity) = (choice, fidelity);
        }
        Ok(nearer)
    }
}
