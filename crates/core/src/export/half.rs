//! A graph in 16-bit floats: half the size, and half the work where the processor has instructions for them.
//!
//! What goes in and what comes out stays f32, and so does the softmax: probabilities of many classes are small.

use std::path::Path;

use half::f16;

use super::error::{Error, Result};
use headstart_onnx::fold;
use headstart_onnx::names::{fresh, rename_uses};
use headstart_onnx::{Attribute, DataType, Graph, Model, Node, Tensor};

/// Operators whose parameters must stay in f32, or that carry graphs of their own.
const WITHOUT_A_FORM: [&str; 12] = [
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "If",
    "Loop",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "Range",
    "Resize",
    "Scan",
    "Upsample",
    "ConvInteger",
];

/// Let all of `model` but its ends compute in 16-bit floats.
pub(super) fn convert(model: &mut Model) -> Result<()> {
    if !model.functions.is_empty() {
        return Err(Error::Half { why: "it has functions of its own".into() });
    }
    let Some(graph) = model.graph.as_mut() else { return Ok(()) };
    for node in &graph.node {
        if WITHOUT_A_FORM.contains(&node.op_type()) || !matches!(node.domain(), "" | "ai.onnx") {
            return Err(Error::Half { why: format!("`{}` has no such form", node.op_type()) });
        }
    }
    fold::batch_normalisations(graph)?;
    for tensor in &mut graph.initializer {
        narrow(tensor)?;
    }
    for node in &mut graph.node {
        convert_attributes(node)?;
    }
    // What they say of values inside is no longer so.
    graph.value_info.clear();
    cast_inputs(graph);
    cast_softmax(graph);
    Ok(())
}

fn convert_attributes(node: &mut Node) -> Result<()> {
    let to_float = node.op_type() == "Cast";
    for attribute in &mut node.attribute {
        if to_float && attribute.name() == "to" && attribute.i == Some(DataType::Float as i64) {
            attribute.i = Some(DataType::Float16 as i64);
        }
        if let Some(tensor) = attribute.t.as_mut() {
            narrow(tensor)?;
        }
        if attribute.name() == "value_float" || attribute.name() == "value_floats" {
            return Err(Error::Half { why: "a `Constant` is written as an attribute".into() });
        }
    }
    Ok(())
}

/// The elements of a tensor of f32, rounded.
fn narrow(tensor: &mut Tensor) -> Result<()> {
    if tensor.element_type() != Some(DataType::Float) {
        return Ok(());
    }
    // The graph's external data were taken in before.
    let values = tensor.elements(Path::new(""))?.to_f32().unwrap_or_default();
    let mut bytes = Vec::with_capacity(2 * values.len());
    for value in values {
        let half = f16::from_f32(value);
        if half.is_infinite() && value.is_finite() {
            let why = format!("`{}` has the value {value:e}, and 65504 is the largest", tensor.name());
            return Err(Error::Half { why });
        }
        bytes.extend(half.to_le_bytes());
    }
    tensor.float_data.clear();
    tensor.raw_data = Some(bytes.into());
    tensor.data_type = Some(DataType::Float16 as i32);
    Ok(())
}

/// The graph's inputs stay in f32, and are rounded behind the door.
fn cast_inputs(graph: &mut Graph) {
    let constants: Vec<String> = graph.initializer.iter().map(|tensor| tensor.name().to_owned()).collect();
    let inputs: Vec<String> = graph
        .input
        .iter()
        .filter(|input| input.tensor().is_some_and(|(kind, _)| kind == DataType::Float as i32))
        .map(|input| input.name().to_owned())
        .filter(|name| !constants.contains(name))
        .collect();
    for input in inputs {
        let half = fresh(graph, &format!("{input}_half"));
        rename_uses(&mut graph.node, &input, &half);
        graph.node.insert(0, cast(&input, &half, DataType::Float16));
    }
}

/// The head's softmax, which is the last node, reads and gives f32.
fn cast_softmax(graph: &mut Graph) {
    let wide = fresh(graph, "logits_wide");
    let Some(softmax) = graph.node.last_mut() else { return };
    let logits = std::mem::replace(&mut softmax.input[0], wide.clone());
    let last = graph.node.len() - 1;
    graph.node.insert(last, cast(&logits, &wide, DataType::Float));
}

fn cast(from: &str, to: &str, kind: DataType) -> Node {
    Node::new("Cast", &[from], to, vec![Attribute::int("to", kind as i64)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use headstart_onnx::{Dim, ValueInfo};

    /// A product and a softmax, as every head ends.
    fn model(weights: &[f32; 2], op: &str) -> Model {
        let shape = [Dim::Named("n".into()), Dim::Static(2)];
        let graph = Graph {
            node: vec![
                Node::new(op, &["x"], "positive", vec![]),
                Node::new("Mul", &["positive", "w"], "logits", vec![]),
                Node::new("Softmax", &["logits"], "y", vec![Attribute::int("axis", 1)]),
            ],
            initializer: vec![Tensor::from_f32("w", &[2], weights), Tensor::from_i64("other", &[1], &[7])],
            input: vec![ValueInfo::float_tensor("x", &shape)],
            output: vec![ValueInfo::float_tensor("y", &shape)],
            ..Graph::default()
        };
        Model { graph: Some(graph), ..Model::default() }
    }

    #[test]
    fn only_the_ends_stay_wide() {
        let mut model = model(&[0.1, 65504.0], "Relu");
        convert(&mut model).unwrap();
        let graph = model.graph.unwrap();
        let steps: Vec<(&str, &str)> =
            graph.node.iter().map(|node| (node.op_type(), node.input[0].as_str())).collect();
        let wanted = [
            ("Cast", "x"),
            ("Relu", "x_half"),
            ("Mul", "positive"),
            ("Cast", "logits"),
            ("Softmax", "logits_wide"),
        ];
        assert_eq!(steps, wanted);
        let weights = graph.initializer[0].elements(Path::new("")).unwrap();
        assert_eq!(graph.initializer[0].element_type(), Some(DataType::Float16));
        assert_eq!(weights.to_f32().unwrap(), [f16::from_f32(0.1).to_f32(), 65504.0]);
    }

    #[test]
    fn what_has_no_half_is_refused_by_name() {
        let why = |mut model: Model| convert(&mut model).unwrap_err().to_string();
        assert!(why(model(&[0.0, 1e5], "Relu")).contains("`w` has the value 1e5, and 65504 is the largest"));
        assert!(why(model(&[0.0, 1.0], "DequantizeLinear")).contains("`DequantizeLinear` has no such form"));
    }
}
