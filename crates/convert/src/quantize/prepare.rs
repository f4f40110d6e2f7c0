//! The same network with fewer kinds of nodes: what can be worked into a convolution or a pool is.

use std::collections::HashMap;
use std::path::Path;

use super::error::Result;
use headstart_onnx::names::{fresh, rename_uses};
use headstart_onnx::{self as onnx, Attribute, Graph, Model, Node, Padding, Tensor, Walk, Window, fold};

/// Bring `model` into the form that the other steps know; it computes what it computed.
///
/// Afterwards all weights are in the model, no function is called, constants are initializers, batch normalisations and
/// paddings stand in convolutions and pools where they can, no map has places that nothing reads, and no two convolutions
/// share weights.
pub(super) fn prepare(model: &mut Model, folder: &Path) -> Result<()> {
    onnx::embed_external_data(model, folder)?;
    onnx::inline(model);
    model.functions.clear();
    raise(model)?;
    let Some(graph) = model.graph.as_mut() else { return Ok(()) };
    constants_to_initializers(graph);
    drop_passing(graph);
    sums_of_two(graph);
    fold::batch_normalisations(graph)?;
    lone_normalisations(graph)?;
    fold_paddings(graph)?;
    onnx::move_strides(graph);
    unshare(graph);
    // Shapes and types inside are no longer all so, and a runtime finds them for itself.
    graph.value_info.clear();
    graph.drop_unused();
    Ok(())
}

/// The first operator set in which weights may have a scale for each channel.
const OPSET: i64 = 13;

/// Let `model` use the operators of that set if it is of an older one.
///
/// # Errors
/// [`onnx::Error::Opset`]: an operator means something else there.
pub(super) fn raise(model: &mut Model) -> Result<()> {
    if model.opset() < OPSET {
        onnx::bring_to_opset(model, OPSET)?;
    }
    Ok(())
}

/// `Constant` nodes, which no other step then has to look for.
fn constants_to_initializers(graph: &mut Graph) {
    let mut kept = vec![];
    for node in std::mem::take(&mut graph.node) {
        let value = node.attribute("value").and_then(|value| value.t.clone());
        match (node.op_type(), value) {
            ("Constant", Some(tensor)) => {
                graph.initializer.push(Tensor { name: node.output.first().cloned(), ..*tensor });
            }
            _ => kept.push(node),
        }
    }
    graph.node = kept;
}

/// Nodes that hand on what they get.
fn drop_passing(graph: &mut Graph) {
    let is_output = |graph: &Graph, name: &str| graph.output.iter().any(|output| output.name() == name);
    for index in 0..graph.node.len() {
        let node = &graph.node[index];
        let passes = matches!(node.op_type(), "Identity" | "Dropout")
            && node.output.iter().skip(1).all(|mask| mask.is_empty() || !used(graph, mask));
        let (Some(from), Some(to)) = (node.output.first().cloned(), node.input.first().cloned()) else {
            continue;
        };
        // Of an output the name must stay.
        if passes && !is_output(graph, &from) {
            rename_uses(&mut graph.node, &from, &to);
        }
    }
    graph.drop_unused();
}

/// `Sum` takes any number of tensors; of two it is the `Add` that the other steps know.
fn sums_of_two(graph: &mut Graph) {
    let sums = graph.node.iter_mut().filter(|node| node.op_type() == "Sum" && node.input.len() == 2);
    sums.for_each(|node| node.op_type = Some("Add".into()));
}

fn used(graph: &Graph, name: &str) -> bool {
    Walk::new(graph).consumers(name).next().is_some()
        || graph.output.iter().any(|output| output.name() == name)
}

/// The elements of an initializer of 32-bit floats; `None` for anything else.
pub(super) fn floats(tensor: Option<&Tensor>) -> Result<Option<Vec<f32>>> {
    let Some(tensor) = tensor.filter(|tensor| tensor.element_type() == Some(onnx::DataType::Float)) else {
        return Ok(None);
    };
    Ok(tensor.elements(Path::new(""))?.to_f32())
}

/// A normalisation that no convolution precedes, as in a DenseNet, becomes one: a weight for each channel alone. With a
/// scale for each channel such a weight is exact in eight bits.
fn lone_normalisations(graph: &mut Graph) -> Result<()> {
    for index in 0..graph.node.len() {
        let node = graph.node[index].clone();
        if node.op_type() != "BatchNormalization" || node.input.len() < 5 || node.output.len() != 1 {
            continue;
        }
        let walk = Walk::new(graph);
        // Only of maps: a convolution takes nothing else.
        let of_map = walk.producer(&node.input[0]).is_some_and(|made| {
            matches!(made.op_type(), "Concat" | "Add" | "MaxPool" | "AveragePool" | "Relu")
        });
        let mut numbers = vec![];
        for name in &node.input[1..5] {
            numbers.extend(floats(walk.initializer(name))?);
        }
        let [gamma, beta, mean, variance] = &numbers[..] else { continue };
        if !of_map {
            continue;
        }
        let epsilon = node.attribute("epsilon").map_or(1e-5, |epsilon| epsilon.f());
        let channels = 0..gamma.len();
        let factor: Vec<f64> = channels
            .clone()
            .map(|c| f64::from(gamma[c]) / (f64::from(variance[c]) + f64::from(epsilon)).sqrt())
            .collect();
        let bias: Vec<f32> =
            channels.map(|c| (f64::from(beta[c]) - f64::from(mean[c]) * factor[c]) as f32).collect();
        let kernel: Vec<f32> = factor.iter().map(|&factor| factor as f32).collect();
        let names = [format!("{}_kernel", node.output[0]), format!("{}_bias", node.output[0])];
        let [kernel_name, bias_name] = names.map(|name| fresh(graph, &name));
        graph.initializer.push(Tensor::from_f32(&kernel_name, &[kernel.len(), 1, 1, 1], &kernel));
        graph.initializer.push(Tensor::from_f32(&bias_name, &[bias.len()], &bias));
        let attributes =
            vec![Attribute::ints("kernel_shape", [1, 1]), Attribute::int("group", kernel.len() as i64)];
        graph.node[index] = Node {
            name: node.name.clone(),
            ..Node::new("Conv", &[&node.input[0], &kernel_name, &bias_name], &node.output[0], attributes)
        };
    }
    Ok(())
}

/// A padding with zeros in front of a convolution, or of a pool that takes the maximum of what is never negative, is the
/// same as that node's own padding.
fn fold_paddings(graph: &mut Graph) -> Result<()> {
    for index in 0..graph.node.len() {
        let walk = Walk::new(graph);
        let node = &graph.node[index];
        let Some(pads) = zero_padding(node, &walk)? else { continue };
        let (from, to) = (&node.input[0], &node.output[0]);
        let readers: Vec<&Node> = walk.consumers(to).collect();
        let [reader] = readers[..] else { continue };
        let fits = match reader.op_type() {
            "Conv" => reader.input[0] == *to && reader.input[1..].iter().all(|name| name != to),
            // Its own padding counts for nothing, a zero would; so windows of zeros alone must not be negative otherwise.
            "MaxPool" => {
                walk.producer(from).is_some_and(|made| made.op_type() == "Relu") && covers(reader, pads)
            }
            _ => false,
        };
        let Some(own) = told_padding(reader) else { continue };
        let is_output = graph.output.iter().any(|output| output.name() == to);
        if !fits || is_output {
            continue;
        }
        let (from, to, reader) = (from.clone(), to.clone(), reader.output[0].clone());
        let Some(reader) = graph.node.iter_mut().find(|node| node.output.first() == Some(&reader)) else {
            continue;
        };
        let sum = own.iter().zip(&pads).map(|(own, pad)| (own + pad) as i64);
        reader.set_attribute(Attribute::ints("pads", sum));
        reader.set_attribute(Attribute::string("auto_pad", "NOTSET"));
        reader.input.iter_mut().filter(|input| **input == to).for_each(|input| input.clone_from(&from));
    }
    graph.drop_unused();
    Ok(())
}

/// The padding that `node` says in numbers: top, left, bottom, right.
fn told_padding(node: &Node) -> Option<[usize; 4]> {
    match Window::of(node)?.padding {
        Padding::Told { begin: [top, left], end: [bottom, right] } => Some([top, left, bottom, right]),
        Padding::Same { .. } => None,
    }
}

/// Whether every window of this pool holds a place that is not padding, also with so much more of it.
fn covers(pool: &Node, pads: [usize; 4]) -> bool {
    let kernel = pool.attribute("kernel_shape").map(|kernel| kernel.ints.clone()).unwrap_or_default();
    let whole = pool.attribute("ceil_mode").is_none_or(|mode| mode.i() == 0);
    let dense = Window::of(pool).is_some_and(|window| window.dilations == [1, 1]);
    let Some(own) = told_padding(pool).filter(|_| kernel.len() == 2 && whole && dense) else { return false };
    (0..4).all(|side| ((own[side] + pads[side]) as i64) < kernel[side % 2])
}

/// How many zeros `node` adds to a map: top, left, bottom, right; `None` if it does anything else.
fn zero_padding(node: &Node, walk: &Walk<'_>) -> Result<Option<[usize; 4]>> {
    let constant =
        node.attribute("mode").is_none_or(|mode| mode.s.as_deref().is_none_or(|mode| mode == b"constant"));
    if node.op_type() != "Pad" || !constant || node.input.len() < 2 || node.input.len() > 3 {
        return Ok(None);
    }
    let Some(pads) = walk.initializer(&node.input[1]) else { return Ok(None) };
    let Some(pads) = pads.elements(Path::new(""))?.to_i64() else { return Ok(None) };
    if let Some(value) = node.input.get(2).filter(|name| !name.is_empty()) {
        let zero = floats(walk.initializer(value))?.is_some_and(|value| value.iter().all(|&x| x == 0.0));
        if !zero {
            return Ok(None);
        }
    }
    // First what comes before the images, the channels, the rows and the columns, then what comes after.
    let [0, 0, top, left, 0, 0, bottom, right] = pads[..] else { return Ok(None) };
    let pads = [top, left, bottom, right].map(usize::try_from);
    Ok(if let [Ok(top), Ok(left), Ok(bottom), Ok(right)] = pads {
        Some([top, left, bottom, right])
    } else {
        None
    })
}

/// Give every convolution weights of its own: what is done to one's must not be done to another's.
fn unshare(graph: &mut Graph) {
    let mut readers: HashMap<String, usize> = HashMap::new();
    for node in &graph.node {
        node.input.iter().for_each(|name| *readers.entry(name.clone()).or_default() += 1);
    }
    for index in 0..graph.node.len() {
        if graph.node[index].op_type() != "Conv" {
            continue;
        }
        for at in 1..graph.node[index].input.len() {
            let name = graph.node[index].input[at].clone();
            let Some(tensor) = graph.initializer.iter().find(|tensor| tensor.name() == name) else {
                continue;
            };
            if readers.get(&name).is_some_and(|&readers| readers > 1) {
                let own = Tensor { name: Some(fresh(graph, &name)), ..tensor.clone() };
                graph.node[index].input[at] = own.name().to_owned();
                graph.initializer.push(own);
            }
        }
    }
}
