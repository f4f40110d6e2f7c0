//! The head as nodes of a graph.

use super::build::Builder;
use headstart_nn::layers::{Activation, Head, Temperature};
use headstart_onnx::Attribute;

/// What the probabilities are called, unless the graph uses the name for something else.
pub(super) const PROBABILITIES: &str = "probabilities";

/// Append the head to `features`, `(n, d)`; the name of its probabilities, `(n, classes)`. Dropout is no part of it: it
/// does nothing at inference. A temperature of 1 is none.
pub(super) fn append(
    graph: &mut Builder<'_>,
    head: &Head,
    temperature: Temperature,
    features: &str,
) -> String {
    let mut x = features.to_owned();
    let last = head.layers().len() - 1;
    for (index, layer) in head.layers().iter().enumerate() {
        let (inputs, units) = layer.kernel.dim();
        let values: Vec<f32> = layer.kernel.iter().copied().collect();
        let kernel = graph.floats(&format!("head_kernel_{index}"), &[inputs, units], &values);
        let values: Vec<f32> = layer.bias.iter().copied().collect();
        let bias = graph.floats(&format!("head_bias_{index}"), &[units], &values);
        let name = if index == last { "logits".to_owned() } else { format!("head_dense_{index}") };
        x = graph.node("Gemm", &[&x, &kernel, &bias], &name, vec![]);
        if index < last {
            let op = operator(head.config().activation);
            x = graph.node(op, &[&x], &format!("head_{}_{index}", op.to_lowercase()), vec![]);
        }
    }
    if temperature != Temperature::ONE {
        let degrees = graph.floats("temperature", &[], &[temperature.get() as f32]);
        x = graph.node("Div", &[&x, &degrees], "logits_by_temperature", vec![]);
    }
    graph.node("Softmax", &[&x], PROBABILITIES, vec![Attribute::int("axis", 1)])
}

fn operator(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "Relu",
        Activation::Tanh => "Tanh",
        Activation::Sigmoid => "Sigmoid",
    }
}
