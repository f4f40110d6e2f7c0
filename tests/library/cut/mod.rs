//! Networks from every exporter are cut behind their features: `golden/cut/make_torch.py`, `make_keras.py`, `make_variants.py`.

mod broken;
mod bytes;
mod desk;
mod hidden;
mod hints;
mod nets;
mod recipe;
mod tokens;

use std::path::{Path, PathBuf};

use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{Session, SessionOptions};
use headstart::backbone::{Backbone, OpenOptions};
use headstart::convert::cut::{Cut, CutOptions, Error, cut};
use headstart::files::TargetError;
use headstart::image::Recipe;
use headstart::image::recipe::{Layout, Resize};
use headstart::onnx::{self, Model};
use ndarray::{Array2, Array4};
use serde::Deserialize;

/// What a script has said about its network.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    #[expect(dead_code, reason = "for those who read the file")]
    made_by: String,
    /// Not for exporters that name their tensors anew in every version.
    tensor: Option<String>,
    classes: Option<usize>,
    input: [usize; 4],
    features: Vec<Vec<f32>>,
    /// A fixed batch size that can be opened.
    #[serde(default)]
    opened: bool,
    /// A fixed batch size that cannot.
    fixed: Option<usize>,
    /// Images in one batch change each other, so the batch size becomes 1.
    #[serde(default)]
    frozen: bool,
    /// Weights stand in a file of their own.
    #[serde(default)]
    external: bool,
    /// The features are the mean of a map.
    #[serde(default)]
    pooled: bool,
    #[serde(default)]
    nchw: bool,
    /// Nodes that had to be added.
    #[serde(default)]
    added: Vec<String>,
    /// Tensors that are offered where none can be chosen; the first is then told.
    #[serde(default)]
    ambiguous: Vec<String>,
    #[serde(default)]
    tolerance: Tolerance,
    /// How a transformer's tokens become one vector, where it is to be told.
    pool: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Tolerance {
    #[default]
    Float,
    Half,
    Int8,
}

impl Golden {
    fn read(name: &str) -> Self {
        serde_json::from_slice(&std::fs::read(models().join(format!("{name}.json"))).unwrap()).unwrap()
    }

    /// The images of `golden/cut/common.py`: the multiplicative hash of each element's index.
    fn images(&self) -> Array4<f32> {
        let noise = |index: u64| {
            ((index * 2_654_435_761 % (1 << 32)) as f64 / f64::from(2.0f32.powi(32)) * 2.0 - 1.0) as f32
        };
        let count = self.input.iter().product::<usize>() as u64;
        let images = Array4::from_shape_vec(self.input, (0..count).map(noise).collect()).unwrap();
        match self.nchw {
            true => images.permuted_axes([0, 3, 1, 2]),
            false => images,
        }
    }

    /// Relative to the largest feature.
    fn tolerance(&self) -> f32 {
        match self.tolerance {
            // Other sums in another order; measured 2e-6 at most.
            Tolerance::Float => 1e-5,
            // Eleven bits, through a dozen layers.
            Tolerance::Half => 1e-2,
            // Where a sum falls on the border of two integers, either may come out: half a step of 255, a few layers deep.
            Tolerance::Int8 => 2e-2,
        }
    }
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cut/models")
}

fn runtime() -> Runtime {
    Runtime::load(&Libraries::default()).expect("`just setup` fetches ONNX Runtime")
}

/// Cut the network `name` into a folder of its own.
fn cut_case(name: &str, options: &CutOptions) -> (tempfile::TempDir, Result<Cut, Error>) {
    let folder = tempfile::tempdir().unwrap();
    let source = models().join(format!("{name}.onnx"));
    let cut = cut(&runtime(), &source, &folder.path().join("features.onnx"), options);
    (folder, cut)
}

/// A recipe that makes what the network takes; what else it does is of no matter here.
fn any_recipe(layout: Layout) -> Recipe {
    let resize = Resize::Stretch { width: 64, height: 64 };
    Recipe { resize, crop: None, layout, ..Recipe::preset("torchvision-v1").unwrap() }
}

fn run(path: &Path, images: &Array4<f32>) -> (Backbone, Array2<f32>) {
    let layout = if images.dim().1 == 3 { Layout::Nchw } else { Layout::Nhwc };
    let options = OpenOptions { recipe: Some(any_recipe(layout)), ..OpenOptions::default() };
    let backbone = Backbone::open_with(path, &options).unwrap();
    let mut session = Session::new(&runtime(), &backbone, &SessionOptions::default()).unwrap();
    let features = session.run(images.view()).unwrap();
    (backbone, features)
}

fn operators(model: &Model) -> Vec<&str> {
    model.graph.as_ref().unwrap().node.iter().map(|node| node.op_type()).collect()
}

fn check(name: &str, golden: &Golden) {
    let told = golden.ambiguous.first().cloned();
    let pool = golden.pool.as_ref().map(|pool| pool.parse().unwrap());
    let (folder, cut) = cut_case(name, &CutOptions { feature_tensor: told, pool, ..CutOptions::default() });
    let cut = cut.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    if let Some(tensor) = &golden.tensor {
        assert_eq!(cut.tensor, *tensor, "{name}");
    }
    let size = golden.features[0].len();
    assert_eq!(cut.feature_size, size, "{name}");
    let proof = &cut.proof;
    assert_eq!(proof.scores.is_some(), golden.classes.is_some(), "{name}: {cut}");

    let path = folder.path().join("features.onnx");
    let (backbone, features) = run(&path, &golden.images());
    let largest = golden.features.iter().flatten().fold(0.0f32, |a, b| a.max(b.abs()));
    for (found, expected) in features.iter().zip(golden.features.iter().flatten()) {
        let off = (found - expected).abs() / largest;
        assert!(off <= golden.tolerance(), "{name}: {found} for {expected}, off by {off:e}\n{cut}");
    }
    assert_eq!(features.dim(), (golden.features.len(), size), "{name}");
    let batch = if golden.frozen { Some(1) } else { golden.fixed };
    assert_eq!(backbone.batch_size(), batch, "{name}: {:?}", cut.notes);
    assert_eq!(
        golden.opened,
        cut.notes.iter().any(|note| note.contains("is dynamic now")),
        "{name}: {:?}",
        cut.notes
    );
    assert_eq!(
        golden.pooled,
        cut.notes.iter().any(|note| note.contains("the map")),
        "{name}: {:?}",
        cut.notes
    );

    let whole = onnx::read(&models().join(format!("{name}.onnx"))).unwrap();
    let written = onnx::read(&path).unwrap();
    assert_eq!(written.opset_import, whole.opset_import, "{name}");
    assert_eq!(written.producer_name, whole.producer_name, "{name}");
    for op in &golden.added {
        let count = |model: &Model| operators(model).iter().filter(|one| *one == op).count();
        assert!(count(&written) > 0, "{name}: no {op}");
    }
    classifier_is_gone(name, golden, &whole, &written);
    let beside = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(beside, if golden.external { 2 } else { 1 }, "{name}");
    assert_eq!(written.external_files().unwrap().is_empty(), !golden.external, "{name}");
}

/// Neither the weights of the classifier nor what follows it is left.
fn classifier_is_gone(name: &str, golden: &Golden, whole: &Model, written: &Model) {
    let graph = written.graph.as_ref().unwrap();
    assert_eq!(graph.output.len(), 1, "{name}");
    let Some(classes) = golden.classes else { return };
    let made: Vec<&String> = graph.node.iter().flat_map(|node| &node.output).collect();
    for output in &whole.graph.as_ref().unwrap().output {
        let features = output.name() == graph.output[0].name();
        assert!(
            features || made.iter().all(|name| *name != output.name()),
            "{name}: `{}` is still made",
            output.name()
        );
    }
    let classes = classes as i64;
    // Shapes are 64-bit integers; one of five axes has as many as there are classes.
    let is_weight = |tensor: &&onnx::Tensor| tensor.element_type() != Some(onnx::DataType::Int64);
    for tensor in graph.initializer.iter().filter(is_weight) {
        assert!(!tensor.dims.contains(&classes), "{name}: `{}` {:?} is left", tensor.name(), tensor.dims);
    }
    let last = ["Softmax", "ArgMax", "QGemm", "QLinearMatMul"];
    assert!(!operators(written).iter().any(|op| last.contains(op)) || name.contains("vit"), "{name}");
}

#[test]
fn features_of_every_exporter_are_found_and_right() {
    let mut cases = 0;
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(models()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let golden = Golden::read(name);
        check(name, &golden);
        if !golden.ambiguous.is_empty() {
            let (_folder, refused) = cut_case(name, &CutOptions::default());
            let Err(Error::Ambiguous { candidates }) = refused else { panic!("{name}: {refused:?}") };
            let tensors: Vec<&str> = candidates.iter().map(|candidate| candidate.tensor.as_str()).collect();
            assert_eq!(tensors, golden.ambiguous, "{name}");
        }
        cases += 1;
    }
    assert_eq!(cases, 44, "the golden folder is not complete");
}

/// What is said when `name` cannot be cut.
fn refusal(name: &str) -> Error {
    let (folder, refused) = cut_case(name, &CutOptions::default());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name}: something was written");
    refused.expect_err(name)
}

#[test]
fn networks_without_features_are_refused_with_a_reason() {
    let lstm = refusal("lstm");
    assert!(matches!(&lstm, Error::NotForImages { reason } if reason.contains("(batch, 6, 8)")), "{lstm}");
    let detector = refusal("detector");
    assert!(
        matches!(&detector, Error::Detector { node } if node.contains("NonMaxSuppression")),
        "{detector}"
    );
    let segmentation = refusal("segmentation");
    assert!(
        matches!(&segmentation, Error::NoFeatures { outputs, .. } if outputs[0].contains("`mask`")),
        "{segmentation}"
    );
}

#[test]
fn hidden_layers_after_the_pool_leave_a_choice() {
    for (name, expected) in [
        ("vgg", ["/8/Relu_output_0", "/5/Relu_output_0", "/3/Flatten_output_0"]),
        ("light_bvlc_alexnet", ["r21", "r18", "r15"]),
    ] {
        let error = refusal(name);
        let Error::Ambiguous { candidates } = &error else { panic!("{name}: {error:?}") };
        let tensors: Vec<&str> = candidates.iter().map(|candidate| candidate.tensor.as_str()).collect();
        assert_eq!(tensors, expected, "{name}");
        assert!(expected.iter().all(|tensor| error.to_string().contains(tensor)), "{error}");
    }
    let inner = CutOptions { feature_tensor: Some("/5/Relu_output_0".into()), ..CutOptions::default() };
    let (_folder, cut) = cut_case("vgg", &inner);
    let cut = cut.unwrap();
    assert_eq!(
        (cut.feature_size, cut.proof.scores),
        (16, None),
        "another layer than the classifier reads it"
    );
    let gone = CutOptions { feature_tensor: Some("avgpool".into()), ..CutOptions::default() };
    let (_folder, refused) = cut_case("torchvision_script", &gone);
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("`avgpool`") && message.contains("`/Flatten_output_0`"), "{message}");
}

/// The ONNX project's own test network: every weight is made by a node, all outputs are 0.001.
#[test]
fn the_light_resnet50_of_onnx_is_cut() {
    use prost::Message;
    let (folder, cut) = cut_case("light_resnet50", &CutOptions::default());
    let cut = cut.unwrap();
    assert_eq!((cut.tensor.as_str(), cut.feature_size), ("r173", 2048));
    let output = cut.proof.output.expect("softmax is compared");
    assert!(output.value < 1e-6, "{output}");
    let expected = std::fs::read(models().join("light_resnet50_output_0.pb")).unwrap();
    let expected = onnx::Tensor::decode(expected.as_slice()).unwrap();
    let expected = expected.elements(Path::new("")).unwrap().to_f32().unwrap();
    assert_eq!(expected.len(), 1000);
    // All its weights are alike, and so are its features: any 1000 equal scores give what ONNX expects.
    let golden = Golden { input: [2, 3, 224, 224], ..Golden::read("torchvision_script") };
    let features = {
        let recipe = Some(Recipe { crop: None, ..Recipe::preset("torchvision-v1").unwrap() });
        let recipe =
            recipe.map(|recipe| Recipe { resize: Resize::Stretch { width: 224, height: 224 }, ..recipe });
        let options = OpenOptions { recipe, ..OpenOptions::default() };
        let backbone = Backbone::open_with(&folder.path().join("features.onnx"), &options).unwrap();
        Session::new(&runtime(), &backbone, &SessionOptions::default())
            .unwrap()
            .run(golden.images().view())
            .unwrap()
    };
    assert_eq!(features.dim(), (2, 2048));
    for row in features.rows() {
        assert!(row.iter().all(|&x| x == row[0] && x > 0.0), "{}", row[0]);
    }
    assert!(expected.iter().all(|&p| (p - 0.001).abs() < 1e-9));
}

#[test]
fn what_is_told_and_what_is_there_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = onnx::read(&models().join("torchvision_script.onnx")).unwrap();
    let entry = onnx::StringStringEntry::new("id2label", r#"{"0":"a","1":"b","2":"c","3":"d","4":"e"}"#);
    model.metadata_props.push(entry);
    let source = folder.path().join("net.onnx");
    onnx::write(&model, &source).unwrap();
    let output = folder.path().join("features.onnx");
    let recipe = any_recipe(Layout::Nhwc);
    let options = CutOptions {
        recipe: Some(recipe.clone()),
        name: Some("small".into()),
        licence: Some("MIT".into()),
        ..CutOptions::default()
    };
    cut(&runtime(), &source, &output, &options).unwrap();
    // Nothing has to be told any more; the layout is the graph's.
    let backbone = Backbone::open(&output).unwrap();
    assert_eq!((backbone.name(), backbone.licence(), backbone.feature_size()), ("small", Some("MIT"), 12));
    assert_eq!(*backbone.recipe(), Recipe { layout: Layout::Nchw, ..recipe });
    assert_eq!(backbone.labels(), ["a", "b", "c", "d", "e"]);
    let written = onnx::read(&output).unwrap();
    assert!(written.metadata_props.iter().any(|entry| entry.key() == "id2label"));

    let again = cut(&runtime(), &source, &output, &options);
    assert!(matches!(again, Err(Error::Target(TargetError::Exists { .. }))));
    let onto_itself = cut(&runtime(), &source, &source, &CutOptions { overwrite: true, ..options.clone() });
    assert!(matches!(onto_itself, Err(Error::Target(TargetError::IsInput { .. }))));
    let few = CutOptions { labels: vec!["a".into()], overwrite: true, ..options.clone() };
    let refused = cut(&runtime(), &source, &output, &few);
    assert!(matches!(refused, Err(Error::LabelCount { expected: 5, found: 1 })));
    let large = Recipe { resize: Resize::Stretch { width: 224, height: 224 }, ..any_recipe(Layout::Nchw) };
    let large = CutOptions { recipe: Some(large), overwrite: true, ..options };
    assert!(matches!(cut(&runtime(), &source, &output, &large), Err(Error::Size { .. })));
}

/// A classifier whose weights are not those that made the scores must not pass.
#[test]
fn a_proof_can_fail() {
    let (folder, refused) = cut_changed("torchvision_script", &CutOptions::default(), |model| {
        let graph = model.graph.as_mut().unwrap();
        // The same features for every image.
        let at = graph.node.iter().position(|node| node.op_type() == "GlobalAveragePool").unwrap();
        let from = std::mem::replace(&mut graph.node[at].input[0], "nothing".into());
        graph.initializer.push(onnx::Tensor::from_f32("zero", &[1], &[0.0]));
        graph.node.insert(at, onnx::Node::new("Mul", &[&from, "zero"], "nothing", vec![]));
    });
    let Err(Error::Disproved { check, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!(*check, "two images differ");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}

/// The network `name` with `change` made to its graph, cut.
fn cut_changed(
    name: &str,
    options: &CutOptions,
    change: impl FnOnce(&mut Model),
) -> (tempfile::TempDir, Result<Cut, Error>) {
    let folder = tempfile::tempdir().unwrap();
    let mut model = onnx::read(&models().join(format!("{name}.onnx"))).unwrap();
    change(&mut model);
    let source = folder.path().join(format!("{name}.onnx"));
    onnx::write(&model, &source).unwrap();
    let cut = cut(&runtime(), &source, &folder.path().join("features.onnx"), options);
    (folder, cut)
}

fn program(arguments: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_headstart"))
        .args(["backbone", "cut"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_program_names_what_is_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(models().join("torchvision_script.onnx")).unwrap();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    let files: [(&str, &[u8], &str); 4] = [
        ("pointer.onnx", pointer, "`git lfs pull`"),
        ("cut.onnx", &whole[..whole.len() / 2], "is cut off"),
        ("pickle.onnx", b"\x80\x02}q\x00.", "Python pickle"),
        ("text.onnx", b"see the other folder\n", "text file"),
    ];
    for (name, content, words) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let output = folder.path().join("features.onnx");
        let (status, _, said) = program(&[path.to_str().unwrap(), "-o", output.to_str().unwrap()]);
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(words) && said.contains(name), "{said}");
        assert!(!output.exists());
    }
}

#[test]
fn the_program_prints_what_it_found_why_and_the_proof() {
    let folder = tempfile::tempdir().unwrap();
    let network = models().join("softmax_end.onnx");
    let output = folder.path().join("features.onnx");
    let [network, output] = [network.to_str().unwrap(), output.to_str().unwrap()];
    let (status, text, said) = program(&[network, "-o", output]);
    assert_eq!(status, 0, "{said}");
    for words in [
        "12 features",
        "`/net/fc/Gemm`",
        "GlobalAveragePool",
        "2 nodes",
        "cat, coffee, rocket, galaxy",
        "W·features + b",
    ] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    let photos = ["data/photos/cat.jpg", "data/photos/coffee.jpg"];
    let (status, json, said) = program(&[
        network,
        "-o",
        output,
        "--overwrite",
        "--json",
        "--image",
        photos[0],
        "--image",
        photos[1],
    ]);
    assert_eq!(status, 0, "{said}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["feature_size"], 12);
    assert_eq!(json["proof"]["images"], serde_json::json!(photos));
    assert!(
        json["proof"]["scores"]["value"].as_f64().unwrap()
            <= json["proof"]["scores"]["bound"].as_f64().unwrap()
    );
    let (status, _, said) = program(&[network, "-o", output]);
    assert_eq!(status, 2);
    assert!(said.contains("exists already") && said.contains("--overwrite"), "{said}");
    let (status, _, said) =
        program(&[models().join("vgg.onnx").to_str().unwrap(), "-o", output, "--overwrite"]);
    assert_eq!(status, 2);
    assert!(said.contains("/8/Relu_output_0") && said.contains("--feature-tensor"), "{said}");
}
