//! Where the features are: the last pooled tensor before the classifier.

use std::collections::HashMap;

use super::emit::{Emit, Step};
use super::error::{Error, Result};
use super::value::{Format, Order, Value};
use headstart_onnx::Attribute;

/// The features of a network, and why these.
#[derive(Debug)]
pub(super) struct Found {
    /// `(n, d)`
    pub value: Value,
    pub reason: String,
}

/// Classes that may stand between the pool and the output.
const TAIL: [&str; 14] = [
    "Activation",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "ELU",
    "Flatten",
    "LeakyReLU",
    "PReLU",
    "Permute",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "ThresholdedReLU",
];

/// Find the features that `output` was made from; nodes are added where a map is still to be pooled.
///
/// Back from the output over one-input layers to the nearest pool over the whole image. A network without one (VGG)
/// gives what its last dense layer reads; one that was saved without its top gives its output.
pub(super) fn find(emit: &mut Emit<'_>, output: &Value, format: Format) -> Result<Found> {
    if let Some([_, h, w]) = output.image(format)
        && h * w > 1
    {
        return Ok(Found {
            value: pool(emit, output, format)?,
            reason: format!("the network ends in a map of {h}x{w}, which was averaged"),
        });
    }
    if let Some(pooled) = nearest_pool(&emit.steps, output) {
        return Ok(Found {
            reason: format!("`{}` pools the whole image", layer(&pooled)),
            value: flat(emit, &pooled)?,
        });
    }
    if let Some(input) = before_last_dense(&emit.steps, output) {
        return Ok(Found {
            reason: format!("`{}` is what the last dense layer reads", layer(&input)),
            value: input,
        });
    }
    Ok(Found { reason: format!("`{}` is the network's output", layer(output)), value: flat(emit, output)? })
}

/// The layer that a value is named after.
fn layer(value: &Value) -> &str {
    value.name.rsplit_once('/').map_or(&value.name, |(layer, _)| layer)
}

fn nearest_pool(steps: &HashMap<String, Step>, output: &Value) -> Option<Value> {
    let mut at = output;
    loop {
        let step = steps.get(&at.name)?;
        let whole = match step.class.as_str() {
            "GlobalAveragePooling2D" | "GlobalMaxPooling2D" => true,
            "AveragePooling2D" | "MaxPooling2D" => is_point(at),
            _ => false,
        };
        if whole {
            return Some(at.clone());
        }
        at = single(step)?;
    }
}

fn before_last_dense(steps: &HashMap<String, Step>, output: &Value) -> Option<Value> {
    let mut at = output;
    loop {
        let step = steps.get(&at.name)?;
        let input = single(step)?;
        if step.class == "Dense" {
            return (input.shape.len() == 1).then(|| input.clone());
        }
        at = input;
    }
}

/// The one input of a layer that may belong to a classifier; a convolution only where it sees a single point.
fn single(step: &Step) -> Option<&Value> {
    match step.inputs.as_slice() {
        [input] if TAIL.contains(&step.class.as_str()) => {
            (step.class != "Conv2D" || is_point(input)).then_some(input)
        }
        _ => None,
    }
}

/// Whether `value` is an image of one pixel, in either order of the axes.
fn is_point(value: &Value) -> bool {
    matches!(value.shape.as_slice(), [1, 1, _] | [_, 1, 1])
}

fn pool(emit: &mut Emit<'_>, map: &Value, format: Format) -> Result<Value> {
    let map = emit.settle(map);
    let map = emit.ordered(&map, format.planes());
    let pooled = emit.node("GlobalAveragePool", &[&map.name], vec![]);
    let channels = map.image(format).map(|[c, _, _]| c).unwrap_or_default();
    let pooled = Value::new(pooled, format.shape([channels, 1, 1]), format.planes());
    flat(emit, &pooled)
}

/// `(n, d)` from `(n, d)` or an image of one pixel.
fn flat(emit: &mut Emit<'_>, value: &Value) -> Result<Value> {
    let value = emit.settle(value);
    match value.shape.as_slice() {
        [_] => Ok(value),
        &[1, 1, d] | &[d, 1, 1] => {
            let name = emit.node("Flatten", &[&value.name], vec![Attribute::int("axis", 1)]);
            Ok(Value::new(name, vec![d], Order::Keras))
        }
        _ => Err(Error::NoFeatures { shape: value.shape }),
    }
}
