//! The fully connected layer.

use super::super::emit::Emit;
use super::super::error::Result;
use super::super::topology::Layer;
use super::super::value::{Order, Value, expect_shape};
use super::activation;

/// Keras' kernel is (inputs, units), just as `Gemm` and `MatMul` want it.
pub(super) fn dense(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let input = emit.ordered(&input, Order::Keras);
    let inputs = expect_shape(input.shape.last().copied(), config, &input, "features")?;
    let units = config.size("units")?;
    let kernel = emit.weight("kernel", &[inputs, units])?;
    let kernel = emit.constant("kernel", &[inputs, units], kernel);
    let bias = match config.flag("use_bias", true)? {
        true => Some(emit.weight("bias", &[units])?),
        false => None,
    };
    let bias = bias.map(|bias| emit.constant("bias", &[units], bias));
    let name = match (&bias, input.shape.len()) {
        (Some(bias), 1) => emit.node("Gemm", &[&input.name, &kernel, bias], vec![]),
        (None, _) => emit.node("MatMul", &[&input.name, &kernel], vec![]),
        (Some(bias), _) => {
            let product = emit.node("MatMul", &[&input.name, &kernel], vec![]);
            emit.node("Add", &[&product, bias], vec![])
        }
    };
    let mut shape = input.shape;
    shape.pop();
    shape.push(units);
    activation::of_layer(emit, layer, Value::new(name, shape, Order::Keras))
}
