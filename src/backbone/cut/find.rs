//! Which tensor holds the features, told from the graph alone.

use std::fmt;

use super::error::{Candidate, Error, Result};
use super::follow::{Classifier, Origin, Sources, follow};
use super::ops::{title, values};
use crate::onnx::{Dim, Graph, ValueInfo, Walk};

/// A tensor that holds the features, as far as the graph tells; running it decides.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) tensor: String,
    pub(super) reason: Reason,
    /// The layer that makes class scores of just this tensor.
    pub(super) classifier: Option<Classifier>,
    /// Windowed pools on the way: each must turn out to leave one place.
    pub(super) windows: Vec<String>,
    /// Whether a map of several places may be pooled by nodes of ours.
    pub(super) map: bool,
}

/// Why a tensor was taken for the features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The user said so.
    Told,
    /// The file is a published one.
    Known { file: &'static str },
    /// An output that is called so.
    Named { output: String },
    /// The input of the classifier, which comes out of a pool.
    BeforeClassifier { classifier: String, pool: String },
    /// The input of a classifier that works on every place of a map.
    BeforeClassMap { classifier: String },
    /// An output that comes out of a pool, with no classifier after it.
    PooledOutput { output: String, pool: String },
    /// An output that is a map, the last of its network.
    MapOutput { output: String },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told => f.write_str("it was asked for by name"),
            Self::Known { file } => write!(f, "the file is {file}, whose features are known"),
            Self::Named { output } => write!(f, "the network's own output `{output}`"),
            Self::BeforeClassifier { classifier, pool } => {
                write!(f, "the input of the classifier, {classifier}; it comes from {pool}")
            }
            Self::BeforeClassMap { classifier } => {
                write!(f, "the input of the classifier, {classifier}, which works on every place of a map")
            }
            Self::PooledOutput { output, pool } => {
                write!(f, "the network's own output `{output}`, which comes from {pool}")
            }
            Self::MapOutput { output } => {
                write!(f, "the network's own output `{output}`, a map, with no classifier after it")
            }
        }
    }
}

/// What exporters call an output that holds features.
const FEATURE_NAMES: [&str; 7] = [
    "pooler_output",
    "image_embeds",
    "image_embedding",
    "embedding",
    "embeddings",
    "features",
    "pooled_features",
];

/// Find the features of `graph`.
pub(super) fn find(walk: &Walk<'_>, graph: &Graph) -> Result<Found> {
    let outputs: Vec<(&ValueInfo, Origin)> =
        graph.output.iter().map(|output| (output, follow(walk, graph.node.len(), output.name()))).collect();
    if let Some((_, Origin::Detection(node))) =
        outputs.iter().find(|(_, origin)| matches!(origin, Origin::Detection(_)))
    {
        return Err(Error::Detector { node: node.clone() });
    }
    let classifiers: Vec<&Classifier> = outputs.iter().filter_map(|(_, origin)| classifier(origin)).collect();
    if let Some(found) = named(walk, &outputs, &classifiers) {
        return Ok(found);
    }
    if !classifiers.is_empty() {
        return before_classifiers(walk, graph, &classifiers);
    }
    let pooled: Vec<Found> = outputs
        .iter()
        .filter(|(_, origin)| matches!(origin, Origin::Pooled))
        .map(|(output, _)| pooled_output(walk, output.name()))
        .collect();
    if !pooled.is_empty() {
        return only(walk, pooled);
    }
    map_output(walk, &outputs)
}

fn classifier(origin: &Origin) -> Option<&Classifier> {
    match origin {
        Origin::Classifier(classifier) => Some(classifier),
        _ => None,
    }
}

/// An output that says by its name what it is. Scores under such a name are believed to be scores.
fn named(walk: &Walk<'_>, outputs: &[(&ValueInfo, Origin)], classifiers: &[&Classifier]) -> Option<Found> {
    FEATURE_NAMES.iter().find_map(|name| {
        let (output, _) = outputs.iter().find(|(output, origin)| {
            output.name() == *name && !matches!(origin, Origin::Classifier(c) if c.squash.as_ref().is_some_and(|s| !s.is_empty()))
        })?;
        let tensor = output.name().to_owned();
        let classifier =
            classifiers.iter().find(|one| same_values(walk, &one.linear.input, &tensor)).map(|&one| one.clone());
        let map = rank(output).is_none_or(|rank| rank == 4);
        Some(Found { reason: Reason::Named { output: tensor.clone() }, tensor, classifier, windows: vec![], map })
    })
}

fn before_classifiers(walk: &Walk<'_>, graph: &Graph, classifiers: &[&Classifier]) -> Result<Found> {
    let mut found = vec![];
    for classifier in classifiers {
        let tensor = without_idle_nodes(walk, &classifier.linear.input).to_owned();
        let title = classifier.linear.title.clone();
        let sources = Sources::of(walk, &tensor);
        let (reason, map) = if classifier.before_pool {
            (Reason::BeforeClassMap { classifier: title }, true)
        } else if sources.are_pooled() {
            (Reason::BeforeClassifier { classifier: title, pool: self::title(sources.pools[0]) }, false)
        } else {
            return Err(not_pooled(walk, classifier, &tensor));
        };
        let windows = windows(&sources);
        found.push(Found { tensor, reason, classifier: Some((*classifier).clone()), windows, map });
    }
    let mut found = only(walk, found)?;
    // An output of the same values is the tensor that the network's own makers chose to show.
    let declared =
        graph.output.iter().map(ValueInfo::name).find(|name| same_values(walk, name, &found.tensor));
    if let Some(output) = declared {
        output.clone_into(&mut found.tensor);
    }
    Ok(found)
}

fn pooled_output(walk: &Walk<'_>, output: &str) -> Found {
    let sources = Sources::of(walk, output);
    let pool = sources.pools.first().map_or_else(String::new, |pool| title(pool));
    let windows = windows(&sources);
    let reason = Reason::PooledOutput { output: output.to_owned(), pool };
    Found { tensor: output.to_owned(), reason, classifier: None, windows, map: false }
}

/// Pools with a window may leave several places; those over everything cannot.
fn windows(sources: &Sources<'_>) -> Vec<String> {
    let windowed = |op: &str| matches!(op, "AveragePool" | "MaxPool" | "LpPool" | "QLinearAveragePool");
    let pools = sources.pools.iter().filter(|pool| windowed(pool.op_type()));
    pools.filter_map(|pool| pool.output.first().cloned()).collect()
}

/// All of `found`, if they mean the same values.
fn only(walk: &Walk<'_>, found: Vec<Found>) -> Result<Found> {
    let differing = found.iter().any(|one| !same_values(walk, &one.tensor, &found[0].tensor));
    if differing {
        let candidate = |one: &Found| Candidate { tensor: one.tensor.clone(), what: one.reason.to_string() };
        return Err(Error::Ambiguous { candidates: found.iter().map(candidate).collect() });
    }
    // One with a plain output is the better one to hold against the network's own.
    let squash = |one: &Found| one.classifier.as_ref().is_some_and(|one| one.squash.is_some());
    let best = found.iter().position(squash).unwrap_or(0);
    found.into_iter().nth(best).ok_or(Error::Ambiguous { candidates: vec![] })
}

/// Trained layers stand between the pool and the classifier, as in VGG and MobileNetV3: which is meant?
fn not_pooled(walk: &Walk<'_>, classifier: &Classifier, tensor: &str) -> Error {
    let mut candidates = vec![Candidate {
        tensor: tensor.to_owned(),
        what: format!("the input of {}", classifier.linear.title),
    }];
    let mut sources = Sources::of(walk, tensor);
    // Three trained layers after the pool are more than any known head has.
    for _ in 0..3 {
        let layers: Vec<_> =
            sources.mixing.iter().copied().filter(|layer| is_constant_product(walk, layer)).collect();
        let [layer] = layers[..] else { break };
        let Some(input) = layer.input.first() else { break };
        sources = Sources::of(walk, input);
        if sources.are_pooled() {
            let what = format!("pooled by {}, before {}", title(sources.pools[0]), title(layer));
            candidates.push(Candidate { tensor: input.clone(), what });
            return Error::Ambiguous { candidates };
        }
        if layer.op_type().contains("Conv") {
            break;
        }
        candidates.push(Candidate { tensor: input.clone(), what: format!("the input of {}", title(layer)) });
    }
    Error::NotPooled { classifier: classifier.linear.title.clone(), candidates }
}

fn is_constant_product(walk: &Walk<'_>, layer: &crate::onnx::Node) -> bool {
    super::linear::Linear::of(walk, layer).is_some() || values(walk, layer).len() == 1
}

/// No classifier and nothing pooled: the last map of a network, if it is that.
fn map_output(walk: &Walk<'_>, outputs: &[(&ValueInfo, Origin)]) -> Result<Found> {
    let maps: Vec<&ValueInfo> = outputs
        .iter()
        .filter(|(output, origin)| {
            // What made it is known: a map that was enlarged again, say, is a picture.
            let sources = Sources::of(walk, output.name());
            let made = !sources.unknown && !sources.mixing.is_empty();
            let open = matches!(origin, Origin::Open { prediction: false });
            open && made && rank(output).is_none_or(|rank| rank == 4)
        })
        .map(|&(output, _)| output)
        .collect();
    match maps[..] {
        [only] if outputs.len() == 1 || only.name() == "last_hidden_state" => {
            let output = only.name().to_owned();
            let reason = Reason::MapOutput { output: output.clone() };
            Ok(Found { tensor: output, reason, classifier: None, windows: vec![], map: true })
        }
        [_, _, ..] if maps.len() == outputs.len() => {
            let what = "one of several maps".to_owned();
            let candidate =
                |map: &&ValueInfo| Candidate { tensor: map.name().to_owned(), what: what.clone() };
            Err(Error::Ambiguous { candidates: maps.iter().map(candidate).collect() })
        }
        _ => {
            let outputs = outputs.iter().map(|(output, origin)| why_not(output, origin));
            Err(Error::NoFeatures { outputs: outputs.collect() })
        }
    }
}

fn why_not(output: &ValueInfo, origin: &Origin) -> String {
    let shape = crate::backbone::graph::describe(output);
    let why = match origin {
        Origin::Open { prediction: true } => "comes straight out of a trained layer: a prediction",
        _ => "comes from no pool, no classifier and no trunk that ends in a map",
    };
    format!("`{}`, {shape}, {why}", output.name())
}

fn rank(output: &ValueInfo) -> Option<usize> {
    output.tensor().and_then(|(_, shape)| shape).map(|shape: Vec<Dim>| shape.len())
}

/// Whether one tensor is the other in another shape.
fn same_values(walk: &Walk<'_>, a: &str, b: &str) -> bool {
    a == b || bare(walk, a) == bare(walk, b)
}

/// The tensor whose numbers `tensor` holds, back through everything that hands numbers on unchanged.
fn bare<'a>(walk: &Walk<'a>, tensor: &'a str) -> &'a str {
    walk_back(walk, tensor, |op| {
        matches!(op, "Identity" | "Dropout" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze")
    })
}

/// The same tensor before nodes that do nothing when a network is not trained.
fn without_idle_nodes<'a>(walk: &Walk<'a>, tensor: &'a str) -> &'a str {
    walk_back(walk, tensor, |op| matches!(op, "Identity" | "Dropout"))
}

fn walk_back<'a>(walk: &Walk<'a>, tensor: &'a str, through: impl Fn(&str) -> bool) -> &'a str {
    let mut at = tensor;
    // No chain of such nodes is longer, and a cycle would not end.
    for _ in 0..64 {
        let Some(node) = walk.producer(at).filter(|node| through(node.op_type())) else { break };
        let Some(input) = node.input.first() else { break };
        at = input;
    }
    at
}

/// `tensor`, with the classifier that reads it, if one does.
pub(super) fn told(walk: &Walk<'_>, graph: &Graph, tensor: String, reason: Reason) -> Found {
    let origins = graph.output.iter().map(|output| follow(walk, graph.node.len(), output.name()));
    let classifier = origins.filter_map(|origin| classifier(&origin).cloned()).find(|classifier| {
        let input = &classifier.linear.input;
        // Through quantisation and back the values are nearly the same ones; the proof decides.
        same_values(walk, input, &tensor) || !classifier.before_pool && feeds(walk, &tensor, input)
    });
    Found { tensor, reason, classifier, windows: vec![], map: true }
}

/// Whether `from` becomes `to` by changes of shape and type alone.
fn feeds(walk: &Walk<'_>, from: &str, to: &str) -> bool {
    let passes = |op: &str| {
        matches!(
            op,
            "Identity"
                | "Dropout"
                | "Flatten"
                | "Reshape"
                | "Squeeze"
                | "Unsqueeze"
                | "Cast"
                | "DequantizeLinear"
        )
    };
    walk_back(walk, to, passes) == walk_back(walk, from, passes)
}
