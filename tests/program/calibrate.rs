//! A temperature for a run: fitted, used wherever probabilities are told, and left out again.

use serde_json::Value;

use super::noisy::{BACKBONE, TRAIN, place, trained};
use super::place::Place;

fn metrics(place: &Place, arguments: &str) -> Value {
    let said = place.run(&format!("evaluate a {arguments} {BACKBONE} --json --quiet")).done();
    serde_json::from_str(&said.out).unwrap()
}

fn temperature(place: &Place, run: &str) -> f64 {
    let file: toml::Table = place.read(&format!("runs/{run}/calibration.toml")).parse().unwrap();
    assert_eq!(file["format"].as_integer(), Some(1));
    file["temperature"].as_float().unwrap()
}

/// What is said of one image, and how surely.
fn confidence(place: &Place, of: &str) -> (String, f64) {
    let said = place.run(&format!("predict {of} held3.png --format jsonl --quiet")).done();
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    (answer["prediction"].as_str().unwrap().into(), answer["confidence"].as_f64().unwrap())
}

#[test]
fn a_temperature_makes_honest_and_changes_no_prediction() {
    let place = trained();
    let info = place.read("runs/a/run.toml");
    let before = metrics(&place, "held.csv");
    assert_eq!(before["calibration"], Value::Null);
    place
        .run(&format!("evaluate a held.csv {BACKBONE} --calibrate"))
        .done()
        .says(&["temperature ", "fitted on 120 images and kept in the run"]);
    assert!(temperature(&place, "a") > 1.2, "it was to be too sure");
    assert_eq!(place.read("runs/a/run.toml"), info, "what was trained stays as it was");

    let after = metrics(&place, "held.csv");
    assert_eq!(after["calibration"]["fitted_here"], true);
    assert_eq!(after["calibration"]["temperature"].as_f64(), Some(temperature(&place, "a")));
    for figure in ["log_loss", "brier", "calibration_error"] {
        assert_eq!(after["calibration"]["before"][figure], before[figure], "{figure}");
        assert!(after[figure].as_f64() < before[figure].as_f64(), "{figure}");
    }
    assert_eq!((&after["accuracy"], &after["confusion"]), (&before["accuracy"], &before["confusion"]));
    assert_eq!(metrics(&place, "held.csv --no-temperature")["log_loss"], before["log_loss"]);
    assert_eq!(metrics(&place, "train.csv")["calibration"]["fitted_here"], false);

    let table = place.run(&format!("evaluate a held.csv {BACKBONE}")).done().out;
    assert!(table.contains("; it was fitted on these images"), "{table}");
    let runs: Value = serde_json::from_str(&place.run("runs --json").done().out).unwrap();
    let shown = runs["runs"][0]["settings"]["temperature"].as_f64().unwrap();
    assert!((shown - temperature(&place, "a")).abs() < 1e-4);
    assert!(place.run("runs a").done().out.contains("temperature"));

    std::fs::remove_file(place.path("runs/a/calibration.toml")).unwrap();
    assert_eq!(metrics(&place, "held.csv")["log_loss"], before["log_loss"]);
}

#[test]
fn predictions_and_exported_files_have_the_temperature() {
    let place = trained();
    let before = confidence(&place, &format!("a {BACKBONE}"));
    place.run(&format!("evaluate a held.csv {BACKBONE} --calibrate --quiet")).done();
    let after = confidence(&place, &format!("a {BACKBONE}"));
    assert!(after.0 == before.0 && after.1 < before.1, "{before:?} {after:?}");
    assert_eq!(confidence(&place, &format!("a {BACKBONE} --no-temperature")), before);
    for (form, bound) in [("", 1e-6), ("--opset 13", 1e-6), ("--with-preprocessing", 1e-6), ("--f16", 0.02)] {
        let said = place.run(&format!("export a {BACKBONE} -o a.onnx --overwrite --json {form}")).done();
        let exported: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(exported["card"]["temperature"].as_f64(), Some(temperature(&place, "a")), "{form}");
        let found = confidence(&place, "a.onnx");
        assert!(found.0 == after.0 && (found.1 - after.1).abs() < bound, "{form}: {found:?} {after:?}");
    }
    place.run(&format!("export a {BACKBONE} -o plain.onnx --no-temperature")).done();
    assert!((confidence(&place, "plain.onnx").1 - before.1).abs() < 1e-6);
    place.run("predict plain.onnx held3.png --no-temperature").ended(2).says(&[
        "`plain.onnx` is an exported model: its temperature, if any, is part of the graph",
        "hint: `headstart export RUN --no-temperature`",
    ]);
}

#[test]
fn a_training_may_hold_images_out_for_it() {
    let place = place();
    place.run(&format!("{TRAIN} --name none --calibrate")).ended(2).says(&[
        "no images are held out to fit a temperature on",
        "hint: hold some out with `--validation 0.2`",
    ]);
    assert!(!place.path("runs/none").exists());
    let said = place.run(&format!("{TRAIN} --validation-manifest held.csv --calibrate --name a")).done();
    said.says(&["fitted on 120 images and kept in the run"]);
    let at_training = temperature(&place, "a");
    assert_eq!(metrics(&place, "held.csv")["calibration"]["fitted_here"], true);
    place.run(&format!("evaluate a held.csv {BACKBONE} --calibrate --quiet")).done();
    assert_eq!(temperature(&place, "a"), at_training, "the same images, the same temperature");
    // Too few tell nothing; the run is there all the same.
    let said = place.run(&format!("{TRAIN} --validation 0.2 --calibrate --name few")).ended(1);
    said.says(&["warning: could not calibrate: ", "20 labelled images or more, found 16"]);
    assert!(place.path("runs/few/head.safetensors").exists());
    assert!(!place.path("runs/few/calibration.toml").exists());
}

#[test]
fn what_a_temperature_must_not_be_fitted_on_is_refused() {
    let place = trained();
    place
        .run(&format!("evaluate a train.csv {BACKBONE} --calibrate"))
        .ended(2)
        .says(&["`a` was trained on these images", "hint: fit the temperature on images that were held out"]);
    let rows = place.read("held.csv");
    let mut cold: Vec<&str> = rows.lines().filter(|row| !row.ends_with("warm")).collect();
    place.write("cold.csv", cold.join("\n"));
    place.run(&format!("evaluate a cold.csv {BACKBONE} --calibrate")).ended(2).says(&["two classes or more"]);
    cold.truncate(9);
    place.write("cold.csv", cold.join("\n"));
    place
        .run(&format!("evaluate a cold.csv {BACKBONE} --calibrate"))
        .ended(2)
        .says(&["found 8", "hint: give more"]);
    let turned = rows.replace(",cold", ",?").replace(",warm", ",cold").replace(",?", ",warm");
    place.write("turned.csv", turned);
    place
        .run(&format!("evaluate a turned.csv {BACKBONE} --calibrate"))
        .ended(2)
        .says(&["no better than chance"]);
    assert!(!place.path("runs/a/calibration.toml").exists());
    place.run("evaluate a held.csv --calibrate --views flip").ended(2).says(&["cannot be used with"]);
    place.write("runs/a/calibration.toml", "format = 1\ntemperature = 0.0\n");
    place.run(&format!("evaluate a held.csv {BACKBONE}")).ended(2).says(&["calibration.toml` is damaged"]);
    place.write("runs/a/calibration.toml", "format = 9\n");
    place
        .run(&format!("evaluate a held.csv {BACKBONE}"))
        .ended(2)
        .says(&["has the format 9, and this version reads up to 1"]);
}
