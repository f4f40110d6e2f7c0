//! A backbone so small that what is around it is what is tested or measured.

use std::path::Path;

use headstart::backbone::Metadata;
use headstart::onnx::{self, Attribute, Dim, Graph, Model, Node, OperatorSetId, Tensor, ValueInfo};
use headstart::preprocess::Recipe;
use headstart::preprocess::recipe::{Channels, Layout, Resize};

/// Write a backbone that takes images of `edge` by `edge` pixels, averages each colour, and spreads the three averages over
/// `features` numbers. An image that is all black has no number in any of them: it gives NaN.
pub fn backbone(path: &Path, edge: u32, features: usize) {
    backbone_times(path, edge, features, 0.01);
}

/// As [`backbone`], with larger or smaller features: 1009 times `scale` at most for each colour.
pub fn backbone_times(path: &Path, edge: u32, features: usize, scale: f32) {
    onnx::write(&model(edge, features, scale), path).expect("a folder to write into");
}

/// What [`backbone_times`] writes.
pub fn model(edge: u32, features: usize, scale: f32) -> Model {
    let open = |dims: &[usize]| {
        let known = dims.iter().map(|&dim| Dim::Static(dim as i64));
        std::iter::once(Dim::Named("n".into())).chain(known).collect::<Vec<_>>()
    };
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
        input: vec![ValueInfo::float_tensor("images", &open(&[3, edge as usize, edge as usize]))],
        output: vec![ValueInfo::float_tensor("features", &open(&[features]))],
        ..Graph::default()
    };
    let mut model = Model {
        ir_version: Some(8),
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(17) }],
        graph: Some(graph),
        ..Model::default()
    };
    let recipe = Recipe {
        resize: Resize::Stretch { width: edge, height: edge },
        crop: None,
        divisor: 255.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        channels: Channels::Rgb,
        layout: Layout::Nchw,
        ..Recipe::preset("keras-resnet50").expect("a preset")
    };
    let account = Metadata {
        name: Some("tiny".into()),
        recipe: Some(recipe),
        feature_tensor: Some("features".into()),
        feature_size: Some(features),
        ..Metadata::default()
    };
    account.write_into(&mut model);
    model
}
