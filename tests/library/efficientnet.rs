//! EfficientNet-Lite0 out of PyTorch's file, against timm's own network with the same weights: `golden/make_efficientnet.py`.

use std::fs;
use std::path::{Path, PathBuf};

use headstart::backbone::runtime::Runtime;
use headstart::backbone::{Backbone, Libraries};
use headstart::convert::checkpoint;
use headstart::convert::cut::{CutOptions, cut};
use headstart::convert::import::{self, ImportOptions};
use headstart::extract::{ExtractOptions, Extractor};
use headstart::image::{Preprocessor, Recipe};
use headstart::{Control, image_files, onnx};
use ort::session::Session;
use ort::value::Tensor;

/// `just setup` fetches the one and makes the other.
const WEIGHTS: &str = "models/efficientnet_lite0/efficientnet-lite0-57934424.pth";
const BACKBONE: &str = "models/efficientnet-lite0.onnx";

/// What timm and PyTorch compute in 64 bits.
struct Golden {
    photo: String,
    class: usize,
    name: String,
    probability: f32,
    score: f32,
    features: Vec<f32>,
}

fn golden() -> Vec<Golden> {
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .has_headers(false)
        .from_path("tests/golden/features_efficientnet_lite0.csv")
        .unwrap();
    let row = |row: csv::StringRecord| Golden {
        photo: row[0].to_owned(),
        class: row[1].parse().unwrap(),
        name: row[2].to_owned(),
        probability: row[3].parse().unwrap(),
        score: row[4].parse().unwrap(),
        features: row.iter().skip(5).map(|cell| cell.parse().unwrap()).collect(),
    };
    let rows: Vec<Golden> = reader.records().map(|record| row(record.unwrap())).collect();
    assert!(rows.len() == 4 && rows.iter().all(|row| row.features.len() == 1280), "the golden file was cut");
    rows
}

fn photo(golden: &Golden) -> PathBuf {
    Path::new("data/photos").join(&golden.photo).with_extension("jpg")
}

fn runtime() -> Runtime {
    Runtime::load(&Libraries::default()).expect("`just setup` fetches ONNX Runtime")
}

fn whole() -> onnx::Model {
    let options = ImportOptions { include_top: true, ..ImportOptions::default() };
    import::import(WEIGHTS.as_ref(), &options).expect("`just setup` fetches the weights").model
}

#[test]
fn features_of_photographs_are_those_of_timm() {
    let golden = golden();
    let backbone = Backbone::open(BACKBONE.as_ref()).expect("`just setup` makes the backbone");
    assert_eq!((backbone.name(), backbone.feature_size()), ("efficientnet-lite0", 1280));
    assert_eq!(backbone.licence(), Some("Apache-2.0"));
    assert!(
        backbone.source().is_some_and(|source| source.contains("; changed: ")),
        "the licence asks for it"
    );
    let photos = image_files(golden.iter().map(photo).collect::<Vec<_>>());
    let features = Extractor::new(&backbone, ExtractOptions::default())
        .features(&photos, &mut Control::silent())
        .unwrap();
    for (got, want) in features.into_iter().zip(&golden) {
        let got = got.unwrap().unwrap();
        let off = got.iter().zip(&want.features).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
        // Sums of 32 bits beside those of 64, through 49 convolutions. Measured 6.3e-6 at most; features reach 5. With the
        // padding and the epsilon that are usual in PyTorch it would be 2.1.
        assert!(off < 1e-4, "{}: {off:e}", want.photo);
    }
}

#[test]
fn scores_of_photographs_are_those_of_timm_and_a_cat_is_a_cat() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.onnx");
    onnx::write(&whole(), &path).unwrap();
    let mut session = Session::builder(runtime().environment()).unwrap().commit_from_file(&path).unwrap();
    let mut preprocessor = Preprocessor::new(Recipe::preset("efficientnet-lite0").unwrap()).unwrap();
    for want in golden() {
        let mut pixels = vec![0.0; preprocessor.recipe().len()];
        preprocessor.run(&fs::read(photo(&want)).unwrap(), &mut pixels).unwrap();
        let tensor = Tensor::from_array(([1usize, 3, 224, 224], pixels)).unwrap();
        let outputs = session.run(ort::inputs!["image" => tensor]).unwrap();
        let scores = outputs["logits"].try_extract_tensor::<f32>().unwrap().1;
        assert_eq!(scores.len(), 1000);
        let best = (0..1000).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
        assert_eq!(best, want.class, "{} is a {}", want.photo, want.name);
        let sum: f32 = scores.iter().map(|score| score.exp()).sum();
        let off = (scores[best] - want.score).abs();
        // As the features. Measured 5.3e-6 at most.
        assert!(off < 1e-4, "{}: {off:e}", want.photo);
        assert!((scores[best].exp() / sum - want.probability).abs() < 1e-4, "{}", want.photo);
        let share =
            |classes: std::ops::Range<usize>| classes.map(|class| scores[class].exp()).sum::<f32>() / sum;
        match want.photo.as_str() {
            // The five kinds of cats at home.
            "cat" => assert!(share(281..286) > 0.9, "{}", share(281..286)),
            "coffee" => assert!(want.name == "espresso" && share(967..968) > 0.9),
            _ => {}
        }
    }
}

fn bytes_of(model: &onnx::Model) -> Vec<u8> {
    onnx::encode(model, "network.onnx".as_ref()).unwrap()
}

/// `cut` runs both graphs on photographs: what it finds in the whole network are the features that the import gives.
#[test]
fn a_cut_of_the_whole_network_proves_the_import() {
    let folder = tempfile::tempdir().unwrap();
    let [path, features] = ["whole.onnx", "features.onnx"].map(|name| folder.path().join(name));
    onnx::write(&whole(), &path).unwrap();
    let done = cut(&runtime(), &path, &features, &CutOptions::default()).unwrap();
    assert_eq!(done.feature_size, 1280);
    assert!(done.proof.scores.is_some(), "the classifier times these features are its scores");
    let nodes = |path: &Path| {
        let graph = onnx::read(path).unwrap().graph.unwrap();
        graph.node.iter().map(|node| node.op_type().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(nodes(&features), nodes(BACKBONE.as_ref()));
}

#[test]
fn the_same_file_gives_the_same_bytes_and_a_cut_one_an_error() {
    let import = || import::import(WEIGHTS.as_ref(), &ImportOptions::default()).unwrap();
    let (first, again) = (import(), import());
    assert_eq!(bytes_of(&first.model), bytes_of(&again.model));
    assert_eq!(first.metadata.recipe, Some(Recipe::preset("efficientnet-lite0").unwrap()));
    let bytes = fs::read(WEIGHTS).unwrap();
    // Within each of the five pickles, at the first storage, within it, in the middle, and one byte before the end.
    for length in [0, 1, 9, 18, 100, 30_000, 45_000, 47_180, 60_000, bytes.len() / 2, bytes.len() - 1] {
        let error = checkpoint::parse(bytes[..length].to_vec()).unwrap_err();
        assert!(!error.to_string().is_empty(), "cut to {length} bytes");
    }
    let longer = checkpoint::parse([bytes.as_slice(), b"more"].concat()).unwrap_err();
    assert!(matches!(longer, checkpoint::Error::Trailing { found: 4, .. }), "{longer}");
}
