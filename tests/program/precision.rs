//! Features in int8: one graph for a cache, found again by every command, and never mixed up with fp32.

use std::fs;
use std::path::PathBuf;

use headstart::cache::Storage;
use headstart::image::Recipe;
use headstart::image::recipe::Channels;
use headstart::onnx::{self, Attribute, Graph, Model, Node, Tensor, ValueInfo};

use super::net::{self, open};
use super::place::{Place, Said};

const EDGE: usize = 24;
const IMAGES: usize = 40;
const FEATURES: usize = 19;

/// A network of two convolutions, sums of odd lengths in each.
pub(super) fn network() -> Model {
    let weights = |name: &str, dims: &[usize], scale: f32| {
        let numbers =
            (0..dims.iter().product::<usize>()).map(|i| ((i * 7919 % 1009) as f32 / 504.5 - 1.0) * scale);
        Tensor::from_f32(name, dims, &numbers.collect::<Vec<_>>())
    };
    let conv = |input: &str, weights: &str, bias: &str, output: &str| {
        let pads = vec![Attribute::ints("pads", [1, 1, 1, 1])];
        Node::new("Conv", &[input, weights, bias], output, pads)
    };
    let graph = Graph {
        name: Some("small".into()),
        node: vec![
            conv("images", "w1", "b1", "c1"),
            Node::new("Relu", &["c1"], "r1", vec![]),
            conv("r1", "w2", "b2", "c2"),
            Node::new("Relu", &["c2"], "r2", vec![]),
            Node::new("GlobalAveragePool", &["r2"], "pooled", vec![]),
            Node::new("Flatten", &["pooled"], "features", vec![Attribute::int("axis", 1)]),
        ],
        initializer: vec![
            weights("w1", &[13, 3, 3, 3], 0.3),
            weights("b1", &[13], 0.1),
            weights("w2", &[FEATURES, 13, 3, 3], 0.2),
            weights("b2", &[FEATURES], 0.1),
        ],
        input: vec![ValueInfo::float_tensor("images", &open(&[3, EDGE, EDGE]))],
        output: vec![ValueInfo::float_tensor("features", &open(&[FEATURES]))],
        ..Graph::default()
    };
    let recipe = Recipe {
        divisor: 255.0,
        mean: [0.5; 3],
        std: [0.25; 3],
        channels: Channels::Rgb,
        ..net::recipe(EDGE)
    };
    net::model(graph, &net::account("small", recipe, FEATURES))
}

/// Images, the network, and a shorter manifest of other images.
pub(super) fn place() -> Place {
    let place = Place::with_cifar(IMAGES + 10);
    onnx::write(&network(), &place.path("small.onnx")).unwrap();
    let manifest = place.read("cifar.csv");
    let lines: Vec<&str> = manifest.lines().collect();
    place.write("train.csv", lines[..=IMAGES].join("\n"));
    place.write("test.csv", [&lines[..1], &lines[IMAGES + 1..]].concat().join("\n"));
    place
}

fn run(place: &Place, arguments: &str) -> Said {
    place.run(&format!("{arguments} --backbone small.onnx"))
}

fn graphs(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path("data/features/graphs")).into_iter().flatten().flatten();
    let mut graphs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    graphs.retain(|path| path.to_string_lossy().ends_with(".int8.onnx"));
    graphs.sort();
    graphs
}

/// The precisions of the features in the cache.
fn kept(place: &Place) -> Vec<String> {
    let precision = |dir: PathBuf| {
        let text = fs::read_to_string(dir.join("fingerprint.json")).unwrap();
        let fingerprint: serde_json::Value = serde_json::from_str(&text).unwrap();
        fingerprint["precision"].as_str().unwrap().to_owned()
    };
    let mut kept: Vec<String> = place.kinds("data/features").into_iter().map(precision).collect();
    kept.sort();
    kept
}

#[test]
fn one_int8_graph_serves_every_manifest_and_every_command() {
    let place = place();
    let said = run(&place, "extract train.csv --precision int8").done();
    said.says(&["int8: calibrating `small`", "calibrating on", "cosine to fp32", "graph written to"]);
    assert_eq!((kept(&place), graphs(&place).len()), (vec!["int8".to_owned()], 1));
    let graph = fs::read(&graphs(&place)[0]).unwrap();

    // Nothing needs to be said again: features are kept in int8, and the run knows.
    let said = run(&place, "extract test.csv").done();
    said.says(&["using int8: the cache already holds int8 features"]).never_says("calibrating");
    run(&place, "extract test.csv --precision int8").done().never_says("calibrating");
    run(&place, "train train.csv --epochs 2 --name a").done();
    assert!(place.read("runs/a/run.toml").contains("quantised_from"));
    run(&place, "evaluate a test.csv").done();
    assert!(!place.read("runs/a/evaluation/test/metrics.json").contains("other_precision"));
    assert!(place.read("runs/a/evaluation/test/report.html").contains("int8"));
    run(&place, "export a -o a.onnx").done();
    let by_run = run(&place, "predict a test.csv --format csv").done();
    let by_file = place.run("predict a.onnx test.csv --format csv").done();
    assert_eq!(by_run.out.lines().count(), 11);
    let classes = |said: &Said| -> Vec<String> {
        said.out.lines().map(|line| line.split(',').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(classes(&by_run), classes(&by_file));
    run(&place, "compare train.csv --heads linear --folds 2 --epochs 2").done();
    assert_eq!(graphs(&place), [graphs(&place)[0].clone()]);
    assert!(fs::read(&graphs(&place)[0]).unwrap() == graph, "no command makes it anew");

    // Asked for, another one is made of other images, and the run still finds its own.
    run(&place, "extract test.csv --precision int8 --recalibrate").done().says(&["calibrating `small`"]);
    assert_eq!((graphs(&place).len(), kept(&place)), (2, vec!["int8".to_owned(); 2]));
    run(&place, "evaluate a test.csv").done();
    run(&place, "train --from a --epochs 3 --resume --name b").done();
}

#[test]
fn a_head_is_shown_no_other_precision_than_its_own_unless_that_is_accepted() {
    let place = place();
    for (precision, name) in [("fp32", "a"), ("int8", "b")] {
        for manifest in ["train.csv", "test.csv"] {
            run(&place, &format!("extract {manifest} --precision {precision}")).done();
        }
        run(&place, &format!("train train.csv --precision {precision} --epochs 1 --name {name}")).done();
    }
    assert_eq!(kept(&place), ["fp32", "int8"]);
    for (name, own, other) in [("a", "fp32", "int8"), ("b", "int8", "fp32")] {
        run(&place, &format!("evaluate {name} test.csv")).done();
        let differs = format!("the precision is `{other}`, expected `{own}`");
        for command in ["evaluate NAME test.csv", "predict NAME test.csv", "export NAME -o no.onnx"] {
            let command = format!("{} --precision {other}", command.replace("NAME", name));
            run(&place, &command).ended(2).says(&[
                "trained on other features",
                &differs,
                "`--accept-precision`",
            ]);
        }
        assert!(!place.path("no.onnx").exists());
        let accepted = format!("--precision {other} --accept-precision");
        let told = format!("features in {other}, trained on {own}");
        run(&place, &format!("evaluate {name} test.csv {accepted}")).done().says(&[&told]);
        let folder = format!("runs/{name}/evaluation/test+{other}");
        let metrics: serde_json::Value =
            serde_json::from_str(&place.read(&format!("{folder}/metrics.json"))).unwrap();
        let recorded = serde_json::json!({ "trained_on": own, "seen": other });
        assert_eq!(metrics["other_precision"], recorded);
        assert!(place.read(&format!("{folder}/report.html")).contains(&format!("{other}, trained on {own}")));
        let said = run(&place, &format!("predict {name} test.csv --format jsonl {accepted}")).done();
        for line in said.out.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["other_precision"], recorded);
        }
        let file = format!("{name}.onnx");
        run(&place, &format!("export {name} -o {file} {accepted}")).done();
        let model = onnx::read(&place.path(&file)).unwrap();
        let run = model.metadata_props.iter().find(|entry| entry.key() == "headstart.run").unwrap();
        let run: serde_json::Value = serde_json::from_str(run.value()).unwrap();
        assert_eq!(run["other_precision"], recorded);
    }
    // What a run goes on with has to be what it was, and there is no flag for that.
    let said = run(&place, "train --from a --resume --epochs 2 --precision int8").ended(2);
    said.says(&["the precision is `int8`, expected `fp32`"]).never_says("--accept-precision");
}

#[test]
fn a_row_alone_in_int8_is_the_row_in_any_batch() {
    let place = place();
    run(&place, "extract test.csv --precision int8").done();
    let graph = graphs(&place)[0].display().to_string();
    let files: Vec<PathBuf> = place
        .read("train.csv")
        .lines()
        .skip(1)
        .map(|line| place.path(line.split(',').next().unwrap()))
        .collect();
    let features = |batch: usize, threads: usize| {
        let cache = format!("cache-{batch}-{threads}");
        let arguments = format!("extract train.csv --backbone {graph} --cache {cache}");
        place.run(&format!("{arguments} --batch-size {batch} --threads {threads}")).done();
        place.features(&cache, &graph, Storage::F32, &files)
    };
    let alone = features(1, 1);
    assert!(alone.iter().any(|&value| value > 0.0));
    for (batch, threads) in [(2, 1), (7, 2), (IMAGES, 2), (3, 3)] {
        assert!(features(batch, threads) == alone, "batches of {batch} on {threads} threads");
    }
}

#[test]
fn auto_measures_once_says_what_and_keeps_to_it() {
    let place = place();
    let said = run(&place, "extract train.csv --precision auto").done();
    let said = said.says(&["auto: measuring on 24 images", "auto: fp32 on cpu: ", "auto: int8 on cpu: "]);
    let chosen = if said.err.contains("auto: int8, the fastest") { "int8" } else { "fp32" };
    assert_eq!(kept(&place), [chosen]);
    let again = run(&place, "extract test.csv --precision auto").done();
    again.says(&[&format!("auto: {chosen}, "), "as chosen before"]).never_says("measuring");
    assert_eq!(kept(&place), [chosen]);
    run(&place, "train train.csv --precision auto --epochs 1 --name a").done();
    // What nothing but fp32 can be is fp32, and what is passed over is told.
    let said = run(&place, "extract test.csv --precision auto --recalibrate --min-cosine 1").done();
    said.says(&["auto: not int8: ", "auto: fp32, "]);
}

#[test]
fn what_int8_lacks_or_cannot_do_is_told() {
    let place = place();
    let said = run(&place, "train train.csv --precision int8").ended(2);
    said.says(&["there is no int8 graph of this backbone yet", "extract MANIFEST --precision int8"]);
    run(&place, "train train.csv --precision auto")
        .ended(2)
        .says(&["no precision was chosen", "--precision auto"]);
    let said = run(&place, "extract train.csv --precision int8 --min-cosine 1").ended(2);
    said.says(&["mean cosine"]);
    assert_eq!((graphs(&place), kept(&place)), (vec![], vec![]));
    run(&place, "train train.csv --extract --precision int8 --epochs 1 --name a").done();
    let graph = graphs(&place)[0].display().to_string();
    let said = place.run(&format!("extract train.csv --backbone {graph} --precision fp32")).ended(2);
    said.says(&["is quantised: it computes in int8, not in fp32"]);
    // The file itself says what it is.
    let said = place.run(&format!("extract train.csv --backbone {graph} --json")).done();
    assert!(said.out.contains(&format!("\"cached\":{IMAGES}")), "{}", said.out);
    run(&place, "extract test.csv --precision int8 --device openvino")
        .ended(2)
        .says(&["int8", "--device cpu"]);
}
