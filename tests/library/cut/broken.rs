//! Files that are damaged, incomplete or refused: an error everywhere, by the name of what is wrong, before anything is made.

use headstart::onnx::{DataLocation, Graph, Node, StringStringEntry, Tensor, ValueInfo};

use super::desk::Desk;
use super::nets;
use super::*;

/// A name, what is done to a sound classifier, and what is said of it then.
type Damage = (&'static str, fn(&mut Graph), &'static str);

fn damages() -> Vec<Damage> {
    vec![
        ("no nodes", |graph| graph.node.clear(), "has no nodes"),
        ("no outputs", |graph| graph.output.clear(), "has no output"),
        (
            "an output that nothing makes",
            |graph| graph.output[0].name = Some("gone".into()),
            "no node makes its output `gone`",
        ),
        (
            "a constant that is not there",
            |graph| graph.initializer.retain(|tensor| tensor.name() != "stem.w"),
            "reads `stem.w`, which nothing makes",
        ),
        (
            "an edge from nowhere",
            |graph| graph.node[1].input[0] = "gone".into(),
            "reads `gone`, which nothing makes",
        ),
        (
            "a circle",
            |graph| graph.node[1].input[0] = "logits".into(),
            "has a cycle: the `Relu` called `map`",
        ),
        (
            "a value made twice",
            |graph| graph.node.push(Node::new("Neg", &["x"], "map", vec![])),
            "`map` is made twice",
        ),
        (
            "two constants of one name",
            |graph| graph.initializer.push(graph.initializer[0].clone()),
            "`stem.w` is made twice",
        ),
        (
            "too few bytes",
            |graph| graph.initializer[1].raw_data = Some(vec![0; 3].into()),
            "tensor `logits.w`: expected 640 bytes, found 3",
        ),
        ("a shape below nothing", |graph| graph.initializer[1].dims = vec![-1, 10], "has the shape (-1, 10)"),
        (
            "elements of no type",
            |graph| graph.initializer[1].data_type = Some(0),
            "elements of type `undefined`",
        ),
        ("an operator without a name", |graph| graph.node[1].op_type = None, "names no operator"),
        (
            "weights in a file that is not there",
            |graph| elsewhere(&mut graph.initializer[1], "weights.bin"),
            "`weights.bin`, which cannot be read",
        ),
        (
            "weights in a file that is too short",
            |graph| elsewhere(&mut graph.initializer[1], "photos.csv"),
            "of their 640 bytes",
        ),
        (
            "weights outside the folder",
            |graph| elsewhere(&mut graph.initializer[1], "../weights.bin"),
            "a path inside the model's folder",
        ),
        // These hang together, and only ONNX Runtime knows better.
        (
            "an operator that there is not",
            |graph| graph.node[1].op_type = Some("Reluu".into()),
            "ONNX Runtime refuses",
        ),
        (
            "shapes that do not go together",
            |graph| graph.initializer[1].dims = vec![32, 5],
            "ONNX Runtime refuses",
        ),
        (
            "types that do not go together",
            |graph| graph.node[1].input[0] = "whole".into(),
            "ONNX Runtime refuses",
        ),
    ]
}

fn elsewhere(tensor: &mut Tensor, file: &str) {
    tensor.raw_data = None;
    tensor.data_location = Some(DataLocation::External as i32);
    tensor.external_data = vec![StringStringEntry::new("location", file)];
}

fn damaged(change: impl FnOnce(&mut Graph)) -> Model {
    let mut model = nets::classifier("logits", 10);
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.push(Tensor::from_i64("whole", &[1], &[3]));
    // Its output is no classifier's by its type, so that nothing but the damage is in the way.
    graph.output = vec![ValueInfo::float_tensor("logits", &nets::dims(&[10]))];
    change(graph);
    model
}

#[test]
fn inspect_calls_no_broken_file_a_classifier() {
    let sound = Desk::with("net.onnx", &damaged(|_| {}));
    let said = sound.run("backbone inspect net.onnx");
    assert!(said.status == 0 && said.out.contains("whole classifier"), "{}{}", said.out, said.err);
    for (name, change, words) in damages() {
        let desk = Desk::with("net.onnx", &damaged(change));
        let said = desk.run("backbone inspect net.onnx");
        assert_eq!(said.status, 2, "{name}: {}{}", said.out, said.err);
        assert!(said.err.contains("`net.onnx` is broken"), "{name}: {}", said.err);
        assert!(said.hint().is_some(), "{name}: {}", said.err);
        assert!(
            said.out.contains("broken: ") && said.out.contains(words),
            "{name}: `{words}` is not in\n{}",
            said.out
        );
        assert!(!said.out.contains("classifier"), "{name}: {}", said.out);
        let json: serde_json::Value =
            serde_json::from_str(&desk.run("backbone inspect net.onnx --json").out).unwrap();
        assert!(json["broken"] == true && json["ready"] == false, "{name}: {json:#}");
        assert!(json["missing"].as_str().unwrap().contains(words), "{name}: {json:#}");
    }
}

#[test]
fn extract_cut_quantize_and_doctor_say_what_inspect_says() {
    for (name, change, words) in damages() {
        let desk = Desk::with("net.onnx", &damaged(change));
        let told = " --recipe keras-resnet50 --feature-tensor logits";
        for command in [
            format!("extract photos.csv --backbone net.onnx{told}"),
            format!("backbone quantize net.onnx --calibrate photos.csv --output int8.onnx{told}"),
            "backbone cut net.onnx --output features.onnx".to_owned(),
        ] {
            let said = desk.run(&command);
            assert_eq!(said.status, 2, "{name}, `{command}`: {}", said.err);
            assert!(
                said.err.contains("`net.onnx`") || said.err.contains("../weights.bin"),
                "{name}, `{command}`: {}",
                said.err
            );
            let refused = words == "ONNX Runtime refuses";
            // The loop of ONNX Runtime's own comes later, and in its own words.
            assert!(
                refused || said.err.contains(words) || said.err.contains("cannot be read"),
                "{name}, `{command}`: {}",
                said.err
            );
            assert!(
                !said.err.contains("depend on no input") && !said.err.contains("whole buffer"),
                "{name}: {}",
                said.err
            );
            assert!(refused || !desk.path("data").exists(), "{name}, `{command}` left something behind");
            assert!(!desk.path("int8.onnx").exists() && !desk.path("features.onnx").exists(), "{name}");
        }
    }
}

/// Of a large file the weights are stepped over, and counted all the same.
#[test]
fn weights_that_are_not_read_are_counted() {
    let broken = |change: &dyn Fn(&mut Tensor)| {
        let mut net = nets::trunk();
        net.gemm("pooled", "features", [nets::WIDTH, 2048]);
        let mut model = net.finish(&[("features", &[2048])]);
        change(&mut model.graph.as_mut().unwrap().initializer[1]);
        let desk = Desk::with("net.onnx", &model);
        desk.run("extract photos.csv --backbone net.onnx --recipe keras-resnet50")
    };
    assert_eq!(broken(&|_| {}).status, 0);
    let said = broken(&|weights| weights.raw_data = Some(vec![0; 100_000].into()));
    assert!(said.status == 2 && said.err.contains("expected 131072 bytes, found 100000"), "{}", said.err);
}
