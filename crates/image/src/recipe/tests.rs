use super::*;
use crate::Error;

fn keras() -> Recipe {
    Recipe::preset("keras-resnet50").unwrap()
}

#[test]
fn json_is_canonical_and_comes_back() {
    let recipe = keras();
    let text = recipe.to_json();
    assert_eq!(
        text,
        r#"{"alpha":"over-white","channels":"bgr","decode":"full","divisor":1.0,"exif":"apply","filter":"bilinear","layout":"nhwc","mean":[103.939,116.779,123.68],"resize":{"stretch":{"height":224,"width":224}},"std":[1.0,1.0,1.0]}"#
    );
    assert_eq!(Recipe::from_json(&text).unwrap(), recipe);
    // Whole numbers, as a person would write them, are the same recipe.
    assert_eq!(Recipe::from_json(&text.replace("1.0", "1")).unwrap().to_json(), text);
}

#[test]
fn every_preset_survives_json_and_toml() {
    for preset in Recipe::presets() {
        let mut recipe = preset.recipe();
        recipe.check().unwrap();
        recipe.decoder = Some("some decoder 1.0".into());
        assert_eq!(Recipe::from_json(&recipe.to_json()).unwrap(), recipe);
        assert_eq!(Recipe::from_toml(&recipe.to_toml()).unwrap(), recipe, "{}", recipe.to_toml());
        // What the run of another program wrote, without a comment.
        assert_eq!(Recipe::from_toml(&::toml::to_string(&recipe).unwrap()).unwrap(), recipe);
    }
}

#[test]
fn an_unknown_step_is_refused() {
    let text = keras().to_json().replacen('{', r#"{"sharpen":2,"#, 1);
    let error = Recipe::from_json(&text).unwrap_err();
    assert!(matches!(error, Error::RecipeSyntax { .. }), "{error}");
    let inside = keras().to_json().replace(r#""height""#, r#""depth":1,"height""#);
    assert!(matches!(Recipe::from_json(&inside), Err(Error::RecipeSyntax { .. })));
}

#[test]
fn nonsense_is_named_by_its_field() {
    let crop = |width, height| Some(Crop { width, height, rounding: Rounding::Down });
    let short = |edge| Resize::ShortEdge { edge, rounding: Rounding::Down };
    let wrong: [(&str, Recipe); 12] = [
        ("std", Recipe { std: [1.0, 0.0, 1.0], ..keras() }),
        ("std", Recipe { std: [1.0, -0.2, 1.0], ..keras() }),
        ("std", Recipe { std: [1e-60, 1.0, 1.0], ..keras() }),
        ("mean", Recipe { mean: [f64::NAN, 0.0, 0.0], ..keras() }),
        ("mean", Recipe { mean: [0.0, 1e60, 0.0], ..keras() }),
        ("divisor", Recipe { divisor: f64::INFINITY, ..keras() }),
        ("divisor", Recipe { divisor: 0.0, ..keras() }),
        ("resize", Recipe { resize: Resize::Stretch { width: 0, height: 224 }, ..keras() }),
        ("resize", Recipe { resize: Resize::Stretch { width: 224, height: 1 << 20 }, ..keras() }),
        ("crop", Recipe { resize: short(256), ..keras() }),
        ("crop", Recipe { resize: short(200), crop: crop(224, 100), ..keras() }),
        ("crop", Recipe { resize: Resize::None, crop: crop(0, 9), ..keras() }),
    ];
    for (field, recipe) in wrong {
        match recipe.check() {
            Err(Error::Recipe { field: found, .. }) => assert_eq!(found, field, "{recipe:?}"),
            other => panic!("{recipe:?}: {other:?}"),
        }
    }
}

#[test]
fn shapes_follow_the_layout() {
    let recipe = Recipe { resize: Resize::Stretch { width: 320, height: 200 }, ..keras() };
    assert_eq!(recipe.input_shape(), [200, 320, 3]);
    assert_eq!(Recipe { layout: Layout::Nchw, ..recipe.clone() }.input_shape(), [3, 200, 320]);
    assert_eq!(recipe.len(), 192_000);
}

#[test]
fn reads_as_a_sentence() {
    assert_eq!(
        keras().to_string(),
        "stretched to 224x224 (bilinear), BGR minus mean [103.939, 116.779, 123.68], NHWC"
    );
    assert_eq!(
        Recipe::preset("torchvision-v2").unwrap().to_string(),
        "short edge to 232 (bilinear), centre 224x224, RGB / 255 minus mean [0.485, 0.456, 0.406] \
         over std [0.229, 0.224, 0.225], NCHW"
    );
}

#[test]
fn halves_go_to_the_even_side() {
    let halves: Vec<u64> = (1..8).step_by(2).map(|n| Rounding::HalfEven.divide(n, 2)).collect();
    assert_eq!(halves, [0, 2, 2, 4]);
    assert_eq!(Rounding::Down.divide(7, 2), 3);
    assert_eq!(Rounding::HalfEven.divide(5, 3), 2);
}

#[test]
fn toml_says_what_each_line_may_be() {
    let text = keras().to_toml();
    let lines = [
        "exif = \"apply\"",
        "resize = { stretch = { height = 224, width = 224 } }",
        "mean = [103.939, 116.779, 123.68]",
        "layout = \"nhwc\"",
    ];
    assert!(lines.iter().all(|line| text.lines().any(|found| found == *line)), "{text}");
    let words: Vec<&str> =
        ["box", "lanczos", "nearest-corners", "bilinear-tf2", "short-edge", "over-white"].into();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert!(text.contains("# The part kept from the middle"), "{text}");
    assert!(!text.contains("\ncrop") && !text.contains("decoder"), "{text}");
}

#[test]
fn a_mistake_in_toml_is_shown_where_it_is() {
    use std::error::Error as _;
    let text = keras().to_toml();
    for (wrong, shown) in [
        (text.replace("\"bilinear\"", "\"cubic\""), "filter = \"cubic\""),
        (text.replace("std = [1.0, 1.0, 1.0]", "std = [1.0, 1.0]"), "std = [1.0, 1.0]"),
        (text.replace("divisor = 1.0", ""), "missing field `divisor`"),
        (text.replace("divisor", "diviser"), "unknown field `diviser`"),
        (text.replace("width", "wide"), "unexpected keys in table: wide, available keys: width, height"),
    ] {
        let error = Recipe::from_toml(&wrong).unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(shown), "{cause}");
    }
    let error = Recipe::from_toml(&text.replace("divisor = 1.0", "divisor = 0.0")).unwrap_err();
    assert_eq!(error.to_string(), "recipe field `divisor`: expected numbers above 0, found `0`");
}
