use super::*;
use headstart_onnx::{Attribute, Dim, Graph, Node, Tensor, ValueInfo};

fn dims(dims: &[i64]) -> Vec<Dim> {
    let dim = |&n: &i64| if n > 0 { Dim::Static(n) } else { Dim::Named("n".into()) };
    dims.iter().map(dim).collect()
}

/// An average over the image, as a foreign exporter would write it; negative dimensions are open.
fn pooled() -> Model {
    let graph = Graph {
        node: vec![Node::new("GlobalAveragePool", &["x"], "pooled", vec![])],
        input: vec![ValueInfo::float_tensor("x", &dims(&[-1, 3, 224, 224]))],
        output: vec![ValueInfo::float_tensor("pooled", &dims(&[-1, 3, 1, 1]))],
        ..Graph::default()
    };
    Model { ir_version: Some(8), graph: Some(graph), ..Model::default() }
}

fn edit(change: impl FnOnce(&mut Graph)) -> Model {
    let mut model = pooled();
    change(model.graph.as_mut().unwrap());
    model
}

fn told() -> OpenOptions {
    OpenOptions { recipe: Some(Recipe::preset("keras-resnet50").unwrap()), ..OpenOptions::default() }
}

fn open(model: &Model, options: &OpenOptions) -> Result<Backbone> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.onnx");
    onnx::write(model, &path).unwrap();
    Backbone::open_with(&path, options)
}

#[test]
fn a_foreign_file_works_when_the_recipe_is_told() {
    let backbone = open(&pooled(), &told()).unwrap();
    assert_eq!((backbone.name(), backbone.feature_tensor()), ("foreign", "pooled"));
    assert_eq!((backbone.feature_size(), backbone.input_name()), (3, "x"));
    // The preset has channels last, the graph takes them first.
    assert_eq!(backbone.layout(), Layout::Nchw);
    assert!(matches!(open(&pooled(), &OpenOptions::default()), Err(Error::NoRecipe { .. })));
    let fixed = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[1, 3, 224, 224]))]);
    assert_eq!(open(&fixed, &told()).unwrap().batch_size(), Some(1));
}

#[test]
fn a_classifier_is_refused() {
    let classifier = edit(|graph| {
        graph.node.extend([
            Node::new("Flatten", &["pooled"], "flat", vec![Attribute::int("axis", 1)]),
            Node::new("Gemm", &["flat", "kernel", "bias"], "scores", vec![]),
        ]);
        graph.initializer =
            vec![Tensor::from_f32("kernel", &[3, 2], &[0.0; 6]), Tensor::from_f32("bias", &[2], &[0.0; 2])];
        graph.output = vec![ValueInfo::float_tensor("scores", &dims(&[-1, 2]))];
    });
    assert!(
        matches!(open(&classifier, &told()), Err(Error::Classifier { output, .. }) if output == "scores")
    );
    // Whoever names the tensor means it.
    let named = OpenOptions { feature_tensor: Some("scores".into()), ..told() };
    assert_eq!(open(&classifier, &named).unwrap().feature_size(), 2);
}

#[test]
fn outputs_that_cannot_be_features_are_refused() {
    let map = edit(|graph| graph.output = vec![ValueInfo::float_tensor("pooled", &dims(&[-1, 3, 7, 7]))]);
    assert!(matches!(open(&map, &told()), Err(Error::FeatureShape { .. })));
    let open_size = edit(|graph| graph.output = vec![ValueInfo::float_tensor("pooled", &dims(&[-1, -1]))]);
    assert!(matches!(open(&open_size, &told()), Err(Error::FeatureShape { .. })));
    let two = edit(|graph| graph.output.push(ValueInfo::float_tensor("x", &dims(&[-1, 3, 224, 224]))));
    assert!(matches!(open(&two, &told()), Err(Error::NoFeatures { outputs, .. }) if outputs.len() == 2));
    let named = OpenOptions { feature_tensor: Some("avg_pool".into()), ..told() };
    assert!(matches!(open(&pooled(), &named), Err(Error::NoSuchOutput { .. })));
    let mut lying = pooled();
    let metadata =
        Metadata { feature_tensor: Some("pooled".into()), feature_size: Some(2048), ..Metadata::default() };
    metadata.write_into(&mut lying);
    assert!(matches!(open(&lying, &told()), Err(Error::FeatureCount { said: 2048, .. })));
}

#[test]
fn inputs_that_no_recipe_makes_are_refused() {
    let small = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[-1, 3, 64, 64]))]);
    let photos =
        OpenOptions { recipe: Some(Recipe::preset("torchvision-v1").unwrap()), ..OpenOptions::default() };
    let refused = open(&small, &photos);
    assert!(matches!(refused, Err(Error::Size { takes: [Some(64), Some(64)], made: (224, 224), .. })));
    // Keras prescribes no size.
    assert_eq!(open(&small, &told()).unwrap().recipe().size(), (64, 64));
    let sequence = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[-1, 128]))]);
    assert!(matches!(open(&sequence, &told()), Err(Error::Input { .. })));
    let none = edit(|graph| graph.input.clear());
    assert!(matches!(open(&none, &told()), Err(Error::Onnx(onnx::Error::Broken { .. }))));
    let two = edit(|graph| graph.input.push(ValueInfo::float_tensor("y", &dims(&[-1, 3]))));
    assert!(matches!(open(&two, &told()), Err(Error::Inputs { inputs, .. }) if inputs == ["x", "y"]));
    let half = edit(|graph| {
        graph.input = vec![ValueInfo::tensor_of(onnx::DataType::Float16, "x", &dims(&[-1, 3, 224, 224]))];
    });
    assert!(matches!(open(&half, &told()), Err(Error::InputType { found, .. }) if found == "float16"));
    let any = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[-1, 3, -1, -1]))]);
    assert!(open(&any, &told()).is_ok());
}

/// Weights are not read into memory for it, but every bit of them counts.
#[test]
fn weights_count_although_they_are_stepped_over() {
    let weights = Tensor::from_f32("w", &[300, 10], &[0.5; 3000]);
    let model = edit(|graph| graph.initializer = vec![weights]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.onnx");
    onnx::write(&model, &path).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let backbone = Backbone::open_with(&path, &told()).unwrap();
    assert_eq!((backbone.digest(), backbone.parameters()), (blake3::hash(&bytes), 3000));
    assert!(skim(&path).is_some_and(|(model, ..)| model.graph.unwrap().initializer[0].raw_data.is_none()));
    assert!(backbone.is_unchanged());

    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(!backbone.is_unchanged());
    assert_eq!(Backbone::open_with(&path, &told()).unwrap().digest(), blake3::hash(&bytes));
    fs::write(&path, &bytes[..middle]).unwrap();
    let cut = Backbone::open_with(&path, &told()).unwrap_err();
    assert!(matches!(cut, Error::Onnx(onnx::Error::Truncated { .. })), "{cut:?}");
}
