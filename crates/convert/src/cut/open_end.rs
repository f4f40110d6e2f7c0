//! Networks without a classifier, whose outputs were never pooled.

use super::error::{Candidate, Error, Result};
use super::find::{Found, rank};
use super::reason::Reason;
use super::tokens::{Tokens, are_tokens};
use headstart_backbone::graph::describe;
use headstart_backbone::meaning::follow::{Origin, Sources};
use headstart_onnx::{Graph, ValueInfo, Walk};

/// What the output of a trunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Map,
    Tokens,
}

/// The last map or the last tokens of a network, if an output is that.
pub(super) fn find(walk: &Walk<'_>, graph: &Graph, outputs: &[(&ValueInfo, Origin)]) -> Result<Found> {
    let ends: Vec<(&str, Kind)> = outputs
        .iter()
        .filter(|(_, origin)| matches!(origin, Origin::Open { prediction: false }))
        .filter_map(|(output, _)| Some((output.name(), kind(walk, output)?)))
        .collect();
    match ends[..] {
        [(output, kind)] if outputs.len() == 1 || output == "last_hidden_state" => {
            let (tensor, output) = (output.to_owned(), output.to_owned());
            let (reason, tokens) = match kind {
                Kind::Map => (Reason::MapOutput { output }, None),
                Kind::Tokens => (Reason::TokenOutput { output }, Some(Tokens::of(walk, graph))),
            };
            let map = kind == Kind::Map;
            Ok(Found { tensor, reason, classifier: None, windows: vec![], map, tokens })
        }
        [_, _, ..] if ends.len() == outputs.len() => {
            let what = |kind| match kind {
                Kind::Map => "one of several maps",
                Kind::Tokens => "one of several outputs with a vector for each patch",
            };
            let candidate = |&(name, kind): &(&str, Kind)| Candidate {
                tensor: name.to_owned(),
                what: what(kind).to_owned(),
            };
            Err(Error::Ambiguous { candidates: ends.iter().map(candidate).collect() })
        }
        _ => {
            let tensors = outputs.iter().map(|(output, _)| output.name().to_owned()).collect();
            let outputs = outputs.iter().map(|(output, origin)| why_not(output, origin)).collect();
            Err(Error::NoFeatures { outputs, tensors })
        }
    }
}

fn kind(walk: &Walk<'_>, output: &ValueInfo) -> Option<Kind> {
    // What made it is known: a map that was enlarged again, say, is a picture.
    let sources = Sources::of(walk, output.name());
    let made = !sources.unknown && !sources.mixing.is_empty();
    match rank(output) {
        Some(4) | None if made => Some(Kind::Map),
        Some(3) if are_tokens(walk, output.name()) => Some(Kind::Tokens),
        _ => None,
    }
}

fn why_not(output: &ValueInfo, origin: &Origin) -> String {
    let why = match origin {
        Origin::Open { prediction: true } => "comes straight out of a trained layer: a prediction",
        _ => "comes from no pool, no classifier and no trunk that ends in a map",
    };
    format!("`{}`, {}, {why}", output.name(), describe(output))
}
