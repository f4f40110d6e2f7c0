//! The graph without what follows the features.

use std::collections::HashSet;

use super::names::fresh;
use super::probe::Values;
use crate::onnx::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};
use crate::preprocess::recipe::Layout;

/// What makes `(n, d)` 32-bit floats of the tensor that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finish {
    pub(super) quantised: Option<super::linear::Quantised>,
    /// The type that is cast to 32-bit floats, for the sentence about it.
    pub(super) cast: Option<String>,
    pub(super) pool: Option<Layout>,
    pub(super) flatten: bool,
    pub(super) size: usize,
}

impl Finish {
    /// One sentence for each thing that is added to the graph.
    pub(super) fn notes(&self) -> Vec<String> {
        let dequantised =
            self.quantised.as_ref().map(|q| format!("dequantised by the graph's own scale `{}`", q.scale));
        let cast = self.cast.as_ref().map(|kind| format!("cast from {kind} to float32"));
        let pooled = self.pool.map(|layout| format!("the map ({layout}) is averaged over its places"));
        let flattened = (self.flatten && self.pool.is_none()).then(|| "flattened to (n, d)".to_owned());
        [dequantised, cast, pooled, flattened].into_iter().flatten().collect()
    }

    /// The same on numbers: what the added nodes make of `values`, one image's.
    pub(super) fn apply(&self, values: &Values, scale: f32, zero_point: f32) -> Vec<f32> {
        let numbers = values.data.iter().map(|x| (x - zero_point) * scale);
        let Some(layout) = self.pool else { return numbers.collect() };
        let numbers: Vec<f32> = numbers.collect();
        let places = numbers.len() / self.size;
        let at = |feature: usize, place: usize| match layout {
            Layout::Nchw => numbers[feature * places + place],
            Layout::Nhwc => numbers[place * self.size + feature],
        };
        let mean =
            |feature| (0..places).map(|place| f64::from(at(feature, place))).sum::<f64>() / places as f64;
        (0..self.size).map(|feature| mean(feature) as f32).collect()
    }

    /// Append the nodes; the name of the last one's output.
    fn append(&self, graph: &mut Graph, tensor: &str, opset: i64) -> String {
        let mut at = tensor.to_owned();
        let mut last = None;
        let mut add = |graph: &mut Graph, op: &str, more: &[&str], attributes| {
            let output = fresh(graph, &format!("{tensor}_{op}"));
            let inputs: Vec<&str> = [at.as_str()].into_iter().chain(more.iter().copied()).collect();
            graph.node.push(Node::new(op, &inputs, &output, attributes));
            last = Some(graph.node.len() - 1);
            at = output;
        };
        if let Some(quantised) = &self.quantised {
            let parameters: Vec<&str> =
                [quantised.scale.as_str()].into_iter().chain(quantised.zero_point.as_deref()).collect();
            add(graph, "DequantizeLinear", &parameters, vec![]);
        }
        if self.cast.is_some() {
            add(graph, "Cast", &[], vec![Attribute::int("to", DataType::Float as i64)]);
        }
        match self.pool {
            Some(Layout::Nchw) => add(graph, "GlobalAveragePool", &[], vec![]),
            // From operator set 18 the axes are an input.
            Some(Layout::Nhwc) if opset >= 18 => {
                let axes = fresh(graph, "features_axes");
                graph.initializer.push(Tensor::from_i64(&axes, &[2], &[1, 2]));
                add(graph, "ReduceMean", &[&axes], vec![Attribute::int("keepdims", 0)]);
            }
            Some(Layout::Nhwc) => {
                let attributes = vec![Attribute::ints("axes", [1, 2]), Attribute::int("keepdims", 0)];
                add(graph, "ReduceMean", &[], attributes);
            }
            None => {}
        }
        if self.flatten {
            add(graph, "Flatten", &[], vec![Attribute::int("axis", 1)]);
        }
        let Some(last) = last else { return at };
        let name = fresh(graph, "features");
        graph.node[last].output = vec![name.clone()];
        graph.node[last].name = Some(name.clone());
        name
    }
}

/// `model` with the features as its only output; their name there.
pub(super) fn cut(model: &mut Model, tensor: &str, finish: &Finish, batch: Dim) -> String {
    let opset = opset(model);
    // Refers to layers that are gone.
    model.training_info.clear();
    let Some(graph) = model.graph.as_mut() else { return tensor.to_owned() };
    let name = finish.append(graph, tensor, opset);
    graph.output = vec![ValueInfo::float_tensor(&name, &[batch, Dim::Static(finish.size as i64)])];
    graph.drop_unused();
    graph.value_info.retain(|info| info.name() != name);
    drop_functions(model);
    name
}

/// The version of ONNX's own operators.
fn opset(model: &Model) -> i64 {
    let own = model.opset_import.iter().find(|set| matches!(set.domain(), "" | "ai.onnx"));
    own.map_or(1, |set| set.version())
}

/// Drop functions that nothing calls any more.
fn drop_functions(model: &mut Model) {
    let Some(graph) = &model.graph else { return };
    let mut called = HashSet::new();
    calls(&graph.node, &mut called);
    // A function may call others; each round finds those one call further away.
    for _ in 0..model.functions.len() {
        let before = called.len();
        for function in &model.functions {
            if called.contains(&key(function.domain(), function.name())) {
                calls(&function.node, &mut called);
            }
        }
        if called.len() == before {
            break;
        }
    }
    model.functions.retain(|function| called.contains(&key(function.domain(), function.name())));
}

fn key(domain: &str, name: &str) -> (String, String) {
    (domain.to_owned(), name.to_owned())
}

fn calls(nodes: &[Node], called: &mut HashSet<(String, String)>) {
    for node in nodes {
        called.insert(key(node.domain(), node.op_type()));
        for attribute in &node.attribute {
            let bodies = attribute.g.iter().map(|body| &**body).chain(&attribute.graphs);
            bodies.for_each(|body| calls(&body.node, called));
        }
    }
}
