use std::path::Path;

use ndarray::array;
use safetensors::{Dtype, tensor::TensorView};
use serde_json::Value;

use super::*;

fn options(inputs: usize, classes: usize) -> ImportOptions {
    ImportOptions { inputs, classes, activation: Activation::Relu, layout: None, layers: vec![] }
}

fn matrix(rows: &Value) -> Array2<f32> {
    let rows: Vec<Vec<f32>> = serde_json::from_value(rows.clone()).unwrap();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

/// The largest difference of a probability from what the makers of these files said, and how many files there are.
fn held_against(golden: &str) -> (f32, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/import_head");
    let file: Value = serde_json::from_slice(&std::fs::read(folder.join(golden)).unwrap()).unwrap();
    let features = matrix(&file["features"]);
    let mut most = 0.0_f32;
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let want = matrix(&case["probabilities"]);
        let activation = case["activation"].as_str().unwrap().parse().unwrap();
        let options = ImportOptions { activation, ..options(features.ncols(), want.ncols()) };
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let imported = import_head(&bytes, &options).unwrap();
        let got = imported.head.probabilities(features.view());
        assert_eq!(got.dim(), (16, want.ncols()));
        most = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(most, f32::max);
    }
    (most, cases.len())
}

#[test]
fn heads_of_keras_and_pytorch_say_what_they_said_there() {
    for (golden, files) in [("keras.json", 4), ("pytorch.json", 3)] {
        let (most, found) = held_against(golden);
        assert_eq!(found, files, "{golden} was cut short");
        // Sums of 12 products in another order: a few units in the last place of numbers up to 1.
        assert!(most < 1e-6, "{golden}: {most}");
    }
}

/// A file of these tensors, numbered through so that no two numbers are equal.
fn file(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| {
            (1..=shape.iter().product()).flat_map(|n: usize| (n as f32).to_le_bytes()).collect()
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(&(name, shape), bytes)| (name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn names_tell_the_layout_then_shapes_then_the_user() {
    let kernel = |name: &str, layout| {
        let bytes = file(&[(&format!("{name}/{name}"), &[2, 2]), (&format!("{name}/bias"), &[2])]);
        let imported = import_head(&bytes, &ImportOptions { layout, ..options(2, 2) });
        imported.map(|imported| imported.head.layers()[0].kernel.clone())
    };
    let (keras, torch) = (array![[1.0, 2.0], [3.0, 4.0]], array![[1.0, 3.0], [2.0, 4.0]]);
    assert_eq!(kernel("kernel", None).unwrap(), keras);
    assert_eq!(kernel("weight", None).unwrap(), torch);
    assert_eq!(kernel("weight", Some(Layout::Keras)).unwrap(), keras);
    assert_eq!(kernel("w", Some(Layout::PyTorch)).unwrap(), torch);
    let error = kernel("w", None).unwrap_err();
    assert!(matches!(error, ImportError::LayoutUnknown { .. }), "{error}");

    let by_shape = |shape: &[usize]| import_head(&file(&[("w", shape), ("b", &[3])]), &options(2, 3));
    assert_eq!(by_shape(&[2, 3]).unwrap().layers, [(String::new(), Layout::Keras)]);
    assert_eq!(by_shape(&[3, 2]).unwrap().layers, [(String::new(), Layout::PyTorch)]);
    // A name that the shape denies is not believed silently.
    let denied = import_head(&file(&[("a.kernel", &[3, 2]), ("a.bias", &[3])]), &options(2, 3)).unwrap_err();
    assert_eq!(
        denied.to_string(),
        "the bias of `a` has 3 numbers, but its kernel of shape (3, 2), read as (inputs, units), has 2 units"
    );
}

#[test]
fn layers_follow_their_sizes_then_their_names_then_the_user() {
    let square = [("b/kernel", &[3_usize, 3][..]), ("a_10/kernel", &[3, 3]), ("a_9/kernel", &[3, 3])];
    let order = |tensors: &[(&str, &[usize])], layers: &[&str], inputs, classes| {
        let layers = layers.iter().map(|&name| name.to_owned()).collect();
        let imported = import_head(&file(tensors), &ImportOptions { layers, ..options(inputs, classes) })?;
        Ok::<_, ImportError>(imported.layers.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(order(&square, &[], 3, 3).unwrap(), "a_9 a_10 b");
    assert_eq!(order(&square, &["b", "a_9"], 3, 3).unwrap(), "b a_9");
    let sizes = [("a/kernel", &[4_usize, 2][..]), ("b/kernel", &[3, 5]), ("c/kernel", &[5, 4])];
    assert_eq!(order(&sizes, &[], 3, 2).unwrap(), "b c a");
    let nested = [("m/x/kernel", &[3_usize, 2][..]), ("m/y/kernel", &[3, 2]), ("n/y/kernel", &[3, 2])];
    assert_eq!(order(&nested, &["x"], 3, 2).unwrap(), "m/x");
    assert!(matches!(order(&nested, &["y"], 3, 2), Err(ImportError::NoLayer { .. })), "two are called so");
    let error = order(&sizes, &["a", "b", "c"], 3, 2).unwrap_err().to_string();
    assert!(error.contains("from 3 features to 2 classes: `a: 4 to 2`, `b: 3 to 5`"), "{error}");
    let open = [
        ("a/kernel", &[4_usize, 4][..]),
        ("b/kernel", &[4, 4]),
        ("c/kernel", &[3, 4]),
        ("d/kernel", &[4, 2]),
    ];
    assert!(matches!(order(&open, &[], 3, 2), Err(ImportError::OrderUnknown { .. })));
    assert_eq!(order(&open, &["c", "b", "a", "d"], 3, 2).unwrap(), "c b a d");
}

#[test]
fn a_single_unit_is_the_second_of_two_classes() {
    let bytes = file(&[("fc.weight", &[1, 2]), ("fc.bias", &[1])]);
    let imported = import_head(&bytes, &options(2, 2)).unwrap();
    assert!(imported.single_unit);
    let said = imported.head.probabilities(array![[0.5, -0.25]].view());
    let sigmoid = 1.0 / (1.0 + (-(0.5 - 0.5 + 1.0_f32)).exp());
    assert!((said[(0, 1)] - sigmoid).abs() < 1e-7, "{said}");
    assert!(matches!(import_head(&bytes, &options(2, 3)), Err(ImportError::NoChain { .. })));
}

#[test]
fn what_is_no_head_is_told() {
    let refused = |bytes: &[u8]| import_head(bytes, &options(2, 2)).unwrap_err().to_string();
    assert_eq!(refused(b"PK\x03\x04"), "it is not a complete safetensors file");
    assert_eq!(refused(&file(&[])), "it holds no tensors");
    let network = file(&[("conv.weight", &[2, 2, 1, 1]), ("fc.weight", &[2, 2]), ("fc.bias", &[2])]);
    assert!(
        refused(&network)
            .starts_with("`conv` is not a dense layer: expected a matrix and at most one vector, found")
    );
    let fc = ImportOptions { layers: vec!["fc".into()], ..options(2, 2) };
    assert_eq!(import_head(&network, &fc).unwrap().layers, [("fc".into(), Layout::PyTorch)]);
    let other = ImportOptions { layers: vec!["head".into()], ..options(2, 2) };
    let error = import_head(&network, &other).unwrap_err().to_string();
    assert_eq!(error, "it has no layer `head`; there are `conv`, `fc`");
    let normalised = file(&[("fc.weight", &[2, 2]), ("bn.weight", &[2]), ("bn.bias", &[2])]);
    assert!(refused(&normalised).starts_with("`bn` is not a dense layer"));

    let with = |dtype, bytes: &[u8]| {
        let view = TensorView::new(dtype, vec![2, 2], bytes).unwrap();
        safetensors::serialize([("kernel", view)], None).unwrap()
    };
    assert_eq!(
        refused(&with(Dtype::I32, &[0; 16])),
        "tensor `kernel`: holds I32, expected F32, F64, F16 or BF16"
    );
    assert!(refused(&with(Dtype::F32, &[255; 16])).contains("not finite"));
    let beyond = f64::MAX.to_le_bytes().repeat(4);
    assert!(refused(&with(Dtype::F64, &beyond)).contains("not finite in 32 bits"));
    let half = half::f16::from_f32(0.5).to_le_bytes().repeat(4);
    let imported = import_head(&with(Dtype::F16, &half), &options(2, 2)).unwrap();
    assert_eq!(imported.head.layers()[0].kernel, array![[0.5, 0.5], [0.5, 0.5]]);
}
