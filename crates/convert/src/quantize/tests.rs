//! The steps before anything is rounded, by hand.

use std::path::Path;

use super::images::{Sample, Wanted};
use super::pooled::average_codes;
use super::prepare::{floats, prepare};
use super::{Error, pixels};
use headstart_image::{Heif, Recipe};
use headstart_onnx::{Attribute, Graph, Model, Node, OperatorSetId, Tensor, ValueInfo, Walk};

/// What `nodes` give, with a filter of three channels to one.
fn model(nodes: Vec<Node>, pads: [i64; 8], value: f32) -> Model {
    let output = nodes.last().unwrap().output[0].clone();
    Model {
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(17) }],
        graph: Some(Graph {
            node: nodes,
            initializer: vec![
                Tensor::from_f32("kernel", &[1, 3, 1, 1], &[1.0, 2.0, -4.0]),
                Tensor::from_f32("bias", &[1], &[0.5]),
                Tensor::from_i64("pads", &[8], &pads),
                Tensor::from_f32("value", &[], &[value]),
            ],
            input: vec![ValueInfo::float_tensor("x", &[])],
            output: vec![ValueInfo::float_tensor(&output, &[])],
            ..Graph::default()
        }),
        ..Model::default()
    }
}

fn prepared(mut model: Model) -> Vec<Node> {
    prepare(&mut model, Path::new("")).unwrap();
    model.graph.unwrap().node
}

#[test]
fn a_padding_with_zeros_goes_into_the_convolution_behind_it_and_no_other() {
    let nodes = || {
        let own = vec![Attribute::ints("pads", [1, 0, 0, 1])];
        vec![
            Node::new("Pad", &["x", "pads", "value"], "padded", vec![]),
            Node::new("Conv", &["padded", "kernel", "bias"], "y", own),
        ]
    };
    let [conv] = &prepared(model(nodes(), [0, 0, 1, 2, 0, 0, 3, 4], 0.0))[..] else {
        panic!("the padding stayed")
    };
    assert_eq!((conv.input[0].as_str(), &conv.attribute("pads").unwrap().ints[..]), ("x", &[2, 2, 3, 5][..]));
    // Another number than zero, channels that are padded, and rows that are cut off.
    assert_eq!(prepared(model(nodes(), [0, 0, 1, 1, 0, 0, 1, 1], 0.5)).len(), 2);
    assert_eq!(prepared(model(nodes(), [0, 1, 1, 1, 0, 0, 1, 1], 0.0)).len(), 2);
    assert_eq!(prepared(model(nodes(), [0, 0, -1, 1, 0, 0, 1, 1], 0.0)).len(), 2);
}

#[test]
fn a_sum_of_two_is_an_addition_and_what_hands_on_is_gone() {
    let nodes = vec![
        Node::new("Identity", &["x"], "same", vec![]),
        Node::new("Sum", &["same", "x"], "two", vec![]),
        Node::new("Sum", &["two", "x", "x"], "three", vec![]),
    ];
    let nodes = prepared(model(nodes, [0; 8], 0.0));
    let kinds: Vec<&str> = nodes.iter().map(|node| node.op_type()).collect();
    assert_eq!((kinds, &nodes[0].input[..]), (vec!["Add", "Sum"], &["x".to_owned(), "x".to_owned()][..]));
}

#[test]
fn the_first_convolution_reads_bytes() {
    let recipe = Recipe {
        divisor: 255.0,
        mean: [0.5, 0.125, 0.25],
        std: [0.25, 1.0, 0.5],
        ..Recipe::preset("torchvision-v1").unwrap()
    };
    let pads = vec![Attribute::ints("pads", [1, 2, 3, 4])];
    let nodes = vec![Node::new("Conv", &["x", "kernel", "bias"], "y", pads)];
    let mut graph = model(nodes, [0; 8], 0.0).graph.unwrap();
    let name = pixels::restore(&mut graph, "x", &recipe).unwrap().unwrap();
    let kinds: Vec<&str> = graph.node.iter().map(|node| node.op_type()).collect();
    // Padding is done where a zero still is one.
    assert_eq!(kinds, ["Pad", "Mul", "Add", "Conv"]);
    let walk = Walk::new(&graph);
    let conv = &graph.node[3];
    assert_eq!((&conv.input[0], &conv.attribute("pads").unwrap().ints[..]), (&name, &[0; 4][..]));
    let values = |name: &str| floats(walk.initializer(name)).unwrap().unwrap();
    // One over 255 times the deviation; and 0.5 less what the means come to: 1 · 2, 2 · 0.125, -4 · 0.5.
    let weights = [1.0 / 63.75, 2.0 / 255.0, -4.0 / 127.5].map(|weight: f64| weight as f32);
    assert_eq!((values(&conv.input[1]), values(&conv.input[2])), (weights.to_vec(), vec![0.25]));
    let all = walk.initializer(&graph.node[0].input[1]).unwrap().elements(Path::new("")).unwrap();
    assert_eq!(all.to_i64().unwrap(), [0, 0, 1, 2, 0, 0, 3, 4]);
}

#[test]
fn a_mean_is_taken_of_codes_unless_it_is_rounded_again() {
    let pooled = |opset, zero: u8, after: Option<Node>| {
        let nodes = vec![
            Node::new("DequantizeLinear", &["x", "value", "zero"], "map", vec![]),
            Node::new("GlobalAveragePool", &["map"], "y", vec![]),
        ];
        let mut model = model(nodes, [0; 8], 0.5);
        model.opset_import[0].version = Some(opset);
        let graph = model.graph.as_mut().unwrap();
        graph.initializer.push(Tensor::from_u8("zero", &[], &[zero]));
        graph.node.extend(after);
        average_codes(&mut model);
        model.graph.unwrap().node
    };
    let kinds = |nodes: &[Node]| nodes.iter().map(|node| node.op_type().to_owned()).collect::<Vec<_>>();
    let mean = pooled(13, 0, None);
    assert_eq!(kinds(&mean), ["Transpose", "Cast", "ReduceMean", "Mul", "Unsqueeze"]);
    assert_eq!(mean[2].attribute("axes").unwrap().ints, [1, 2]);
    assert_eq!((&mean[4].name(), &mean[4].output[0]), (&"y", &"y".to_owned()));
    // From operator set 18 axes are an input; and a zero point is taken off.
    let mean = pooled(18, 3, None);
    assert_eq!(kinds(&mean), ["Transpose", "Cast", "ReduceMean", "Cast", "Sub", "Mul", "Unsqueeze"]);
    assert_eq!((mean[2].input.len(), mean[2].attribute("axes")), (2, None));
    assert_eq!(mean[3].input, ["zero"]);
    let again = Node::new("QuantizeLinear", &["y", "value", "zero"], "codes", vec![]);
    assert_eq!(kinds(&pooled(13, 0, Some(again)))[1], "GlobalAveragePool");
}

#[test]
fn images_are_drawn_once_and_what_is_broken_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for shade in 0..4u8 {
        let name = path(&format!("{shade}.png"));
        image::RgbImage::from_pixel(5, 4, image::Rgb([shade * 60; 3])).save(name).unwrap();
    }
    std::fs::copy(path("0.png"), path("copy.png")).unwrap();
    std::fs::write(path("broken.png"), b"\x89PNG\r\n\x1a\nno more").unwrap();
    let files = ["0.png", "copy.png", "broken.png", "1.png", "missing.png", "2.png", "3.png"].map(path);
    let recipe = Recipe::preset("torchvision-v1").unwrap();
    let wanted = Wanted { calibration: 9, held_out: 9 };
    let sample = Sample::draw(&recipe, &Heif::default(), &files, None, wanted).unwrap();
    assert_eq!((sample.calibration.len(), sample.held_out.len(), sample.failed.len()), (3, 1, 2));
    assert_eq!(sample.calibration.tensor().dim().0, 3);
    let again = Sample::draw(&recipe, &Heif::default(), &files, None, wanted).unwrap();
    assert_eq!(sample.calibration.digest(), again.calibration.digest());
    // An image of the other manifest is no calibration image, under whatever name.
    let apart = [path("copy.png")];
    let sample = Sample::draw(&recipe, &Heif::default(), &files, Some(&apart), wanted).unwrap();
    assert!(sample.calibration.places.iter().all(|&place| place > 1));
    assert_eq!((sample.calibration.len(), sample.held_out.len()), (3, 1));
    let none = Sample::draw(&recipe, &Heif::default(), &files[2..3], None, wanted).unwrap_err();
    assert!(matches!(none, Error::TooFewImages { found: 0, failed: 1, .. }));
}
