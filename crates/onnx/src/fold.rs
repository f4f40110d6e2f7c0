//! Batch normalisation worked into the convolution before it, as every runtime does for itself.
//!
//! In 16 bits it must be done before: a moving variance can be beyond 65504 where the product of all is small.

use std::collections::HashMap;
use std::path::Path;

use super::error::Result;
use crate::names::{fresh, rename_uses};
use crate::{Graph, Tensor, Walk};

/// ONNX's own default of `epsilon`.
const EPSILON: f32 = 1e-5;

/// A normalisation and the convolution that feeds nothing else.
struct Pair {
    convolution: usize,
    normalisation: usize,
    /// Factor and summand of each channel.
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// Fold every batch normalisation that can be; the others stay. External data must be in the model already.
pub fn batch_normalisations(graph: &mut Graph) -> Result<()> {
    let mut pairs = vec![];
    for index in 0..graph.node.len() {
        pairs.extend(pair(graph, index)?);
    }
    let mut gone = vec![];
    for pair in pairs {
        gone.push(pair.normalisation);
        fold(graph, &pair)?;
    }
    let mut index = 0..;
    graph.node.retain(|_| !gone.contains(&index.next().expect("as many as there are nodes")));
    graph.drop_unused();
    Ok(())
}

fn pair(graph: &Graph, normalisation: usize) -> Result<Option<Pair>> {
    let node = &graph.node[normalisation];
    let training = node.attribute("training_mode").is_some_and(|mode| mode.i() != 0);
    if node.op_type() != "BatchNormalization" || node.input.len() < 5 || training {
        return Ok(None);
    }
    let walk = Walk::new(graph);
    let is_output = |name: &str| graph.output.iter().any(|output| output.name() == name);
    let only_use = |name: &str| walk.consumers(name).count() == 1 && !is_output(name);
    let feeds = |node: &crate::Node| node.output.first() == Some(&graph.node[normalisation].input[0]);
    let Some(convolution) = graph.node.iter().position(|node| node.op_type() == "Conv" && feeds(node)) else {
        return Ok(None);
    };
    let constant =
        |name: Option<&String>| name.is_none_or(|name| name.is_empty() || walk.initializer(name).is_some());
    let conv = &graph.node[convolution];
    if !only_use(&node.input[0]) || !constant(conv.input.get(1)) || !constant(conv.input.get(2)) {
        return Ok(None);
    }
    let mut values = vec![];
    for name in &node.input[1..5] {
        let Some(numbers) = floats(walk.initializer(name))? else { return Ok(None) };
        values.push(numbers);
    }
    let [gamma, beta, mean, variance] = &values[..] else { return Ok(None) };
    let epsilon = node.attribute("epsilon").map_or(EPSILON, |epsilon| epsilon.f());
    let scale: Vec<f64> = gamma
        .iter()
        .zip(variance)
        .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + f64::from(epsilon)).sqrt())
        .collect();
    let shift = (0..scale.len()).map(|c| f64::from(beta[c]) - f64::from(mean[c]) * scale[c]).collect();
    Ok(Some(Pair { convolution, normalisation, scale, shift }))
}

fn floats(tensor: Option<&Tensor>) -> Result<Option<Vec<f32>>> {
    match tensor {
        Some(tensor) => Ok(tensor.elements(Path::new(""))?.to_f32()),
        None => Ok(None),
    }
}

/// New weights and a new bias, for others may read the old ones; whoever read the normalisation reads the convolution.
fn fold(graph: &mut Graph, pair: &Pair) -> Result<()> {
    let conv = graph.node[pair.convolution].clone();
    let constants: HashMap<&str, &Tensor> =
        graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).collect();
    let weights = constants.get(conv.input[1].as_str()).copied();
    let shape = weights.map(Tensor::shape).transpose()?.unwrap_or_default();
    let mut kernel = floats(weights)?.unwrap_or_default();
    let bias = conv.input.get(2).filter(|name| !name.is_empty());
    let bias = floats(bias.and_then(|name| constants.get(name.as_str()).copied()))?;
    let filter = kernel.len() / pair.scale.len().max(1);
    for (weights, scale) in kernel.chunks_exact_mut(filter.max(1)).zip(&pair.scale) {
        weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
    }
    let channels = 0..pair.scale.len();
    let bias: Vec<f32> = channels
        .map(|c| {
            let before = bias.as_ref().map_or(0.0, |bias| f64::from(bias[c]));
            (before * pair.scale[c] + pair.shift[c]) as f32
        })
        .collect();
    let names = [format!("{}_folded", conv.input[1]), format!("{}_bias_folded", conv.input[1])];
    let names = names.map(|name| fresh(graph, &name));
    graph.initializer.push(Tensor::from_f32(&names[0], &shape, &kernel));
    graph.initializer.push(Tensor::from_f32(&names[1], &[bias.len()], &bias));
    let [kernel, bias] = names;
    graph.node[pair.convolution].input = vec![conv.input[0].clone(), kernel, bias];
    let after = graph.node[pair.normalisation].output[0].clone();
    match graph.output.iter().any(|output| output.name() == after) {
        true => graph.node[pair.convolution].output = vec![after],
        false => rename_uses(&mut graph.node, &after, &conv.output[0]),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Node, ValueInfo};

    /// Two convolutions of one channel to two, each with its normalisation; the second one's map is an output too.
    fn graph() -> Graph {
        let normalise = |x: &str, y: &str| {
            let inputs = [x, "gamma", "beta", "mean", "variance"];
            Node::new("BatchNormalization", &inputs, y, vec![Attribute::float("epsilon", 0.0)])
        };
        let floats = |name: &str, values: [f32; 2]| Tensor::from_f32(name, &[2], &values);
        let names = ["a_normal", "b", "b_normal"];
        Graph {
            node: vec![
                Node::new("Conv", &["x", "kernel", "bias"], "a", vec![]),
                normalise("a", "a_normal"),
                Node::new("Conv", &["x", "kernel"], "b", vec![]),
                normalise("b", "b_normal"),
            ],
            initializer: vec![
                Tensor::from_f32("kernel", &[2, 1, 1, 1], &[1.0, 10.0]),
                floats("bias", [0.5, -1.0]),
                floats("gamma", [2.0, 3.0]),
                floats("beta", [0.25, -0.5]),
                floats("mean", [1.0, 2.0]),
                floats("variance", [4.0, 90_000.0]),
            ],
            output: names.map(|name| ValueInfo::float_tensor(name, &[])).to_vec(),
            ..Graph::default()
        }
    }

    #[test]
    fn a_normalisation_goes_into_weights_and_bias_unless_its_map_is_used_elsewhere() {
        let mut graph = graph();
        batch_normalisations(&mut graph).unwrap();
        let ops: Vec<&str> = graph.node.iter().map(|node| node.op_type()).collect();
        assert_eq!(ops, ["Conv", "Conv", "BatchNormalization"]);
        let folded = &graph.node[0];
        assert_eq!(folded.output, ["a_normal"]);
        let values = |name: &str| {
            let tensor = graph.initializer.iter().find(|tensor| tensor.name() == name).unwrap();
            floats(Some(tensor)).unwrap().unwrap()
        };
        // Factors 2 / 2 and 3 / 300; summands 0.25 - 1 and -0.5 - 2 / 100.
        assert_eq!(values(&folded.input[1]), [1.0, 0.1]);
        assert_eq!(values(&folded.input[2]), [0.5 - 0.75, -0.01 - 0.52]);
        // The other convolution reads the weights as they were.
        assert_eq!(values(&graph.node[1].input[1]), [1.0, 10.0]);
    }
}
