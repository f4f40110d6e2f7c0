//! EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation, and with ReLU6 instead of swish.
//!
//! Source: Tan and Le 2019, arXiv:1905.11946, table 1; TensorFlow's `efficientnet_lite_builder.py` in `tensorflow/tpu`.
//! Tensors have the names of the package `efficientnet_lite_pytorch`.

use super::Architecture;
use super::layer::{Conv, Layer};

/// That of TensorFlow's batch normalisation; PyTorch's own is a hundredth of it.
const EPSILON: f32 = 1e-3;
const STEM: usize = 32;
const FEATURES: usize = 1280;

/// Blocks of one width.
struct Stage {
    blocks: usize,
    kernel: usize,
    /// Of its first block; the others have 1.
    stride: usize,
    /// How many times as wide a block is inside.
    expansion: usize,
    outputs: usize,
}

const fn stage(blocks: usize, kernel: usize, stride: usize, expansion: usize, outputs: usize) -> Stage {
    Stage { blocks, kernel, stride, expansion, outputs }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];

pub(super) fn lite0() -> Architecture {
    let mut layers = vec![];
    convolution(&mut layers, "_conv_stem", "_bn0", Conv { kernel: 3, stride: 2, ..pointwise(3, STEM) });
    layers.push(Layer::Relu6);
    let (mut width, mut index) = (STEM, 0);
    for stage in &STAGES {
        for block in 0..stage.blocks {
            let stride = if block == 0 { stage.stride } else { 1 };
            inverted_residual(&mut layers, index, width, &Stage { stride, ..*stage });
            (width, index) = (stage.outputs, index + 1);
        }
    }
    convolution(&mut layers, "_conv_head", "_bn1", pointwise(width, FEATURES));
    layers.extend([Layer::Relu6, Layer::Pool]);
    layers.push(Layer::Classifier { name: "_fc".to_owned(), features: FEATURES });
    Architecture { name: "efficientnet-lite0", preset: "efficientnet-lite0", layers }
}

/// Wider, a filter for each channel, narrower; what came in is added where it has the same shape.
fn inverted_residual(layers: &mut Vec<Layer>, index: usize, inputs: usize, block: &Stage) {
    let name = |part: &str| format!("_blocks.{index}.{part}");
    let inside = inputs * block.expansion;
    let same_shape = block.stride == 1 && inputs == block.outputs;
    if same_shape {
        layers.push(Layer::Branch);
    }
    if block.expansion > 1 {
        convolution(layers, &name("_expand_conv"), &name("_bn0"), pointwise(inputs, inside));
        layers.push(Layer::Relu6);
    }
    let depthwise =
        Conv { kernel: block.kernel, stride: block.stride, groups: inside, ..pointwise(inside, inside) };
    convolution(layers, &name("_depthwise_conv"), &name("_bn1"), depthwise);
    layers.push(Layer::Relu6);
    convolution(layers, &name("_project_conv"), &name("_bn2"), pointwise(inside, block.outputs));
    if same_shape {
        layers.push(Layer::Join);
    }
}

fn pointwise(inputs: usize, outputs: usize) -> Conv {
    Conv { name: String::new(), inputs, outputs, kernel: 1, stride: 1, groups: 1 }
}

fn convolution(layers: &mut Vec<Layer>, name: &str, norm: &str, conv: Conv) {
    let channels = conv.outputs;
    layers.push(Layer::Conv(Conv { name: name.to_owned(), ..conv }));
    layers.push(Layer::BatchNorm { name: norm.to_owned(), channels, epsilon: EPSILON });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The package that publishes the weights says 4.65 million parameters.
    #[test]
    fn it_has_as_many_parameters_as_the_paper_says() {
        let of = |layer: &Layer| -> usize {
            let statistics = |name: &str| name.contains(".running_");
            let shapes = layer.tensors().into_iter().filter(|(name, _)| !statistics(name));
            shapes.map(|(_, shape)| shape.iter().map(|&size| size.max(1)).product::<usize>()).sum()
        };
        let layers = lite0().layers;
        assert_eq!(layers.iter().map(of).sum::<usize>() - 1281 + 1000 * 1281, 4_652_008);
        assert_eq!(layers.iter().filter(|layer| **layer == Layer::Join).count(), 9);
    }
}
