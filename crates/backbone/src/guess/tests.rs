use std::path::Path;

use super::*;
use crate::Metadata;
use headstart_image::recipe::Layout;
use headstart_onnx::{self as onnx, Attribute, Dim, Graph, Node, Tensor, ValueInfo};

/// A graph as a toolkit wrote it, without its weights; made by `tests/golden/guess/make_guess.py`.
fn golden(name: &str) -> Model {
    let path = format!("{}/tests/golden/guess/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
    onnx::read(Path::new(&path)).unwrap_or_else(|error| panic!("{error}"))
}

fn of(name: &str) -> Guess {
    recipe(&golden(name), b"").unwrap_or_else(|| panic!("nothing is known of {name}"))
}

#[test]
fn what_cannot_be_mistaken_is_certain() {
    for (name, preset, layout) in [
        ("keras", "keras-resnet50", Layout::Nhwc),
        ("keras_v2", "keras-tf", Layout::Nhwc),
        ("hugging_face", "hf-resnet50", Layout::Nchw),
        ("hugging_face_dynamo", "hf-resnet50", Layout::Nchw),
        ("hugging_face_features", "hf-resnet50", Layout::Nchw),
    ] {
        let guess = of(name);
        assert_eq!((guess.preset, guess.recipe.layout), (preset, layout), "{name}: {guess}");
        assert!(guess.is_certain() && guess.alternatives.is_empty(), "{name}: {guess}");
    }
}

#[test]
fn what_has_several_sets_of_weights_is_not() {
    for (name, preset, alternative) in [
        ("torchvision", "torchvision-v1", "torchvision-v2"),
        ("torchvision_dynamo", "torchvision-v1", "torchvision-v2"),
        ("timm", "timm-a1", "timm-tv"),
        ("timm_dynamo", "timm-a1", "timm-tv"),
        ("plain_pytorch", "torchvision-v1", "timm-a1"),
    ] {
        let guess = of(name);
        assert_eq!(guess.preset, preset, "{name}: {guess}");
        assert!(!guess.is_certain() && guess.alternatives.contains(&alternative), "{name}: {guess}");
    }
}

/// Each of these looks like a network that is known, but for one thing.
#[test]
fn what_was_changed_raises_a_doubt() {
    for (name, doubt) in
        [("keras_without_top", "it has no classifier"), ("timm_ten_classes", "it has 10 classes")]
    {
        let guess = of(name);
        assert!(guess.doubts.iter().any(|found| found.contains(doubt)), "{name}: {guess}");
    }
    let inside = of("keras_scales_itself");
    assert!(
        inside.preset == "raw" && inside.reasons[0].contains("`Mul`") && !inside.is_certain(),
        "{inside}"
    );
    let mut other_size = golden("hugging_face");
    other_size.graph.as_mut().unwrap().input[0] =
        ValueInfo::float_tensor("pixel_values", &[1, 3, 384, 384].map(Dim::Static));
    let guess = recipe(&other_size, b"").unwrap();
    assert!(guess.doubts[0].contains("384x384") && !guess.is_certain(), "{guess}");
}

#[test]
fn what_keras_stretches_is_stretched_to_the_size_of_the_graph() {
    let guess = of("keras_without_top");
    assert_eq!(guess.recipe.size(), (160, 160));
    assert!(guess.reasons.iter().any(|reason| reason.contains("160x160")), "{guess}");
}

/// Its blocks are called as those of ResNet, and it wants ImageNet's mean and standard deviation.
#[test]
fn a_densenet_is_no_resnet() {
    assert_eq!(recipe(&golden("keras_densenet"), b""), None);
}

/// The zoo's names: MXNet's, with the numbers that its layers had in that session.
fn zoo(input: &str, node: &str) -> Model {
    let graph = Graph {
        node: vec![
            Node::new("BatchNormalization", &[input, "s", "s", "s", "s"], "scaled", vec![]),
            Node::new("Conv", &["scaled", "w"], "map", vec![]),
            Node::new("GlobalAveragePool", &["map"], node, vec![]),
            Node::new("Flatten", &[node], "flat", vec![Attribute::int("axis", 1)]),
            Node::new("Gemm", &["flat", "kernel", "bias"], "scores", vec![]),
        ],
        initializer: vec![Tensor::from_f32("bias", &[1000], &[0.0; 1000])],
        input: vec![ValueInfo::float_tensor(input, &[1, 3, 224, 224].map(Dim::Static))],
        output: vec![ValueInfo::float_tensor("scores", &[Dim::Static(1), Dim::Static(1000)])],
        ..Graph::default()
    };
    Model { ir_version: Some(3), graph: Some(graph), ..Model::default() }
}

#[test]
fn files_of_the_zoo_are_known_by_name() {
    for node in ["resnetv15_pool1_fwd", "resnetv17_pool1_fwd", "resnetv24_pool1_fwd"] {
        let guess = recipe(&zoo("data", node), b"").unwrap();
        // That it normalises itself is part of the network there, not of somebody's preprocessing.
        assert_eq!((guess.preset, guess.is_certain()), ("onnx-zoo", true), "{guess}");
    }
    assert_eq!(recipe(&zoo("data", "pool1"), b""), None);
    assert_eq!(recipe(&zoo("x", "resnetv17_pool1_fwd"), b""), None);
}

/// Such a file looks like the network without a classifier, which is certain.
#[test]
fn what_was_doubted_before_a_cut_is_doubted_after_it() {
    let mut cut = golden("hugging_face_features");
    assert!(recipe(&cut, b"").unwrap().is_certain());
    let doubts = vec!["it has 7 classes".to_owned()];
    Metadata { recipe_doubts: doubts.clone(), ..Metadata::default() }.write_into(&mut cut);
    assert_eq!(recipe(&cut, b"").unwrap().doubts, doubts);
}

#[test]
fn what_takes_no_image_is_not_guessed_at() {
    let mut model = golden("torchvision");
    model.graph.as_mut().unwrap().input[0] =
        ValueInfo::float_tensor("input", &[Dim::Static(1), Dim::Static(128)]);
    assert_eq!(recipe(&model, b""), None);
    model.graph.as_mut().unwrap().input.clear();
    assert_eq!(recipe(&model, b""), None);
    assert_eq!(recipe(&Model::default(), b""), None);
}

#[test]
fn reads_as_a_sentence() {
    assert_eq!(
        of("torchvision").to_string(),
        "`torchvision-v1`: its layers are called as in torchvision's ResNet; but torchvision has two sets of weights for \
         it and the file does not say which; it could also be `torchvision-v2`"
    );
}
