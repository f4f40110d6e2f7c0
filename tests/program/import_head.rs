//! Heads of Keras and PyTorch as runs.

use std::path::PathBuf;

use headstart::run::Run;
use ndarray::Array2;
use serde_json::Value;

use super::noisy::{self, BACKBONE, FEATURES};
use super::place::{Place, Said, repository};

fn golden(name: &str) -> PathBuf {
    repository().join("crates/nn/tests/golden/import_head").join(name)
}

fn import(place: &Place, file: &str, rest: &str) -> Said {
    place.run(&format!("import-head {} {rest} {BACKBONE}", golden(file).display()))
}

fn matrix(rows: &Value) -> Array2<f32> {
    let rows: Vec<Vec<f32>> = serde_json::from_value(rows.clone()).unwrap();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

#[test]
fn a_run_of_them_says_what_they_said() {
    let place = noisy::place();
    for (list, count) in [("keras.json", 4), ("pytorch.json", 3)] {
        let made: Value = serde_json::from_slice(&std::fs::read(golden(list)).unwrap()).unwrap();
        let cases = made["cases"].as_array().unwrap();
        assert_eq!(cases.len(), count, "{list} was cut short");
        for case in cases {
            let (file, want) = (case["file"].as_str().unwrap(), matrix(&case["probabilities"]));
            let names: Vec<String> = (0..want.ncols()).map(|class| format!("class {class}")).collect();
            place.write("names.txt", names.join("\n"));
            let activation = case["activation"].as_str().unwrap();
            let name = file.strip_suffix(".safetensors").unwrap();
            let said =
                import(&place, file, &format!("--classes names.txt --activation {activation} --name {name}"))
                    .done();
            assert_eq!(said.out, format!("runs/{name}\n"));
            let run = Run::load(&place.path(&format!("runs/{name}"))).unwrap();
            assert_eq!(run.info.classes, names);
            let features = matrix(&made["features"]);
            assert_eq!(features.ncols(), FEATURES);
            for (got, want) in run.probabilities(features.view()).iter().zip(&want) {
                // Sums of 12 products in another order: a few units in the last place of numbers up to 1.
                assert!((got - want).abs() < 1e-6, "{name}: {got}, there {want}");
            }
        }
    }
}

#[test]
fn what_was_imported_predicts_is_measured_calibrated_and_exported() {
    let place = noisy::place();
    let said =
        import(&place, "keras_sigmoid.safetensors", "--classes cold,warm --activation sigmoid --name k")
            .done();
    said.says(&[
        "12 inputs, 6 units; the kernel is (inputs, units) in the file",
        "activation between the layers: sigmoid",
        "one unit, whose sigmoid",
    ]);
    let by_run = place.run(&format!("predict k held.csv {BACKBONE}")).done().out;
    assert_eq!(by_run.lines().count(), 120);
    place.run(&format!("evaluate k held.csv {BACKBONE}")).done();
    let page = place.read("runs/k/evaluation/held/report.html");
    assert!(page.contains("imported from") && page.contains("keras_sigmoid.safetensors"));
    place.run(&format!("export k {BACKBONE} -o k.onnx")).done();
    assert_eq!(place.run("predict k.onnx held.csv").done().out, by_run);
    let runs: Value = serde_json::from_str(&place.run("runs --json").done().out).unwrap();
    assert!(
        runs["runs"][0]["settings"]["imported_from"].as_str().unwrap().ends_with("keras_sigmoid.safetensors")
    );
    assert_eq!(runs["runs"][0]["epochs"], Value::Null);
    assert!(place.run("runs").done().out.contains("imported_from="));
    place.run("predict k held3.png").ended(2).says(&["trained on other features"]);
    for flags in ["", "--resume"] {
        place
            .run(&format!("train --from k {flags}"))
            .ended(2)
            .says(&["the head of the run `k` was imported", "hint: remove `--from`"]);
    }
}

#[test]
fn what_is_not_the_head_that_was_meant_is_told_and_nothing_written() {
    let place = noisy::place();
    let refused = |file: &str, rest: &str, words: &[&str]| {
        import(&place, file, &format!("{rest} --name no")).ended(2).says(words);
        assert!(!place.path("runs/no").exists());
    };
    let chain = "the layers do not lead from 12 features to 3 classes: `sequential/answer: 8 to 5`, `sequential/hidden: 12 to 8`";
    refused("keras_two.safetensors", "--classes a,b,c", &[chain, "hint: `--backbone` names the graph"]);
    refused(
        "keras_two.safetensors",
        "--classes a,b,c,d,e --layout pytorch",
        &["bias of", "hint: add `--layout keras`"],
    );
    refused(
        "keras_two.safetensors",
        "--classes a,b,c,d,e --layers hidden,output",
        &["no layer `output`", "`sequential/answer`"],
    );
    refused(
        "keras.json",
        "--classes a,b",
        &["it is not a complete safetensors file", "hint: Python's `safetensors`"],
    );
    refused("gone.safetensors", "--classes a,b", &["cannot read"]);
    refused("keras_two.safetensors", "--classes a,a", &["`a`"]);
    refused(
        "keras_two.safetensors",
        "--classes a,b,c,d,e --layout numpy",
        &["expected `keras` or `pytorch`"],
    );
    place.write("names.json", r#"["a, b", "c", "d", "e", "f"]"#);
    import(&place, "keras_two.safetensors", "--classes names.json --layers hidden,answer --name yes").done();
    assert_eq!(Run::load(&place.path("runs/yes")).unwrap().info.classes[0], "a, b");
    import(&place, "keras_two.safetensors", "--classes a,b,c,d,e --name yes")
        .ended(2)
        .says(&["there is a run"]);
}
