//! From an output back to all that it is made of: pools, trained layers, and what nobody here can look into.

use std::collections::HashSet;

use super::follow::{Origin, follow};
use super::linear::Linear;
use super::ops::{Role, is_known_domain, values};
use headstart_onnx::{Graph, Node, Walk};

/// What happens to values between their source and the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Way {
    /// Probabilities or a choice were made of them.
    scored: bool,
    /// An activation was met, as hidden layers have them.
    activated: bool,
    /// They were brought to one length or spread, as embeddings are and scores are not.
    normalised: bool,
}

/// A trained layer, for what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) title: String,
    /// Of the node, with that of its values.
    pub(super) name: String,
    /// How many numbers it makes of how many, where the file tells.
    pub(super) gives: Option<usize>,
    pub(super) takes: Option<usize>,
    /// It works on every place of a map, which is pooled afterwards.
    before_pool: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Pool,
    Layer(Layer),
    /// A node that may do anything, and why nothing is known of it.
    Unknown(String),
    /// The graph's input, which nothing trained has touched.
    Untouched,
}

/// All that an output is made of.
#[derive(Debug)]
pub(super) struct Ends {
    /// What makes probabilities or a choice of all of it.
    pub(super) squashed: Option<String>,
    sources: Vec<(Source, Way)>,
}

impl Ends {
    pub(super) fn of(walk: &Walk<'_>, graph: &Graph, output: &str) -> Self {
        let mut search = Search { walk, seen: HashSet::new(), sources: vec![], squash: None };
        search.run(output);
        let Search { mut sources, squash, .. } = search;
        // A non-linear function of a layer is one, whichever other ways lead to the output beside it.
        let ways: Vec<(usize, Way)> = sources.iter().map(|(node, _, way)| (*node, *way)).collect();
        for (node, _, way) in &mut sources {
            for (_, other) in ways.iter().filter(|(other, _)| other == node) {
                way.activated |= other.activated;
                way.normalised |= other.normalised;
            }
        }
        let mut sources: Vec<(Source, Way)> =
            sources.into_iter().map(|(_, source, way)| (source, way)).collect();
        let squashed = !sources.is_empty() && sources.iter().all(|(_, way)| way.scored);
        // Behind a pool there may be a map of class scores, as in SqueezeNet.
        if sources.iter().all(|(source, _)| *source == Source::Pool)
            && let Origin::Classifier(classifier) = follow(walk, graph.node.len(), output)
        {
            let layer =
                Layer { before_pool: classifier.before_pool, ..Layer::of_linear(walk, &classifier.linear) };
            sources = vec![(Source::Layer(layer), Way::default())];
        }
        Self { squashed: squash.filter(|_| squashed), sources }
    }

    /// A trained layer whose values come out as it makes them.
    pub(super) fn bare_layer(&self) -> Option<&Layer> {
        self.sources.iter().find_map(|(source, way)| match source {
            Source::Layer(layer) if !way.activated && !way.normalised => Some(layer),
            _ => None,
        })
    }

    /// Why these may not be features; `None` if they are what features are: pooled, activated or normalised.
    pub(super) fn doubt(&self) -> Option<String> {
        if let Some((Source::Unknown(why), _)) =
            self.sources.iter().find(|(source, _)| matches!(source, Source::Unknown(_)))
        {
            return Some(why.clone());
        }
        if let Some(layer) = self.bare_layer() {
            return Some(layer.describe());
        }
        if self.sources.iter().any(|(_, way)| way.scored) {
            return Some("a part of it is probabilities".to_owned());
        }
        let untouched = self.sources.iter().all(|(source, _)| *source == Source::Untouched);
        untouched.then(|| "no trained layer and no pool makes it".to_owned())
    }
}

impl Layer {
    fn of(walk: &Walk<'_>, node: &Node) -> Self {
        let constant = |name: &&String| walk.initializer(name).filter(|tensor| tensor.dims.len() > 1);
        let weight =
            node.input.iter().find(|name| constant(name).is_some()).and_then(|name| walk.initializer(name));
        // Of a convolution the first dimension counts, of a product mostly the last.
        let gives = weight.and_then(|weight| match node.op_type().contains("Conv") {
            true => weight.dims.first(),
            false => None,
        });
        Self {
            title: node.title(),
            name: called(node),
            gives: gives.and_then(|&dim| usize::try_from(dim).ok()),
            takes: None,
            before_pool: false,
        }
    }

    fn of_linear(walk: &Walk<'_>, linear: &Linear) -> Self {
        Self {
            title: linear.title.clone(),
            name: format!("{} {}", linear.title, linear.scores),
            gives: linear.classes(walk),
            takes: linear.inputs(walk),
            before_pool: false,
        }
    }

    fn describe(&self) -> String {
        let numbers = |count| headstart_base::text::grouped(count as u64);
        let made = match (self.gives, self.takes) {
            (Some(gives), Some(takes)) => {
                format!(", which makes {} numbers of {}", numbers(gives), numbers(takes))
            }
            (Some(gives), None) => format!(", which makes {} numbers", numbers(gives)),
            _ => String::new(),
        };
        match self.before_pool {
            true => format!("it is the mean of the output of {} over all places{made}", self.title),
            false => format!("it comes straight out of a trained layer, {}{made}", self.title),
        }
    }
}

/// The names of a node and of what it makes.
fn called(node: &Node) -> String {
    format!("{} {}", node.name(), node.output.first().map_or("", String::as_str))
}

struct Search<'s, 'a> {
    walk: &'s Walk<'a>,
    seen: HashSet<(*const Node, Way)>,
    /// The node that each comes from, so that two ways to one are known.
    sources: Vec<(usize, Source, Way)>,
    /// The last thing that makes probabilities or a choice.
    squash: Option<String>,
}

impl<'a> Search<'_, 'a> {
    fn run(&mut self, output: &'a str) {
        let mut open: Vec<(&'a str, Way)> = vec![(output, Way::default())];
        while let Some((value, way)) = open.pop() {
            let Some(node) = self.walk.producer(value) else {
                if !self.walk.is_constant(value) {
                    self.sources.push((0, Source::Untouched, way));
                }
                continue;
            };
            // A scale that was measured on the way is no image's values.
            let scale = node.op_type() == "DynamicQuantizeLinear"
                && node.output.first().is_some_and(|first| first != value);
            if scale || !self.seen.insert((std::ptr::from_ref(node), way)) {
                continue;
            }
            self.step(node, way, &mut open);
        }
    }

    fn step(&mut self, node: &'a Node, way: Way, open: &mut Vec<(&'a str, Way)>) {
        let mut end = |source, way| self.sources.push((std::ptr::from_ref(node) as usize, source, way));
        if let Some(linear) = Linear::of(self.walk, node) {
            return end(Source::Layer(Layer::of_linear(self.walk, &linear)), way);
        }
        match Role::of(self.walk, node) {
            Role::Mixing => {
                let way = self.fused(node, way);
                self.sources.push((
                    std::ptr::from_ref(node) as usize,
                    Source::Layer(Layer::of(self.walk, node)),
                    way,
                ));
            }
            Role::Pool => end(Source::Pool, way),
            Role::Detection => {
                end(Source::Unknown(format!("it comes from {}, which chooses boxes", node.title())), way)
            }
            Role::Other if is_shape(node) => {}
            Role::Other => end(Source::Unknown(unknown(node)), way),
            Role::Scores(_) => {
                self.squash.get_or_insert_with(|| node.title());
                let way = Way { scored: true, ..way };
                open.extend(values(self.walk, node).into_iter().map(|value| (value, way)));
            }
            Role::Pass => open.extend(values(self.walk, node).into_iter().map(|value| (value, way))),
            Role::Elementwise => self.elementwise(node, way, open),
        }
    }

    /// Layers that are fused with what follows them.
    fn fused(&mut self, node: &Node, way: Way) -> Way {
        let activation =
            node.attribute("activation").map(|value| String::from_utf8_lossy(value.s()).into_owned());
        match activation.as_deref() {
            Some("Sigmoid" | "Softmax" | "HardSigmoid") => {
                self.squash.get_or_insert_with(|| node.title());
                Way { scored: true, ..way }
            }
            Some(_) => Way { activated: true, ..way },
            None => way,
        }
    }

    fn elementwise(&mut self, node: &'a Node, way: Way, open: &mut Vec<(&'a str, Way)>) {
        let values = values(self.walk, node);
        let op = node.op_type();
        if let ("Div", [above, below]) = (op, values.as_slice()) {
            let way = match self.divisor(above, below) {
                Divisor::Total => {
                    self.squash.get_or_insert_with(|| format!("{}, a softmax written out", node.title()));
                    Way { scored: true, ..way }
                }
                Divisor::Length => Way { normalised: true, ..way },
                Divisor::Other => {
                    open.push((below, way));
                    way
                }
            };
            return open.push((above, way));
        }
        if let ("Mul" | "QLinearMul", [a, b]) = (op, values.as_slice()) {
            if let Some(gated) = self.gated(a, b).or_else(|| self.gated(b, a)) {
                return open.push((gated, Way { activated: true, ..way }));
            }
            // Times one by the length is by the length, too.
            let lengths = [self.divisor(b, a), self.divisor(a, b)].map(|divisor| divisor == Divisor::Length);
            if let [true, false] | [false, true] = lengths {
                let value = if lengths[0] { *b } else { *a };
                return open.push((value, Way { normalised: true, ..way }));
            }
        }
        let way = if op.contains("Norm") {
            Way { normalised: true, ..way }
        } else if op == "HardSigmoid" {
            self.squash.get_or_insert_with(|| node.title());
            Way { scored: true, ..way }
        } else if is_linear(op) {
            way
        } else {
            Way { activated: true, ..way }
        };
        open.extend(values.into_iter().map(|value| (value, way)));
    }

    /// What is divided by in `above / below`.
    fn divisor(&self, above: &str, below: &str) -> Divisor {
        let mut at = below;
        // Longer chains between a sum and its use nobody writes, and a cycle would not end.
        for _ in 0..16 {
            let Some(node) = self.walk.producer(at) else { return Divisor::Other };
            match node.op_type() {
                "ReduceL1" | "ReduceL2" | "ReduceSumSquare" => return Divisor::Length,
                "ReduceSum" => {
                    let of_all = node.input.first().is_some_and(|input| input == above);
                    let exponential = self.walk.producer(above).is_some_and(|maker| maker.op_type() == "Exp");
                    return if of_all && exponential { Divisor::Total } else { Divisor::Length };
                }
                // The variance of a normalisation written out.
                "ReduceMean" => return Divisor::Length,
                _ if !matches!(Role::of(self.walk, node), Role::Pass | Role::Elementwise) => {
                    return Divisor::Other;
                }
                _ => {}
            }
            let Some(next) = values(self.walk, node).first().copied() else { return Divisor::Other };
            at = next;
        }
        Divisor::Other
    }

    /// `value`, if `gate` is a sigmoid that lets a part of it through.
    fn gated(&self, value: &'a str, gate: &'a str) -> Option<&'a str> {
        let mut at = gate;
        for _ in 0..8 {
            let node = self.walk.producer(at)?;
            match Role::of(self.walk, node) {
                Role::Scores(_) => return Some(value),
                Role::Elementwise if node.op_type() == "HardSigmoid" => return Some(value),
                Role::Pass => at = node.input.first()?,
                _ => return None,
            }
        }
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Divisor {
    /// The sum of exponentials, which makes a softmax.
    Total,
    /// The length or the spread of a vector.
    Length,
    Other,
}

/// Whether an operator that works on each number by itself keeps scores what they are.
fn is_linear(op: &str) -> bool {
    const LINEAR: [&str; 20] = [
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Sum",
        "Mean",
        "Max",
        "Min",
        "Neg",
        "Concat",
        "Slice",
        "Pad",
        "Gather",
        "GatherElements",
        "GatherND",
        "Expand",
        "Tile",
        "Where",
        "Clip",
        "DynamicQuantizeLinear",
    ];
    LINEAR.contains(&op) || matches!(op, "QLinearAdd" | "QLinearMul" | "QLinearConcat")
}

/// What tells of shapes, whatever the image.
fn is_shape(node: &Node) -> bool {
    matches!(node.op_type(), "Shape" | "Size" | "ConstantOfShape" | "Range" | "EyeLike" | "RandomNormal")
}

fn unknown(node: &Node) -> String {
    let title = node.title();
    match is_known_domain(node) {
        true => format!("it comes from {title}, which this program does not look into"),
        false => format!(
            "it comes from {title}, of the domain `{}`, which this program does not look into",
            node.domain()
        ),
    }
}
