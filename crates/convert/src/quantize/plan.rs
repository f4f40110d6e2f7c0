//! Which nodes compute in integers, and which tensors are rounded for that.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Serialize;

pub(super) use super::conv::Conv;
use super::error::Result;
use super::prepare::floats;
use headstart_onnx::{Graph, Node, Walk};

/// What is done with each node of a graph.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// In the graph's order.
    pub layers: Vec<Layer>,
    /// Every tensor that is rounded, in the order in which they are made; of a pair that must be rounded alike, the first.
    pub tensors: Vec<String>,
    /// The tensor that others are rounded like.
    like: HashMap<String, String>,
    /// Nodes that compute in floats although integers might have been expected.
    pub float: Vec<Float>,
}

/// A node that computes in integers, with the activation that its rounding includes.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// What people call it.
    pub name: String,
    pub kind: Kind,
    /// What it reads; not weights.
    pub inputs: Vec<String>,
    /// What the node itself gives.
    pub raw: String,
    /// What it gives after the activation: the tensor that is rounded.
    pub output: String,
    pub activation: Option<Activation>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Conv(Box<Conv>),
    /// `Add` or `Mul` of two maps.
    Merge,
    Concat,
    /// Of windows, or of whole maps, as squeezing and exciting does.
    AveragePool,
    /// A function of single values, which are so few that it is a table.
    Table,
    /// What chooses among values or moves them: input and output are rounded alike.
    Same,
}

impl Kind {
    pub(super) fn conv(&self) -> Option<&Conv> {
        match self {
            Self::Conv(conv) => Some(conv),
            _ => None,
        }
    }
}

/// A bound below at zero, which the rounding to unsigned integers is by itself, and perhaps one above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Activation {
    pub top: Option<f32>,
}

/// A node that stays in floats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Float {
    /// Its name in the graph.
    pub name: String,
    /// What ONNX calls its operator.
    pub operator: String,
    /// Why it stays in floats.
    pub why: Why,
}

/// Why a node stays in floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Why {
    /// It was told to, or found to be needed for the fidelity.
    Kept,
    /// It leads to the features alone, where there is nothing to gain.
    End,
    /// There is no form in integers that this program knows.
    Unknown,
}

impl Plan {
    /// `keep` are layers that stay in floats, by their name or that of what they give.
    pub(super) fn of(graph: &Graph, keep: &BTreeSet<String>) -> Result<Self> {
        let walk = Walk::new(graph);
        let mut whole: HashSet<&str> = HashSet::new();
        let mut layers = vec![];
        let mut float = vec![];
        // From the end: whether a pool or a sum is worth it depends on who reads it.
        for node in graph.node.iter().rev() {
            let told = told(keep, node);
            let staying = |why| Float { name: label(node), operator: node.op_type().to_owned(), why };
            match layer(graph, &walk, node)? {
                Some(_) if told => float.push(staying(Why::Kept)),
                Some(layer) => {
                    let read = walk.consumers(&layer.output).any(|reader| whole.contains(key(reader)));
                    // A sum of integers is one tensor to take back to floats, and its parts are two.
                    let whole_parts = matches!(layer.kind, Kind::Merge)
                        && layer.inputs.iter().all(|name| in_integers(graph, &walk, keep, name));
                    if matches!(layer.kind, Kind::Conv(_)) || read || whole_parts {
                        whole.insert(key(node));
                        layers.push(layer);
                    } else if counts(node) {
                        float.push(staying(Why::End));
                    }
                }
                None if counts(node) => float.push(staying(Why::Unknown)),
                None => {}
            }
        }
        layers.reverse();
        float.reverse();
        Ok(Self::with(layers, float))
    }

    fn with(layers: Vec<Layer>, float: Vec<Float>) -> Self {
        let mut like = HashMap::new();
        let mut tensors: Vec<String> = vec![];
        for layer in &layers {
            for name in layer.inputs.iter().chain([&layer.output]) {
                if !tensors.contains(name) && !like.contains_key(name) {
                    tensors.push(name.clone());
                }
            }
            if matches!(layer.kind, Kind::Same) {
                let root = like.get(&layer.inputs[0]).unwrap_or(&layer.inputs[0]).clone();
                like.insert(layer.output.clone(), root);
            }
        }
        tensors.retain(|name| !like.contains_key(name));
        Self { layers, tensors, like, float }
    }

    /// The tensor whose rounding `name` shares.
    pub(super) fn root<'a>(&'a self, name: &'a str) -> &'a str {
        self.like.get(name).map_or(name, String::as_str)
    }

    /// Every tensor that is rounded, those that are rounded like others included.
    pub(super) fn rounded(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().chain(self.like.keys()).map(String::as_str)
    }

    pub(super) fn convs(&self) -> impl Iterator<Item = (&Layer, &Conv)> {
        self.layers.iter().filter_map(|layer| match &layer.kind {
            Kind::Conv(conv) => Some((layer, &**conv)),
            _ => None,
        })
    }
}

/// Whether what makes `name` could compute in integers, and is not told otherwise.
fn in_integers(graph: &Graph, walk: &Walk<'_>, keep: &BTreeSet<String>, name: &str) -> bool {
    let mut maker = walk.producer(name);
    if let Some(activation) = maker.filter(|node| matches!(node.op_type(), "Relu" | "Clip")) {
        maker = activation.input.first().and_then(|input| walk.producer(input));
    }
    maker.is_some_and(|node| {
        let whole = matches!(layer(graph, walk, node), Ok(Some(layer)) if layer.output == name);
        whole && !told(keep, node)
    })
}

/// Whether `node` is to stay in floats.
fn told(keep: &BTreeSet<String>, node: &Node) -> bool {
    keep.contains(node.name()) || node.output.iter().any(|name| keep.contains(name))
}

/// By what a node is known in a graph.
fn key(node: &Node) -> &str {
    node.output.first().map_or("", String::as_str)
}

/// What people call a node.
pub(super) fn label(node: &Node) -> String {
    if node.name().is_empty() { key(node).to_owned() } else { node.name().to_owned() }
}

/// Whether it is work that stays: what only moves or names numbers is not worth a word.
fn counts(node: &Node) -> bool {
    !matches!(
        node.op_type(),
        "Relu"
            | "Clip"
            | "Flatten"
            | "Reshape"
            | "Squeeze"
            | "Unsqueeze"
            | "Shape"
            | "Gather"
            | "Cast"
            | "Identity"
            | "GlobalAveragePool"
            | "Pad"
    )
}

/// `node` as it would compute in integers.
fn layer(graph: &Graph, walk: &Walk<'_>, node: &Node) -> Result<Option<Layer>> {
    if !matches!(node.domain(), "" | "ai.onnx") || node.input.is_empty() || node.output.is_empty() {
        return Ok(None);
    }
    let varies = |name: &String| !name.is_empty() && !walk.is_constant(name);
    let kind = match node.op_type() {
        "Conv" if varies(&node.input[0]) => match Conv::of(node, walk)? {
            Some(conv) => Kind::Conv(Box::new(conv)),
            None => return Ok(None),
        },
        "Add" | "Mul" if node.input.len() == 2 && node.input.iter().all(varies) => Kind::Merge,
        "Concat" if node.input.iter().all(varies) => Kind::Concat,
        "AveragePool" | "GlobalAveragePool" => Kind::AveragePool,
        "Sigmoid" => Kind::Table,
        "MaxPool" if node.output.len() == 1 => Kind::Same,
        "Transpose" => Kind::Same,
        _ => return Ok(None),
    };
    let inputs = match kind {
        Kind::Merge | Kind::Concat => node.input.clone(),
        _ => vec![node.input[0].clone()],
    };
    let raw = node.output[0].clone();
    let absorbed = match kind {
        Kind::Conv(_) | Kind::Merge => activation(graph, walk, &raw)?,
        _ => None,
    };
    let (output, activation) = match absorbed {
        Some((output, activation)) => (output, Some(activation)),
        None => (raw.clone(), None),
    };
    Ok(Some(Layer { name: label(node), kind, inputs, raw, output, activation }))
}

/// The activation that alone reads `raw`, if rounding can do its work.
fn activation(graph: &Graph, walk: &Walk<'_>, raw: &str) -> Result<Option<(String, Activation)>> {
    let mut readers = walk.consumers(raw);
    let (Some(only), None) = (readers.next(), readers.next()) else { return Ok(None) };
    if graph.output.iter().any(|output| output.name() == raw) {
        return Ok(None);
    }
    let top = match only.op_type() {
        "Relu" => None,
        "Clip" => match clip(walk, only)? {
            Some([0.0, top]) if top > 0.0 => Some(top).filter(|top| top.is_finite()),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(only.output.first().map(|output| (output.clone(), Activation { top })))
}

/// The bounds of a `Clip`, if they are constants.
pub(super) fn clip(walk: &Walk<'_>, node: &Node) -> Result<Option<[f32; 2]>> {
    let mut bounds = [f32::NEG_INFINITY, f32::INFINITY];
    for (at, name) in ["min", "max"].into_iter().enumerate() {
        if let Some(value) = node.attribute(name) {
            bounds[at] = value.f();
        }
        if let Some(input) = node.input.get(at + 1).filter(|input| !input.is_empty()) {
            match floats(walk.initializer(input))?.as_deref() {
                Some(&[bound]) => bounds[at] = bound,
                _ => return Ok(None),
            }
        }
    }
    Ok(Some(bounds))
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept in floats",
            Self::End => "only the features read it, where integers gain nothing",
            Self::Unknown => "has no form in integers here",
        })
    }
}
