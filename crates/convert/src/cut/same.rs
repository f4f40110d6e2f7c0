//! Tensors that hold the same numbers.

use headstart_onnx::Walk;

/// Whether one tensor is the other in another shape.
pub(super) fn same_values(walk: &Walk<'_>, a: &str, b: &str) -> bool {
    a == b || bare(walk, a) == bare(walk, b)
}

/// The tensor whose numbers `tensor` holds, back through everything that hands numbers on unchanged.
fn bare<'a>(walk: &Walk<'a>, tensor: &'a str) -> &'a str {
    walk_back(walk, tensor, |op| {
        matches!(op, "Identity" | "Dropout" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze")
    })
}

/// The same tensor before nodes that do nothing when a network is not trained.
pub(super) fn without_idle_nodes<'a>(walk: &Walk<'a>, tensor: &'a str) -> &'a str {
    walk_back(walk, tensor, |op| matches!(op, "Identity" | "Dropout"))
}

fn walk_back<'a>(walk: &Walk<'a>, tensor: &'a str, through: impl Fn(&str) -> bool) -> &'a str {
    let mut at = tensor;
    // No chain of such nodes is longer, and a cycle would not end.
    for _ in 0..64 {
        let Some(node) = walk.producer(at).filter(|node| through(node.op_type())) else { break };
        let Some(input) = node.input.first() else { break };
        at = input;
    }
    at
}

/// Whether `from` becomes `to` by changes of shape and type alone.
pub(super) fn feeds(walk: &Walk<'_>, from: &str, to: &str) -> bool {
    let passes = |op: &str| {
        matches!(
            op,
            "Identity"
                | "Dropout"
                | "Flatten"
                | "Reshape"
                | "Squeeze"
                | "Unsqueeze"
                | "Cast"
                | "DequantizeLinear"
        )
    };
    walk_back(walk, to, passes) == walk_back(walk, from, passes)
}
