//! `headstart backbone quantize`: what it writes, says and refuses.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::precision;

const QUANTIZE: &str = "backbone quantize small.onnx --calibrate train.csv -o small.int8.onnx";

#[test]
fn a_backbone_in_integers_is_written_described_and_used() {
    let place = precision::place();
    let said = place.run(QUANTIZE).done().says(&["calibrating on", "held out"]);
    assert!(said.out.starts_with("small.int8.onnx\n") && said.out.contains("cosine"), "{}", said.out);
    // It is there now, and computes in integers already; and nothing is written over what it is made of.
    place.run(QUANTIZE).ended(2).says(&["`small.int8.onnx` exists already", "`--overwrite`"]);
    let own = QUANTIZE.replace("-o small.int8.onnx", "-o small.onnx --overwrite");
    place.run(&own).ended(2).says(&["is not overwritten: this command reads it"]);
    let twice =
        QUANTIZE.replace("quantize small.onnx", "quantize small.int8.onnx").replace("-o small.int8", "-o b");
    place.run(&twice).ended(2).says(&["is quantised already", "in floats that it was made of"]);
    let json =
        place.run(&format!("{QUANTIZE} --overwrite --json --keep-float c2 --min-cosine 0.5")).done().out;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let kept = report["float"].as_array().unwrap().iter().filter(|float| float["why"] == "kept");
    assert_eq!(kept.map(|float| float["name"].as_str().unwrap()).collect::<Vec<_>>(), ["c2"], "{json}");
    assert!(report["fidelity"]["cosine_mean"].as_f64().unwrap() > 0.9);
    place.run("extract test.csv --backbone small.int8.onnx --cache c").done();
}

#[test]
fn what_cannot_be_made_or_is_not_near_enough_is_not_written() {
    let place = precision::place();
    let far = format!("{QUANTIZE} --min-cosine 1 --keep-float none");
    place.run(&far).ended(2).says(&["have a mean cosine of", "nothing was written"]);
    let unknown = format!("{QUANTIZE} --keep-float c9");
    place
        .run(&unknown)
        .ended(2)
        .says(&["no layer `c9`", "it has these: `--keep-float c1` or `--keep-float c2`"]);
    place.write("empty.csv", "path,label\n");
    place.run(&QUANTIZE.replace("train.csv", "empty.csv")).ended(2);
    place.write("broken.png", b"\x89PNG\r\n\x1a\nno more");
    place.write("broken.csv", "path,label\nbroken.png,a\n");
    let said = place.run(&QUANTIZE.replace("train.csv", "broken.csv")).ended(2);
    said.says(&["calibration needs 2 different images", "1 could not be used"]);
    assert!(!place.path("small.int8.onnx").exists());
}

#[test]
fn killed_it_goes_on_from_there_and_writes_the_same_bytes() {
    let place = precision::place();
    place.run(&QUANTIZE.replace("-o small.int8.onnx", "-o undisturbed.onnx")).done();
    let kept = place.path("small.int8.onnx.unfinished");
    // It is quick: now and then it is over before it is killed.
    let killed = (0..50).any(|_| {
        let mut child = place.command(QUANTIZE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while !kept.exists() && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let _ = fs::remove_file(place.path("small.int8.onnx"));
        kept.exists()
    });
    assert!(killed, "it was never killed in time");
    place.run(QUANTIZE).done().says(&["going on with the calibration that was stopped"]);
    assert!(!kept.exists(), "it is done");
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert!(read("small.int8.onnx") == read("undisturbed.onnx"));
}
