//! Small networks, made here: a trunk that is the same for all of them, and what stands before and behind it.

use headstart::onnx::{Attribute, DataType, Dim, Graph, Model, Node, OperatorSetId, Tensor, ValueInfo};

pub const EDGE: usize = 48;
/// Channels of the trunk: features of an image.
pub const WIDTH: usize = 16;

/// A graph while it grows.
pub struct Net {
    pub graph: Graph,
    numbers: u64,
}

pub fn dims(dims: &[usize]) -> Vec<Dim> {
    let known = dims.iter().map(|&dim| Dim::Static(dim as i64));
    std::iter::once(Dim::Named("n".into())).chain(known).collect()
}

impl Net {
    pub fn new(input: DataType) -> Self {
        let input = vec![ValueInfo::tensor_of(input, "x", &dims(&[3, EDGE, EDGE]))];
        Self { graph: Graph { name: Some("net".into()), input, ..Graph::default() }, numbers: 7 }
    }

    /// Numbers from -1 to 1 that are always the same.
    pub fn weights(&mut self, name: &str, dims: &[usize]) {
        let fan = dims.iter().skip(1).product::<usize>().max(1) as f32;
        let mut next = || {
            self.numbers ^= self.numbers << 13;
            self.numbers ^= self.numbers >> 7;
            self.numbers ^= self.numbers << 17;
            ((self.numbers >> 40) as f32 / (1u64 << 23) as f32 - 1.0) / fan.sqrt()
        };
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| next()).collect();
        self.constant(name, dims, &values);
    }

    pub fn constant(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.graph.initializer.push(Tensor::from_f32(name, dims, values));
    }

    pub fn node(&mut self, operator: &str, inputs: &[&str], output: &str) -> &mut Node {
        self.graph.node.push(Node::new(operator, inputs, output, vec![]));
        self.graph.node.last_mut().unwrap()
    }

    pub fn cast(&mut self, from: &str, to: &str, kind: DataType) {
        self.node("Cast", &[from], to).attribute = vec![Attribute::int("to", kind as i64)];
    }

    /// A strided convolution; its activated map of twelve by twelve places, `map`; the mean, `pooled`.
    pub fn trunk(&mut self, from: &str) {
        self.weights("stem.w", &[WIDTH, 3, 4, 4]);
        self.node("Conv", &[from, "stem.w"], "stem").attribute = vec![Attribute::ints("strides", [4, 4])];
        self.node("Relu", &["stem"], "map");
        self.node("GlobalAveragePool", &["map"], "pooled4");
        self.node("Flatten", &["pooled4"], "pooled").attribute = vec![Attribute::int("axis", 1)];
    }

    /// `from · w + b`.
    pub fn gemm(&mut self, from: &str, to: &str, [takes, gives]: [usize; 2]) {
        let (weight, bias) = (format!("{to}.w"), format!("{to}.b"));
        self.weights(&weight, &[takes, gives]);
        self.weights(&bias, &[gives]);
        self.node("Gemm", &[from, &weight, &bias], to);
    }

    pub fn finish(self, outputs: &[(&str, &[usize])]) -> Model {
        let outputs: Vec<ValueInfo> =
            outputs.iter().map(|(name, shape)| ValueInfo::float_tensor(name, &dims(shape))).collect();
        self.finish_as(outputs)
    }

    pub fn finish_as(mut self, outputs: Vec<ValueInfo>) -> Model {
        self.graph.output = outputs;
        let opset =
            |domain: &str, version| OperatorSetId { domain: Some(domain.into()), version: Some(version) };
        Model {
            ir_version: Some(8),
            opset_import: vec![opset("", 17), opset("com.microsoft", 1)],
            graph: Some(self.graph),
            ..Model::default()
        }
    }
}

/// A trunk on floats, as most networks have it.
pub fn trunk() -> Net {
    let mut net = Net::new(DataType::Float);
    net.trunk("x");
    net
}

/// A classifier of `classes`, whose output is called `output`.
pub fn classifier(output: &str, classes: usize) -> Model {
    let mut net = trunk();
    net.gemm("pooled", output, [WIDTH, classes]);
    net.finish(&[(output, &[classes])])
}

/// Bytes of type `kind`, of which ImageNet's mean and deviation are taken out inside; a classifier if `classes` are asked for.
pub fn of_bytes(kind: DataType, classes: Option<usize>) -> Model {
    let mut net = Net::new(kind);
    net.cast("x", "x.f", DataType::Float);
    // Signed bytes are what they stand for, less 128.
    let shift = if kind == DataType::Int8 { 128.0 } else { 0.0 };
    net.constant("shift", &[1], &[shift]);
    net.constant("byte", &[1], &[255.0]);
    net.constant("mean", &[1, 3, 1, 1], &[0.485, 0.456, 0.406]);
    net.constant("std", &[1, 3, 1, 1], &[0.229, 0.224, 0.225]);
    net.node("Add", &["x.f", "shift"], "x.0");
    net.node("Div", &["x.0", "byte"], "x.1");
    net.node("Sub", &["x.1", "mean"], "x.2");
    net.node("Div", &["x.2", "std"], "x.3");
    net.trunk("x.3");
    match classes {
        Some(classes) => {
            net.gemm("pooled", "logits", [WIDTH, classes]);
            net.finish(&[("logits", &[classes])])
        }
        None => net.finish(&[("pooled", &[WIDTH])]),
    }
}
