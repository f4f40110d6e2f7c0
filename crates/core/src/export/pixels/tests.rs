use std::path::PathBuf;

use ndarray::Array4;

use super::*;
use crate::export::net::Net;
use headstart_backbone::{Libraries, runtime::Runtime};
use headstart_image::recipe::Filter;
use headstart_image::{Heif, Original, Preprocessor, original};
use headstart_onnx::{self as onnx, Dim, Model, Node, OperatorSetId, ValueInfo};

/// What the nodes alone make of an image, in ONNX Runtime.
fn by_graph(recipe: &Recipe, image: &Original, opset: i64) -> crate::export::Result<Vec<f32>> {
    let mut graph = Graph {
        name: Some("pixels".into()),
        node: vec![Node::new("Flatten", &["x"], "flat", vec![])],
        output: vec![ValueInfo::float_tensor("flat", &[Dim::Static(1), Dim::Static(recipe.len() as i64)])],
        ..Graph::default()
    };
    let input = prepend(&mut graph, "x", recipe);
    let shape = [Dim::Static(1), Dim::Named("h".into()), Dim::Named("w".into()), Dim::Static(3)];
    graph.input.push(ValueInfo::tensor_of(DataType::Uint8, &input, &shape));
    let model = Model {
        ir_version: Some(7),
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(opset) }],
        graph: Some(graph),
        ..Model::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pixels.onnx");
    onnx::write(&model, &path).unwrap();
    let runtime = Runtime::load(&Libraries::named(onnxruntime())).expect("a library");
    let mut net = Net::load(&runtime, &path, recipe.len(), None)?;
    let pixels = Array4::from_shape_vec((1, image.height, image.width, 3), image.rgb.clone()).unwrap();
    Ok(net.run(pixels.view().into_dyn())?.into_raw_vec_and_offset().0)
}

/// What `just setup` fetches; a crate's tests run in its own folder.
fn onnxruntime() -> PathBuf {
    let files = std::fs::read_dir("../../models/runtime").expect("`just setup` fetches ONNX Runtime");
    let is_library = |path: &PathBuf| path.to_string_lossy().contains("onnxruntime");
    files.map(|entry| entry.unwrap().path()).find(is_library).expect("a library")
}

/// The largest difference to what the program makes of it, in steps of a byte, and the share of numbers that differ.
fn beside_the_program(recipe: &Recipe, photo: &str, opset: i64) -> (f32, f32) {
    let bytes = std::fs::read(format!("../../data/photos/{photo}.jpg")).unwrap();
    let image = original(&bytes, recipe.exif, recipe.alpha, &Heif::default()).unwrap();
    let mut want = vec![0.0; recipe.len()];
    Preprocessor::new(recipe.clone()).unwrap().run(&bytes, &mut want).unwrap();
    let got = by_graph(recipe, &image, opset).unwrap();
    let step = 1.0 / (recipe.divisor * recipe.std.iter().copied().fold(f64::MIN, f64::max)) as f32;
    let apart: Vec<f32> = want.iter().zip(&got).map(|(want, got)| (want - got).abs() / step).collect();
    let differ = apart.iter().filter(|&&apart| apart > 0.1).count() as f32 / apart.len() as f32;
    // `f32::max` would pass over a NaN.
    assert!(apart.iter().all(|apart| apart.is_finite()));
    (apart.into_iter().fold(0.0, f32::max), differ)
}

#[test]
fn every_preset_is_followed_to_the_byte() {
    for preset in Recipe::presets() {
        let recipe = preset.recipe();
        let (most, _) = beside_the_program(&recipe, "coffee", 17);
        // Normalising in f32 leaves the last bits; TensorFlow's filters are in f32 as well, and in f64 here.
        let by_tensorflow = matches!(recipe.filter, Filter::BilinearTf1 | Filter::BilinearTf2);
        assert!(most < if by_tensorflow { 1.001 } else { 1e-3 }, "{preset:?}: {most}");
    }
}

#[test]
fn the_other_order_of_passes_shows_in_one_step() {
    let (most, differ) = beside_the_program(&Recipe::preset("keras-resnet50").unwrap(), "astronaut", 17);
    assert!(most < 1.001 && differ > 0.0, "{most}, {differ}");
}

#[test]
fn every_filter_up_and_down_across_and_with_crops() {
    let plain = Recipe {
        divisor: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        layout: Layout::Nchw,
        channels: Channels::Rgb,
        ..Recipe::preset("keras-resnet50").unwrap()
    };
    let crop = |width, height, rounding| Some(Crop { width, height, rounding });
    let short = |edge, rounding| Resize::ShortEdge { edge, rounding };
    let sizes = [
        (Resize::Stretch { width: 96, height: 71 }, None),
        (Resize::Stretch { width: 611, height: 401 }, None),
        (short(83, Rounding::Down), crop(71, 64, Rounding::HalfEven)),
        (short(150, Rounding::HalfEven), crop(140, 99, Rounding::Down)),
        (Resize::None, crop(99, 200, Rounding::HalfEven)),
    ];
    let filters = [
        Filter::Nearest,
        Filter::Box,
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Lanczos,
        Filter::NearestCorners,
        Filter::BilinearTf1,
        Filter::BilinearTf2,
    ];
    for filter in filters {
        for (resize, crop) in sizes {
            let recipe = Recipe { resize, crop, filter, ..plain.clone() };
            // Opset 11 is the oldest that is promised.
            let (most, differ) = beside_the_program(&recipe, "photographer", 11);
            if matches!(filter, Filter::BilinearTf1 | Filter::BilinearTf2) {
                // Weights of f32 there, of f64 here. Seen: 0.002 of the numbers at most.
                assert!(most <= 1.0 && differ < 0.005, "{filter} {resize:?}: {most}, {differ}");
            } else {
                assert_eq!(most, 0.0, "{filter} {resize:?}: {differ}");
            }
        }
    }
}

#[test]
fn an_image_that_is_smaller_than_the_crop_is_an_error() {
    let recipe = Recipe {
        resize: Resize::None,
        crop: Some(Crop { width: 30, height: 20, rounding: Rounding::Down }),
        ..Recipe::preset("torchvision-v1").unwrap()
    };
    let image = |width: usize, height: usize| Original { rgb: vec![7; width * height * 3], width, height };
    by_graph(&recipe, &image(30, 20), 17).unwrap();
    for (width, height) in [(29, 20), (30, 19), (29, 40)] {
        let error = by_graph(&recipe, &image(width, height), 17).unwrap_err();
        assert!(matches!(error, crate::export::Error::Inference { .. }), "{error}");
    }
}
