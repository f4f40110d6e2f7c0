//! From an output back to what it is made of.

use std::collections::HashSet;

use super::evidence::IMAGENET;
use super::linear::Linear;
use super::ops::{Role, Squash, values};
use headstart_onnx::{Node, Walk};

/// What a declared output turns out to be.
#[derive(Debug)]
pub enum Origin {
    /// Class scores, and the layer that makes them.
    Classifier(Box<Classifier>),
    /// Pooled values that no trained layer has touched since: features as they are.
    Pooled,
    /// Neither: the end of a trunk, or of something else. Whether it is a prediction of a trained layer.
    Open { prediction: bool },
    /// Boxes, and the node that chooses them.
    Detection(String),
}

/// A classifier, with what follows it.
#[derive(Debug, Clone)]
pub struct Classifier {
    pub linear: Linear,
    /// The output that it ends in.
    pub output: String,
    /// What happens to the scores on the way there, first things first; `None` where that cannot be computed by us.
    pub squash: Option<Vec<Squash>>,
    /// It works on every place of a map, which is pooled afterwards.
    pub before_pool: bool,
}

/// Walk back from `output` to the layer that made it.
pub fn follow(walk: &Walk<'_>, nodes: usize, output: &str) -> Origin {
    let mut way = Way::default();
    let mut at = output;
    // A graph with a cycle would not end.
    for _ in 0..=nodes {
        let Some(node) = walk.producer(at) else { break };
        if let Some(linear) = Linear::of(walk, node) {
            return way.arrive(walk, linear, output);
        }
        let Some(next) = way.step(walk, node) else { break };
        at = next;
    }
    let sources = Sources::of(walk, output);
    match (sources.detection, sources.pools.is_empty(), sources.mixing.is_empty()) {
        (Some(node), ..) => Origin::Detection(node.title()),
        (None, false, true) if !way.scored() => Origin::Pooled,
        _ => {
            Origin::Open { prediction: walk.producer(at).is_some_and(|n| Role::of(walk, n) == Role::Mixing) }
        }
    }
}

/// What was met on the way back from an output.
#[derive(Default)]
struct Way<'a> {
    /// Last things first.
    squash: Vec<Squash>,
    pooled: bool,
    /// An activation was met, as hidden layers have them.
    activated: bool,
    /// The last constant that was added, and where.
    bias: Option<(&'a Node, &'a str)>,
}

impl<'a> Way<'a> {
    /// The input of `node` to go on with, if it may stand between a classifier and an output.
    fn step(&mut self, walk: &Walk<'a>, node: &'a Node) -> Option<&'a str> {
        let values = values(walk, node);
        let [value] = values.as_slice() else { return None };
        match Role::of(walk, node) {
            Role::Pass if matches!(node.op_type(), "QuantizeLinear" | "DequantizeLinear") => {
                self.pass(Squash::Unknown);
            }
            Role::Pass => {}
            Role::Scores(squash) => self.pass(squash),
            Role::Pool if node.op_type() == "Slice" || node.op_type() == "Gather" => {
                self.pass(Squash::Unknown)
            }
            Role::Pool => {
                self.pooled = true;
                self.bias = None;
            }
            Role::Elementwise if node.op_type() == "Add" => {
                self.unbias();
                let constant = node.input.iter().map(String::as_str).find(|name| name != value)?;
                self.bias = Some((node, constant));
            }
            Role::Elementwise => {
                let linear =
                    matches!(node.op_type(), "Sub" | "Mul" | "Div" | "Slice" | "Gather" | "Concat" | "Sum");
                self.activated |= !linear;
                self.pass(Squash::Unknown);
            }
            _ => return None,
        }
        Some(value)
    }

    fn pass(&mut self, squash: Squash) {
        self.unbias();
        self.squash.push(squash);
    }

    /// What looked like a bias was something else.
    fn unbias(&mut self) {
        if self.bias.take().is_some() {
            self.squash.push(Squash::Unknown);
        }
    }

    /// Whether probabilities or a choice were made of the values.
    fn scored(&self) -> bool {
        self.squash.iter().any(|squash| *squash != Squash::Unknown)
    }

    fn arrive(self, walk: &Walk<'a>, linear: Linear, output: &str) -> Origin {
        if self.pooled && !self.is_class_map(walk, &linear) {
            return Origin::Pooled;
        }
        // An activation without probabilities is a hidden layer's: an embedding, not scores.
        if self.activated && !self.pooled && !self.scored() {
            return Origin::Open { prediction: false };
        }
        let known = self.squash.iter().all(|squash| *squash != Squash::Unknown) && !self.pooled;
        let squash = known.then(|| self.squash.iter().rev().copied().collect());
        let linear = match self.bias {
            Some((node, bias)) if linear.bias.is_none() => linear.with_bias(node, bias),
            _ => linear,
        };
        Origin::Classifier(Box::new(Classifier {
            linear,
            output: output.to_owned(),
            squash,
            before_pool: self.pooled,
        }))
    }

    /// Whether a layer whose output is pooled afterwards gives class scores (as SqueezeNet's does) rather than
    /// features (as MobileNet's last convolution does): the two look alike but for what is done with them.
    fn is_class_map(&self, walk: &Walk<'_>, linear: &Linear) -> bool {
        let (classes, inputs) = (linear.classes(walk), linear.inputs(walk));
        self.scored()
            || classes.is_some_and(|classes| IMAGENET.contains(&classes))
            || classes.zip(inputs).is_some_and(|(classes, inputs)| classes < inputs)
    }
}

/// What the values of a tensor come from: the nearest pools and trained layers behind it.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    pub pools: Vec<&'a Node>,
    pub mixing: Vec<&'a Node>,
    pub detection: Option<&'a Node>,
    /// Operators that may do anything, and graph inputs.
    pub unknown: bool,
}

impl<'a> Sources<'a> {
    pub fn of(walk: &Walk<'a>, tensor: &str) -> Self {
        let mut sources = Self::default();
        let mut seen = HashSet::new();
        let mut open: Vec<&Node> = walk.producer(tensor).into_iter().collect();
        sources.unknown = open.is_empty();
        while let Some(node) = open.pop() {
            if !seen.insert(std::ptr::from_ref(node)) {
                continue;
            }
            match Role::of(walk, node) {
                Role::Pool => sources.pools.push(node),
                Role::Mixing => sources.mixing.push(node),
                Role::Detection => sources.detection = Some(node),
                Role::Other => sources.unknown = true,
                Role::Pass | Role::Scores(_) | Role::Elementwise => {
                    for value in values(walk, node) {
                        match walk.producer(value) {
                            Some(maker) => open.push(maker),
                            None => sources.unknown = true,
                        }
                    }
                }
            }
        }
        sources
    }

    /// Whether the values were pooled and no trained layer came between.
    pub fn are_pooled(&self) -> bool {
        !self.pools.is_empty() && self.mixing.is_empty() && !self.unknown && self.detection.is_none()
    }
}
