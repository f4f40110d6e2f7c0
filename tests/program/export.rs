//! A run as one ONNX file, and what can be done with it alone.

use std::collections::BTreeMap;
use std::fs;

use super::place::{Place, with_features};

fn trained() -> Place {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 30 --name a --quiet").done();
    place
}

/// By image, the probability of each class.
fn probabilities(place: &Place, of: &str) -> BTreeMap<String, BTreeMap<String, f64>> {
    let said = place.run(&format!("predict {of} photos --format jsonl --top 10 --quiet")).done();
    let answers = said.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let top = |answer: &serde_json::Value| -> BTreeMap<String, f64> {
        let classes = answer["top"].as_array().unwrap().iter();
        classes.map(|one| (text(&one["class"]), one["probability"].as_f64().unwrap())).collect()
    };
    answers.map(|answer| (text(&answer["path"]), top(&answer))).collect()
}

fn difference(place: &Place, a: &str, b: &str) -> f64 {
    let (a, b) = (probabilities(place, a), probabilities(place, b));
    assert_eq!((a.len(), b.len()), (10, 10));
    let each = a.iter().flat_map(|(image, classes)| {
        assert_eq!(classes.len(), 10);
        classes.iter().map(|(class, p)| (p - b[image][class]).abs())
    });
    each.fold(0.0, f64::max)
}

#[test]
fn each_form_says_what_the_run_says() {
    let place = trained();
    // The bounds of the export itself, which holds it against the run on other photographs.
    for (form, bound) in [("", 1e-5), ("--opset 13", 1e-5), ("--with-preprocessing", 0.02), ("--f16", 0.02)] {
        let said = place.run(&format!("export a -o form.onnx --overwrite {form}")).done();
        assert!(
            said.out.contains("10 classes") && said.out.contains("the same class for 4 of 4"),
            "{}",
            said.out
        );
        let difference = difference(&place, "a", "form.onnx");
        assert!(difference <= bound, "{form}: {difference}");
    }
}

#[test]
fn the_file_needs_neither_run_nor_backbone() {
    let place = trained();
    place.run("export a -o alone.onnx").done();
    fs::rename(place.path("runs"), place.path("gone")).unwrap();
    let said = place.run_with("predict alone.onnx photos/cat.jpg gone.jpg", |command| {
        command.env("HEADSTART_BACKBONE", "/nowhere");
    });
    let said = said.ended(1);
    assert!(said.out.starts_with("photos/cat.jpg: cat "), "{}", said.out);
    said.says(&["warning: `gone.jpg`: there is no such file"]);
    let said = place.run("export a -o other.onnx").ended(2);
    said.says(&["there is no run `a`"]);
}

#[test]
fn what_cannot_be_exported_or_used_is_said_and_nothing_is_written() {
    let place = trained();
    place.run("export a -o head.onnx --head-only").done();
    let said = place.run("predict head.onnx photos/cat.jpg").ended(2);
    said.says(&[
        "`head.onnx` is a head without its backbone",
        "hint: export the run again without `--head-only`",
    ]);
    let said = place.run("export a -o head.onnx").ended(2);
    said.says(&["`head.onnx` exists already", "hint: choose another `--output`"]);
    let said = place.run("export a -o models/resnet50.onnx --overwrite").ended(2);
    said.says(&[
        "`models/resnet50.onnx` is not overwritten: this command reads it",
        "hint: choose another `--output`",
    ]);
    place.run("export a -o no.onnx --opset 12").ended(2).says(&["12 is not in 13..=21"]);
    place.run("export a -o no.onnx --head-only --with-preprocessing").ended(2).says(&["cannot be used with"]);
    let one = place.run("export a -o no.onnx --image photos/cat.jpg").ended(2);
    one.says(&["checking an export needs two images or more, found 1", "hint: give `--image` twice"]);
    let said = place.run("export a -o no.onnx --recipe torchvision-v1").ended(2);
    said.says(&["was trained on other features", "hint: "]);
    assert!(!place.path("no.onnx").exists());
    let said = place.run("predict models/resnet50.onnx photos/cat.jpg").ended(2);
    said.says(&[
        "does not say how it classifies images",
        "headstart.form",
        "hint: make the file with `headstart export RUN",
    ]);
    place.run("predict gone.onnx photos/cat.jpg").ended(2).says(&["gone.onnx"]);
}

#[test]
fn an_exported_file_is_no_backbone() {
    let place = trained();
    place.run("export a -o classifier.onnx").done();
    let said = place.run("extract photos/photos.csv --backbone classifier.onnx").ended(2);
    said.says(&["`classifier.onnx`", "hint: `headstart backbone cut"]);
}

#[test]
fn json_says_what_was_written() {
    let place = trained();
    let said = place.run("export a -o a.onnx --json").done();
    let exported: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(exported["bytes"], fs::metadata(place.path("a.onnx")).unwrap().len());
    assert_eq!(
        (&exported["card"]["form"], &exported["card"]["run"]["name"]),
        (&"tensor".into(), &"a".into())
    );
    assert_eq!(exported["check"]["images"], 4);
}
