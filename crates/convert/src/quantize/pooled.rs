//! The mean over the last map, of codes instead of floats.
//!
//! ```text
//! codes ─ Dequantize ─ GlobalAveragePool ─     becomes
//! codes ─ Transpose ─ Cast ─ ReduceMean ─ Mul by the scale ─ Unsqueeze ─
//! ```
//!
//! A sum of codes is a whole number, so that its order does not matter, and nothing is rounded before the mean is taken.
//! ONNX Runtime keeps the channels of integers innermost: the transposition cancels the one by which it would go back, and the map is
//! never written in floats. On two cores with VNNI that is 0.1 to 0.2 of 11 ms that an image takes through ResNet50.

use std::path::Path;

use super::{graph, graph_mut};
use headstart_onnx::names::Names;
use headstart_onnx::{Attribute, DataType, Elements, Graph, Model, Node, Tensor, Walk, reduce_mean};

/// Let every pool of a whole map that gives floats read codes.
pub(super) fn average_codes(model: &mut Model) {
    let opset = model.opset();
    let pools: Vec<Pool> = pools(graph(model)).collect();
    let graph = graph_mut(model);
    let mut names = Names::of(graph);
    for pool in pools {
        let nodes = pool.nodes(graph, &mut names, opset);
        let at = graph.node.iter().position(|node| node.output == pool.node.output);
        let at = at.expect("the pool was found in this graph");
        graph.node.splice(at..=at, nodes);
    }
    graph.drop_unused();
}

struct Pool {
    node: Node,
    codes: String,
    scale: String,
    /// Unless it is nought, as behind a ReLU.
    zero: Option<String>,
}

/// Not those whose mean is rounded again: they are integers already.
fn pools(graph: &Graph) -> impl Iterator<Item = Pool> {
    let walk = Walk::new(graph);
    graph.node.iter().filter(|node| node.op_type() == "GlobalAveragePool").filter_map(move |node| {
        let rounded = walk.consumers(&node.output[0]).any(|reader| reader.op_type() == "QuantizeLinear");
        let source = walk.producer(&node.input[0]).filter(|source| source.op_type() == "DequantizeLinear")?;
        let [codes, scale, zero] = &source.input[..] else { return None };
        let nought = walk.initializer(zero).is_some_and(is_nought);
        let zero = (!nought).then(|| zero.clone());
        (!rounded).then(|| Pool { node: node.clone(), codes: codes.clone(), scale: scale.clone(), zero })
    })
}

impl Pool {
    fn nodes(&self, graph: &mut Graph, names: &mut Names, opset: i64) -> Vec<Node> {
        let output = &self.node.output[0];
        let mut name = |what: &str| names.fresh(&format!("{output}_{what}"));
        let [innermost, codes, mean, scaled, places, axes] =
            ["innermost", "codes", "mean", "scaled", "places", "axes"].map(&mut name);
        graph.initializer.push(Tensor::from_i64(&axes, &[2], &[2, 3]));
        let to_float = || vec![Attribute::int("to", DataType::Float as i64)];
        let mut nodes = vec![
            Node::new("Transpose", &[&self.codes], &innermost, vec![Attribute::ints("perm", [0, 2, 3, 1])]),
            Node::new("Cast", &[&innermost], &codes, to_float()),
            reduce_mean(graph, opset, [&codes, &mean, &places], &[1, 2]),
        ];
        let mut at = mean;
        if let Some(code) = &self.zero {
            let [zero, centred] = ["zero", "centred"].map(&mut name);
            nodes.push(Node::new("Cast", &[code], &zero, to_float()));
            nodes.push(Node::new("Sub", &[&at, &zero], &centred, vec![]));
            at = centred;
        }
        nodes.push(Node::new("Mul", &[&at, &self.scale], &scaled, vec![]));
        let last = Node::new("Unsqueeze", &[&scaled, &axes], output, vec![]);
        nodes.push(Node { name: self.node.name.clone(), ..last });
        nodes
    }
}

fn is_nought(zero: &Tensor) -> bool {
    matches!(zero.elements(Path::new("")), Ok(Elements::U8(codes)) if codes.iter().all(|&code| code == 0))
}
