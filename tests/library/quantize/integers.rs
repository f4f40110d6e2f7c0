//! A quantised graph computed by the definitions of its operators, in exact arithmetic: sums of products of codes are whole numbers,
//! and 64-bit floats hold them.

use std::collections::HashMap;
use std::path::Path;

use headstart::onnx::{Elements, Graph, Node};

/// Numbers and their shape.
#[derive(Debug, Clone)]
pub struct Value {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

/// What `graph` gives for one image, `(3, h, w)`.
pub fn run(graph: &Graph, shape: [usize; 3], image: &[f32]) -> HashMap<String, Value> {
    let mut values = HashMap::new();
    for tensor in &graph.initializer {
        let data = match tensor.elements(Path::new("")).unwrap() {
            Elements::F32(x) => x.into_iter().map(f64::from).collect(),
            Elements::I32(x) => x.into_iter().map(f64::from).collect(),
            Elements::I8(x) => x.into_iter().map(f64::from).collect(),
            Elements::U8(x) => x.iter().map(|&x| f64::from(x)).collect(),
            Elements::I64(x) => x.into_iter().map(|x| x as f64).collect(),
            other => panic!("{} holds {other:?}", tensor.name()),
        };
        values.insert(tensor.name().to_owned(), Value { shape: tensor.shape().unwrap(), data });
    }
    let input = graph.input[0].name().to_owned();
    let [a, b, c] = shape;
    let data = image.iter().map(|&x| x.into()).collect();
    values.insert(input, Value { shape: vec![1, a, b, c], data });
    for node in &graph.node {
        let inputs: Vec<&Value> = node.input.iter().map(|name| &values[name]).collect();
        let output = compute(node, &inputs);
        values.insert(node.output[0].clone(), output);
    }
    values
}

fn compute(node: &Node, inputs: &[&Value]) -> Value {
    let x = inputs[0];
    let map = |f: &dyn Fn(f64) -> f64| Value {
        shape: x.shape.clone(),
        data: x.data.iter().map(|&x| f(x)).collect(),
    };
    match node.op_type() {
        "QuantizeLinear" => {
            let (scale, zero) = (inputs[1].data[0], inputs[2].data[0]);
            // In floats of 32 bits, as the operator is defined on them.
            map(&|x| (f64::from((x as f32) / (scale as f32)).round_ties_even() + zero).clamp(0.0, 255.0))
        }
        "DequantizeLinear" => {
            let (scales, zeros) = (inputs[1], inputs[2]);
            let inner = if scales.data.len() == 1 { x.data.len() } else { x.data.len() / scales.data.len() };
            let one = |(at, &code): (usize, &f64)| (code - zeros.data[at / inner]) * scales.data[at / inner];
            Value { shape: x.shape.clone(), data: x.data.iter().enumerate().map(one).collect() }
        }
        "Relu" => map(&|x| x.max(0.0)),
        "Sigmoid" => map(&|x| 1.0 / (1.0 + (-x).exp())),
        "Add" | "Mul" => pairwise(x, inputs[1], node.op_type() == "Add"),
        "Pad" => pad(x, &inputs[1].data),
        "Conv" => conv(node, x, inputs[1], inputs.get(2).copied()),
        "MaxPool" => pool(node, x, true),
        "AveragePool" => pool(node, x, false),
        "GlobalAveragePool" => {
            let places = x.shape[2] * x.shape[3];
            let data = x.data.chunks(places).map(|map| map.iter().sum::<f64>() / places as f64).collect();
            Value { shape: vec![1, x.shape[1], 1, 1], data }
        }
        // The only one: from channels outermost to innermost.
        "Transpose" => {
            let [channels, places] = [x.shape[1], x.shape[2] * x.shape[3]];
            let data =
                (0..channels * places).map(|at| x.data[at % channels * places + at / channels]).collect();
            Value { shape: vec![1, x.shape[2], x.shape[3], channels], data }
        }
        // Of codes to floats, which all numbers here are.
        "Cast" => x.clone(),
        // Over the places of such a map.
        "ReduceMean" => {
            let [places, channels] = [x.shape[1] * x.shape[2], x.shape[3]];
            let mean = |c: usize| x.data[c..].iter().step_by(channels).sum::<f64>() / places as f64;
            Value { shape: vec![1, channels], data: (0..channels).map(mean).collect() }
        }
        "Unsqueeze" => Value { shape: [&x.shape[..], &[1, 1]].concat(), data: x.data.clone() },
        "Sub" => {
            let less = inputs[1].data[0];
            map(&|x| x - less)
        }
        "Flatten" => Value { shape: vec![1, x.data.len()], data: x.data.clone() },
        "Concat" => {
            let channels = inputs.iter().map(|x| x.shape[1]).sum();
            let data = inputs.iter().flat_map(|x| x.data.clone()).collect();
            Value { shape: vec![1, channels, x.shape[2], x.shape[3]], data }
        }
        other => panic!("no definition of {other} here"),
    }
}

/// The second may be one number, or one for each channel.
fn pairwise(a: &Value, b: &Value, add: bool) -> Value {
    if a.data.len() < b.data.len() {
        return pairwise(b, a, add);
    }
    let inner = a.data.len() / b.data.len();
    let one = |(at, &x): (usize, &f64)| if add { x + b.data[at / inner] } else { x * b.data[at / inner] };
    Value { shape: a.shape.clone(), data: a.data.iter().enumerate().map(one).collect() }
}

fn ints(node: &Node, name: &str, default: [usize; 4]) -> [usize; 4] {
    let mut values = default;
    for (value, told) in values.iter_mut().zip(node.attribute(name).map_or(&[][..], |a| &a.ints)) {
        *value = *told as usize;
    }
    values
}

fn pad(x: &Value, pads: &[f64]) -> Value {
    let [top, left, bottom, right] = [2, 3, 6, 7].map(|at| pads[at] as usize);
    let [height, width] = [x.shape[2], x.shape[3]];
    let (tall, wide) = (height + top + bottom, width + left + right);
    let mut data = vec![0.0; x.shape[1] * tall * wide];
    for c in 0..x.shape[1] {
        for y in 0..height {
            for z in 0..width {
                data[(c * tall + y + top) * wide + z + left] = x.data[(c * height + y) * width + z];
            }
        }
    }
    Value { shape: vec![1, x.shape[1], tall, wide], data }
}

/// For each place of the result the places of `x` that its window covers, by the index in the window.
fn windows(node: &Node, x: &Value, window: [usize; 2]) -> ([usize; 2], Vec<Vec<(usize, usize)>>) {
    let [top, left, bottom, right] = ints(node, "pads", [0; 4]);
    let [dy, dx, ..] = ints(node, "strides", [1; 4]);
    let [height, width] = [x.shape[2], x.shape[3]];
    let size = [(height + top + bottom - window[0]) / dy + 1, (width + left + right - window[1]) / dx + 1];
    let mut all = vec![];
    for at in 0..size[0] * size[1] {
        let mut covered = vec![];
        for k in 0..window[0] * window[1] {
            let y = (at / size[1] * dy + k / window[1]).checked_sub(top).filter(|&y| y < height);
            let z = (at % size[1] * dx + k % window[1]).checked_sub(left).filter(|&z| z < width);
            if let (Some(y), Some(z)) = (y, z) {
                covered.push((k, y * width + z));
            }
        }
        all.push(covered);
    }
    (size, all)
}

fn conv(node: &Node, x: &Value, w: &Value, bias: Option<&Value>) -> Value {
    let [out, depth, height, width] = [0, 1, 2, 3].map(|at| w.shape[at]);
    let group = node.attribute("group").map_or(1, |group| group.i() as usize);
    let (size, windows) = windows(node, x, [height, width]);
    let places = x.shape[2] * x.shape[3];
    let mut data = vec![];
    for o in 0..out {
        for covered in &windows {
            let mut sum = bias.map_or(0.0, |bias| bias.data[o]);
            for c in 0..depth {
                let from = o / (out / group) * depth + c;
                for &(k, at) in covered {
                    sum += w.data[(o * depth + c) * height * width + k] * x.data[from * places + at];
                }
            }
            data.push(sum);
        }
    }
    Value { shape: vec![1, out, size[0], size[1]], data }
}

fn pool(node: &Node, x: &Value, largest: bool) -> Value {
    let [height, width, ..] = ints(node, "kernel_shape", [1; 4]);
    let (size, windows) = windows(node, x, [height, width]);
    let places = x.shape[2] * x.shape[3];
    let mut data = vec![];
    for c in 0..x.shape[1] {
        for covered in &windows {
            let values = covered.iter().map(|&(_, at)| x.data[c * places + at]);
            data.push(match largest {
                true => values.fold(f64::NEG_INFINITY, f64::max),
                false => values.sum::<f64>() / covered.len() as f64,
            });
        }
    }
    Value { shape: vec![1, x.shape[1], size[0], size[1]], data }
}
