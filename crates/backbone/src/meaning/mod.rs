//! Whether an output holds features or class scores, as far as the graph and its metadata tell.
//!
//! To a graph both are rows of numbers. So what shows it is collected: what the output is made of, what it is called, how many numbers
//! it has. Opening, inspecting, cutting and guessing a recipe all ask here, so that none of them says another thing than the others.

mod evidence;
pub mod follow;
pub mod linear;
pub mod ops;
mod search;
#[cfg(test)]
mod tests;

use crate::{Metadata, graph, labels};
use headstart_onnx::{Dim, Graph, Model, ValueInfo, Walk};

use evidence::{IMAGENET, Name, name};
use search::{Ends, Layer};

/// What an output holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    Features,
    /// Class scores; what shows it, a clause each.
    Scores(Vec<String>),
    /// Either; what was found, a clause each.
    Unclear(Vec<String>),
}

/// Asks about the outputs of one graph.
pub struct Judge<'a> {
    walk: Walk<'a>,
    graph: &'a Graph,
    /// How many classes the metadata name.
    labels: usize,
    /// The output that the file itself says holds the features.
    declared: Option<String>,
}

impl<'a> Judge<'a> {
    /// `model` has to be [inlined](headstart_onnx::inlined): into functions nobody looks here.
    pub fn of(model: &'a Model, graph: &'a Graph) -> Self {
        // What is wrong with it is said by whoever opens the file.
        let own = Metadata::read(model, std::path::Path::new("")).unwrap_or_default();
        let labels = match labels::of_others(model).len() {
            0 => own.labels.len(),
            others => others,
        };
        Self { walk: Walk::new(graph), graph, labels, declared: own.feature_tensor }
    }

    /// What the output called `name` holds.
    pub fn meaning(&self, output: &ValueInfo) -> Meaning {
        if self.declared.as_deref() == Some(output.name()) {
            return Meaning::Features;
        }
        let ends = Ends::of(&self.walk, self.graph, output.name());
        if let Some(squash) = &ends.squashed {
            return Meaning::Scores(vec![format!("it comes out of {squash}")]);
        }
        let layer = ends.bare_layer();
        let count = last_dim(output).or(layer.and_then(|layer| layer.gives));
        let (scores, features) = self.clues(output, layer, count);
        match (scores.is_empty(), features) {
            // A name is the word of whoever made the graph; it says more than its last layer does.
            (true, Some(_)) => Meaning::Features,
            (false, Some(clue)) => Meaning::Unclear([scores, vec![clue]].concat()),
            (true, None) => match ends.doubt() {
                None => Meaning::Features,
                Some(doubt) => Meaning::Unclear(vec![doubt]),
            },
            (false, None) => match ends.doubt() {
                Some(doubt) if layer.is_some() => Meaning::Scores([vec![doubt], scores].concat()),
                doubt => Meaning::Unclear([scores, doubt.into_iter().collect()].concat()),
            },
        }
    }

    /// What speaks for class scores, and what for features, besides how they are made.
    fn clues(
        &self,
        output: &ValueInfo,
        layer: Option<&Layer>,
        count: Option<usize>,
    ) -> (Vec<String>, Option<String>) {
        let mut scores = vec![];
        let mut features = None;
        match name(output.name()) {
            // The name of a module, `/classifier/0/Flatten_output_0`, only tells where in the network a value is made.
            Name::OfScores if layer.is_some() || !output.name().contains(['/', '.']) => {
                scores.push(format!("it is called `{}`", output.name()));
            }
            Name::OfScores => {}
            Name::OfFeatures => features = Some(format!("it is called `{}`", output.name())),
            Name::Other => {
                let titles = layer.map(|layer| (layer.name.as_str(), layer.title.as_str()));
                if let Some((_, title)) = titles.filter(|(called, _)| name(called) == Name::OfScores) {
                    scores.push(format!("{title} is called as a classifier is"));
                }
            }
        }
        match count {
            Some(count) if self.labels > 1 && count == self.labels => {
                scores.push(format!("the file names {count} classes, as many as it has numbers"));
            }
            Some(count) if IMAGENET.contains(&count) => {
                scores.push(format!("it has {count} numbers, as ImageNet has classes"));
            }
            _ => {}
        }
        (scores, features)
    }
}

/// What the output called `name` of `model` holds.
pub fn of(model: &Model, output: &str) -> Meaning {
    let inlined = headstart_onnx::inlined(model);
    let found = inlined.graph.as_ref().and_then(|graph| {
        let info = graph.output.iter().find(|one| one.name() == output)?;
        Some(Judge::of(&inlined, graph).meaning(info))
    });
    found.unwrap_or_else(|| Meaning::Unclear(vec!["it is no output".to_owned()]))
}

/// How many numbers there are for an image: of `(n, d)`, `(n, d, 1, 1)` and `(n, 1, 1, d)`.
fn last_dim(output: &ValueInfo) -> Option<usize> {
    let (_, shape) = output.tensor()?;
    let shape = shape?;
    let [_, rest @ ..] = shape.as_slice() else { return None };
    let mut more = rest.iter().filter(|dim| **dim != Dim::Static(1));
    match (more.next(), more.next()) {
        (Some(Dim::Static(count)), None) => usize::try_from(*count).ok(),
        _ => None,
    }
}

impl Meaning {
    /// Whether it may be class scores.
    pub fn may_be_scores(&self) -> bool {
        *self != Self::Features
    }

    /// In a clause, for a list of outputs.
    pub fn describe(&self, output: &ValueInfo) -> String {
        let shape = graph::describe(output);
        match self {
            Self::Features => format!("`{}`, {shape}", output.name()),
            Self::Scores(why) => {
                format!("`{}`, {shape}, class scores: {}", output.name(), why.join(", and "))
            }
            Self::Unclear(why) => {
                format!("`{}`, {shape}, perhaps class scores: {}", output.name(), why.join(", and "))
            }
        }
    }
}
