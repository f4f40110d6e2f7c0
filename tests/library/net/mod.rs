//! What networks written by hand have in common.

use headstart::backbone::Metadata;
use headstart::image::Recipe;
use headstart::image::recipe::{Layout, Resize};
use headstart::onnx::{Dim, Graph, Model, OperatorSetId};

/// `(n, dims…)`, for any number of images.
pub fn open(dims: &[usize]) -> Vec<Dim> {
    let known = dims.iter().map(|&dim| Dim::Static(dim as i64));
    std::iter::once(Dim::Named("n".into())).chain(known).collect()
}

/// That of Keras' ResNet50, for images of `edge` by `edge` pixels with the channels first.
pub fn recipe(edge: usize) -> Recipe {
    let edge = edge as u32;
    Recipe {
        resize: Resize::Stretch { width: edge, height: edge },
        layout: Layout::Nchw,
        ..Recipe::preset("keras-resnet50").expect("a preset")
    }
}

/// Of a network whose output `features` has so many numbers for each image.
pub fn account(name: &str, recipe: Recipe, features: usize) -> Metadata {
    Metadata {
        name: Some(name.into()),
        recipe: Some(recipe),
        feature_tensor: Some("features".into()),
        feature_size: Some(features),
        ..Metadata::default()
    }
}

pub fn model(graph: Graph, account: &Metadata) -> Model {
    let mut model = Model {
        ir_version: Some(8),
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(17) }],
        graph: Some(graph),
        ..Model::default()
    };
    account.write_into(&mut model);
    model
}
