//! `headstart compare` as users run it, on CIFAR-10 (`just setup` fetches it; features that are not cached yet are
//! computed).

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Images of the small manifest.
const IMAGES: usize = 120;
/// Longer than any of these tests should have to wait on the busiest of machines.
const PATIENCE: Duration = Duration::from_secs(120);

/// The first images of the demo, which is in no particular order, as a manifest of their own.
fn manifest() -> tempfile::NamedTempFile {
    let demo = fs::read_to_string("data/cifar10/demo_train.csv").expect("`just setup` makes it");
    let folder = fs::canonicalize("data/cifar10").unwrap();
    let rows = demo.lines().skip(1).take(IMAGES).map(|row| format!("{}/{row}\n", folder.display()));
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    fs::write(file.path(), format!("path,label\n{}", rows.collect::<String>())).unwrap();
    file
}

fn compare(manifest: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headstart"));
    command.args(["compare", "--extract"]).arg(manifest).args(arguments);
    command
}

fn json(output: &Output) -> Value {
    let complaints = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaints}"))
}

fn method<'a>(document: &'a Value, name: &str) -> &'a Value {
    let methods = document["methods"].as_array().unwrap();
    methods.iter().find(|method| method["name"] == name).unwrap_or_else(|| panic!("{name} in {document:#}"))
}

/// Everything that is to be the same from run to run.
fn figures(document: &Value) -> Vec<(String, Vec<(Value, Value)>)> {
    let scores = |method: &Value| {
        let scores = method["scores"].as_array().unwrap().iter();
        scores.map(|score| (score["accuracy"].clone(), score["log_loss"].clone())).collect()
    };
    let methods = document["methods"].as_array().unwrap().iter();
    let mut all: Vec<_> =
        methods.map(|method| (method["name"].as_str().unwrap().to_owned(), scores(method))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn every_method_learns_from_cifar_features_and_a_seed_settles_the_rest() {
    let manifest = manifest();
    let heads = "mlp,linear,logistic,bayes,knn,forest,svm";
    let arguments = ["--folds", "3", "--heads", heads, "--epochs", "10", "--json"];
    let output = compare(manifest.path(), &arguments).output().unwrap();
    let document = json(&output);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&document["images"], &document["folds"]), (&IMAGES.into(), &3.into()));
    for name in heads.split(',') {
        let method = method(&document, name);
        // Ten classes, eight images each: chance is 0.1.
        let accuracy = method["accuracy"]["mean"].as_f64().unwrap();
        assert!(accuracy > 0.35, "{method:#}");
        let without = matches!(name, "forest" | "svm");
        assert_eq!(method["log_loss"].is_null(), without, "{method:#}");
        assert_eq!(method["scores"].as_array().unwrap().len(), 3);
        assert!(method["problem"].is_null());
    }
    let means =
        document["methods"].as_array().unwrap().iter().map(|m| m["accuracy"]["mean"].as_f64().unwrap());
    assert!(means.collect::<Vec<_>>().is_sorted_by(|a, b| a >= b), "the best comes first");

    let one_at_a_time = [&arguments[..], &["--jobs", "1"]].concat();
    let again = json(&compare(manifest.path(), &one_at_a_time).output().unwrap());
    assert_eq!(figures(&document), figures(&again));
    let other_seed = [&arguments[..], &["--seed", "1"]].concat();
    let other = json(&compare(manifest.path(), &other_seed).output().unwrap());
    assert_ne!(figures(&document), figures(&other));
}

#[test]
fn a_grid_stands_in_the_same_table() {
    let manifest = manifest();
    let grid =
        ["--heads", "mlp,knn", "--folds", "2", "--epochs", "2", "--grid", "dropout=0,0.5", "hidden=8,none"];
    let output = compare(manifest.path(), &grid).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for name in
        ["mlp dropout=0 hidden=[8] ", "mlp dropout=0.5 hidden=[8] ", "mlp dropout=0 hidden=[] ", "knn "]
    {
        assert!(table.lines().any(|line| line.starts_with(name)), "{name}:\n{table}");
    }

    let output = compare(manifest.path(), &["--grid", "dropuot=0"]).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint.contains("dropuot") && complaint.contains("`dropout`"), "{complaint}");
}

#[test]
fn a_fraction_held_out_is_one_fit_a_method_on_the_images_that_train_holds_out() {
    let manifest = manifest();
    let held_out = ["--validation", "0.25", "--epochs", "3", "--seed", "4"];
    let arguments = [&held_out[..], &["--heads", "mlp,knn", "--json"]].concat();
    let document = json(&compare(manifest.path(), &arguments).output().unwrap());
    assert_eq!((&document["folds"], &document["validation"]), (&1.into(), &0.25.into()));
    let mlp = method(&document, "mlp");
    assert_eq!(mlp["scores"].as_array().unwrap().len(), 1);
    assert!(mlp["accuracy"]["deviation"].is_null());

    let runs = tempfile::tempdir().unwrap();
    let train = Command::new(env!("CARGO_BIN_EXE_headstart"))
        .arg("train")
        .arg(manifest.path())
        .args(held_out)
        .args(["--name", "same", "--runs"])
        .arg(runs.path())
        .output()
        .unwrap();
    assert!(train.status.success(), "{}", String::from_utf8_lossy(&train.stderr));
    let history = fs::read_to_string(runs.path().join("same/history.csv")).unwrap();
    let mut lines = history.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == "val_accuracy").unwrap();
    let last = lines.next_back().unwrap().split(',').nth(column).unwrap().parse::<f64>().unwrap();
    assert_eq!(mlp["accuracy"]["mean"], last);

    let output = compare(manifest.path(), &["--validation", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_does_not_end_or_fails_is_reported_and_the_rest_is_there() {
    let manifest = manifest();
    let limited =
        ["--heads", "mlp,knn", "--folds", "2", "--epochs", "100000000", "--time-limit", "8", "--json"];
    let output = compare(manifest.path(), &limited).output().unwrap();
    let document = json(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(method(&document, "mlp")["problem"], "stopped after 8 s (fold 1)");
    assert!(method(&document, "mlp")["accuracy"].is_null());
    assert_eq!(method(&document, "knn")["folds"], 2);

    let diverging = ["--heads", "mlp,knn", "--folds", "2", "--learning-rate", "1e38", "--csv"];
    let output = compare(manifest.path(), &diverging).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{table}");
    let [headings, knn, mlp] = table.lines().collect::<Vec<_>>()[..] else { panic!("{table}") };
    assert!(headings.starts_with("method,settings,folds,accuracy,accuracy_deviation,"));
    assert!(knn.starts_with("knn,") && knn.ends_with(','), "{knn}");
    assert!(mlp.starts_with("mlp,") && mlp.contains("`mlp` failed: ") && mlp.contains("(fold 1)"), "{mlp}");
}

/// A comparison that never ends: `knn`, then `mlp`, one at a time.
fn endless(manifest: &Path) -> Command {
    let arguments = ["--heads", "knn,mlp", "--folds", "2", "--epochs", "100000000", "--jobs", "1"];
    let mut command = compare(manifest, &arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Wait until `knn` has its first fold and `mlp` is at it; the process of that fit.
fn wait_for_second_fit(parent: &mut Child) -> String {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        for child in children(parent.id()) {
            let line = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            // Contender 1, fold 0.
            if line.ends_with("\u{0}1\u{0}0\u{0}") {
                return child;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    parent.kill().unwrap();
    panic!("no second fit was begun");
}

fn children(parent: u32) -> Vec<String> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return vec![] };
    let lists = threads.flatten().filter_map(|t| fs::read_to_string(t.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(String::from).collect::<Vec<_>>()).collect()
}

fn wait_until_gone(process: &str) {
    let started = Instant::now();
    // A zombie that nobody has waited for yet has an empty command line.
    while !fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default().is_empty() {
        assert!(started.elapsed() < PATIENCE, "the fit outlives the comparison");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

#[test]
fn broken_off_it_prints_what_is_finished() {
    let manifest = manifest();
    let mut parent = endless(manifest.path()).spawn().unwrap();
    let child = wait_for_second_fit(&mut parent);
    signal("-INT", parent.id());
    let output = parent.wait_with_output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{table}");
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(row("knn ").contains("1 of 2 folds") && row("mlp ").contains("0 of 2 folds"), "{table}");
    assert!(table.contains("knn: broken off; unfinished, so not ranked"), "{table}");
    wait_until_gone(&child);
}

#[test]
fn killed_it_leaves_no_fit_behind() {
    let manifest = manifest();
    let mut parent = endless(manifest.path()).spawn().unwrap();
    let child = wait_for_second_fit(&mut parent);
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until_gone(&child);
}

#[test]
fn nobody_is_told_of_the_fits() {
    for arguments in [&["--help"][..], &["compare", "--help"], &["completions", "bash"], &["man"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_headstart")).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("compare") && !text.contains("compare-fit"), "{arguments:?}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_headstart")).arg("compar").output().unwrap();
    let text = String::from_utf8(unknown.stderr).unwrap();
    assert!(text.contains("compare") && !text.contains("compare-fit"), "{text}");
}
