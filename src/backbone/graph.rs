//! What can be told from a graph by looking at it.

use crate::onnx::{Dim, Graph, ValueInfo, Walk, type_name};
use crate::preprocess::recipe::Layout;

/// Where the channels stand: an image has three of them.
pub(super) fn layout(shape: &[Dim]) -> Option<Layout> {
    match shape {
        [_, Dim::Static(3), _, _] => Some(Layout::Nchw),
        [_, _, _, Dim::Static(3)] => Some(Layout::Nhwc),
        _ => None,
    }
}

/// Whether `output` comes out of a trained matrix: class scores rather than features.
pub(super) fn is_classifier(graph: &Graph, output: &str) -> bool {
    let walk = Walk::new(graph);
    let mut at = output;
    // A graph with a cycle would not end.
    for _ in 0..=graph.node.len() {
        let Some(node) = walk.producer(at) else { return false };
        let first = node.input.first();
        let next = match node.op_type() {
            "Softmax" | "LogSoftmax" | "ArgMax" | "Sigmoid" => return true,
            "Gemm" | "MatMul" | "QGemm" | "QLinearMatMul" | "FusedMatMul" => return true,
            "Identity" | "Cast" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Dropout" => first,
            "QuantizeLinear" | "DequantizeLinear" => first,
            // The bias.
            "Add" => match node.input.as_slice() {
                [x, bias] if walk.initializer(bias).is_some() => Some(x),
                [bias, x] if walk.initializer(bias).is_some() => Some(x),
                _ => None,
            },
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

/// Whether activations become 8-bit integers somewhere. That weights are kept in 8 bits and computed in 32 does not make it so.
pub(super) fn is_quantised(graph: &Graph) -> bool {
    graph.node.iter().any(|node| {
        let operator = node.op_type();
        matches!(
            operator,
            "QuantizeLinear" | "DynamicQuantizeLinear" | "ConvInteger" | "MatMulInteger" | "QGemm"
        ) || operator.starts_with("QLinear")
    })
}

/// `float32 (n, 3, 224, 224)`
pub(super) fn describe(value: &ValueInfo) -> String {
    match value.tensor() {
        None => "no tensor".to_owned(),
        Some((kind, None)) => format!("{} of unknown shape", type_name(kind)),
        Some((kind, Some(shape))) => format!("{} {}", type_name(kind), describe_shape(&shape)),
    }
}

pub(super) fn describe_shape(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
    format!("({})", dims.join(", "))
}
