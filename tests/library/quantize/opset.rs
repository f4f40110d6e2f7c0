//! Graphs of older operator sets: what they are brought to gives what they gave.

use headstart::convert::quantize::{Error, QuantizeOptions};
use headstart::onnx::{self, Attribute, Model, Node, Tensor, ValueInfo};

use super::nets::{self, Net};
use super::{Place, features, quick};

/// Every operator that is written in another way since, in the form of `opset`, one of 7 to 12: after a convolution, a branch for each, and
/// their sum.
fn old(opset: i64) -> Model {
    let mut net = Net::new(3);
    net.conv("image", "stem", [8, 3, 3], 1, 1);
    net.normalise("stem", "x", 8);
    if opset < 9 {
        let normalisation = net.graph.node.last_mut().unwrap();
        normalisation.attribute.push(Attribute::int("spatial", 1));
    }
    let mut last = "x".to_owned();
    // Each takes the last map and gives one of the same shape.
    let mut step =
        |net: &mut Net, operator: &str, attributes: Vec<Attribute>, inputs: Vec<(Tensor, &str)>| {
            let output = format!("{operator}_{}", net.graph.node.len());
            let mut names = vec![last.clone()];
            for (tensor, what) in inputs {
                let name = format!("{output}_{what}");
                net.graph.initializer.push(Tensor { name: Some(name.clone()), ..tensor });
                names.push(name);
            }
            net.graph.node.push(Node { input: names, ..Node::new(operator, &[], &output, attributes) });
            last = output;
        };
    let number = |value: f32| Tensor::from_f32("", &[], &[value]);
    let ints = |values: &[i64]| Tensor::from_i64("", &[values.len()], values);
    match opset {
        11.. => step(&mut net, "Clip", vec![], vec![(number(-0.5), "min"), (number(0.9), "max")]),
        _ => {
            step(&mut net, "Clip", vec![Attribute::float("min", -0.5), Attribute::float("max", 0.9)], vec![])
        }
    }
    let pads = [0, 0, 1, 2, 0, 0, 2, 1];
    match opset {
        11.. => step(&mut net, "Pad", vec![], vec![(ints(&pads), "pads"), (number(0.25), "value")]),
        _ => step(
            &mut net,
            "Pad",
            vec![Attribute::ints("pads", pads), Attribute::float("value", 0.25)],
            vec![],
        ),
    }
    let (starts, ends, axes) = ([1, 1], [17, 17], [2, 3]);
    match opset {
        10.. => step(
            &mut net,
            "Slice",
            vec![],
            vec![(ints(&starts), "starts"), (ints(&ends), "ends"), (ints(&axes), "axes")],
        ),
        _ => step(
            &mut net,
            "Slice",
            vec![
                Attribute::ints("starts", starts),
                Attribute::ints("ends", ends),
                Attribute::ints("axes", axes),
            ],
            vec![],
        ),
    }
    if opset < 12 {
        step(&mut net, "Dropout", vec![Attribute::float("ratio", 0.3)], vec![]);
        net.graph.node.last_mut().unwrap().output.push("mask".into());
    }
    step(&mut net, "Unsqueeze", vec![Attribute::ints("axes", [0, 3])], vec![]);
    step(&mut net, "Squeeze", vec![Attribute::ints("axes", [0, 3])], vec![]);
    // Over rows and columns of a channel at once, over all channels too, and over the columns of a row: beside each other, for one would
    // hide what another does. None may become so small or negative that nothing of it is left at the end.
    for (name, factor) in [("many", 256.0), ("less", -0.2)] {
        net.graph.initializer.push(Tensor::from_f32(name, &[], &[factor]));
    }
    net.node("Softmax", &[&last], "soft", vec![Attribute::int("axis", 2)]);
    net.node("LogSoftmax", &[&last], "log", vec![]);
    net.node("Mul", &["soft", "many"], "soft_m", vec![]);
    net.node("Mul", &["log", "less"], "log_m", vec![]);
    net.node("Add", &["soft_m", "log_m"], "mixed", vec![]);
    let mut last = "mixed";
    if opset >= 11 {
        net.node("Softmax", &["mixed"], "rows", vec![Attribute::int("axis", -1)]);
        net.node("Add", &["mixed", "rows"], "mixed_rows", vec![]);
        last = "mixed_rows";
    }
    // In parts, the other way round, and with the sum over the rows added.
    net.node("Split", &[last], "part_a", vec![Attribute::int("axis", 1), Attribute::ints("split", [3, 5])]);
    net.graph.node.last_mut().unwrap().output.push("part_b".into());
    net.node("Concat", &["part_b", "part_a"], "turned", vec![Attribute::int("axis", 1)]);
    net.node("Split", &["turned"], "half_a", vec![Attribute::int("axis", 1)]);
    net.graph.node.last_mut().unwrap().output.push("half_b".into());
    net.node("Concat", &["half_b", "half_a"], "again", vec![Attribute::int("axis", 1)]);
    net.node("ReduceSum", &["again"], "sums", vec![Attribute::ints("axes", [3])]);
    net.node("ReduceMean", &["again"], "means", vec![Attribute::ints("axes", [2])]);
    net.node("Add", &["sums", "means"], "both", vec![]);
    // An operator that old files have for what is now an `Add`.
    net.node("Sum", &["both", "x"], "all", vec![]);
    net.relu("all", "all_r");
    net.conv("all_r", "last", [12, 8, 1], 1, 1);
    net.relu("last", "last_r");
    let mut model = net.finish("last_r", 12, nets::divided());
    model.opset_import[0].version = Some(opset);
    if opset < 9 {
        // As the format asked for until its version 4.
        model.ir_version = Some(3);
        let graph = model.graph.as_mut().unwrap();
        let listed = graph.initializer.iter().map(|tensor| {
            let dims: Vec<_> = tensor.dims.iter().map(|&dim| onnx::Dim::Static(dim)).collect();
            let kind = onnx::DataType::try_from(tensor.data_type()).unwrap();
            ValueInfo::tensor_of(kind, tensor.name(), &dims)
        });
        graph.input.extend(listed.collect::<Vec<_>>());
    }
    model
}

#[test]
fn a_graph_brought_to_another_opset_gives_the_features_it_gave() {
    for opset in 7..=12 {
        let place = Place::of(&old(opset));
        let images = place.tensors(3);
        let expected = features(&place.backbone, &images);
        // They tell the images apart: something of what was computed is left in them.
        let apart = (&expected.row(0) - &expected.row(1)).iter().any(|x| x.abs() > 0.01);
        assert!(apart, "{expected}");
        for asked in [13, 18, 21] {
            let mut model = onnx::read(place.backbone.path()).unwrap();
            onnx::bring_to_opset(&mut model, asked).unwrap();
            assert_eq!(model.opset(), asked);
            let brought = Place::of(&model);
            let difference = (&features(&brought.backbone, &images) - &expected).mapv(f32::abs);
            let largest = expected.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            let difference = difference.iter().fold(0.0f32, |a, &b| a.max(b));
            // The same arithmetic in another kernel at most: sums in another order.
            assert!(difference <= 1e-5 * largest, "{opset} to {asked}: {difference} of {largest}");
        }
    }
}

#[test]
fn a_graph_of_an_old_opset_is_quantised() {
    for opset in [7, 12] {
        let place = Place::of(&old(opset));
        // Normalising over whole maps is hard on eight bits; it is the floats of the file itself that this is held against.
        let done = place.quantize(&QuantizeOptions { min_cosine: 0.9, ..quick() }).unwrap();
        assert_eq!(done.model.opset(), 13);
        let backbone = place.written(&done);
        let images = place.tensors(60).select(ndarray::Axis(0), &done.report.held_out);
        let fidelity = headstart::convert::quantize::Fidelity::of(
            &features(&place.backbone, &images),
            &features(&backbone, &images),
        );
        assert!((fidelity.relative_error - done.report.fidelity.relative_error).abs() < 1e-6);
    }
}

#[test]
fn what_is_not_known_to_mean_the_same_is_named_before_the_work() {
    let with = |node: Node, opset| {
        let mut model = old(opset);
        let graph = model.graph.as_mut().unwrap();
        graph.initializer.push(Tensor::from_f32("scales", &[4], &[1.0; 4]));
        let last = graph.node.iter_mut().find(|node| node.output[0] == "last").unwrap();
        last.input[0] = node.output[0].clone();
        let at = graph.node.iter().position(|node| node.output[0] == "last").unwrap();
        graph.node.insert(at, node);
        let mut place = Place::of(&model);
        // There are no images yet: it is told all the same.
        place.pictures.clear();
        match place.quantize(&quick()) {
            Err(Error::Onnx(error @ onnx::Error::Opset { asked: 13, .. })) => error.to_string(),
            other => panic!("{:?}", other.map(|done| done.report)),
        }
    };
    let said = with(Node::new("Upsample", &["all_r", "scales"], "larger", vec![]), 9);
    assert!(said.contains("opset 9") && said.contains("whether `Upsample` means the same"), "{said}");
}
