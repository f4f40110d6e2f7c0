//! Layers with several inputs.

use super::super::emit::Emit;
use super::super::error::{Error, Result};
use super::super::topology::Layer;
use super::super::value::{Order, Value, expect_shape};
use headstart_base::text::dims;
use headstart_onnx::Attribute;

/// Sum, product, mean, maximum, minimum or difference; sizes of one are stretched.
pub(super) fn elementwise(emit: &mut Emit<'_>, layer: &Layer, inputs: Vec<Value>) -> Result<Value> {
    let exact_two = layer.class == "Subtract";
    let inputs = same_order(emit, layer, inputs, if exact_two { "2" } else { "2 or more" })?;
    let shape = inputs.iter().skip(1).try_fold(inputs[0].shape.clone(), |shape, input| {
        let joined = broadcast(&shape, &input.shape);
        expect_shape(joined, &layer.config, input, &format!("a shape that goes with {}", dims(&shape)))
    })?;
    let order = inputs[0].order;
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let name = match layer.class.as_str() {
        // ONNX adds and multiplies two at a time, in Keras' order.
        "Add" => chain(emit, "Add", &names),
        "Multiply" => chain(emit, "Mul", &names),
        "Subtract" if names.len() == 2 => emit.node("Sub", &names, vec![]),
        "Subtract" => return Err(count(layer, "2", names.len())),
        "Average" => emit.node("Mean", &names, vec![]),
        "Maximum" => emit.node("Max", &names, vec![]),
        _ => emit.node("Min", &names, vec![]),
    };
    Ok(Value::new(name, shape, order))
}

fn chain(emit: &mut Emit<'_>, op: &str, names: &[&str]) -> String {
    let mut sum = emit.node(op, &names[..2], vec![]);
    for name in &names[2..] {
        sum = emit.node(op, &[&sum, name], vec![]);
    }
    sum
}

pub(super) fn concatenate(emit: &mut Emit<'_>, layer: &Layer, inputs: Vec<Value>) -> Result<Value> {
    let config = &layer.config;
    let inputs = same_order(emit, layer, inputs, "2 or more")?;
    let first = &inputs[0];
    let wanted = config.integers("axis")?.and_then(|axis| axis.first().copied()).unwrap_or(-1);
    let axis = first.keras_axis(wanted).zip(first.graph_axis(wanted));
    let (keras_axis, graph_axis) =
        axis.ok_or_else(|| config.error("axis", "an axis of the inputs, not the batch"))?;
    let mut shape = first.shape.clone();
    for input in &inputs[1..] {
        let mut alike = input.shape.clone();
        alike[keras_axis - 1] = first.shape[keras_axis - 1];
        let expected = format!("{} but for axis {keras_axis}", dims(&first.shape));
        expect_shape((alike == first.shape).then_some(()), config, input, &expected)?;
        shape[keras_axis - 1] += input.shape[keras_axis - 1];
    }
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let name = emit.node("Concat", &names, vec![Attribute::int("axis", graph_axis as i64)]);
    Ok(Value::new(name, shape, inputs[0].order))
}

/// All inputs in one order, which is that of the first image; and of one rank, for Keras stretches no rank.
fn same_order(
    emit: &mut Emit<'_>,
    layer: &Layer,
    inputs: Vec<Value>,
    expected: &'static str,
) -> Result<Vec<Value>> {
    if inputs.len() < 2 {
        return Err(count(layer, expected, inputs.len()));
    }
    let rank = inputs[0].rank();
    for input in &inputs {
        expect_shape((input.rank() == rank).then_some(()), &layer.config, input, &format!("rank {rank}"))?;
    }
    let moved = inputs.iter().any(|input| input.order == Order::ChannelsMoved);
    let order = if moved { Order::ChannelsMoved } else { Order::Keras };
    Ok(inputs.iter().map(|input| emit.ordered(input, order)).collect())
}

fn count(layer: &Layer, expected: &'static str, found: usize) -> Error {
    Error::Inputs { layer: layer.name.clone(), expected, found }
}

fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    a.iter()
        .zip(b)
        .map(|pair| match pair {
            (&a, &b) if a == b || b == 1 => Some(a),
            (1, &b) => Some(b),
            _ => None,
        })
        .collect()
}
