//! The doctor on a whole installation, on nothing at all, and on things that are broken.

use std::fs;

use serde_json::Value;

use super::place::{Place, Said, repository};

fn checks(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

#[track_caller]
fn find<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no `{name}` in {report:#}"))
}

/// That each line that is wrong has its remedy.
#[track_caller]
fn every_fault_has_a_remedy(report: &Value) {
    for check in report["checks"].as_array().unwrap() {
        if check["verdict"] == "failed" || check["verdict"] == "warning" {
            let remedy = check["remedy"].as_str().unwrap_or_default();
            assert!(remedy.len() > 20 && !remedy.contains('\n'), "{check:#}");
        }
    }
}

#[test]
fn a_whole_installation_gives_the_features_of_keras() {
    let place = Place::empty();
    let said = place.run("doctor --json").done();
    let report = checks(&said);
    assert_eq!(report["ok"], true);
    let features = find(&report, "features");
    let difference = features["difference"].as_f64().unwrap();
    // Measured 1.1e-5; exactly none would mean that nothing was compared.
    assert!(difference > 0.0 && difference < 1e-4, "{features:#}");
    assert_eq!(features["verdict"], "ok");
    for (name, word) in [("runtime", "ONNX Runtime 1."), ("device", "cpu"), ("backbone", "2048 features")] {
        assert!(find(&report, name)["found"].as_str().unwrap().contains(word), "{report:#}");
    }
    assert!(matches!(find(&report, "int8")["weight_bits"].as_u64(), Some(7 | 8)), "{report:#}");
    let rates = find(&report, "speed")["rates"].as_array().unwrap();
    assert!(rates.iter().any(|rate| rate["device"] == "cpu" && rate["precision"] == "fp32"), "{rates:?}");
    assert!(rates.iter().all(|rate| rate["images_per_second"].as_f64().unwrap() > 0.0), "{rates:?}");
    // Nothing is left behind.
    assert!(!place.path("data").exists());
    let said = place.run("doctor").done();
    assert!(said.out.contains("bound 1e-4") && !said.out.contains("FAILED"), "{}", said.out);
}

#[test]
fn on_a_fresh_machine_it_says_what_to_do() {
    let place = Place::empty();
    fs::remove_file(place.path("models")).unwrap();
    let nothing = |command: &mut std::process::Command| {
        command.env("PATH", "").env_remove("ORT_DYLIB_PATH");
    };
    let report = checks(&place.run_with("doctor --json", nothing).ended(2).never_says("panicked"));
    assert_eq!(report["ok"], false);
    every_fault_has_a_remedy(&report);
    for (name, verdict) in
        [("runtime", "failed"), ("backbone", "failed"), ("features", "skipped"), ("cache", "ok")]
    {
        assert_eq!(find(&report, name)["verdict"], verdict, "{report:#}");
    }
    let said = place.run_with("doctor", nothing).ended(2);
    assert!(
        said.out.contains("FAILED  runtime") && said.out.contains("-> `pip install onnxruntime`"),
        "{}",
        said.out
    );
}

/// Each way in which the runtime or the backbone can be broken has a line that says so, and what to do.
#[test]
fn whatever_is_broken_is_named_for_what_it_is() {
    let place = Place::empty();
    let graph = repository().join("models/resnet50.onnx");
    place.write("text.so", "not a library");
    place.write("pointer.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 94000000\n");
    place.write("half.onnx", &fs::read(&graph).unwrap()[..50_000_000]);
    place.write("pickle.onnx", b"\x80\x02}q\x00.");
    place.write("text.onnx", "no network");
    let broken = [
        ("--onnxruntime gone.so", "runtime", "does not exist", "./justw setup"),
        ("--onnxruntime text.so", "runtime", "text.so`", "./justw setup"),
        ("--backbone gone.onnx", "backbone", "does not exist", "./justw setup"),
        ("--backbone pointer.onnx", "backbone", "Git LFS", "git lfs pull"),
        ("--backbone half.onnx", "backbone", "half.onnx", "damaged"),
        ("--backbone pickle.onnx", "backbone", "a Python pickle", "torch.onnx.export"),
        ("--backbone text.onnx", "backbone", "a text file", "backbone import"),
        ("--backbone .", "backbone", "a folder", "give the file in it"),
    ];
    for (arguments, line, found, remedy) in broken {
        let said = place.run(&format!("doctor --json {arguments}")).ended(2).never_says("panicked");
        let report = checks(&said);
        every_fault_has_a_remedy(&report);
        let check = find(&report, line);
        assert_eq!(check["verdict"], "failed", "{arguments}: {check:#}");
        assert!(check["found"].as_str().unwrap().contains(found), "{arguments}: {check:#}");
        assert!(check["remedy"].as_str().unwrap().contains(remedy), "{arguments}: {check:#}");
        assert_eq!(find(&report, "features")["verdict"], "skipped", "{arguments}");
    }
}

#[test]
fn a_weight_that_was_changed_is_seen() {
    let place = Place::empty();
    let mut graph = fs::read(repository().join("models/resnet50.onnx")).unwrap();
    // A bit of every byte, so of every exponent, in the middle of the file, which is nothing but weights.
    let middle = graph.len() / 2;
    graph[middle..middle + 65536].iter_mut().for_each(|byte| *byte ^= 1);
    place.write("changed.onnx", graph);
    let report = checks(&place.run("doctor --json --backbone changed.onnx").ended(2));
    every_fault_has_a_remedy(&report);
    let features = find(&report, "features");
    assert_eq!(features["verdict"], "failed", "{features:#}");
    assert!(features["difference"].as_f64().is_none_or(|difference| difference > 1e-4), "{features:#}");
}

#[test]
fn of_another_backbone_only_what_must_hold_is_asked() {
    let place = Place::empty();
    let said = place.run("doctor --json --recipe keras-resnet50-nearest").done();
    let report = checks(&said);
    let found = find(&report, "features")["found"].as_str().unwrap();
    assert!(found.contains("no reference values"), "{found}");
}

#[test]
fn a_device_or_folder_that_cannot_be_used_fails() {
    let place = Place::empty();
    place.write("file", "in the way");
    let report = checks(&place.run("doctor --json --device coreml --cache file/below").ended(2));
    every_fault_has_a_remedy(&report);
    if !cfg!(target_os = "macos") {
        assert_eq!(find(&report, "device")["verdict"], "failed");
        assert_eq!(find(&report, "features")["verdict"], "skipped");
    }
    assert_eq!(find(&report, "cache")["verdict"], "failed");
    let said = place.run("doctor --recipe no-such-preset").ended(2);
    assert!(said.out.contains("FAILED  backbone"), "{}", said.out);
}
