//! Pooling over windows and over the whole image.

use super::super::emit::Emit;
use super::super::error::Result;
use super::super::topology::Layer;
use super::super::value::{Format, Order, Value, expect_shape};
use super::window::Window;
use headstart_onnx::Attribute;

pub(super) fn max(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    pool(emit, layer, input, "MaxPool")
}

/// Zeros that `same` adds are not averaged over, which is what ONNX does unless told.
pub(super) fn average(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    pool(emit, layer, input, "AveragePool")
}

fn pool(emit: &mut Emit<'_>, layer: &Layer, input: Value, op: &str) -> Result<Value> {
    let config = &layer.config;
    let format = Format::of(config)?;
    let input = emit.ordered(&input, format.planes());
    let [c, h, w] = expect_shape(input.image(format), config, &input, "an image")?;
    let kernel = config.pair("pool_size", Some([2, 2]))?;
    let strides = config.pair("strides", Some(kernel))?;
    let placed = Window { kernel, strides, dilation: [1, 1] }.place(config, [h, w])?;
    let placed = expect_shape(placed, config, &input, "an image at least as large as the pool")?;
    let ints = |name, values: &[usize]| Attribute::ints(name, values.iter().map(|&n| n as i64));
    let attributes =
        vec![ints("kernel_shape", &kernel), ints("pads", &placed.pads), ints("strides", &strides)];
    let name = emit.node(op, &[&input.name], attributes);
    let [h, w] = placed.size;
    Ok(Value::new(name, format.shape([c, h, w]), format.planes()))
}

pub(super) fn global_average(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    global(emit, layer, input, "GlobalAveragePool")
}

pub(super) fn global_max(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    global(emit, layer, input, "GlobalMaxPool")
}

fn global(emit: &mut Emit<'_>, layer: &Layer, input: Value, op: &str) -> Result<Value> {
    let config = &layer.config;
    let format = Format::of(config)?;
    let input = emit.ordered(&input, format.planes());
    let [c, _, _] = expect_shape(input.image(format), config, &input, "an image")?;
    let name = emit.node(op, &[&input.name], vec![]);
    if config.flag("keepdims", false)? {
        return Ok(Value::new(name, format.shape([c, 1, 1]), format.planes()));
    }
    let flat = emit.node("Flatten", &[&name], vec![Attribute::int("axis", 1)]);
    Ok(Value::new(flat, vec![c], Order::Keras))
}
