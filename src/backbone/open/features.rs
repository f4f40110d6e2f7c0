//! Which output holds the features, and how many there are.

use std::path::Path;

use super::OpenOptions;
use crate::backbone::error::{Error, Result};
use crate::backbone::{Metadata, graph};
use crate::onnx::{Dim, Model, ValueInfo};

/// The output that was told, or the one that the file names, or the only one that can be meant.
pub(super) fn find<'a>(
    path: &Path,
    model: &'a Model,
    metadata: &Metadata,
    options: &OpenOptions,
) -> Result<&'a ValueInfo> {
    let outputs = model.graph.as_ref().map_or(&[][..], |graph| &graph.output);
    let names = || outputs.iter().map(|output| format!("`{}`", output.name())).collect();
    if let Some(tensor) = options.feature_tensor.as_ref().or(metadata.feature_tensor.as_ref()) {
        return outputs.iter().find(|output| output.name() == tensor).ok_or_else(|| Error::NoSuchOutput {
            path: path.to_owned(),
            tensor: tensor.clone(),
            outputs: names(),
        });
    }
    let [only] = outputs else {
        return Err(Error::NoFeatures { path: path.to_owned(), outputs: names() });
    };
    if model.graph.as_ref().is_some_and(|graph| graph::is_classifier(graph, only.name())) {
        return Err(Error::Classifier { path: path.to_owned(), output: only.name().to_owned() });
    }
    Ok(only)
}

/// How many features an image has: what the graph says, or the file where the graph says nothing.
pub(super) fn size(
    path: &Path,
    features: &ValueInfo,
    metadata: &Metadata,
    options: &OpenOptions,
) -> Result<usize> {
    let wrong = |expected: String| Error::FeatureShape {
        path: path.to_owned(),
        tensor: features.name().to_owned(),
        expected,
        found: graph::describe(features),
    };
    // What the file says of another tensor than the one asked for says nothing.
    let same = options.feature_tensor.is_none() || options.feature_tensor == metadata.feature_tensor;
    let said = metadata.feature_size.filter(|&size| same && size > 0);
    let size = match features.tensor() {
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
    match (size, said) {
        (None, _) => Err(wrong("`(n, d)` or `(n, d, 1, 1)` with a known d".to_owned())),
        (Some(size), Some(said)) if size != said => Err(wrong(format!("{said} features, as the file says"))),
        (Some(size), _) => Ok(size),
    }
}
