//! Which operators mean the same in which versions.

use crate::{Attribute, Node};

/// From the version beside it on, the operator means the same up to the end of [`OPSETS`](super::OPSETS), but for what
/// [`MOVED`](super::moved::MOVED) and [`special`](super::special) put right.
///
/// Versions that only added types of elements, negative axes or freedom of shapes changed nothing for graphs that were valid before.
const SAME_SINCE: [(&str, i64); 93] = [
    ("Abs", 6),
    ("Add", 7),
    ("And", 7),
    ("ArgMax", 1),
    ("AveragePool", 7),
    ("BatchNormalization", 7),
    ("Cast", 6),
    ("Ceil", 6),
    ("Clip", 6),
    ("Concat", 4),
    ("Constant", 1),
    ("ConstantOfShape", 9),
    ("Conv", 1),
    ("ConvTranspose", 1),
    ("Cos", 7),
    ("DepthToSpace", 1),
    ("DequantizeLinear", 10),
    ("Div", 7),
    ("Dropout", 7),
    ("Elu", 6),
    ("Equal", 7),
    ("Erf", 9),
    ("Exp", 6),
    ("Expand", 8),
    ("Flatten", 1),
    ("Floor", 6),
    ("Gather", 1),
    ("Gelu", 20),
    ("Gemm", 7),
    ("GlobalAveragePool", 1),
    ("GlobalMaxPool", 1),
    ("Greater", 7),
    ("HardSigmoid", 6),
    ("HardSwish", 14),
    ("Identity", 1),
    ("InstanceNormalization", 6),
    ("LRN", 1),
    ("LayerNormalization", 17),
    ("LeakyRelu", 6),
    ("Less", 7),
    ("Log", 6),
    ("LogSoftmax", 1),
    ("LpNormalization", 1),
    ("MatMul", 1),
    ("Max", 6),
    ("MaxPool", 1),
    ("Min", 6),
    ("Mish", 18),
    ("Mod", 10),
    ("Mul", 7),
    ("Neg", 6),
    ("Not", 1),
    ("Or", 7),
    ("PRelu", 7),
    ("Pad", 2),
    ("Pow", 7),
    ("QuantizeLinear", 10),
    ("Range", 11),
    ("Reciprocal", 6),
    ("ReduceL1", 1),
    ("ReduceL2", 1),
    ("ReduceLogSum", 1),
    ("ReduceLogSumExp", 1),
    ("ReduceMax", 1),
    ("ReduceMean", 1),
    ("ReduceMin", 1),
    ("ReduceProd", 1),
    ("ReduceSum", 1),
    ("ReduceSumSquare", 1),
    ("Relu", 6),
    ("Reshape", 5),
    ("Selu", 6),
    ("Shape", 1),
    ("Sigmoid", 6),
    ("Sign", 9),
    ("Sin", 7),
    ("Slice", 1),
    ("Softmax", 1),
    ("Softplus", 1),
    ("Softsign", 1),
    ("SpaceToDepth", 1),
    ("Split", 2),
    ("Sqrt", 6),
    ("Squeeze", 1),
    ("Sub", 7),
    ("Sum", 6),
    ("Tanh", 6),
    ("ThresholdedRelu", 10),
    ("Tile", 6),
    ("Transpose", 1),
    ("Unsqueeze", 1),
    ("Where", 9),
    ("Xor", 7),
];

/// Attributes that came later: the operator, the attribute, and since when. One that is 0 says what is meant without it.
const LATER: [(&str, &str, i64); 11] = [
    ("AveragePool", "dilations", 19),
    ("BatchNormalization", "training_mode", 14),
    ("Cast", "saturate", 19),
    ("DequantizeLinear", "block_size", 21),
    ("Pad", "axes", 18),
    ("QuantizeLinear", "block_size", 21),
    ("QuantizeLinear", "saturate", 19),
    ("Reshape", "allowzero", 14),
    ("Shape", "end", 15),
    ("Shape", "start", 15),
    ("Split", "num_outputs", 18),
];

/// Whether `node` means the same in version `lower` and in all that follow; an attribute that says nothing goes.
pub(super) fn check(node: &mut Node, lower: i64) -> Result<(), String> {
    let op = node.op_type().to_owned();
    let Some((_, since)) = SAME_SINCE.iter().find(|(known, _)| *known == op) else {
        return Err(format!("whether `{op}` means the same in both is not known here"));
    };
    if lower < *since {
        return Err(format!("`{op}` changed with {since}"));
    }
    // Reductions over no axes: all of them or none.
    let later = LATER.into_iter().chain(op.starts_with("Reduce").then_some((
        op.as_str(),
        "noop_with_empty_axes",
        if op == "ReduceSum" { 13 } else { 18 },
    )));
    for (_, name, since) in later.filter(|(known, _, since)| *known == op && lower < *since) {
        let says_something =
            |attribute: &Attribute| attribute.i.unwrap_or(0) != 0 || !attribute.ints.is_empty();
        if node.attribute(name).is_some_and(says_something) {
            return Err(format!("`{op}` has its attribute `{name}` since {since}"));
        }
        node.attribute.retain(|attribute| attribute.name() != name);
    }
    Ok(())
}
