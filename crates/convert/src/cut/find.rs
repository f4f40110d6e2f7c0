//! Which tensor holds the features, told from the graph alone.

use super::error::{Candidate, Error, Result};
use super::open_end;
use super::reason::Reason;
use super::same::{feeds, same_values, without_idle_nodes};
use super::tokens::Tokens;
use headstart_backbone::meaning::follow::{Classifier, Origin, Sources, follow};
use headstart_backbone::meaning::ops::{is_known_domain, values};
use headstart_backbone::meaning::{Judge, Meaning};
use headstart_onnx::{Dim, Graph, Model, ValueInfo, Walk};

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
    /// Where it may hold a vector for each patch, what is known of these.
    pub(super) tokens: Option<Tokens>,
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

/// Find the features of `graph`, which is that of `model`.
pub(super) fn find(model: &Model, walk: &Walk<'_>, graph: &Graph) -> Result<Found> {
    look(model, walk, graph).map_err(|error| hidden(graph).filter(|_| error.may_be_hidden()).unwrap_or(error))
}

fn look(model: &Model, walk: &Walk<'_>, graph: &Graph) -> Result<Found> {
    if graph.output.is_empty() {
        return Err(Error::NoFeatures { outputs: vec!["it has no output".to_owned()], tensors: vec![] });
    }
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
    // What opening the file would take for features is what is meant.
    let judge = Judge::of(model, graph);
    let features: Vec<&str> = (outputs.iter().map(|(output, _)| *output))
        .filter(|output| rank(output) == Some(2) && judge.meaning(output) == Meaning::Features)
        .map(ValueInfo::name)
        .collect();
    if let [only] = features[..]
        && outputs.iter().any(|(output, origin)| output.name() == only && classifier(origin).is_some())
    {
        return Ok(feature_output(only));
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
    if let [only] = features[..] {
        return Ok(feature_output(only));
    }
    open_end::find(walk, graph, &outputs)
}

fn feature_output(output: &str) -> Found {
    let tensor = output.to_owned();
    let reason = Reason::FeatureOutput { output: output.to_owned() };
    Found { tensor, reason, classifier: None, windows: vec![], map: false, tokens: None }
}

/// The last node whose operator nobody here knows: features behind it are not to be seen.
fn hidden(graph: &Graph) -> Option<Error> {
    let node = graph.node.iter().rev().find(|node| !is_known_domain(node))?;
    let tensor = node.output.first().cloned().unwrap_or_default();
    Some(Error::Hidden { tensor, node: node.title(), domain: node.domain().to_owned() })
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
        Some(Found { reason: Reason::Named { output: tensor.clone() }, tensor, classifier, windows: vec![], map, tokens: None })
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
            (Reason::BeforeClassifier { classifier: title, pool: sources.pools[0].title() }, false)
        } else {
            return Err(not_pooled(walk, classifier, &tensor));
        };
        let windows = windows(&sources);
        found.push(Found {
            tensor,
            reason,
            classifier: Some((*classifier).clone()),
            windows,
            map,
            tokens: None,
        });
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
    let pool = sources.pools.first().map_or_else(String::new, |pool| pool.title());
    let windows = windows(&sources);
    let reason = Reason::PooledOutput { output: output.to_owned(), pool };
    Found { tensor: output.to_owned(), reason, classifier: None, windows, map: false, tokens: None }
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
            let what = format!("pooled by {}, before {}", sources.pools[0].title(), layer.title());
            candidates.push(Candidate { tensor: input.clone(), what });
            return Error::Ambiguous { candidates };
        }
        if layer.op_type().contains("Conv") {
            break;
        }
        candidates.push(Candidate { tensor: input.clone(), what: format!("the input of {}", layer.title()) });
    }
    Error::NotPooled { classifier: classifier.linear.title.clone(), candidates }
}

fn is_constant_product(walk: &Walk<'_>, layer: &headstart_onnx::Node) -> bool {
    headstart_backbone::meaning::linear::Linear::of(walk, layer).is_some() || values(walk, layer).len() == 1
}

pub(super) fn rank(output: &ValueInfo) -> Option<usize> {
    output.tensor().and_then(|(_, shape)| shape).map(|shape: Vec<Dim>| shape.len())
}

/// `tensor`, with the classifier that reads it, if one does.
pub(super) fn told(walk: &Walk<'_>, graph: &Graph, tensor: String, reason: Reason) -> Found {
    let origins = graph.output.iter().map(|output| follow(walk, graph.node.len(), output.name()));
    let classifier = origins.filter_map(|origin| classifier(&origin).cloned()).find(|classifier| {
        let input = &classifier.linear.input;
        // Through quantisation and back the values are nearly the same ones; the proof decides.
        same_values(walk, input, &tensor) || !classifier.before_pool && feeds(walk, &tensor, input)
    });
    Found { tensor, reason, classifier, windows: vec![], map: true, tokens: Some(Tokens::of(walk, graph)) }
}
