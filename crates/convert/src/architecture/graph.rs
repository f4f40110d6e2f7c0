//! From layers to the nodes of an ONNX graph.
//!
//! Batch normalisation stays a node of its own, as in the other imports: ONNX Runtime folds it into the convolution when it
//! loads the graph, while the file keeps the trained numbers as they were.

use headstart_image::recipe::Layout;
use headstart_onnx::{Attribute, Dim, Graph, Node, Tensor, ValueInfo};

use super::Recognised;
use super::layer::{Conv, Layer};
use crate::import::{Result, same_padding};

/// Where the graph ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Features,
    /// The classifier's scores.
    Whole,
}

impl Part {
    /// What the output is called.
    pub(crate) fn output(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Whole => "logits",
        }
    }
}

const INPUT: &str = "image";
const BOUNDS: [(&str, f32); 2] = [("zero", 0.0), ("six", 6.0)];

/// The graph of a network for images of `size` (width, height), and how many numbers its output has for each.
///
/// # Errors
/// Those of [`Recognised::weight`](super::Recognised).
pub(crate) fn graph(
    recognised: &Recognised<'_>,
    size: (usize, usize),
    layout: Layout,
    part: Part,
) -> Result<(Graph, usize)> {
    let mut build = Build::new(recognised, size, layout);
    for layer in &recognised.architecture.layers {
        if matches!(layer, Layer::Classifier { .. }) && part == Part::Features {
            break;
        }
        build.layer(layer)?;
    }
    let (width, height) = size;
    let image = match layout {
        Layout::Nchw => [3, height, width],
        Layout::Nhwc => [height, width, 3],
    };
    let outputs = build.channels;
    Ok((build.finish(recognised.architecture.name, &image, part.output()), outputs))
}

/// The graph while it grows.
struct Build<'a> {
    weights: &'a Recognised<'a>,
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    /// The newest value.
    value: String,
    channels: usize,
    /// Height and width of the newest value.
    size: [usize; 2],
    branches: Vec<String>,
}

impl<'a> Build<'a> {
    fn new(weights: &'a Recognised<'a>, (width, height): (usize, usize), layout: Layout) -> Self {
        let mut build = Self {
            weights,
            nodes: vec![],
            constants: BOUNDS.map(|(name, bound)| Tensor::from_f32(name, &[], &[bound])).to_vec(),
            value: INPUT.to_owned(),
            channels: 3,
            size: [height, width],
            branches: vec![],
        };
        if layout == Layout::Nhwc {
            build.node("Transpose", "planes", &[], vec![Attribute::ints("perm", [0, 3, 1, 2])]);
        }
        build
    }

    fn layer(&mut self, layer: &Layer) -> Result<()> {
        match layer {
            Layer::Conv(conv) => self.convolve(conv)?,
            Layer::BatchNorm { name, epsilon, .. } => {
                let tensors = self.constants_of(layer)?;
                let parts: Vec<&str> = tensors.iter().map(String::as_str).collect();
                self.node("BatchNormalization", name, &parts, vec![Attribute::float("epsilon", *epsilon)]);
            }
            Layer::Relu6 => {
                let name = format!("{}/relu6", self.value);
                self.node("Clip", &name, &BOUNDS.map(|(bound, _)| bound), vec![]);
            }
            Layer::Branch => self.branches.push(self.value.clone()),
            Layer::Join => {
                let branch = self.branches.pop().expect("a description opens what it joins");
                let name = format!("{}/sum", self.value);
                self.node("Add", &name, &[&branch], vec![]);
            }
            Layer::Pool => {
                self.node("GlobalAveragePool", "pool", &[], vec![]);
                self.node("Flatten", "pooled", &[], vec![Attribute::int("axis", 1)]);
            }
            Layer::Classifier { name, .. } => {
                let tensors = self.constants_of(layer)?;
                let parts: Vec<&str> = tensors.iter().map(String::as_str).collect();
                self.node("Gemm", name, &parts, vec![Attribute::int("transB", 1)]);
                self.channels =
                    self.constants.last().map_or(0, |bias| bias.dims.iter().product::<i64>() as usize);
            }
        }
        Ok(())
    }

    fn convolve(&mut self, conv: &Conv) -> Result<()> {
        let tensors = self.constants_of(&Layer::Conv(conv.clone()))?;
        let [vertical, horizontal] = self.size.map(|length| same_padding(length, conv.kernel, conv.stride));
        let numbers = |name, values: &[usize]| Attribute::ints(name, values.iter().map(|&n| n as i64));
        let pads = [vertical.before, horizontal.before, vertical.after, horizontal.after];
        let attributes = vec![
            Attribute::int("group", conv.groups as i64),
            numbers("kernel_shape", &[conv.kernel; 2]),
            numbers("pads", &pads),
            numbers("strides", &[conv.stride; 2]),
        ];
        self.node("Conv", &conv.name, &[&tensors[0]], attributes);
        self.size = [vertical.count, horizontal.count];
        self.channels = conv.outputs;
        Ok(())
    }

    /// The layer's tensors as constants of the graph; their names.
    fn constants_of(&mut self, layer: &Layer) -> Result<Vec<String>> {
        let mut names = vec![];
        for (name, _) in layer.tensors() {
            let (shape, numbers) = self.weights.weight(&name)?;
            self.constants.push(Tensor::from_f32(&name, shape, &numbers));
            names.push(name);
        }
        Ok(names)
    }

    /// A node that makes `output` of the newest value and of `others`.
    fn node(&mut self, op: &str, output: &str, others: &[&str], attributes: Vec<Attribute>) {
        let inputs: Vec<&str> = [self.value.as_str()].into_iter().chain(others.iter().copied()).collect();
        self.nodes.push(Node::new(op, &inputs, output, attributes));
        output.clone_into(&mut self.value);
    }

    /// The newest value becomes the output under `name`.
    fn finish(mut self, network: &str, image: &[usize], name: &str) -> Graph {
        if let Some(last) = self.nodes.last_mut() {
            last.output = vec![name.to_owned()];
            last.name = Some(name.to_owned());
        }
        let info = |name: &str, sizes: &[usize]| {
            let sizes = sizes.iter().map(|&size| Dim::Static(size as i64));
            let dims: Vec<Dim> = [Dim::Named("n".to_owned())].into_iter().chain(sizes).collect();
            ValueInfo::float_tensor(name, &dims)
        };
        Graph {
            name: Some(network.to_owned()),
            node: self.nodes,
            initializer: self.constants,
            input: vec![info(INPUT, image)],
            output: vec![info(name, &[self.channels])],
            ..Graph::default()
        }
    }
}
