//! Activations: as layers of their own, and as the setting `activation` of others.

use serde_json::Value as Json;

use super::super::config::Config;
use super::super::emit::Emit;
use super::super::error::{Error, Result};
use super::super::topology::Layer;
use super::super::value::{Order, Value, expect_shape};
use headstart_onnx::Attribute;

/// Names that may stand in the setting `activation`.
const FUNCTIONS: [&str; 21] = [
    "elu",
    "exponential",
    "gelu",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
];

/// The layer `Activation`, which is nothing but its setting.
pub(super) fn activation(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    of_layer(emit, layer, input)
}

/// Whatever the setting `activation` of `layer` names, after the layer's own work.
pub(super) fn of_layer(emit: &mut Emit<'_>, layer: &Layer, value: Value) -> Result<Value> {
    match layer.config.get("activation") {
        None => Ok(value),
        Some(Json::String(name)) => function(emit, layer, name, value),
        Some(Json::Object(object)) => nested(emit, layer, object, value),
        Some(_) => Err(layer.config.error("activation", "the name of a function")),
    }
}

/// An activation given as an object: a layer with settings, or the name of a function in a wrapper.
fn nested(
    emit: &mut Emit<'_>,
    layer: &Layer,
    object: &serde_json::Map<String, Json>,
    value: Value,
) -> Result<Value> {
    let class = object.get("class_name").and_then(Json::as_str).unwrap_or_default();
    let settings = object.get("config").cloned().unwrap_or(Json::Null);
    if let (true, Some(name)) = (class == "function", settings.as_str()) {
        return function(emit, layer, name, value);
    }
    let convert = match class {
        "ReLU" => relu,
        "LeakyReLU" => leaky_relu,
        "ELU" => elu,
        "Softmax" => softmax,
        _ => return Err(unknown(layer, class)),
    };
    let inner = Layer {
        name: layer.name.clone(),
        class: class.to_owned(),
        config: Config::new(&layer.name, class, settings),
        calls: vec![],
        inner: None,
    };
    convert(emit, &inner, value)
}

fn function(emit: &mut Emit<'_>, layer: &Layer, function: &str, value: Value) -> Result<Value> {
    let x = value.name.clone();
    let name = match function {
        "linear" => return Ok(value),
        "softmax" | "log_softmax" => {
            let axis = expect_shape(value.graph_axis(-1), &layer.config, &value, "features")?;
            let op = if function == "softmax" { "Softmax" } else { "LogSoftmax" };
            emit.node(op, &[&x], vec![Attribute::int("axis", axis as i64)])
        }
        "relu" => emit.node("Relu", &[&x], vec![]),
        "relu6" => clip(emit, &x, Some(0.0), Some(6.0)),
        "elu" => emit.node("Elu", &[&x], vec![]),
        "selu" => emit.node("Selu", &[&x], vec![]),
        "exponential" => emit.node("Exp", &[&x], vec![]),
        "sigmoid" => emit.node("Sigmoid", &[&x], vec![]),
        "softplus" => emit.node("Softplus", &[&x], vec![]),
        "softsign" => emit.node("Softsign", &[&x], vec![]),
        "tanh" => emit.node("Tanh", &[&x], vec![]),
        "leaky_relu" => emit.node("LeakyRelu", &[&x], vec![Attribute::float("alpha", 0.2)]),
        "hard_sigmoid" => hard_sigmoid(emit, &x, if emit.keras < 3 { 0.2 } else { 1.0 / 6.0 }),
        // Not the logarithm of a sigmoid, which far below zero keeps hardly a digit.
        "log_sigmoid" => {
            let negative = emit.node("Neg", &[&x], vec![]);
            let softplus = emit.node("Softplus", &[&negative], vec![]);
            emit.node("Neg", &[&softplus], vec![])
        }
        "swish" | "silu" => gated(emit, &x, |emit| emit.node("Sigmoid", &[&x], vec![])),
        "hard_swish" | "hard_silu" => gated(emit, &x, |emit| hard_sigmoid(emit, &x, 1.0 / 6.0)),
        "mish" => gated(emit, &x, |emit| {
            let softplus = emit.node("Softplus", &[&x], vec![]);
            emit.node("Tanh", &[&softplus], vec![])
        }),
        "gelu" => gelu(emit, &x),
        other => return Err(unknown(layer, other)),
    };
    Ok(Value { name, ..value })
}

fn unknown(layer: &Layer, activation: &str) -> Error {
    let (layer, activation) = (layer.name.clone(), activation.to_owned());
    Error::Activation { layer, activation, supported: FUNCTIONS.to_vec() }
}

/// `x * gate`.
fn gated(emit: &mut Emit<'_>, x: &str, gate: impl Fn(&mut Emit<'_>) -> String) -> String {
    let gate = gate(emit);
    emit.node("Mul", &[x, &gate], vec![])
}

fn hard_sigmoid(emit: &mut Emit<'_>, x: &str, slope: f32) -> String {
    emit.node("HardSigmoid", &[x], vec![Attribute::float("alpha", slope), Attribute::float("beta", 0.5)])
}

/// `x (1 + erf(x / sqrt 2)) / 2`: the exact one, which is what the name alone means in Keras.
fn gelu(emit: &mut Emit<'_>, x: &str) -> String {
    let root = emit.constant("inverse_root", &[], &[std::f32::consts::FRAC_1_SQRT_2]);
    let (one, half) = (emit.constant("one", &[], &[1.0]), emit.constant("half", &[], &[0.5]));
    let scaled = emit.node("Mul", &[x, &root], vec![]);
    let erf = emit.node("Erf", &[&scaled], vec![]);
    let sum = emit.node("Add", &[&erf, &one], vec![]);
    let product = emit.node("Mul", &[x, &sum], vec![]);
    emit.node("Mul", &[&product, &half], vec![])
}

fn clip(emit: &mut Emit<'_>, x: &str, low: Option<f32>, high: Option<f32>) -> String {
    let low = low.map(|low| emit.constant("min", &[], &[low])).unwrap_or_default();
    match high.map(|high| emit.constant("max", &[], &[high])) {
        Some(high) => emit.node("Clip", &[x, &low, &high], vec![]),
        None => emit.node("Clip", &[x, &low], vec![]),
    }
}

/// `min(max_value, x)` where `x >= threshold`, `negative_slope (x - threshold)` below.
pub(super) fn relu(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let max = config.number("max_value")?.map(|max| max as f32);
    let slope = config.number("negative_slope")?.unwrap_or(0.0) as f32;
    let threshold = config.number("threshold")?.unwrap_or(0.0) as f32;
    let x = &input.name;
    let name = match (max, slope == 0.0, threshold == 0.0) {
        (None, true, true) => emit.node("Relu", &[x], vec![]),
        (Some(max), true, true) => clip(emit, x, Some(0.0), Some(max)),
        (None, false, true) => emit.node("LeakyRelu", &[x], vec![Attribute::float("alpha", slope)]),
        (Some(max), false, true) => {
            let leaky = emit.node("LeakyRelu", &[x], vec![Attribute::float("alpha", slope)]);
            clip(emit, &leaky, None, Some(max))
        }
        (max, _, false) => {
            let above = above(emit, x, threshold, slope);
            if max.is_some() { clip(emit, &above, None, max) } else { above }
        }
    };
    Ok(Value { name, ..input })
}

/// `x` above `threshold`, `slope (x - threshold)` at it and below.
fn above(emit: &mut Emit<'_>, x: &str, threshold: f32, slope: f32) -> String {
    let (threshold, slope) =
        (emit.constant("threshold", &[], &[threshold]), emit.constant("slope", &[], &[slope]));
    let difference = emit.node("Sub", &[x, &threshold], vec![]);
    let below = emit.node("Mul", &[&difference, &slope], vec![]);
    let keep = emit.node("Greater", &[x, &threshold], vec![]);
    emit.node("Where", &[&keep, x, &below], vec![])
}

pub(super) fn thresholded_relu(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let theta = layer.config.number("theta")?.unwrap_or(1.0) as f32;
    let name = emit.node("ThresholdedRelu", &[&input.name], vec![Attribute::float("alpha", theta)]);
    Ok(Value { name, ..input })
}

/// Keras 2 calls the slope `alpha`, Keras 3 `negative_slope`.
pub(super) fn leaky_relu(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let slope = config.number("negative_slope")?.or(config.number("alpha")?).unwrap_or(0.3) as f32;
    let name = emit.node("LeakyRelu", &[&input.name], vec![Attribute::float("alpha", slope)]);
    Ok(Value { name, ..input })
}

pub(super) fn elu(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let alpha = layer.config.number("alpha")?.unwrap_or(1.0) as f32;
    let name = emit.node("Elu", &[&input.name], vec![Attribute::float("alpha", alpha)]);
    Ok(Value { name, ..input })
}

/// A trained slope for each number of the input, or shared along some axes.
pub(super) fn prelu(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let mut shape = input.shape.clone();
    for axis in config.integers("shared_axes")?.unwrap_or_default() {
        let axis = input.keras_axis(axis);
        let axis = axis.ok_or_else(|| config.error("shared_axes", "axes of the input, not the batch"))?;
        shape[axis - 1] = 1;
    }
    let alpha = emit.weight("alpha", &shape)?;
    let alpha = match (input.order, shape.as_slice()) {
        (Order::ChannelsMoved, &[h, w, c]) => {
            let moved: Vec<f32> =
                (0..c).flat_map(|c_i| (0..h * w).map(move |pixel| alpha[pixel * c + c_i])).collect();
            emit.constant("alpha", &[c, h, w], &moved)
        }
        _ => emit.constant("alpha", &shape, alpha),
    };
    let name = emit.node("PRelu", &[&input.name, &alpha], vec![]);
    Ok(Value { name, ..input })
}

pub(super) fn softmax(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let axis = match config.integers("axis")?.as_deref() {
        None => Some(-1),
        Some(&[axis]) => Some(axis),
        Some(_) => None,
    };
    let axis = axis.and_then(|axis| input.graph_axis(axis));
    let axis = axis.ok_or_else(|| config.error("axis", "one axis of the input, not the batch"))?;
    let name = emit.node("Softmax", &[&input.name], vec![Attribute::int("axis", axis as i64)]);
    Ok(Value { name, ..input })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_of_functions_is_sorted() {
        assert!(super::FUNCTIONS.is_sorted());
    }
}
