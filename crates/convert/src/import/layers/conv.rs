//! Convolutions. Keras keeps kernels as (height, width, in, out), ONNX as (out, in / group, height, width).

use super::super::emit::Emit;
use super::super::error::{Error, Result};
use super::super::topology::Layer;
use super::super::value::{Format, Value, expect_shape};
use super::activation;
use super::window::Window;
use headstart_onnx::Attribute;

pub(super) fn conv2d(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let format = Format::of(config)?;
    let [c, _, _] = expect_shape(input.image(format), config, &input, "an image")?;
    let filters = config.size("filters")?;
    let groups = if config.get("groups").is_some() { config.size("groups")? } else { 1 };
    expect_shape((c % groups == 0).then_some(()), config, &input, "channels that the groups divide")?;
    let [kh, kw] = config.pair("kernel_size", None)?;
    let shape = [kh, kw, c / groups, filters];
    let kernel = transpose_kernel(emit.weight("kernel", &shape)?, shape);
    let kernel = emit.constant("kernel", &[filters, c / groups, kh, kw], &kernel);
    let kernel = Kernel { name: kernel, size: [kh, kw], groups, filters };
    let bias = bias(emit, layer, filters)?;
    let output = convolve(emit, layer, input, kernel, bias.as_deref())?;
    activation::of_layer(emit, layer, output)
}

pub(super) fn depthwise(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let kernel = depthwise_kernel(emit, layer, &input)?;
    let bias = bias(emit, layer, kernel.filters)?;
    let output = convolve(emit, layer, input, kernel, bias.as_deref())?;
    activation::of_layer(emit, layer, output)
}

/// A depthwise convolution, then a 1x1 convolution; bias and activation belong to the second.
pub(super) fn separable(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let format = Format::of(&layer.config)?;
    let kernel = depthwise_kernel(emit, layer, &input)?;
    let (between, filters) = (kernel.filters, layer.config.size("filters")?);
    let middle = convolve(emit, layer, input, kernel, None)?;

    let shape = [1, 1, between, filters];
    let pointwise = transpose_kernel(emit.weight("pointwise_kernel", &shape)?, shape);
    let pointwise = emit.constant("pointwise_kernel", &[filters, between, 1, 1], &pointwise);
    let bias = bias(emit, layer, filters)?;
    let [_, h, w] = expect_shape(middle.image(format), &layer.config, &middle, "an image")?;
    let inputs: Vec<&str> = [middle.name.as_str(), &pointwise].into_iter().chain(bias.as_deref()).collect();
    let name = emit.node("Conv", &inputs, vec![]);
    let output = Value::new(name, format.shape([filters, h, w]), format.planes());
    activation::of_layer(emit, layer, output)
}

/// A kernel in ONNX' order that is already a constant of the graph.
struct Kernel {
    name: String,
    size: [usize; 2],
    groups: usize,
    filters: usize,
}

/// Keras: (height, width, in, multiplier); output channel `i * multiplier + m` reads input channel `i` alone.
fn depthwise_kernel(emit: &mut Emit<'_>, layer: &Layer, input: &Value) -> Result<Kernel> {
    let config = &layer.config;
    let [c, _, _] = expect_shape(input.image(Format::of(config)?), config, input, "an image")?;
    let multiplier =
        if config.get("depth_multiplier").is_some() { config.size("depth_multiplier")? } else { 1 };
    let [kh, kw] = config.pair("kernel_size", None)?;
    // Keras 3 calls it simply `kernel` where it is the layer's only one.
    let shape = [kh, kw, c, multiplier];
    let weight = emit.weight("depthwise_kernel", &shape);
    let weight = match weight {
        Err(Error::WeightMissing { .. }) if layer.class == "DepthwiseConv2D" => emit.weight("kernel", &shape),
        weight => weight,
    }?;
    // The last two axes together count the output channels, so the kernel is that of one input channel each.
    let filters = c * multiplier;
    let kernel = transpose_kernel(weight, [kh, kw, 1, filters]);
    let name = emit.constant("depthwise_kernel", &[filters, 1, kh, kw], &kernel);
    Ok(Kernel { name, size: [kh, kw], groups: c, filters })
}

fn convolve(
    emit: &mut Emit<'_>,
    layer: &Layer,
    input: Value,
    kernel: Kernel,
    bias: Option<&str>,
) -> Result<Value> {
    let config = &layer.config;
    let format = Format::of(config)?;
    let input = emit.ordered(&input, format.planes());
    let [_, h, w] = expect_shape(input.image(format), config, &input, "an image")?;
    let window = Window {
        kernel: kernel.size,
        strides: config.pair("strides", Some([1, 1]))?,
        dilation: config.pair("dilation_rate", Some([1, 1]))?,
    };
    let placed = window.place(config, [h, w])?;
    let placed = expect_shape(placed, config, &input, "an image at least as large as the kernel")?;
    let ints = |name, values: &[usize]| Attribute::ints(name, values.iter().map(|&n| n as i64));
    // Zeros that stand around the input anyway and zeros that this layer adds are the same to a convolution.
    let pads: Vec<usize> = input.pad.iter().zip(placed.pads).map(|(before, own)| before + own).collect();
    let attributes = vec![
        ints("dilations", &window.dilation),
        Attribute::int("group", kernel.groups as i64),
        ints("kernel_shape", &kernel.size),
        ints("pads", &pads),
        ints("strides", &window.strides),
    ];
    let inputs: Vec<&str> = [input.name.as_str(), &kernel.name].into_iter().chain(bias).collect();
    let name = emit.node("Conv", &inputs, attributes);
    let [h, w] = placed.size;
    Ok(Value::new(name, format.shape([kernel.filters, h, w]), format.planes()))
}

/// The layer's bias as a constant, if it has one.
fn bias(emit: &mut Emit<'_>, layer: &Layer, units: usize) -> Result<Option<String>> {
    if !layer.config.flag("use_bias", true)? {
        return Ok(None);
    }
    let bias = emit.weight("bias", &[units])?;
    Ok(Some(emit.constant("bias", &[units], bias)))
}

/// (height, width, in, out) to (out, in, height, width).
fn transpose_kernel(kernel: &[f32], [h, w, inputs, outputs]: [usize; 4]) -> Vec<f32> {
    let (pixels, mut turned) = (h * w, vec![0.0; kernel.len()]);
    for (pixel, slice) in kernel.chunks_exact((inputs * outputs).max(1)).enumerate() {
        for (input, row) in slice.chunks_exact(outputs.max(1)).enumerate() {
            for (output, &weight) in row.iter().enumerate() {
                turned[(output * inputs + input) * pixels + pixel] = weight;
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    #[test]
    fn kernels_are_turned() {
        // One row, two columns, two inputs, three outputs; each weight names its place.
        let kernel: Vec<f32> = [0., 1.]
            .iter()
            .flat_map(|w| [0., 10.].iter().flat_map(move |i| [0., 100., 200.].map(|o| w + i + o)))
            .collect();
        let turned = super::transpose_kernel(&kernel, [1, 2, 2, 3]);
        assert_eq!(turned, [0., 1., 10., 11., 100., 101., 110., 111., 200., 201., 210., 211.]);
    }
}
