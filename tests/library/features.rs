//! Features of ten photographs against those that Keras computes: `golden/make_features.py`.

use std::path::{Path, PathBuf};

use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{Session, SessionOptions};
use headstart::backbone::{Backbone, OpenOptions};
use headstart::extract::{ExtractOptions, Extractor};
use headstart::image::recipe::Channels;
use headstart::image::{Preprocessor, Recipe};
use headstart::{Control, image_files};
use ndarray::{Array2, Array4};

/// `just setup` makes it.
const BACKBONE: &str = "models/resnet50.onnx";

struct Golden {
    photo: String,
    features: Vec<f32>,
}

fn golden() -> Vec<Golden> {
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .has_headers(false)
        .from_path("tests/golden/features_keras.csv")
        .unwrap();
    let rows: Vec<Golden> = reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            let features = row.iter().skip(3).map(|cell| cell.parse().unwrap()).collect();
            Golden { photo: row[0].to_owned(), features }
        })
        .collect();
    assert!(rows.len() == 10 && rows.iter().all(|row| row.features.len() == 2048), "the golden file was cut");
    rows
}

fn backbone(recipe: Option<Recipe>) -> Backbone {
    let options = OpenOptions { recipe, ..OpenOptions::default() };
    Backbone::open_with(BACKBONE.as_ref(), &options).expect("`just setup` makes the backbone")
}

/// From the 224x224 pixels that Keras had, so that no decoder and no filter takes part.
fn from_pixels(backbone: &Backbone, golden: &[Golden]) -> Array2<f32> {
    let preprocessor = Preprocessor::new(backbone.recipe().clone()).unwrap();
    let [a, b, c] = backbone.recipe().input_shape();
    let mut images = Array4::zeros((golden.len(), a, b, c));
    for (row, mut image) in golden.iter().zip(images.outer_iter_mut()) {
        let path = Path::new("tests/golden/features_pixels").join(&row.photo).with_extension("png");
        let pixels = image::open(path).unwrap().to_rgb8();
        preprocessor.normalise(pixels.as_raw(), image.as_slice_mut().unwrap());
    }
    let runtime = Runtime::load(&Libraries::default()).unwrap();
    Session::new(&runtime, backbone, &SessionOptions::default()).unwrap().run(images.view()).unwrap()
}

/// The largest difference of one photograph.
fn furthest(got: impl IntoIterator<Item = f32>, want: &[f32]) -> f32 {
    got.into_iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max)
}

#[test]
fn from_pixels_on_features_are_those_of_keras() {
    let golden = golden();
    let features = from_pixels(&backbone(None), &golden);
    for (got, want) in features.rows().into_iter().zip(&golden) {
        let off = furthest(got.iter().copied(), &want.features);
        // Measured 1.1e-5 at most; features reach 10.
        assert!(off < 1e-4, "{}: {off:e}", want.photo);
    }
}

#[test]
fn another_order_of_the_colours_would_be_seen() {
    let golden = golden();
    let swapped = Recipe { channels: Channels::Rgb, ..backbone(None).recipe().clone() };
    let features = from_pixels(&backbone(Some(swapped)), &golden);
    for (got, want) in features.rows().into_iter().zip(&golden) {
        let off = furthest(got.iter().copied(), &want.features);
        // The grey photograph has no order of colours.
        let grey = want.photo == "photographer";
        assert!(if grey { off < 1e-4 } else { off > 0.5 }, "{}: {off:e}", want.photo);
    }
}

#[test]
fn from_the_file_on_features_are_those_of_keras() {
    let golden = golden();
    let files: Vec<PathBuf> =
        golden.iter().map(|row| Path::new("data/photos").join(&row.photo).with_extension("jpg")).collect();
    let backbone = backbone(None);
    let features = Extractor::new(&backbone, ExtractOptions::default())
        .features(&image_files(files), &mut Control::silent())
        .unwrap();
    for (got, want) in features.into_iter().zip(&golden) {
        let off = furthest(got.unwrap().unwrap(), &want.features);
        // As from the pixels on, measured 1.1e-5 at most: decoding and resizing give the bytes that Keras had.
        assert!(off < 1e-4, "{}: {off:e}", want.photo);
    }
}
