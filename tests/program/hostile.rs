//! Names of classes and files that nobody should give, and people do: they stay text, from the manifest to the last output.

use std::process::Command;

use image::{Rgb, RgbImage};
use serde_json::Value;

use super::place::{Place, Said};
use super::tiny;

/// What markup, spreadsheets, terminals, CSV and text from right to left trip over.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>alert(1)</script>",
        "=cmd|' C'!A0",
        "a \"b\", 'c'; d",
        "two\nlines",
        "\u{1B}[2J\u{1B}]0;title\u{7}red",
        "\u{202E}gpj.exe",
        "قطة שלום",
        "👩‍🔬🐈‍⬛",
        "--overwrite",
        "../%2e%2e $(id) `id` \\n",
    ]
    .map(str::to_owned)
    .into();
    names.push("ü".repeat(120));
    names
}

/// A class of six images for each name, whose files have it in their names too, and `all.csv`; a run `a`.
fn trained() -> Place {
    let place = Place::empty();
    tiny::backbone_times(&place.path("tiny.onnx"), 4, 12, 0.002);
    let mut manifest = csv::Writer::from_path(place.path("all.csv")).unwrap();
    manifest.write_record(["path", "label"]).unwrap();
    for (class, name) in names().iter().enumerate() {
        for shade in 0..6 {
            // A file's name has no folders in it, and is at most 255 bytes long.
            let file = format!("{}{shade}.png", name.replace('/', "|").chars().take(100).collect::<String>());
            let colour = Rgb([20 * class as u8 + 9, 250 - 20 * class as u8, 10 * shade + 9]);
            RgbImage::from_pixel(4, 4, colour)
                .save_with_format(place.path(&file), image::ImageFormat::Png)
                .unwrap();
            manifest.write_record([&file, name]).unwrap();
        }
    }
    manifest.flush().unwrap();
    place.run("extract all.csv --backbone tiny.onnx").done();
    harmless(&place.run("train all.csv --backbone tiny.onnx --epochs 20 --name a").done());
    place
}

/// Nothing in it moves the cursor or turns the direction of the text.
fn harmless(said: &Said) {
    for text in [&said.out, &said.err] {
        let bad =
            text.chars().find(|&c| (c.is_control() && c != '\n') || ('\u{202A}'..='\u{202E}').contains(&c));
        assert_eq!(bad, None, "{text}");
    }
}

/// The rows of a CSV as Python reads them.
fn as_python_reads(place: &Place, file: &str) -> Vec<Vec<String>> {
    const SCRIPT: &str = "import csv, json, sys\n\
                          rows = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))\n\
                          print(json.dumps(rows))";
    let output = Command::new("python3").args(["-c", SCRIPT]).arg(place.path(file)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_evaluation_of_them_shows_them_as_text() {
    let place = trained();
    let said = place.run("evaluate a all.csv --backbone tiny.onnx -o out --probabilities").done();
    harmless(&said);
    said.says(&[
        "warning: 2 names in predictions.csv are formulas to a spreadsheet",
        "import the file as text",
    ]);
    let (written, made) =
        (as_python_reads(&place, "out/predictions.csv"), as_python_reads(&place, "all.csv"));
    assert_eq!(written.len(), 1 + 6 * names().len());
    for (written, made) in written.iter().zip(&made) {
        assert_eq!(written[1], made[1], "a label as it was");
        assert!(written[0].ends_with(&made[0]), "{written:?}");
    }
    let mut sorted = names();
    sorted.sort();
    let columns: Vec<String> = sorted.iter().map(|name| format!("p_{name}")).collect();
    assert!(written[0].ends_with(&columns), "{:?}", written[0]);
    let metrics: Value = serde_json::from_str(&place.read("out/metrics.json")).unwrap();
    let classes: Vec<&str> =
        metrics["classes"].as_array().unwrap().iter().map(|class| class["name"].as_str().unwrap()).collect();
    assert_eq!(classes, sorted);
    let page = place.read("out/report.html");
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)"));
    // What was written is a manifest again, where it lies and elsewhere.
    place.run("evaluate a out/predictions.csv --backbone tiny.onnx -o again").done();
    std::fs::rename(place.path("out/predictions.csv"), place.path("photos.csv")).unwrap();
    place.run("evaluate a photos.csv --backbone tiny.onnx -o third").done();
    for folder in ["again", "third"] {
        assert_eq!(place.read(&format!("{folder}/metrics.json")), place.read("out/metrics.json"));
    }
}

#[test]
fn predictions_of_them_are_a_line_each_and_can_be_read_back() {
    let place = trained();
    let table = place.run("predict a all.csv --backbone tiny.onnx").done();
    harmless(&table);
    assert_eq!(table.out.lines().count(), 6 * names().len());
    let lines = place.run("predict a all.csv --backbone tiny.onnx --format jsonl --top 99").done().out;
    let mut seen: Vec<String> = vec![];
    for line in lines.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert!(place.path("").join(answer["path"].as_str().unwrap()).exists(), "{line}");
        seen.extend(
            answer["top"].as_array().unwrap().iter().map(|one| one["class"].as_str().unwrap().to_owned()),
        );
    }
    seen.sort();
    seen.dedup();
    let mut sorted = names();
    sorted.sort();
    assert_eq!(seen, sorted);
    let rows = place.run("predict a all.csv --backbone tiny.onnx --format csv").done().out;
    place.write("said.csv", rows);
    let made = as_python_reads(&place, "all.csv");
    for (said, made) in as_python_reads(&place, "said.csv").iter().zip(&made).skip(1) {
        assert!(said[0].ends_with(&made[0]) && names().contains(&said[2]), "{said:?}");
    }
    harmless(&place.run_on("\u{1B}[2Jgone.png\n", "predict a - --backbone tiny.onnx").ended(1));
}

#[test]
fn an_exported_file_has_them_word_for_word() {
    let place = trained();
    harmless(&place.run("export a --backbone tiny.onnx -o a.onnx").done());
    let said = place.run("export a --backbone tiny.onnx -o b.onnx --json").done().out;
    let exported: Value = serde_json::from_str(&said).unwrap();
    let mut sorted = names();
    sorted.sort();
    assert_eq!(exported["card"]["classes"], Value::from(sorted));
    let by_run = place.run("predict a all.csv --backbone tiny.onnx").done().out;
    assert_eq!(place.run("predict a.onnx all.csv").done().out, by_run);
}
