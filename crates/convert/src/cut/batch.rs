//! Graphs that were frozen at one batch size.

use headstart_backbone::meaning::ops::integers;
use headstart_onnx::names::fresh;
use headstart_onnx::{Dim, Graph, Tensor, ValueInfo, Walk, dimension, type_value};

/// What the open batch size is called.
pub(super) const BATCH: &str = "n";

/// Let `graph` take any number of images instead of `batch`: as far as can be told from outside, for what it does
/// with them inside is found out by running it.
pub(super) fn open(graph: &mut Graph, input: &str, batch: usize) {
    open_reshapes(graph, batch as i64);
    // What is said about shapes inside counts on the batch size; ONNX Runtime infers them anew.
    graph.value_info.clear();
    if let Some(info) = graph.input.iter_mut().find(|info| info.name() == input) {
        set_batch(info, &Dim::Named(BATCH.to_owned()));
    }
}

/// Freeze `graph` at one image at a time.
pub(super) fn freeze(graph: &mut Graph, input: &str) {
    if let Some(info) = graph.input.iter_mut().find(|info| info.name() == input) {
        set_batch(info, &Dim::Static(1));
    }
}

/// The first dimension of `info`.
pub(super) fn of(info: &ValueInfo) -> Dim {
    info.tensor().and_then(|(_, shape)| shape?.into_iter().next()).unwrap_or(Dim::Unknown(()))
}

fn set_batch(info: &mut ValueInfo, batch: &Dim) {
    let Some(type_value::Value::TensorType(tensor)) = info.kind.as_mut().and_then(|kind| kind.value.as_mut())
    else {
        return;
    };
    if let Some(first) = tensor.shape.as_mut().and_then(|shape| shape.dim.first_mut()) {
        first.value = match batch {
            Dim::Static(n) => Some(dimension::Value::DimValue(*n)),
            Dim::Named(name) => Some(dimension::Value::DimParam(name.clone())),
            Dim::Unknown(()) => None,
        };
    }
}

/// Exporters write the batch size into the shapes of `Reshape`; there, -1 or 0 mean "as many as there are".
fn open_reshapes(graph: &mut Graph, batch: i64) {
    let walk = Walk::new(graph);
    let mut opened: Vec<(usize, Vec<i64>)> = vec![];
    for (index, node) in graph.node.iter().enumerate() {
        let shape = node.input.get(1).filter(|_| node.op_type() == "Reshape");
        let Some(shape) = shape.and_then(|shape| integers(&walk, shape)) else { continue };
        let zero_is_zero = node.attribute("allowzero").is_some_and(|flag| flag.i() != 0);
        if let [first, rest @ ..] = shape.as_slice()
            && *first == batch
            && !rest.is_empty()
            && !(zero_is_zero && rest.contains(&-1))
        {
            let first = if rest.contains(&-1) { 0 } else { -1 };
            opened.push((index, [&[first], rest].concat()));
        }
    }
    for (index, shape) in opened {
        let name = fresh(graph, "shape_of_any_batch");
        graph.initializer.push(Tensor::from_i64(&name, &[shape.len()], &shape));
        graph.node[index].input[1] = name;
    }
}
