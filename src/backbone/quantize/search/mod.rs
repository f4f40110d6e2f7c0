//! From a graph in floats to the best one in integers that was found.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, ArrayView4};

use super::biases::{Aim, put_right};
use super::equalise::equalise;
use super::error::{Error, Result};
use super::fidelity::Fidelity;
use super::gram::grams;
use super::histogram::Histogram;
use super::images::Sample;
use super::kernel::Codes;
use super::observe::{self, Seen};
use super::options::{Event, KeepFloat, QuantizeOptions, Ranges, Rounding, Stage};
use super::plan::{Float, Kind, Plan, Why, label};
use super::pooled::average_codes;
use super::range::{Levels, Method};
use super::report::Report;
use super::rewrite::{Choice, rewrite};
use super::runner::Machine;
use super::{graph, graph_mut, pixels, prepare, second_order, speed};
use crate::backbone::Backbone;
use crate::onnx::{self, Model};

/// What was found.
pub(super) struct Found {
    pub model: Model,
    pub report: Report,
}

/// Images run at once where only features are wanted.
const BATCH: usize = 8;

/// Images that ranges and layers are tried on: enough to tell which is better.
const TRIAL: usize = 32;

/// Images that biases are fitted on. Each layer is run anew, and with twice as many Keras' ResNet50 was no nearer on images held out.
const FIT: usize = 32;

/// Of the largest feature: how far the prepared graph may be from the given one. Only the order of sums differs.
const SAME: f64 = 1e-3;

const METHODS: [Method; 5] = [
    Method::MinMax,
    Method::Percentile(99.999),
    Method::Percentile(99.99),
    Method::Entropy,
    Method::MeanSquare,
];

/// How much channels are evened out where that is tried: to the full, weights become so uneven that it costs more than it brings.
const EVENED_OUT: f64 = 0.5;

pub(super) fn search(
    machine: &Machine<'_>,
    backbone: &Backbone,
    mut original: Model,
    sample: &Sample,
    options: &QuantizeOptions,
    cancel: &AtomicBool,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Found> {
    let folder = backbone.path().parent().unwrap_or(Path::new(""));
    onnx::embed_external_data(&mut original, folder)?;
    let features = [backbone.feature_tensor().to_owned()];
    on_event(Event::Stage(Stage::Observation));
    let mut floats = machine.load(&original, &features)?;
    let calibration = floats.rows(sample.calibration.tensor(), BATCH)?;

    let mut prepared = original;
    prepare::prepare(&mut prepared, folder)?;
    let network = graph(&prepared).node.iter().map(label).collect();
    let bytes = pixels::restore(graph_mut(&mut prepared), backbone.input_name(), backbone.recipe())?;
    let mut bench =
        Bench { machine, sample, options, cancel, on_event, features, calibration, bytes, network };
    bench.check_same(&prepared)?;

    let keep = bench.keep(&prepared)?;
    let mut base = bench.base(prepared, &keep)?;
    if options.rounding == Rounding::SecondOrder {
        bench.round(&mut base)?;
    }
    bench.put_right(&mut base)?;
    let base = bench.enough(base)?;
    let model = base.model(&base.choice);
    let on_calibration = bench.rows(&model, sample.calibration.tensor())?;

    bench.stage(Stage::Measurement)?;
    let mut integers = machine.load(&model, &bench.features)?;
    let held_out = [&mut floats, &mut integers].map(|runner| runner.rows(sample.held_out.tensor(), BATCH));
    let [in_floats, in_integers] = held_out;
    let held_out = [in_floats?, in_integers?];
    let fidelity = Fidelity::of(&held_out[0], &held_out[1]);
    if fidelity.cosine_mean < options.min_cosine || fidelity.cosine_mean.is_nan() {
        return Err(Error::Fidelity { found: fidelity.cosine_mean, bound: options.min_cosine });
    }
    let speed = speed::measure(&mut floats, &mut integers, sample.held_out.first(speed::IMAGES))?;
    let report = Report {
        calibration_images: sample.calibration.len(),
        calibration_digest: sample.calibration.digest().to_hex().to_string(),
        layers: base.plan.layers.len(),
        operators: machine.operators(&model)?,
        float: bench.float(&base.plan),
        ranges: base.method,
        equalised: base.exponent,
        weights: options.bits,
        fidelity,
        held_out: sample.held_out.places.clone(),
        calibration: sample.calibration.places.clone(),
        held_out_features: held_out,
        calibration_features: [bench.calibration, on_calibration],
        speed,
    };
    Ok(Found { model, report })
}

/// What everything is tried on.
struct Bench<'a> {
    machine: &'a Machine<'a>,
    sample: &'a Sample,
    options: &'a QuantizeOptions,
    cancel: &'a AtomicBool,
    on_event: &'a mut dyn FnMut(Event<'_>),
    /// The name of the output.
    features: [String; 1],
    /// Features of the calibration images, in floats.
    calibration: Array2<f32>,
    /// The tensor that holds bytes, if there is one.
    bytes: Option<String>,
    /// The network's own nodes; there are others that turn its input into bytes, or even out channels.
    network: BTreeSet<String>,
}

/// A graph in floats that is ready, and how it is rounded so far.
struct Base {
    model: Model,
    plan: Plan,
    seen: HashMap<String, Seen>,
    choice: Choice,
    method: Method,
    exponent: f64,
    error: f64,
}

impl Base {
    fn model(&self, choice: &Choice) -> Model {
        self.planned(&self.plan, choice)
    }

    /// With another plan than its own.
    fn planned(&self, plan: &Plan, choice: &Choice) -> Model {
        let mut model =
            Model { graph: Some(rewrite(graph(&self.model), plan, choice)), ..self.model.clone() };
        average_codes(&mut model);
        model
    }
}

impl Bench<'_> {
    fn stage(&mut self, stage: Stage) -> Result<()> {
        (self.on_event)(Event::Stage(stage));
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn rows(&self, model: &Model, images: ArrayView4<'_, f32>) -> Result<Array2<f32>> {
        self.machine.load(model, &self.features)?.rows(images, BATCH)
    }

    /// That the graph still computes what it computed.
    fn check_same(&self, prepared: &Model) -> Result<()> {
        let images = self.sample.calibration.first(4);
        let rows = self.rows(prepared, images)?;
        let expected = self.calibration.slice(ndarray::s![..rows.nrows(), ..]);
        let largest = expected.iter().fold(0.0f64, |largest, &x| largest.max(f64::from(x).abs()));
        let pairs = expected.iter().zip(&rows);
        let difference = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
        // `max` would pass over a NaN.
        let difference = difference.fold(0.0, |a: f64, b| if b > a || b.is_nan() { b } else { a });
        let bound = SAME * largest;
        if difference <= bound { Ok(()) } else { Err(Error::Changed { difference, bound }) }
    }

    /// What of the network stays in floats.
    fn float(&self, plan: &Plan) -> Vec<Float> {
        plan.float.iter().filter(|float| self.network.contains(&float.name)).cloned().collect()
    }

    /// The layers that are told to stay in floats.
    fn keep(&self, prepared: &Model) -> Result<BTreeSet<String>> {
        let KeepFloat::Named(names) = &self.options.keep_float else { return Ok(BTreeSet::new()) };
        let plan = Plan::of(graph(prepared), &BTreeSet::new())?;
        let known = |name: &String| plan.layers.iter().any(|layer| layer.name == *name || layer.raw == *name);
        match names.iter().find(|name| !known(name)) {
            None => Ok(names.clone()),
            Some(name) => {
                let layers = plan.layers.iter().map(|layer| layer.name.clone()).collect();
                Err(Error::NoSuchLayer { name: name.clone(), layers })
            }
        }
    }

    /// The best of evened out channels and methods of ranges, with weights rounded each by itself.
    fn base(&mut self, prepared: Model, keep: &BTreeSet<String>) -> Result<Base> {
        let images = self.sample.calibration.tensor();
        let plan = Plan::of(graph(&prepared), keep)?;
        if plan.convs().next().is_none() {
            return Err(Error::NothingToDo { path: std::path::PathBuf::from("the backbone") });
        }
        let names: Vec<String> = plan.rounded().map(str::to_owned).collect();
        let seen = observe::ranges(self.machine, &prepared, images, &names)?;
        let mut best: Option<Base> = None;
        let exponents = self.options.equalise.map_or(vec![0.0, EVENED_OUT], |told| vec![told]);
        for exponent in exponents {
            self.stage(Stage::Ranges)?;
            let graph = match exponent {
                0.0 => graph(&prepared).clone(),
                _ => equalise(graph(&prepared), &plan, &seen, exponent)?,
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
                let mut base = Base {
                    model: model.clone(),
                    plan: plan.clone(),
                    seen: seen.clone(),
                    choice,
                    method,
                    exponent,
                    error: f64::NAN,
                };
                base.error = self.trial(&base.model(&base.choice))?.relative_error;
                let what = format!("{method}, channels evened out by {:.0} %", 100.0 * exponent);
                (self.on_event)(Event::Tried { what, error: base.error });
                if best.as_ref().is_none_or(|best| base.error < best.error) {
                    best = Some(base);
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

    fn trial(&self, model: &Model) -> Result<Fidelity> {
        let images = self.sample.calibration.first(TRIAL);
        let rows = self.rows(model, images)?;
        let floats = self.calibration.slice(ndarray::s![..rows.nrows(), ..]).to_owned();
        Ok(Fidelity::of(&floats, &rows))
    }

    /// Take `choice` if it is nearer than what `base` has: what helps most networks is no help to some.
    fn take_nearer(&mut self, base: &mut Base, choice: Choice, what: &str) -> Result<()> {
        let error = self.trial(&base.model(&choice))?.relative_error;
        let nearer = error < base.error || base.error.is_nan();
        let what = if nearer { what.to_owned() } else { format!("{what}, which is left out") };
        (self.on_event)(Event::Tried { what, error });
        if nearer {
            (base.choice, base.error) = (choice, error);
        }
        Ok(())
    }

    /// Round weights together.
    fn round(&mut self, base: &mut Base) -> Result<()> {
        self.stage(Stage::Weights)?;
        let mut choice = base.choice.clone();
        let model = base.model(&choice);
        let bits = self.options.bits;
        let convs: HashMap<String, _> =
            base.plan.convs().map(|(layer, conv)| (layer.raw.clone(), conv)).collect();
        let images = self.sample.calibration.tensor();
        grams(self.machine, &model, &base.plan, images, &mut |grams| {
            for (raw, gram) in grams {
                let conv = convs[&raw];
                let codes = second_order::round(conv, &gram, bits);
                choice.kernels.insert(raw, codes);
            }
            Ok(())
        })?;
        self.take_nearer(base, choice, "weights rounded together")
    }

    /// Take back by the biases what rounding changes on average.
    fn put_right(&mut self, base: &mut Base) -> Result<()> {
        self.stage(Stage::Biases)?;
        let mut choice = base.choice.clone();
        let images = self.sample.calibration.first(FIT);
        let aim =
            Aim { machine: self.machine, model: &base.model, plan: &base.plan, seen: &base.seen, images };
        let cancel = self.cancel;
        let mut go_on = || if cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) };
        put_right(&aim, &mut choice, &mut go_on)?;
        self.take_nearer(base, choice, "biases put right")
    }

    /// As few layers in floats as are needed, if that is left to us.
    fn enough(&mut self, mut base: Base) -> Result<Base> {
        let bound = self.options.min_cosine;
        let all = self.trial(&base.model(&base.choice))?.cosine_mean;
        if self.options.keep_float != KeepFloat::Auto || all >= bound {
            return Ok(base);
        }
        self.stage(Stage::Layers)?;
        let harms = self.harms(&base)?;
        let mut keep = BTreeSet::new();
        // Several at a time: each trial takes as long as a layer is worth.
        for few in harms.chunks(harms.len().div_ceil(12).max(1)) {
            keep.extend(few.iter().map(|(_, raw)| raw.clone()));
            base.plan = Plan::of(graph(&base.model), &keep)?;
            if base.plan.convs().next().is_none() {
                break;
            }
            let fidelity = self.trial(&base.model(&base.choice))?;
            let what = format!("{} layers in floats", keep.len());
            (self.on_event)(Event::Tried { what, error: fidelity.relative_error });
            if fidelity.cosine_mean >= bound {
                debug_assert!(base.plan.float.iter().any(|float| float.why == Why::Kept));
                return Ok(base);
            }
        }
        Err(Error::Fidelity { found: all, bound })
    }

    /// The error of each layer that could stay in floats, the largest first: of the features where it alone computes in integers. Among others
    /// that do, it would not be seen behind a layer that spoils everything.
    fn harms(&self, base: &Base) -> Result<Vec<(f64, String)>> {
        let may_stay = |kind: &Kind| matches!(kind, Kind::Conv(_) | Kind::Merge);
        let layers = base.plan.layers.iter().filter(|layer| may_stay(&layer.kind));
        let names: BTreeSet<String> = layers.map(|layer| layer.raw.clone()).collect();
        let mut harms = vec![];
        for name in &names {
            let mut others = names.clone();
            others.remove(name);
            let plan = Plan::of(graph(&base.model), &others)?;
            harms.push((self.trial(&base.planned(&plan, &base.choice))?.relative_error, name.clone()));
        }
        harms.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(harms)
    }
}
