//! A backbone so small that what is around it is what is tested or measured.

use std::path::Path;

use headstart::image::Recipe;
use headstart::image::recipe::Channels;
use headstart::onnx::{self, Attribute, Graph, Model, Node, Tensor, ValueInfo};

use super::net::{self, open};

/// Write a backbone that takes images of `edge` by `edge` pixels, averages each colour, and spreads the three averages over
/// `features` numbers. An image that is all black has no number in any of them: it gives NaN.
pub fn backbone(path: &Path, edge: usize, features: usize) {
    backbone_times(path, edge, features, 0.01);
}

/// As [`backbone`], with larger or smaller features: 1009 times `scale` at most for each colour.
pub fn backbone_times(path: &Path, edge: usize, features: usize, scale: f32) {
    onnx::write(&model(edge, features, scale), path).expect("a folder to write into");
}

/// What [`backbone_times`] writes.
pub fn model(edge: usize, features: usize, scale: f32) -> Model {
    // Each column another mixture, and none of them zero.
    let weights: Vec<f32> = (0..3 * features).map(|i| (i * 7919 % 1009 + 1) as f32 * scale).collect();
    let graph = Graph {
        name: Some("tiny".into()),
        node: vec![
            Node::new("GlobalAveragePool", &["images"], "pooled", vec![]),
            Node::new("Flatten", &["pooled"], "averages", vec![Attribute::int("axis", 1)]),
            Node::new("Sub", &["averages", "averages"], "zeros", vec![]),
            Node::new("Div", &["zeros", "averages"], "zeros_or_nan", vec![]),
            Node::new("Add", &["averages", "zeros_or_nan"], "colours", vec![]),
            Node::new("MatMul", &["colours", "weights"], "features", vec![]),
        ],
        initializer: vec![Tensor::from_f32("weights", &[3, features], &weights)],
        input: vec![ValueInfo::float_tensor("images", &open(&[3, edge, edge]))],
        output: vec![ValueInfo::float_tensor("features", &open(&[features]))],
        ..Graph::default()
    };
    let recipe = Recipe {
        divisor: 255.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        channels: Channels::Rgb,
        ..net::recipe(edge)
    };
    net::model(graph, &net::account("tiny", recipe, features))
}
