//! ONNX Runtime is given graphs without the places of maps that nothing reads: the features stay what the file says, to the last bit.

use std::path::Path;

use crate::net;
use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{Session, SessionOptions};
use headstart::backbone::{Backbone, OpenOptions};
use headstart::image::Preprocessor;
use headstart::onnx::{
    self, Attribute, DataLocation, Dim, Graph, Model, Node, StringStringEntry, Tensor, ValueInfo, Walk,
};
use ndarray::{Array2, Array4};

const BACKBONE: &str = "models/resnet50.onnx";

fn open(path: &Path, feature_tensor: &str) -> Backbone {
    let feature_tensor = Some(feature_tensor.to_owned());
    let backbone = Backbone::open_with(path, &OpenOptions { feature_tensor, ..OpenOptions::default() });
    backbone.expect("`just setup` makes the backbone")
}

/// Features, and how many nodes ONNX Runtime had to compute for them.
fn run(backbone: &Backbone, images: &Array4<f32>) -> (Array2<f32>, usize) {
    let runtime = Runtime::load(&Libraries::default()).expect("`just setup` fetches ONNX Runtime");
    let mut session = Session::new(&runtime, backbone, &SessionOptions::default()).unwrap();
    (session.run(images.view()).unwrap(), session.placement().nodes())
}

/// Features of the golden photographs.
fn features(path: &Path, feature_tensor: &str) -> Array2<f32> {
    let backbone = open(path, feature_tensor);
    let preprocessor = Preprocessor::new(backbone.recipe().clone()).unwrap();
    let folder = std::fs::read_dir("tests/golden/features_pixels").unwrap();
    let mut photos: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    photos.retain(|path| path.extension().is_some_and(|ending| ending == "png"));
    photos.sort();
    assert_eq!(photos.len(), 10);
    let [a, b, c] = backbone.recipe().input_shape();
    let mut images = Array4::zeros((photos.len(), a, b, c));
    for (photo, mut image) in photos.iter().zip(images.outer_iter_mut()) {
        let pixels = image::open(photo).unwrap().to_rgb8();
        preprocessor.normalise(pixels.as_raw(), image.as_slice_mut().unwrap());
    }
    run(&backbone, &images).0
}

fn model() -> (Model, String) {
    let model = onnx::read(BACKBONE.as_ref()).expect("`just setup` makes the backbone");
    let output = model.graph.as_ref().unwrap().output[0].name().to_owned();
    (model, output)
}

/// The same graph, which is to give these maps too: what is an output is computed whole.
fn with_outputs(mut model: Model, maps: &[String]) -> Model {
    let infos = maps.iter().map(|map| ValueInfo::float_tensor(map, &vec![Dim::Unknown(()); 4]));
    model.graph.as_mut().unwrap().output.extend(infos);
    model
}

/// Maps that convolutions of stride 2 read and nothing else does.
fn read_in_parts(model: &Model) -> Vec<String> {
    let graph = model.graph.as_ref().unwrap();
    let walk = Walk::new(graph);
    let strided = |node: &Node| {
        node.op_type() == "Conv" && node.attribute("strides").is_some_and(|strides| strides.ints == [2, 2])
    };
    let maps = graph.node.iter().filter_map(|node| node.output.first());
    let only = |map: &str| walk.consumers(map).count() > 1 && walk.consumers(map).all(strided);
    maps.filter(|map| only(map)).cloned().collect()
}

#[test]
fn features_are_those_of_the_file_as_it_stands() {
    let (model, output) = model();
    let maps = read_in_parts(&model);
    assert_eq!(maps.len(), 3, "one before each stage of Keras' ResNet50 but the first: {maps:?}");
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.onnx");
    onnx::write(&with_outputs(model, &maps), &whole).unwrap();
    assert_eq!(features(BACKBONE.as_ref(), &output), features(&whole, &output));
}

#[test]
fn weights_may_be_in_another_file() {
    let (mut model, output) = model();
    let mut data = vec![];
    for tensor in &mut model.graph.as_mut().unwrap().initializer {
        let Some(raw) = tensor.raw_data.take_if(|raw| raw.len() > 1024) else { continue };
        let (offset, length) = (data.len().to_string(), raw.len().to_string());
        let entries = [("location", "weights.bin"), ("offset", &offset), ("length", &length)];
        tensor.external_data = entries.map(|(key, value)| StringStringEntry::new(key, value)).to_vec();
        tensor.data_location = Some(DataLocation::External as i32);
        data.extend_from_slice(&raw);
    }
    assert!(data.len() > 90_000_000, "most of a ResNet-50 are weights");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weights.bin"), data).unwrap();
    let path = folder.path().join("outside.onnx");
    onnx::write(&model, &path).unwrap();
    assert_eq!(features(&path, &output), features(BACKBONE.as_ref(), &output));
}

/// A block whose sum two convolutions read at every so many places: a shortcut that others read too, a factor for each channel
/// that is computed, a filter whose padding is on one side.
fn block(edge: usize, strides: [i64; 2], pads: [i64; 4]) -> Model {
    let mut number = 1u32;
    let mut tensor = |name: &str, dims: &[usize]| {
        let mut next = || {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let elements: Vec<f32> = (0..dims.iter().product()).map(|_| next()).collect();
        Tensor::from_f32(name, dims, &elements)
    };
    let initializer = vec![
        tensor("stem.w", &[4, 3, 3, 3]),
        tensor("gate.w", &[4, 4, 1, 1]),
        tensor("wide.w", &[4, 4, 3, 3]),
        tensor("left.w", &[5, 4, 1, 1]),
        tensor("right.w", &[5, 4, 1, 1]),
        tensor("scale", &[4, 1, 1]),
    ];
    let node = |operator: &str, inputs: &[&str], output: &str| Node::new(operator, inputs, output, vec![]);
    let conv = |input: &str, output: &str, attributes: Vec<Attribute>| {
        Node::new("Conv", &[input, &format!("{output}.w")], output, attributes)
    };
    let picking = || vec![Attribute::ints("strides", strides)];
    let nodes = vec![
        conv("image", "stem", vec![Attribute::ints("pads", [1; 4])]),
        node("Relu", &["stem"], "shortcut"),
        node("GlobalAveragePool", &["shortcut"], "mean"),
        conv("mean", "gate", vec![]),
        node("Sigmoid", &["gate"], "factor"),
        conv("shortcut", "wide", vec![Attribute::ints("pads", pads)]),
        node("Mul", &["wide", "factor"], "gated"),
        node("Mul", &["scale", "gated"], "scaled"),
        node("Add", &["scaled", "shortcut"], "sum"),
        node("Relu", &["sum"], "whole"),
        conv("whole", "left", picking()),
        conv("whole", "right", picking()),
        node("Mul", &["left", "right"], "product"),
        node("Flatten", &["product"], "features"),
    ];
    let size = 5 * strides.iter().map(|&stride| (edge - 1) / stride as usize + 1).product::<usize>();
    let graph = Graph {
        node: nodes,
        initializer,
        input: vec![ValueInfo::float_tensor("image", &net::open(&[3, edge, edge]))],
        output: vec![ValueInfo::float_tensor("features", &net::open(&[size]))],
        ..Graph::default()
    };
    net::model(graph, &net::account("block", net::recipe(edge), size))
}

#[test]
fn maps_of_any_size_keep_the_places_that_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (as_it_is, whole) = (folder.path().join("as-it-is.onnx"), folder.path().join("whole.onnx"));
    for edge in 9..=14 {
        for strides in [[2, 2], [3, 1], [1, 4]] {
            for pads in [[1, 1, 1, 1], [2, 0, 0, 2]] {
                let model = block(edge, strides, pads);
                onnx::write(&model, &as_it_is).unwrap();
                onnx::write(&with_outputs(model, &["whole".to_owned()]), &whole).unwrap();
                let images = Array4::from_shape_fn((2, 3, edge, edge), |(n, c, y, x)| {
                    ((41 * n + 17 * c + 7 * y + 3 * x) % 23) as f32 / 11.0 - 1.0
                });
                let [(got, nodes), (want, nodes_of_whole)] =
                    [&as_it_is, &whole].map(|path| run(&open(path, "features"), &images));
                assert_eq!(nodes, nodes_of_whole + 1, "the shortcut goes through a pool");
                // Sums of 36 products of numbers near 1; their order may be another.
                let furthest = (&got - &want).iter().fold(0.0, |most: f32, by| most.max(by.abs()));
                let largest = want.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
                assert!(
                    largest > 1.0 && furthest <= 1e-5 * largest,
                    "{edge} {strides:?} {pads:?}: {furthest} of {largest}"
                );
            }
        }
    }
}
