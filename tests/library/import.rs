//! Converted networks compute what Keras computes: every layer, in both layouts, through ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use headstart::backbone::Backbone;
use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::convert::import::{self, Error, ImportOptions, Imported};
use headstart::convert::inspect;
use headstart::image::Recipe;
use headstart::image::recipe::{Layout, Resize};
use headstart::onnx::{self, Model};
use ort::session::Session;
use ort::value::Tensor;
use serde::Deserialize;

/// Made by golden/make_import.py.
#[derive(Deserialize)]
struct Golden {
    input: Array,
    output: Array,
    features: Option<Array>,
}

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Array {
    /// `(n, h, w, c)` to `(n, c, h, w)`.
    fn channels_first(&self) -> Self {
        let [n, h, w, c] = self.shape[..] else { panic!("not an image: {:?}", self.shape) };
        let pixels = h * w;
        let at =
            |image: usize, channel: usize, pixel: usize| self.data[(image * pixels + pixel) * c + channel];
        let data = (0..n).flat_map(|image| {
            (0..c).flat_map(move |channel| (0..pixels).map(move |pixel| at(image, channel, pixel)))
        });
        Self { shape: vec![n, c, h, w], data: data.collect() }
    }
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/import_models")
}

fn golden(case: &Path) -> Golden {
    serde_json::from_slice(&std::fs::read(case.join("golden.json")).unwrap()).unwrap()
}

/// The networks take images of odd sizes, which no preset makes.
fn options(input: &Array) -> ImportOptions {
    let [_, height, width, _] = input.shape[..] else { panic!("not an image: {:?}", input.shape) };
    let resize = Resize::Stretch { width: width as u32, height: height as u32 };
    let recipe = Recipe { resize, ..Recipe::preset("keras-tf").unwrap() };
    ImportOptions { recipe: Some(recipe), ..ImportOptions::default() }
}

/// ONNX Runtime as `just setup` fetches it, or as `ORT_DYLIB_PATH` says; a process has one.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::load(&Libraries::default()).expect("`just setup` fetches ONNX Runtime"))
}

fn run(model: &Model, input: &Array) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    onnx::write(model, &path).unwrap();
    let mut session = Session::builder(runtime().environment()).unwrap().commit_from_file(&path).unwrap();
    let tensor = Tensor::from_array((input.shape.clone(), input.data.clone())).unwrap();
    let outputs = session.run(ort::inputs!["image" => tensor]).unwrap();
    outputs[0].try_extract_tensor::<f32>().unwrap().1.to_vec()
}

/// Both sides sum in 32 bits in another order; layers are few and sums short.
fn assert_close(case: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{case}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{case}: element {index} is {a}, Keras has {b}");
    }
}

#[test]
fn every_layer_follows_keras_in_both_layouts() {
    let mut cases = 0;
    for entry in std::fs::read_dir(models()).unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let golden = golden(&case);
        for layout in [Layout::Nchw, Layout::Nhwc] {
            let input = match layout {
                Layout::Nhwc => Array { shape: golden.input.shape.clone(), data: golden.input.data.clone() },
                Layout::Nchw => golden.input.channels_first(),
            };
            let options = ImportOptions { layout, include_top: true, ..options(&golden.input) };
            let Imported { model, .. } = import::tfjs(&case.join("model.json"), &options).expect(&name);
            assert_close(&name, &run(&model, &input), &golden.output.data);
        }
        cases += 1;
    }
    assert_eq!(cases, 20, "golden folder is not complete");
}

#[test]
fn features_are_found_before_the_classifier() {
    let mut cases = 0;
    for entry in std::fs::read_dir(models()).unwrap() {
        let case = entry.unwrap().path();
        let golden = golden(&case);
        let Some(features) = &golden.features else { continue };
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let imported = import::tfjs(&case.join("model.json"), &options(&golden.input)).expect(&name);
        assert_eq!(imported.metadata.feature_size, Some(features.shape[1]), "{name}: {:?}", imported.notes);
        assert_close(&name, &run(&imported.model, &golden.input.channels_first()), &features.data);
        cases += 1;
    }
    assert_eq!(cases, 5, "golden folder is not complete");
}

#[test]
fn an_imported_file_opens_and_describes_itself() {
    let case = models().join("pooled_classifier");
    let labels = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let options = ImportOptions {
        labels: labels.clone(),
        licence: Some("MIT".into()),
        source: Some("make_import.py".into()),
        name: Some("small".into()),
        ..options(&golden(&case).input)
    };
    let imported = import::tfjs(&case.join("model.json"), &options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.onnx");
    onnx::write(&imported.model, &path).unwrap();

    let backbone = Backbone::open(&path).unwrap();
    assert_eq!(backbone.name(), "small");
    assert_eq!(backbone.feature_tensor(), "features");
    assert_eq!(backbone.feature_size(), 5);
    assert_eq!(backbone.input_name(), "image");
    assert_eq!(backbone.batch_size(), None);
    assert_eq!(backbone.labels(), labels);
    assert_eq!(backbone.licence(), Some("MIT"));
    assert_eq!(Some(backbone.recipe()), imported.metadata.recipe.as_ref());
    assert_eq!(backbone.recipe().input_shape(), [3, 7, 6]);
    assert_eq!(backbone.digest(), blake3::hash(&std::fs::read(&path).unwrap()));

    let inspection = inspect(&path).unwrap();
    assert!(inspection.ready, "{:?}", inspection.missing);
    assert_eq!(inspection.metadata, imported.metadata);
    let text = inspection.to_string();
    for fact in [
        "ready as a backbone",
        "image float32 (n, 3, 7, 6), NCHW",
        "140 float32",
        "4, from `a` to `d`",
        "MIT",
    ] {
        assert!(text.contains(fact), "`{fact}` is not in\n{text}");
    }

    let again = import::tfjs(&case.join("model.json"), &options).unwrap();
    onnx::write(&again.model, &folder.path().join("again.onnx")).unwrap();
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("small.onnx"), bytes("again.onnx"), "the same network gives the same bytes");
}

/// A copy of a small network with its `model.json` changed.
fn changed(change: impl Fn(String) -> String) -> (tempfile::TempDir, PathBuf) {
    let case = models().join("pooled_classifier");
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&case).unwrap() {
        let file = entry.unwrap().path();
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join("model.json");
    std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
    (folder, path)
}

fn refusal(change: impl Fn(String) -> String) -> Error {
    let (_folder, path) = changed(change);
    let input = golden(&models().join("pooled_classifier")).input;
    import::tfjs(&path, &options(&input)).unwrap_err()
}

#[test]
fn what_cannot_be_converted_is_named() {
    let layer = refusal(|json| json.replace("\"GlobalAveragePooling2D\"", "\"LSTM\""));
    assert!(matches!(&layer, Error::Layer { layer, class, supported }
        if layer == "pool" && class == "LSTM" && supported.contains(&"Conv2D")));
    let activation = refusal(|json| json.replace("\"softmax\"", "\"sparsemax\""));
    assert!(matches!(&activation, Error::Activation { activation, .. } if activation == "sparsemax"));
    let padding = refusal(|json| json.replace("\"valid\"", "\"causal\""));
    assert!(matches!(&padding, Error::Setting { layer, key, .. } if layer == "conv" && key == "padding"));
    let weight = refusal(|json| json.replace("\"conv/bias\"", "\"conv/other\""));
    assert!(matches!(&weight, Error::WeightMissing { weight, .. } if weight == "bias"));
    let shape = refusal(|json| json.replace("\"filters\":5", "\"filters\":6"));
    assert!(matches!(&shape, Error::WeightShape { expected, .. } if expected == &[3, 3, 3, 6]));
    let wiring = refusal(|json| json.replace("[\"pool\",0,0,{}]", "[\"nowhere\",0,0,{}]"));
    assert!(matches!(&wiring, Error::Wiring { input, .. } if input == "nowhere"));
    let graph = refusal(|json| json.replace("\"layers-model\"", "\"graph-model\""));
    assert!(matches!(&graph, Error::NotLayersModel { .. }));
    assert!(matches!(refusal(|_| "{".into()), Error::Json { .. }));
    assert!(matches!(refusal(|_| "[]".into()), Error::NotLayersModel { .. }));
    let larger = refusal(|json| json.replace("[null,7,6,3]", "[null,9,6,3]"));
    assert!(matches!(&larger, Error::RecipeShape { expected, .. } if expected == &[9, 6, 3]));
}

#[test]
fn damaged_weights_and_unfit_options_are_named() {
    let (folder, path) = changed(|json| json);
    let options = options(&golden(&models().join("pooled_classifier")).input);
    let labels = ImportOptions { labels: vec!["one".into()], ..options.clone() };
    assert!(matches!(import::tfjs(&path, &labels), Err(Error::LabelCount { expected: 4, found: 1 })));
    let opset = ImportOptions { opset: 9, ..options.clone() };
    assert!(matches!(import::tfjs(&path, &opset), Err(Error::Opset { found: 9, .. })));
    let guessing = ImportOptions { recipe: None, ..options.clone() };
    assert!(matches!(import::tfjs(&path, &guessing), Err(Error::RecipeUnknown { .. })));

    let shard = folder.path().join("group1-shard2of2.bin");
    let whole = std::fs::read(&shard).unwrap();
    std::fs::write(&shard, &whole[..whole.len() - 3]).unwrap();
    let (expected, found) = (whole.len() as u64, whole.len() as u64 - 3);
    let error = import::tfjs(&path, &options).unwrap_err();
    assert!(
        matches!(&error, Error::ShardLength { path, expected: e, found: f }
        if *path == shard && (*e, *f) == (expected, found)),
        "{error}"
    );
    std::fs::remove_file(&shard).unwrap();
    assert!(matches!(import::tfjs(&path, &options), Err(Error::ShardMissing { path }) if path == shard));
}
