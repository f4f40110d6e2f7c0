//! Channels of one tensor brought to like ranges, so that each has all 256 levels.
//!
//! A tensor has one scale. A channel that only ever reaches a tenth of the largest one's values is left with 25 levels. But a ReLU, a maximum, a
//! mean and a sum commute with positive factors: what a channel is divided by, the weights that make it are divided by too, and
//! those that read it are multiplied. Weights have a scale for each filter, so the first costs nothing. All tensors of
//! a residual stream share their factors, since they are added; in front of the features they are undone in floats.
//!
//! # Source
//! The idea is that of Nagel et al. 2019, arXiv:1906.04721, section 4.1; there the ranges of weights are made alike, here those of what passes through.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::observe::Seen;
use super::plan::{Conv, Plan};
use headstart_onnx::names::Names;
use headstart_onnx::{Graph, Node, Tensor, Walk};

/// No channel is enlarged more: one that is nearly always zero would make its readers' weights tiny.
const SMALLEST: f64 = 1.0 / 128.0;

/// For each tensor what its channels are divided by, all positive; what is not named stays as it is.
pub(super) type Factors = BTreeMap<String, Vec<f32>>;

/// Factors for channels of like ranges, where that leaves the features what they are.
///
/// `plan` is that of `graph`, `seen` tells what passed through. With `exponent` 1 ranges become equal, with 0 they stay.
pub(super) fn factors(graph: &Graph, plan: &Plan, seen: &HashMap<String, Seen>, exponent: f64) -> Factors {
    let mut channels = Channels::default();
    channels.follow(graph, &convs(plan));
    let mut factors = channels.factors(plan, seen, exponent);
    factors.retain(|_, factors| factors.iter().any(|&factor| factor != 1.0));
    factors
}

fn convs(plan: &Plan) -> HashMap<&str, &Conv> {
    plan.convs().map(|(layer, conv)| (layer.raw.as_str(), conv)).collect()
}

/// `graph` with its channels divided; its features stay what they are.
pub(super) fn equalise(graph: &Graph, plan: &Plan, factors: &Factors) -> Graph {
    let convs = convs(plan);
    let pools = Channels::default().follow(graph, &convs);
    let mut result = graph.clone();
    for (raw, conv) in &convs {
        let node = graph.node.iter().find(|node| node.output.first().is_some_and(|name| name == raw));
        let input = node.map_or("", |node| node.input[0].as_str());
        let ones = |count: usize| vec![1.0f32; count];
        let before = factors.get(input).cloned().unwrap_or_else(|| ones(conv.depth() * conv.group));
        let after = factors.get(*raw).cloned().unwrap_or_else(|| ones(conv.kernel.nrows()));
        rescale(&mut result, conv, &before, &after);
    }
    for (pool, input) in pools {
        if let Some(factors) = factors.get(&input) {
            undo(&mut result, &pool, factors);
        }
    }
    result
}

/// Which channels of which tensors must have the same factor.
#[derive(Default)]
struct Channels {
    /// Of each tensor: its first channel and how many there are.
    places: HashMap<String, (usize, usize)>,
    /// For each channel one that shares its factor, in the end itself.
    like: Vec<usize>,
    /// Channels whose factor is 1, since something reads them that does not commute.
    fixed: HashSet<usize>,
}

impl Channels {
    /// Walk through `graph`; the global pools, behind which factors are undone, and what they read.
    fn follow(&mut self, graph: &Graph, convs: &HashMap<&str, &Conv>) -> Vec<(String, String)> {
        let walk = Walk::new(graph);
        let mut pools = vec![];
        for node in &graph.node {
            let Some(output) = node.output.first() else { continue };
            let varying: Vec<&String> = node.input.iter().filter(|name| !walk.is_constant(name)).collect();
            match node.op_type() {
                "Conv" if convs.contains_key(output.as_str()) => {
                    let conv = convs[output.as_str()];
                    self.make(output, conv.kernel.nrows());
                    let wanted = conv.depth() * conv.group;
                    // Something else was told of its input.
                    if self.places.get(varying[0]).is_some_and(|&(_, count)| count != wanted) {
                        self.fix(varying[0]);
                    }
                }
                "Relu" | "MaxPool" | "AveragePool" if node.output.len() == 1 => {
                    if let Some(&place) = self.places.get(varying[0]) {
                        self.places.insert(output.clone(), place);
                    }
                }
                "GlobalAveragePool" => pools.push((output.clone(), varying[0].clone())),
                "Add" if node.input.len() == 2 && varying.len() == 2 => {
                    self.add(varying[0], varying[1], output)
                }
                "Concat" if node.attribute("axis").is_some_and(|axis| axis.i() == 1) => {
                    self.concatenate(&varying, node.input.len(), output);
                }
                _ => varying.iter().for_each(|name| self.fix(name)),
            }
            // A body may read what its node does not list.
            if node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty()) {
                (0..self.like.len()).for_each(|channel| self.fix_channel(channel));
            }
        }
        graph.output.iter().for_each(|output| self.fix(output.name()));
        pools
    }

    fn make(&mut self, name: &str, count: usize) {
        let first = self.like.len();
        self.like.extend(first..first + count);
        self.places.insert(name.to_owned(), (first, count));
    }

    fn add(&mut self, a: &str, b: &str, sum: &str) {
        match (self.places.get(a).copied(), self.places.get(b).copied()) {
            (Some(a), Some(b)) if a.1 == b.1 => {
                (0..a.1).for_each(|channel| self.join(a.0 + channel, b.0 + channel));
                self.places.insert(sum.to_owned(), a);
            }
            _ => [a, b].into_iter().for_each(|name| self.fix(name)),
        }
    }

    fn concatenate(&mut self, parts: &[&String], inputs: usize, whole: &str) {
        let places: Vec<_> = parts.iter().filter_map(|name| self.places.get(*name).copied()).collect();
        if places.len() != inputs {
            return parts.iter().for_each(|name| self.fix(name));
        }
        self.make(whole, places.iter().map(|place| place.1).sum());
        let mut at = self.places[whole].0;
        for (first, count) in places {
            (0..count).for_each(|channel| self.join(at + channel, first + channel));
            at += count;
        }
    }

    fn root(&self, mut channel: usize) -> usize {
        while self.like[channel] != channel {
            channel = self.like[channel];
        }
        channel
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.like[a] = b;
        if self.fixed.contains(&a) {
            self.fixed.insert(b);
        }
    }

    fn fix(&mut self, name: &str) {
        if let Some(&(first, count)) = self.places.get(name) {
            (first..first + count).for_each(|channel| self.fix_channel(channel));
        }
    }

    fn fix_channel(&mut self, channel: usize) {
        let root = self.root(channel);
        self.fixed.insert(root);
    }

    /// What each channel of each tensor is to be divided by.
    fn factors(&self, plan: &Plan, seen: &HashMap<String, Seen>, exponent: f64) -> Factors {
        // The logarithms of each channel's part of its tensor's range, and how many there are: a channel stands in several tensors.
        let mut parts = vec![(0.0, 0u32); self.like.len()];
        for name in plan.rounded() {
            let (Some(&(first, count)), Some(seen)) = (self.places.get(name), seen.get(name)) else {
                continue;
            };
            let largest = seen.typical.iter().copied().fold(0.0f32, f32::max);
            if seen.channels() != count || largest == 0.0 {
                continue;
            }
            for (channel, &typical) in seen.typical.iter().enumerate() {
                let part = &mut parts[self.root(first + channel)];
                part.0 += f64::from(typical / largest).max(SMALLEST).ln();
                part.1 += 1;
            }
        }
        let factor = |channel: usize| {
            let root = self.root(channel);
            match parts[root] {
                (sum, count) if count > 0 && !self.fixed.contains(&root) => {
                    (exponent * sum / f64::from(count)).exp() as f32
                }
                _ => 1.0,
            }
        };
        let of_tensor = |&(first, count): &(usize, usize)| (first..first + count).map(factor).collect();
        self.places.iter().map(|(name, place)| (name.clone(), of_tensor(place))).collect()
    }
}

/// Divide what `conv` gives by `after`, and undo that what it reads was divided by `before`.
fn rescale(graph: &mut Graph, conv: &Conv, before: &[f32], after: &[f32]) {
    let places = conv.kernel_size[0] * conv.kernel_size[1];
    let filters = conv.kernel.nrows() / conv.group;
    let mut kernel = conv.kernel.clone();
    for ((filter, mut weights), &after) in kernel.rows_mut().into_iter().enumerate().zip(after) {
        let first = filter / filters * conv.depth();
        for (at, weight) in weights.iter_mut().enumerate() {
            *weight = (f64::from(*weight) * f64::from(before[first + at / places]) / f64::from(after)) as f32;
        }
    }
    let bias: Vec<f32> = conv
        .bias
        .iter()
        .zip(after)
        .map(|(&bias, after)| (f64::from(bias) / f64::from(*after)) as f32)
        .collect();
    let weights: Vec<f32> = kernel.iter().copied().collect();
    set(graph, Tensor::from_f32(&conv.names.0, &conv.shape(), &weights));
    if let Some(name) = &conv.names.1 {
        set(graph, Tensor::from_f32(name, &[bias.len()], &bias));
    }
}

pub(super) fn set(graph: &mut Graph, tensor: Tensor) {
    let old = graph.initializer.iter_mut().find(|old| old.name() == tensor.name());
    *old.expect("a convolution's own constants stand in its graph") = tensor;
}

/// Multiply what the global pool `pool` gives by `factors`.
fn undo(graph: &mut Graph, pool: &str, factors: &[f32]) {
    if factors.iter().all(|&factor| factor == 1.0) {
        return;
    }
    let mut names = Names::of(graph);
    let [constant, inside] =
        [format!("{pool}_factors"), format!("{pool}_equalised")].map(|name| names.fresh(&name));
    graph.initializer.push(Tensor::from_f32(&constant, &[1, factors.len(), 1, 1], factors));
    let at = graph.node.iter().position(|node| node.output.first().is_some_and(|name| name == pool));
    let at = at.expect("the pool was found in this graph");
    graph.node[at].output[0].clone_from(&inside);
    // The pool may be called like what it gave.
    let multiply =
        Node { name: Some(inside.clone()), ..Node::new("Mul", &[&inside, &constant], pool, vec![]) };
    graph.node.insert(at + 1, multiply);
}
