//! The graph with `QuantizeLinear` and `DequantizeLinear` around every layer that is to compute in integers.
//!
//! ```text
//! x ─ Quantize ─ Dequantize ─┐
//! codes of weights ─ Dequantize ─ Conv ─ Quantize ─ Dequantize ─ …
//! codes of the bias ─ Dequantize ─┘
//! ```
//!
//! ONNX Runtime makes one `QLinearConv` of each such group. A ReLU needs no node: unsigned codes with the zero point 0 end there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::kernel::Codes;
use super::plan::{Conv, Layer, Plan};
use super::pooled::average_codes;
use super::range::Levels;
use headstart_onnx::names::Names;
use headstart_onnx::{Attribute, Graph, Model, Node, Tensor, Walk};

/// Everything that is chosen for a graph in integers.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    /// For each tensor that is rounded.
    pub levels: BTreeMap<String, Levels>,
    /// For each convolution, by the name of what it gives.
    pub kernels: HashMap<String, Codes>,
    /// Biases instead of the convolution's own.
    pub biases: HashMap<String, Vec<f32>>,
}

/// `model` in integers where `plan` says so.
pub(super) fn rounded(model: &Model, plan: &Plan, choice: &Choice) -> Model {
    let mut model = model.with_graph(rewrite(super::graph(model), plan, choice));
    average_codes(&mut model);
    model
}

/// `graph` with every layer of `plan` in integers.
pub(super) fn rewrite(graph: &Graph, plan: &Plan, choice: &Choice) -> Graph {
    let mut writer = Writer { graph: graph.clone(), taken: Names::of(graph), inside: HashMap::new() };
    let nodes = std::mem::take(&mut writer.graph.node);
    let absorbed: HashSet<&str> = plan
        .layers
        .iter()
        .filter(|layer| layer.activation.is_some())
        .map(|layer| layer.output.as_str())
        .collect();
    let layers: HashMap<&str, &Layer> = plan.layers.iter().map(|layer| (layer.raw.as_str(), layer)).collect();
    let rounded: HashSet<&str> = plan.rounded().collect();
    let given: Vec<String> = graph.input.iter().map(|input| input.name().to_owned()).collect();
    for name in &given {
        if rounded.contains(name.as_str()) {
            let inside = writer.taken.fresh(&format!("{name}_rounded"));
            writer.inside.insert(name.clone(), inside.clone());
            writer.round(name, &inside, choice.levels[name]);
        }
    }
    for mut node in nodes {
        let first = node.output.first().cloned().unwrap_or_default();
        if absorbed.contains(first.as_str()) {
            continue;
        }
        node.input.iter_mut().for_each(|name| {
            if let Some(inside) = writer.inside.get(name) {
                name.clone_from(inside);
            }
        });
        let layer = layers.get(first.as_str()).copied();
        if let Some((layer, conv)) = layer.and_then(|layer| layer.kind.conv().map(|conv| (layer, conv))) {
            let scale = choice.levels[&layer.inputs[0]].scale;
            writer.weights(
                &mut node,
                conv,
                &choice.kernels[&layer.raw],
                choice.biases.get(&layer.raw),
                scale,
            );
        }
        let output = layer.map_or(first.as_str(), |layer| layer.output.as_str());
        if rounded.contains(output) {
            // The name goes to the value as everyone after reads it.
            let raw = writer.taken.fresh(&format!("{output}_exact"));
            node.output[0].clone_from(&raw);
            writer.graph.node.push(node);
            writer.round(&raw, output, choice.levels[output]);
        } else {
            writer.graph.node.push(node);
        }
    }
    writer.graph.drop_unused();
    writer.graph
}

/// What a rewritten `graph` rounds to make `rounded`.
pub(super) fn exact<'a>(graph: &'a Graph, rounded: &str) -> Option<&'a str> {
    let walk = Walk::new(graph);
    let codes = walk.producer(rounded)?.input.first()?;
    walk.producer(codes)?.input.first().map(String::as_str)
}

struct Writer {
    graph: Graph,
    taken: Names,
    /// Inputs of the graph keep their names, so who reads them rounded reads another.
    inside: HashMap<String, String>,
}

impl Writer {
    /// `to` becomes `from`, rounded to levels.
    fn round(&mut self, from: &str, to: &str, levels: Levels) {
        let scale = self.constant(Tensor::from_f32(&format!("{to}_scale"), &[], &[levels.scale]));
        let zero = self.constant(Tensor::from_u8(&format!("{to}_zero_point"), &[], &[levels.zero]));
        let codes = self.taken.fresh(&format!("{to}_codes"));
        self.graph.node.push(Node::new("QuantizeLinear", &[from, &scale, &zero], &codes, vec![]));
        // Not called like what it gives: so the node may be called that gave it before.
        let name = Some(self.taken.fresh(&format!("{to}_dequantised")));
        let node = Node::new("DequantizeLinear", &[&codes, &scale, &zero], to, vec![]);
        self.graph.node.push(Node { name, ..node });
    }

    /// A new constant under the name that it has, or one like it.
    fn constant(&mut self, tensor: Tensor) -> String {
        let name = self.taken.fresh(tensor.name());
        self.graph.initializer.push(Tensor { name: Some(name.clone()), ..tensor });
        name
    }

    /// Weights and bias of a convolution in integers; `scale` is that of what it reads.
    fn weights(&mut self, node: &mut Node, conv: &Conv, kernel: &Codes, bias: Option<&Vec<f32>>, scale: f32) {
        let name = &conv.names.0;
        let bias = bias.unwrap_or(&conv.bias);
        let steps = steps(&kernel.scales, bias, scale);
        // The steps differ from the scales where a filter of zeros would leave its bias no room.
        let mut coarser = kernel.codes.clone();
        for ((mut row, &step), &scale) in coarser.rows_mut().into_iter().zip(&steps).zip(&kernel.scales) {
            if step != scale {
                row.mapv_inplace(|code| (f32::from(code) * scale / step).round_ties_even() as i8);
            }
        }
        let codes: Vec<i8> = coarser.iter().copied().collect();
        let filters = conv.kernel.nrows();
        let scales = self.constant(Tensor::from_f32(&format!("{name}_scale"), &[filters], &steps));
        let zeros =
            self.constant(Tensor::from_i8(&format!("{name}_zero_point"), &[filters], &vec![0; filters]));
        let codes = self.constant(Tensor::from_i8(&format!("{name}_codes"), &conv.shape(), &codes));
        let kernel = self.dequantised(&format!("{name}_rounded"), [&codes, &scales, &zeros]);
        node.input.truncate(1);
        node.input.push(kernel);
        if bias.iter().all(|&bias| bias == 0.0) {
            return;
        }
        let name = conv.names.1.clone().unwrap_or_else(|| format!("{name}_bias"));
        let products: Vec<f32> = steps.iter().map(|step| step * scale).collect();
        let codes: Vec<i32> = bias
            .iter()
            .zip(&products)
            .map(|(&bias, &step)| (f64::from(bias) / f64::from(step)).round_ties_even() as i32)
            .collect();
        let scales = self.constant(Tensor::from_f32(&format!("{name}_scale"), &[filters], &products));
        let zeros =
            self.constant(Tensor::from_i32(&format!("{name}_zero_point"), &[filters], &vec![0; filters]));
        let codes = self.constant(Tensor::from_i32(&format!("{name}_codes"), &[filters], &codes));
        let bias = self.dequantised(&format!("{name}_rounded"), [&codes, &scales, &zeros]);
        node.input.push(bias);
    }

    fn dequantised(&mut self, wanted: &str, inputs: [&str; 3]) -> String {
        let name = self.taken.fresh(wanted);
        let axis = vec![Attribute::int("axis", 0)];
        self.graph.node.push(Node::new("DequantizeLinear", &inputs, &name, axis));
        name
    }
}

/// The largest code of a bias: a sum of products that is as large again still fits into 32 bits.
const BIAS_CODES: f32 = (1 << 30) as f32;

/// The weights' scales, larger where a filter is so small that its bias would not fit into 32 bits; its codes are then few.
fn steps(scales: &[f32], bias: &[f32], scale: f32) -> Vec<f32> {
    scales.iter().zip(bias).map(|(&step, bias)| step.max(bias.abs() / (BIAS_CODES * scale))).collect()
}
