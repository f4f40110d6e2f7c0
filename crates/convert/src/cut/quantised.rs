//! The scale of integers in a graph.

use headstart_backbone::meaning::linear::Quantised;
use headstart_backbone::meaning::ops::Role;
use headstart_onnx::{Node, Walk};

/// Scale and zero point of `tensor`, from the node that made it or the node that reads it.
pub(super) fn of(walk: &Walk<'_>, tensor: &str) -> Option<Quantised> {
    made_with(walk, tensor).or_else(|| walk.consumers(tensor).find_map(|node| read_with(node, tensor)))
}

fn made_with(walk: &Walk<'_>, tensor: &str) -> Option<Quantised> {
    let mut at = tensor;
    // No chain of nodes that hand integers on is longer, and a cycle would not end.
    for _ in 0..64 {
        let node = walk.producer(at)?;
        let scale = match node.op_type() {
            "QuantizeLinear" => 1,
            "QLinearConcat" => 0,
            "QLinearConv" | "QLinearMatMul" | "QLinearAdd" | "QLinearMul" => 6,
            "QLinearGlobalAveragePool"
            | "QLinearAveragePool"
            | "QLinearLeakyRelu"
            | "QLinearSigmoid"
            | "QLinearReduceMean" => 3,
            "QGemm" => 7,
            "MaxPool" | "GlobalMaxPool" | "Clip" | "Relu" => usize::MAX,
            _ if Role::of(walk, node) == Role::Pass => usize::MAX,
            _ => return None,
        };
        match scale {
            usize::MAX => at = node.input.first()?,
            scale => return parameters(node, scale),
        }
    }
    None
}

fn read_with(node: &Node, tensor: &str) -> Option<Quantised> {
    let first = node.input.first().is_some_and(|input| input == tensor);
    let reads = matches!(
        node.op_type(),
        "DequantizeLinear"
            | "QGemm"
            | "QLinearMatMul"
            | "QLinearConv"
            | "QLinearAdd"
            | "QLinearMul"
            | "QLinearGlobalAveragePool"
            | "QLinearAveragePool"
    );
    (first && reads).then(|| parameters(node, 1))?
}

fn parameters(node: &Node, scale: usize) -> Option<Quantised> {
    let input = |at: usize| node.input.get(at).filter(|name| !name.is_empty()).cloned();
    Some(Quantised { scale: input(scale)?, zero_point: input(scale + 1) })
}
