//! The graph without what follows the features.

use std::collections::HashSet;

use super::finish::Finish;
use headstart_onnx::{Dim, Model, Node, ValueInfo};

/// `model` with the features as its only output; their name there.
pub(super) fn cut(model: &mut Model, tensor: &str, finish: &Finish, batch: Dim) -> String {
    let opset = model.opset();
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
