//! Which output holds the features, and how many there are.

use std::path::Path;

use super::OpenOptions;
use crate::error::{Error, Output, Result};
use crate::meaning::{self, Meaning};
use crate::{Metadata, graph};
use headstart_onnx::{self as onnx, DataType, Dim, Model, ValueInfo, Walk};

/// The output that was told, or the one that the file names, or the only one that can be meant.
pub(super) fn find<'a>(
    path: &Path,
    model: &'a Model,
    metadata: &Metadata,
    options: &OpenOptions,
) -> Result<&'a ValueInfo> {
    let outputs = model.graph.as_ref().map_or(&[][..], |graph| &graph.output);
    if let Some(tensor) = options.feature_tensor.as_ref().or(metadata.feature_tensor.as_ref()) {
        return outputs.iter().find(|output| output.name() == tensor).ok_or_else(|| Error::NoSuchOutput {
            path: path.to_owned(),
            tensor: tensor.clone(),
            outputs: outputs.iter().map(|output| format!("`{}`", output.name())).collect(),
            inner: model.graph.as_ref().is_some_and(|graph| Walk::new(graph).producer(tensor).is_some()),
        });
    }
    let inlined = onnx::inlined(model);
    let Some(graph) = &inlined.graph else {
        return Err(Error::NoFeatures { path: path.to_owned(), outputs: vec![] });
    };
    let judge = meaning::Judge::of(&inlined, graph);
    let meanings: Vec<Meaning> = outputs.iter().map(|output| judge.meaning(output)).collect();
    match (outputs, meanings.as_slice()) {
        ([only], [meaning]) => one(path, only, meaning),
        _ => Err(several(path, outputs, &meanings)),
    }
}

fn one<'a>(path: &Path, output: &'a ValueInfo, meaning: &Meaning) -> Result<&'a ValueInfo> {
    let (path, name) = (path.to_owned(), output.name().to_owned());
    match meaning {
        Meaning::Features => Ok(output),
        Meaning::Scores(why) => Err(Error::Classifier { path, output: name, why: why.clone() }),
        // Of a map or of a list of vectors there is more to say than that.
        Meaning::Unclear(_) if !is_vector(output) => Ok(output),
        Meaning::Unclear(why) => Err(Error::Unclear { path, output: name, why: why.clone() }),
    }
}

/// Several outputs leave a choice, unless all of them are class scores.
fn several(path: &Path, outputs: &[ValueInfo], meanings: &[Meaning]) -> Error {
    let path = path.to_owned();
    let all: Option<Vec<&Vec<String>>> = meanings
        .iter()
        .map(|meaning| match meaning {
            Meaning::Scores(why) => Some(why),
            _ => None,
        })
        .collect();
    if let (Some(all), [first, ..]) = (all, outputs) {
        let why = all.first().copied().cloned().unwrap_or_default();
        let others = outputs.len() - 1;
        let others = if others == 1 {
            "its other output gives class scores too".to_owned()
        } else {
            format!("its {others} other outputs give class scores too")
        };
        return Error::Classifier {
            path,
            output: first.name().to_owned(),
            why: [why, vec![others]].concat(),
        };
    }
    let outputs = outputs.iter().zip(meanings).map(|(output, meaning)| Output {
        name: output.name().to_owned(),
        what: meaning.describe(output),
        usable: !matches!(meaning, Meaning::Scores(_)) && has_shape(output),
    });
    Error::NoFeatures { path, outputs: outputs.collect() }
}

/// Whether `output` has the shape and the type that features have, as far as is known.
fn has_shape(output: &ValueInfo) -> bool {
    is_vector(output) && output.tensor().is_some_and(|(kind, _)| is_float(kind))
}

/// Whether `output` is one row of numbers for each image, of whatever type, as far as is known.
fn is_vector(output: &ValueInfo) -> bool {
    let shape = |shape: Vec<Dim>| matches!(shape.as_slice(), [_, _] | [_, _, Dim::Static(1), Dim::Static(1)]);
    output.tensor().is_some_and(|(_, dims)| dims.is_none_or(shape))
}

/// Some writers leave the type to whoever runs the graph.
fn is_float(kind: i32) -> bool {
    kind == DataType::Float as i32 || kind == DataType::Undefined as i32
}

/// What speaks against an output that was told to hold the features, a sentence.
pub(super) fn doubt(model: &Model, features: &ValueInfo) -> Option<String> {
    match meaning::of(model, features.name()) {
        Meaning::Scores(why) => Some(format!(
            "using `{}` as features, as requested, but it gives class scores: {}",
            features.name(),
            why.join(", and ")
        )),
        _ => None,
    }
}

/// How many features an image has: what the graph says, or the file where the graph says nothing.
pub(super) fn size(
    path: &Path,
    features: &ValueInfo,
    metadata: &Metadata,
    options: &OpenOptions,
) -> Result<usize> {
    let (path, tensor) = (path.to_owned(), features.name().to_owned());
    // What the file says of another tensor than the one asked for says nothing.
    let same = options.feature_tensor.is_none() || options.feature_tensor == metadata.feature_tensor;
    let said = metadata.feature_size.filter(|&size| same && size > 0);
    let size = match features.tensor() {
        Some((kind, _)) if !is_float(kind) => None,
        Some((_, Some(shape))) => match shape.as_slice() {
            [_, d] | [_, d, Dim::Static(1), Dim::Static(1)] => match d {
                Dim::Static(d) => usize::try_from(*d).ok().filter(|&d| d > 0),
                _ => said,
            },
            _ => None,
        },
        Some((_, None)) => said,
        None => None,
    };
    let found = graph::describe(features);
    match (size, said) {
        (None, _) => {
            let expected = "float32 `(n, d)` or `(n, d, 1, 1)` with a known d".to_owned();
            let told = options.feature_tensor.is_some();
            Err(Error::FeatureShape { path, tensor, expected, found, told })
        }
        (Some(size), Some(said)) if size != said => Err(Error::FeatureCount { path, tensor, said, found }),
        (Some(size), _) => Ok(size),
    }
}
