//! The graph's input as the bytes that it was made from.
//!
//! A recipe ends with `x = (p / divisor - mean) / std` of bytes `p`. A convolution of `x` is one of `p` with other weights and
//! another bias, and bytes are exact in eight bits, where `x` is not: three channels have three means, but one scale.
//! The padding is done before, in floats, for a zero there is not a zero here.

use super::error::Result;
use super::prepare::floats;
use headstart_image::Recipe;
use headstart_onnx::names::fresh;
use headstart_onnx::{Attribute, Graph, Node, Padding, Tensor, Walk, Window};

/// Let the first convolution read bytes, if it alone reads the input; the name of the tensor with them.
///
/// Its values are whole numbers from 0 to 255 wherever there is image, and the byte nearest to the mean stands for padding.
pub(super) fn restore(graph: &mut Graph, input: &str, recipe: &Recipe) -> Result<Option<String>> {
    let walk = Walk::new(graph);
    let Some((name, conv)) = reader(&walk, input) else { return Ok(None) };
    let Some(kernel) = walk.initializer(&conv.input[1]) else { return Ok(None) };
    let (Some(mut weights), shape) = (floats(Some(kernel))?, kernel.shape()?) else { return Ok(None) };
    let bias = conv.input.get(2).filter(|name| !name.is_empty());
    let mut bias = match bias {
        Some(name) => match floats(walk.initializer(name))? {
            Some(bias) => bias,
            None => return Ok(None),
        },
        None => vec![0.0; shape[0]],
    };
    let Some(Window { padding: Padding::Told { begin, end }, .. }) = Window::of(conv) else {
        return Ok(None);
    };
    if shape.len() != 4 || shape[1] != 3 {
        return Ok(None);
    }
    // p = x · factor + shift
    let factor: [f64; 3] = std::array::from_fn(|c| recipe.divisor * recipe.std[c]);
    let shift: [f64; 3] = std::array::from_fn(|c| recipe.divisor * recipe.mean[c]);
    let places = shape[2] * shape[3];
    for (filter, bias) in weights.chunks_exact_mut(3 * places).zip(&mut bias) {
        let mut moved = 0.0f64;
        for (c, weights) in filter.chunks_exact_mut(places).enumerate() {
            for weight in weights {
                let scaled = f64::from(*weight) / factor[c];
                *weight = scaled as f32;
                moved += scaled * shift[c];
            }
        }
        *bias = (f64::from(*bias) - moved) as f32;
    }
    let output = conv.output[0].clone();
    rewire(graph, &name, &output, Moved { weights, shape, bias, factor, shift, pads: [begin, end] }).map(Some)
}

struct Moved {
    weights: Vec<f32>,
    shape: Vec<usize>,
    bias: Vec<f32>,
    factor: [f64; 3],
    shift: [f64; 3],
    /// Top and left, bottom and right.
    pads: [[usize; 2]; 2],
}

/// The one convolution that reads the input, perhaps behind one change of the axes, and the name it reads it under.
fn reader<'a>(walk: &Walk<'a>, input: &str) -> Option<(String, &'a Node)> {
    let mut name = input.to_owned();
    for _ in 0..2 {
        let readers: Vec<&'a Node> = walk.consumers(&name).collect();
        let [only] = readers[..] else { return None };
        match only.op_type() {
            "Transpose" => name.clone_from(only.output.first()?),
            "Conv" if only.input[0] == name && only.attribute("group").is_none_or(|group| group.i() == 1) => {
                return Some((name, only));
            }
            _ => return None,
        }
    }
    None
}

fn rewire(graph: &mut Graph, name: &str, output: &str, moved: Moved) -> Result<String> {
    let Moved { weights, shape, bias, factor, shift, pads } = moved;
    let at = graph.node.iter().position(|node| node.output.first().is_some_and(|name| name == output));
    let at = at.expect("the convolution was found in this graph");
    let mut before = vec![];
    let mut read = name.to_owned();
    if pads != [[0, 0]; 2] {
        let [[top, left], [bottom, right]] = pads.map(|pads| pads.map(|pad| pad as i64));
        let all = fresh(graph, "pixel_padding");
        graph.initializer.push(Tensor::from_i64(&all, &[8], &[0, 0, top, left, 0, 0, bottom, right]));
        let padded = fresh(graph, &format!("{name}_padded"));
        before.push(Node::new("Pad", &[&read, &all], &padded, vec![]));
        read = padded;
    }
    let mut step = |graph: &mut Graph, operator: &str, wanted: &str, values: [f64; 3]| {
        let constant = fresh(graph, &format!("pixel_{wanted}"));
        graph.initializer.push(Tensor::from_f32(&constant, &[1, 3, 1, 1], &values.map(|x| x as f32)));
        let made = fresh(graph, &format!("{name}_{wanted}"));
        before.push(Node::new(operator, &[&read, &constant], &made, vec![]));
        read.clone_from(&made);
    };
    if factor.iter().any(|&factor| factor != 1.0) {
        step(graph, "Mul", "factor", factor);
    }
    if shift.iter().any(|&shift| shift != 0.0) {
        step(graph, "Add", "shift", shift);
    }
    let names = ["pixel_kernel", "pixel_bias"].map(|name| fresh(graph, name));
    graph.initializer.push(Tensor::from_f32(&names[0], &shape, &weights));
    graph.initializer.push(Tensor::from_f32(&names[1], &[bias.len()], &bias));
    let conv = &mut graph.node[at];
    let [kernel, bias] = names;
    conv.input = vec![read.clone(), kernel, bias];
    conv.set_attribute(Attribute::ints("pads", [0; 4]));
    graph.node.splice(at..at, before);
    graph.drop_unused();
    Ok(read)
}
