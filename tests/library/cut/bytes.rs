//! Graphs that take bytes and prepare them inside.

use headstart::backbone::guess;
use headstart::image::Preprocessor;
use headstart::onnx::DataType;

use super::desk::Desk;
use super::nets::{self, EDGE, Net, WIDTH};
use super::*;

/// The features of the photograph of a cat.
fn features(path: &Path, recipe: &Recipe) -> Result<Vec<f32>, headstart::backbone::Error> {
    let options = OpenOptions { recipe: Some(recipe.clone()), ..OpenOptions::default() };
    let backbone = Backbone::open_with(path, &options)?;
    let mut preprocessor = Preprocessor::new(backbone.recipe().clone()).unwrap();
    let [a, b, c] = backbone.recipe().input_shape();
    let mut image = Array4::zeros((1, a, b, c));
    let cat = std::fs::read("data/photos/cat.jpg").unwrap();
    preprocessor.run(&cat, image.as_slice_mut().unwrap()).unwrap();
    let mut session = Session::new(&runtime(), &backbone, &SessionOptions::default())?;
    Ok(session.run(image.view())?.into_iter().collect())
}

/// The same trunk without preparation inside, and the recipe that does all of it outside.
fn reference(folder: &Path) -> Vec<f32> {
    let path = folder.join("plain.onnx");
    onnx::write(&nets::trunk().finish(&[("pooled", &[WIDTH])]), &path).unwrap();
    let edge = EDGE as u32;
    let resize = Resize::Stretch { width: edge, height: edge };
    let recipe = Recipe { resize, crop: None, ..Recipe::preset("torchvision-v1").unwrap() };
    features(&path, &recipe).unwrap()
}

fn off(found: &[f32], expected: &[f32]) -> f32 {
    let largest = expected.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

#[test]
fn raw_bytes_give_the_features_of_the_graph_without_preparation() {
    let folder = tempfile::tempdir().unwrap();
    let expected = reference(folder.path());
    for (kind, preset) in [
        (DataType::Uint8, "raw"),
        (DataType::Int8, "raw-signed"),
        (DataType::Int16, "raw"),
        (DataType::Int32, "raw"),
        (DataType::Int64, "raw"),
    ] {
        for classes in [None, Some(10)] {
            let source = folder.path().join("bytes.onnx");
            let model = nets::of_bytes(kind, classes);
            onnx::write(&model, &source).unwrap();
            let guess = guess::recipe(&model, &[]).expect("its type tells");
            assert!(guess.preset == preset && !guess.is_certain(), "{kind:?}: {guess}");
            let output = folder.path().join("features.onnx");
            let options = CutOptions { overwrite: true, ..CutOptions::default() };
            let cut = cut(&runtime(), &source, &output, &options)
                .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            assert_eq!(cut.guess.as_ref().map(|guess| guess.preset), Some(preset), "{kind:?}");

            let found = features(&output, &Recipe::preset(preset).unwrap()).unwrap();
            // The same arithmetic in two places, so that only roundings of 32-bit floats, 6e-8 each, can tell them apart.
            assert!(off(&found, &expected) < 1e-5, "{kind:?}: off by {}", off(&found, &expected));
            // What is prepared already is no number of that type.
            for wrong in ["torchvision-v1", "keras-resnet50", "keras-tf", "raw-unit"] {
                let edge = Resize::Stretch { width: EDGE as u32, height: EDGE as u32 };
                let recipe = Recipe { resize: edge, crop: None, ..Recipe::preset(wrong).unwrap() };
                let refused = features(&output, &recipe).unwrap_err();
                let headstart::backbone::Error::Numbers { preset: right, .. } = &refused else {
                    panic!("{kind:?}, {wrong}: {refused:?}")
                };
                assert_eq!(*right, preset, "{kind:?}");
                let told = CutOptions { recipe: Some(recipe), ..options.clone() };
                let refused = super::cut(&runtime(), &source, &output, &told).unwrap_err();
                assert!(matches!(refused, Error::Numbers { .. }), "{kind:?}, {wrong}: {refused:?}");
            }
        }
    }
}

/// Two ways to the same: what the type does not tell, the arithmetic inside may.
#[test]
fn preparation_inside_a_graph_of_floats_is_noticed() {
    let prepared = |nodes: &[(&str, &[f32])]| {
        let mut net = Net::new(DataType::Float);
        let mut at = "x".to_owned();
        for (place, (operator, values)) in nodes.iter().enumerate() {
            let (constant, output) = (format!("c{place}"), format!("v{place}"));
            net.constant(&constant, if values.len() == 3 { &[1, 3, 1, 1] } else { &[1] }, values);
            net.node(operator, &[&at, &constant], &output);
            at = output;
        }
        net.trunk(&at);
        net.finish(&[("pooled", &[WIDTH])])
    };
    let mean: &[f32] = &[0.485, 0.456, 0.406];
    let std: &[f32] = &[0.229, 0.224, 0.225];
    let folder = tempfile::tempdir().unwrap();
    let expected = reference(folder.path());
    for (nodes, preset) in [
        (&[("Div", &[255.0f32][..]), ("Sub", mean), ("Div", std)][..], "raw"),
        (&[("Sub", mean), ("Div", std)], "raw-unit"),
    ] {
        let path = folder.path().join("net.onnx");
        onnx::write(&prepared(nodes), &path).unwrap();
        let asked = Backbone::open(&path).unwrap_err();
        let headstart::backbone::Error::NoRecipe { guess: Some(guess), .. } = &asked else {
            panic!("{asked:?}")
        };
        assert_eq!(guess.preset, preset, "{guess}");
        assert!(guess.reasons[0].contains("prepares them itself (`"), "{guess}");
        let found = features(&path, &Recipe::preset(preset).unwrap()).unwrap();
        assert!(off(&found, &expected) < 1e-5, "{preset}: off by {}", off(&found, &expected));
        // A float holds any number, so that is a warning.
        let edge = Resize::Stretch { width: EDGE as u32, height: EDGE as u32 };
        let twice = Recipe { resize: edge, crop: None, ..Recipe::preset("torchvision-v1").unwrap() };
        let options = OpenOptions { recipe: Some(twice), ..OpenOptions::default() };
        let doubted = Backbone::open_with(&path, &options).unwrap();
        assert!(doubted.doubts()[0].contains("prepares them itself"), "{:?}", doubted.doubts());
        let right = OpenOptions { recipe: Recipe::preset(preset).ok(), ..OpenOptions::default() };
        assert!(Backbone::open_with(&path, &right).unwrap().doubts().is_empty());
    }
}

/// From the first command to features, by hints alone: nowhere is a recipe advised that does not fit.
#[test]
fn the_program_leads_to_raw_bytes() {
    for kind in [DataType::Uint8, DataType::Int8, DataType::Int64] {
        let desk = Desk::with("net.onnx", &nets::of_bytes(kind, Some(10)));
        let said = desk.run("backbone cut net.onnx --output features.onnx");
        assert!(said.status == 0 && said.err.contains("--recipe raw"), "{}", said.err);
        assert!(!said.err.contains("torchvision"), "{}", said.err);
        assert_eq!(desk.follow("extract photos.csv --backbone net.onnx"), 1);
        assert_eq!(desk.follow("extract photos.csv --backbone net.onnx --recipe torchvision-v1"), 1);
        let said = desk.run("extract photos.csv --backbone features.onnx --recipe keras-resnet50");
        assert!(said.status == 2 && said.err.contains("takes whole numbers"), "{}", said.err);
        // Without a classifier, too.
        let desk = Desk::with("net.onnx", &nets::of_bytes(kind, None));
        assert_eq!(desk.follow("extract photos.csv --backbone net.onnx"), 1);
    }
}
