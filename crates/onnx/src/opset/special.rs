//! What changed in other ways than from an attribute to an input.

use crate::names::Names;
use crate::{Attribute, Graph, Node, Walk};

/// Write every node whose meaning changed between the two versions so that it means in `asked` what it means in `found`.
pub(super) fn bring(graph: &mut Graph, found: i64, asked: i64) -> Result<(), String> {
    let crosses = |version: i64| found < version && version <= asked;
    let unused = unused_outputs(graph);
    let mut names = Names::of(graph);
    for mut node in std::mem::take(&mut graph.node) {
        let own = matches!(node.domain(), "" | "ai.onnx");
        match node.op_type() {
            "BatchNormalization" if own => normalisation(&mut node, crosses(9), crosses(14), &unused)?,
            "Dropout" if own && crosses(12) => dropout(&mut node, &unused)?,
            "Split" if own && crosses(18) => split(&mut node),
            "Softmax" | "LogSoftmax" if own && crosses(13) => {
                graph.node.extend(softmax(node, &mut names));
                continue;
            }
            _ => {}
        }
        graph.node.push(node);
    }
    Ok(())
}

/// Outputs beside a node's first that nobody reads.
fn unused_outputs(graph: &Graph) -> std::collections::HashSet<String> {
    let walk = Walk::new(graph);
    let read = |name: &str| {
        walk.consumers(name).next().is_some() || graph.output.iter().any(|output| output.name() == name)
    };
    let beside = graph.node.iter().flat_map(|node| node.output.iter().skip(1));
    beside.filter(|name| !read(name)).cloned().collect()
}

/// Versions 7 and 8 could normalise each place by itself (`spatial` 0); before 14 there were outputs for training.
fn normalisation(
    node: &mut Node,
    drops_spatial: bool,
    drops_outputs: bool,
    unused: &std::collections::HashSet<String>,
) -> Result<(), String> {
    if drops_spatial {
        if node.attribute("spatial").is_some_and(|spatial| spatial.i() == 0) {
            return Err("`BatchNormalization` has no `spatial` 0 since 9".into());
        }
        node.attribute.retain(|attribute| attribute.name() != "spatial");
    }
    if drops_outputs {
        only_first_output(node, unused, 14)?;
    }
    Ok(())
}

/// Without an input that says otherwise it does nothing, as before; but its mask had another type.
fn dropout(node: &mut Node, unused: &std::collections::HashSet<String>) -> Result<(), String> {
    only_first_output(node, unused, 12)
}

fn only_first_output(
    node: &mut Node,
    unused: &std::collections::HashSet<String>,
    since: i64,
) -> Result<(), String> {
    if node.output.iter().skip(1).any(|name| !name.is_empty() && !unused.contains(name)) {
        return Err(format!("`{}` has other outputs since {since}, and one of them is used", node.op_type()));
    }
    node.output.truncate(1);
    Ok(())
}

/// Parts of the same size: before, as many as there are outputs; now it says how many.
fn split(node: &mut Node) {
    let sizes = node.input.get(1).is_some_and(|name| !name.is_empty()) || node.attribute("split").is_some();
    if !sizes {
        node.attribute.push(Attribute::int("num_outputs", node.output.len() as i64));
    }
}

/// Before 13 all axes from `axis` on were one; now it is `axis` alone. The last axis is itself either way, and the others
/// are made one and parted again.
fn softmax(mut node: Node, names: &mut Names) -> Vec<Node> {
    let axis = node.attribute("axis").map_or(1, |axis| axis.i());
    node.attribute = vec![Attribute::int("axis", -1)];
    if axis == -1 {
        return vec![node];
    }
    let input = node.input[0].clone();
    let output = node.output[0].clone();
    let [flat, shape, done] = ["flat", "shape", "done"].map(|part| names.fresh(&format!("{output}_{part}")));
    node.input[0].clone_from(&flat);
    node.output[0].clone_from(&done);
    vec![
        Node::new("Flatten", &[&input], &flat, vec![Attribute::int("axis", axis)]),
        node,
        Node::new("Shape", &[&input], &shape, vec![]),
        // Not called like what it gives: so the softmax may be called, which keeps its name.
        Node { name: Some(done.clone()), ..Node::new("Reshape", &[&done, &shape], &output, vec![]) },
    ]
}
