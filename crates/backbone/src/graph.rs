//! What can be told from a graph by looking at it.

use headstart_base::text::dims;
use headstart_image::recipe::Layout;
use headstart_onnx::{Dim, Graph, ValueInfo, type_name};

/// Where the channels stand: an image has three of them.
pub fn layout(shape: &[Dim]) -> Option<Layout> {
    match shape {
        [_, Dim::Static(3), _, _] => Some(Layout::Nchw),
        [_, _, _, Dim::Static(3)] => Some(Layout::Nhwc),
        _ => None,
    }
}

/// Whether activations become 8-bit integers somewhere. That weights are kept in 8 bits and computed in 32 does not make it so.
pub fn is_quantised(graph: &Graph) -> bool {
    graph.node.iter().any(|node| {
        let operator = node.op_type();
        matches!(
            operator,
            "QuantizeLinear" | "DynamicQuantizeLinear" | "ConvInteger" | "MatMulInteger" | "QGemm"
        ) || operator.starts_with("QLinear")
    })
}

/// `float32 (n, 3, 224, 224)`
pub fn describe(value: &ValueInfo) -> String {
    match value.tensor() {
        None => "no tensor".to_owned(),
        Some((kind, None)) => format!("{} of unknown shape", type_name(kind)),
        Some((kind, Some(shape))) => format!("{} {}", type_name(kind), describe_shape(&shape)),
    }
}

pub fn describe_shape(shape: &[Dim]) -> String {
    dims(shape)
}
