//! Layers that shift and scale.

use super::super::emit::Emit;
use super::super::error::Result;
use super::super::topology::Layer;
use super::super::value::{Value, expect_shape};
use headstart_onnx::Attribute;

/// Batch normalisation in inference mode, whatever `trainable` says.
///
/// It stays a node of its own: ONNX Runtime folds it into the convolution before it when it loads the graph, while the file keeps
/// the trained numbers as they were.
pub(super) fn batch(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let axis = config.integers("axis")?.unwrap_or_else(|| vec![-1]);
    let (keras_axis, graph_axis) = match axis.as_slice() {
        &[axis] => input.keras_axis(axis).zip(input.graph_axis(axis)),
        _ => None,
    }
    .ok_or_else(|| config.error("axis", "one axis of the input, not the batch"))?;
    let channels = input.shape[keras_axis - 1];
    let epsilon = config.number("epsilon")?.unwrap_or(1e-3) as f32;
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    let gamma = if config.flag("scale", true)? { emit.weight("gamma", &[channels])? } else { &ones };
    let beta = if config.flag("center", true)? { emit.weight("beta", &[channels])? } else { &zeros };
    let mean = emit.weight("moving_mean", &[channels])?;
    let variance = emit.weight("moving_variance", &[channels])?;

    let name = if graph_axis == 1 {
        let parts = [("gamma", gamma), ("beta", beta), ("moving_mean", mean), ("moving_variance", variance)];
        let names = parts.map(|(name, data)| emit.constant(name, &[channels], data));
        let inputs = [&input.name, &names[0], &names[1], &names[2], &names[3]].map(String::as_str);
        emit.node("BatchNormalization", &inputs, vec![Attribute::float("epsilon", epsilon)])
    } else {
        // ONNX normalises axis 1 only.
        let scale: Vec<f32> = gamma.iter().zip(variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
        let shift: Vec<f32> = beta.iter().zip(mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
        affine(emit, &input, graph_axis, &scale, &shift)
    };
    Ok(Value { name, ..input })
}

/// `x * scale + offset`, each a number or one per channel.
pub(super) fn rescaling(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let last =
        expect_shape(input.graph_axis(-1).zip(input.shape.last().copied()), config, &input, "an image")?;
    let (graph_axis, channels) = last;
    let numbers = |key: &str, default: f64| -> Result<Vec<f32>> {
        let numbers = config.numbers(key)?.unwrap_or_else(|| vec![default]);
        let fits = numbers.len() == 1 || numbers.len() == channels;
        config.only(key, fits, &format!("one number, or one for each of {channels} channels"))?;
        Ok(numbers.iter().map(|&x| x as f32).collect())
    };
    let (scale, offset) = (numbers("scale", 1.0)?, numbers("offset", 0.0)?);
    let name = affine(emit, &input, graph_axis, &scale, &offset);
    Ok(Value { name, ..input })
}

/// `(x - mean) / sqrt(variance)` along one axis, or over everything.
pub(super) fn normalization(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    config.only("invert", !config.flag("invert", false)?, "`false`")?;
    // No axis at all is one mean and one variance for all numbers.
    let axis = match config.get("axis") {
        None => vec![],
        Some(_) => config.integers("axis")?.unwrap_or_default(),
    };
    let (graph_axis, count) = match axis.as_slice() {
        [] => (1, 1),
        &[axis] => input
            .keras_axis(axis)
            .zip(input.graph_axis(axis))
            .map(|(keras, graph)| (graph, input.shape[keras - 1]))
            .ok_or_else(|| config.error("axis", "an axis of the input, not the batch"))?,
        _ => return Err(config.error("axis", "one axis or none")),
    };
    let shape: &[usize] = if axis.is_empty() { &[] } else { &[count] };
    let statistics = |key: &str| -> Result<Vec<f32>> {
        let told = config.numbers(key)?.filter(|numbers| !numbers.is_empty());
        match told {
            Some(numbers) => {
                let fits = numbers.len() == 1 || numbers.len() == count;
                config.only(key, fits, &format!("one number, or one for each of {count}"))?;
                let numbers = numbers.iter().map(|&x| x as f32);
                Ok(numbers.cycle().take(count).collect())
            }
            None => Ok(emit.weight(key, shape)?.to_vec()),
        }
    };
    let (mean, variance) = (statistics("mean")?, statistics("variance")?);
    // Keras' own guard against a division by zero.
    let deviation: Vec<f32> = variance.iter().map(|v| v.sqrt().max(1e-7)).collect();
    let mean = emit.along("mean", &input, graph_axis, &mean);
    let deviation = emit.along("deviation", &input, graph_axis, &deviation);
    let centred = emit.node("Sub", &[&input.name, &mean], vec![]);
    let name = emit.node("Div", &[&centred, &deviation], vec![]);
    Ok(Value { name, ..input })
}

fn affine(emit: &mut Emit<'_>, input: &Value, graph_axis: usize, scale: &[f32], offset: &[f32]) -> String {
    let scale = emit.along("scale", input, graph_axis, scale);
    let offset = emit.along("offset", input, graph_axis, offset);
    let scaled = emit.node("Mul", &[&input.name, &scale], vec![]);
    emit.node("Add", &[&scaled, &offset], vec![])
}
