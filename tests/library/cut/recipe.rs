//! The recipe of a network that does not say it: guessed where its looks are certain, and asked for where they are not.

use headstart::onnx::{Dim, Tensor, ValueInfo};

use super::*;

/// Hugging Face's ResNet for images of 224 pixels and so many classes.
fn of_classes(model: &mut Model, classes: usize) {
    let graph = model.graph.as_mut().unwrap();
    let dims = [Dim::Named("n".into()), Dim::Static(3), Dim::Static(224), Dim::Static(224)];
    graph.input = vec![ValueInfo::float_tensor("pixel_values", &dims)];
    graph.output =
        vec![ValueInfo::float_tensor("logits", &[Dim::Named("n".into()), Dim::Static(classes as i64)])];
    // The fixture has two stages of the four.
    for node in &mut graph.node {
        node.name = Some(node.name().replace("stages.1", "stages.3"));
    }
    let gemm = graph.node.iter().find(|node| node.op_type() == "Gemm").unwrap();
    let [weight, bias] = [gemm.input[1].clone(), gemm.input[2].clone()];
    let features = graph.initializer.iter().find(|tensor| tensor.name() == weight).unwrap().dims[1] as usize;
    graph.initializer.retain(|tensor| ![&weight, &bias].contains(&&tensor.name().to_owned()));
    let some = |count: usize| (0..count).map(|index| (index as f32 * 0.7).sin()).collect::<Vec<f32>>();
    graph.initializer.extend([
        Tensor::from_f32(&weight, &[classes, features], &some(classes * features)),
        Tensor::from_f32(&bias, &[classes], &some(classes)),
    ]);
}

#[test]
fn what_cannot_be_mistaken_is_used_and_said() {
    let (folder, cut) = cut_changed("hf_logits", &CutOptions::default(), |model| of_classes(model, 1000));
    let cut = cut.unwrap();
    let guess = cut.guess.as_ref().expect("a guess");
    assert!(guess.preset == "hf-resnet50" && guess.is_certain(), "{guess}");
    assert!(cut.to_string().contains("guessed   `hf-resnet50`: input and layers"), "{cut}");
    // The file says it now itself.
    let backbone = Backbone::open(&folder.path().join("features.onnx")).unwrap();
    assert_eq!(*backbone.recipe(), Recipe::preset("hf-resnet50").unwrap());
    assert!(backbone.guess().is_none());
    let json = serde_json::to_value(&cut).unwrap();
    assert_eq!(json["guess"]["preset"], "hf-resnet50");
}

/// Without its classifier the network would look like the published one: what was doubted must be remembered.
#[test]
fn what_is_doubted_is_not_used_then_or_later() {
    let (folder, cut) = cut_changed("hf_logits", &CutOptions::default(), |model| of_classes(model, 7));
    let cut = cut.unwrap();
    assert_eq!(cut.recipe, None);
    let guess = cut.guess.as_ref().expect("a guess");
    assert!(guess.preset == "hf-resnet50" && guess.doubts[0].contains("7 classes"), "{guess}");
    assert!(cut.to_string().contains("unknown, so not in the file; perhaps `hf-resnet50`"), "{cut}");
    let features = folder.path().join("features.onnx");
    let refused = Backbone::open(&features).unwrap_err();
    let headstart::backbone::Error::NoRecipe { guess: Some(later), .. } = &refused else {
        panic!("{refused:?}")
    };
    assert!(later.preset == guess.preset && later.doubts == guess.doubts, "{later}");

    // Told, the doubt is settled.
    let told = CutOptions { recipe: Recipe::preset("torchvision-v2").ok(), ..CutOptions::default() };
    let (folder, cut) = cut_changed("hf_logits", &told, |model| of_classes(model, 7));
    assert!(cut.unwrap().guess.is_none());
    let backbone = Backbone::open(&folder.path().join("features.onnx")).unwrap();
    assert_eq!(*backbone.recipe(), Recipe::preset("torchvision-v2").unwrap());
}

#[test]
fn the_program_says_how_to_tell_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("features.onnx");
    let network = models().join("timm_script.onnx");
    let (status, text, said) = program(&[network.to_str().unwrap(), "-o", output.to_str().unwrap()]);
    assert_eq!(status, 0, "{said}");
    assert!(text.contains("perhaps `timm-a1`"), "{text}");
    let suggestions =
        ["`timm-a1`", "`timm-tv`", "headstart backbone recipes timm-a1 >", "width = 64, height = 64"];
    assert!(suggestions.iter().all(|words| said.contains(words)), "{said}");
}
