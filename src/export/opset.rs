//! Bringing a graph to another version of ONNX's operators.
//!
//! That is more than a number: a node must mean the same in both versions. For each operator that image networks are made of, this
//! module knows from which version on it does; one that it does not know is refused.

use super::error::{Error, Result};
use crate::onnx::names::fresh;
use crate::onnx::{Attribute, Graph, Model, Node, Tensor, ir_version_of};

/// What can be asked for: 13 is read by runtimes since 2020, and 21 is the last whose format (IR version 10) they all know.
pub const OPSETS: std::ops::RangeInclusive<i64> = 13..=21;

/// From the version beside it on, the operator means the same up to the end of [`OPSETS`].
const UNCHANGED: [(&str, i64); 57] = [
    ("Abs", 6),
    ("Add", 7),
    ("And", 7),
    ("AveragePool", 7),
    ("BatchNormalization", 9),
    ("Cast", 9),
    ("Clip", 11),
    ("Concat", 4),
    ("Constant", 1),
    ("ConstantOfShape", 9),
    ("Conv", 1),
    ("DequantizeLinear", 10),
    ("Div", 7),
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
    ("Greater", 9),
    ("HardSigmoid", 6),
    ("HardSwish", 14),
    ("Identity", 1),
    ("LayerNormalization", 17),
    ("LeakyRelu", 6),
    ("Less", 9),
    ("MatMul", 1),
    ("Max", 8),
    ("MaxPool", 8),
    ("Min", 8),
    ("Mod", 10),
    ("Mul", 7),
    ("Neg", 6),
    ("Not", 1),
    ("PRelu", 9),
    ("Pad", 11),
    ("Pow", 12),
    ("QuantizeLinear", 10),
    ("Range", 11),
    // Its axes moved from an attribute to an input, see `move_axes`.
    ("ReduceMean", 1),
    ("Relu", 6),
    ("Reshape", 5),
    ("Shape", 1),
    ("Sigmoid", 6),
    ("Sin", 7),
    ("Slice", 10),
    ("Softmax", 13),
    ("Sqrt", 6),
    ("Squeeze", 13),
    ("Sub", 7),
    ("Tanh", 6),
    ("Transpose", 1),
    ("Unsqueeze", 13),
];

/// Attributes that came later: the operator, the attribute, and since when. One that is 0 says what is meant without it.
const LATER: [(&str, &str, i64); 10] = [
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
];

/// That `model` may use what `least` brought.
pub(super) fn at_least(model: &Model, least: i64) -> Result<()> {
    match model.opset() {
        found if found < least => {
            let why = format!("preprocessing in the graph needs {least}");
            Err(Error::Opset { found, asked: least, why })
        }
        _ => Ok(()),
    }
}

/// Let `model` use the operators of version `asked`, up or down.
pub(super) fn bring(model: &mut Model, asked: i64) -> Result<()> {
    let found = model.opset();
    let cannot = |why: String| Error::Opset { found, asked, why };
    if !OPSETS.contains(&asked) {
        return Err(cannot(format!("possible are {} to {}", OPSETS.start(), OPSETS.end())));
    }
    if asked == found {
        return Ok(());
    }
    if !model.functions.is_empty() {
        return Err(cannot("it has functions of its own".into()));
    }
    let Some(graph) = model.graph.as_mut() else { return Ok(()) };
    for node in graph.node.iter_mut().filter(|node| matches!(node.domain(), "" | "ai.onnx")) {
        check(node, found.min(asked)).map_err(cannot)?;
    }
    move_axes(graph, found, asked).map_err(cannot)?;
    for set in model.opset_import.iter_mut().filter(|set| matches!(set.domain(), "" | "ai.onnx")) {
        set.version = Some(asked);
    }
    model.ir_version = Some(ir_version_of(asked));
    Ok(())
}

/// Whether `node` means the same in version `lower` and in all that follow.
fn check(node: &mut Node, lower: i64) -> std::result::Result<(), String> {
    let op = node.op_type().to_owned();
    let Some((_, since)) = UNCHANGED.iter().find(|(known, _)| *known == op) else {
        return Err(format!("whether `{op}` means the same in both is not known here"));
    };
    if lower < *since {
        return Err(format!("`{op}` changed with {since}"));
    }
    for (_, name, since) in LATER.iter().filter(|(known, _, since)| *known == op && lower < *since) {
        let says_something =
            |attribute: &Attribute| attribute.i.unwrap_or(0) != 0 || !attribute.ints.is_empty();
        if node.attribute(name).is_some_and(says_something) {
            return Err(format!("`{op}` has its attribute `{name}` since {since}"));
        }
        node.attribute.retain(|attribute| attribute.name() != *name);
    }
    Ok(())
}

/// `ReduceMean` has its axes as an attribute before 18, and as an input since.
fn move_axes(graph: &mut Graph, found: i64, asked: i64) -> std::result::Result<(), String> {
    let means = |graph: &Graph| -> Vec<usize> {
        let nodes = graph.node.iter().enumerate();
        nodes.filter(|(_, node)| node.op_type() == "ReduceMean").map(|(index, _)| index).collect()
    };
    match (found < 18, asked < 18) {
        (true, false) => {
            for index in means(graph) {
                let Some(axes) = graph.node[index].attribute("axes").map(|axes| axes.ints.clone()) else {
                    continue;
                };
                let name = fresh(graph, "axes");
                graph.initializer.push(Tensor::from_i64(&name, &[axes.len()], &axes));
                let node = &mut graph.node[index];
                node.attribute.retain(|attribute| attribute.name() != "axes");
                node.input.push(name);
            }
        }
        (false, true) => {
            for index in means(graph) {
                let node = &graph.node[index];
                let Some(name) = node.input.get(1).filter(|name| !name.is_empty()) else { continue };
                let tensor = graph.initializer.iter().find(|tensor| tensor.name() == name);
                let elements = tensor.and_then(|tensor| tensor.elements("".as_ref()).ok());
                let axes = elements.and_then(|elements| elements.to_i64());
                let axes = axes.ok_or("the axes of a `ReduceMean` are not constant")?;
                let node = &mut graph.node[index];
                node.input.truncate(1);
                node.attribute.push(Attribute::ints("axes", axes));
            }
            graph.drop_unused();
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Attribute, OperatorSetId};

    fn model(opset: i64, nodes: Vec<Node>) -> Model {
        let axes = Tensor::from_i64("axes", &[2], &[2, 3]);
        let output = nodes.last().unwrap().output[0].clone();
        Model {
            ir_version: Some(8),
            opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(opset) }],
            graph: Some(Graph {
                node: nodes,
                initializer: vec![axes],
                output: vec![crate::onnx::ValueInfo::float_tensor(&output, &[])],
                ..Graph::default()
            }),
            ..Model::default()
        }
    }

    fn mean(inputs: &[&str], attributes: Vec<Attribute>) -> Node {
        Node::new("ReduceMean", inputs, "y", attributes)
    }

    #[test]
    fn axes_of_a_mean_move_both_ways() {
        let keep = Attribute::int("keepdims", 0);
        let mut up = model(17, vec![mean(&["x"], vec![Attribute::ints("axes", [2, 3]), keep.clone()])]);
        bring(&mut up, 18).unwrap();
        assert_eq!((up.opset(), up.ir_version), (18, Some(8)));
        let node = &up.graph.as_ref().unwrap().node[0];
        assert!(node.attribute("axes").is_none() && node.input.len() == 2, "{node:?}");
        bring(&mut up, 13).unwrap();
        assert_eq!((up.opset(), up.ir_version), (13, Some(7)));
        let node = &up.graph.as_ref().unwrap().node[0];
        assert_eq!((node.attribute("axes").unwrap().ints.as_slice(), node.input.len()), (&[2, 3][..], 1));
        let mut computed = model(18, vec![mean(&["x", "somewhere"], vec![keep])]);
        assert!(matches!(bring(&mut computed, 13), Err(Error::Opset { .. })));
    }

    #[test]
    fn what_changed_between_the_two_is_refused_by_name() {
        let refused = |found, asked, op: &str| {
            let error = bring(&mut model(found, vec![Node::new(op, &["x"], "y", vec![])]), asked);
            error.unwrap_err().to_string()
        };
        assert_eq!(
            refused(11, 13, "Softmax"),
            "the graph has opset 11 and cannot be brought to 13: `Softmax` changed with 13"
        );
        assert!(refused(17, 13, "LayerNormalization").ends_with("`LayerNormalization` changed with 17"));
        assert!(refused(17, 18, "Split").contains("`Split` means the same in both is not known"));
        assert!(refused(17, 22, "Relu").ends_with("possible are 13 to 21"));
    }

    #[test]
    fn an_attribute_of_later_goes_if_it_says_nothing() {
        let shape = |zero| Node::new("Reshape", &["x", "s"], "y", vec![Attribute::int("allowzero", zero)]);
        let mut quiet = model(14, vec![shape(0)]);
        bring(&mut quiet, 13).unwrap();
        assert!(quiet.graph.unwrap().node[0].attribute.is_empty());
        let error = bring(&mut model(14, vec![shape(1)]), 13).unwrap_err();
        assert!(error.to_string().ends_with("`Reshape` has its attribute `allowzero` since 14"), "{error}");
    }
}
