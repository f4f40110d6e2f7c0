use super::bring_to_opset as bring;
use crate::{Attribute, Error, Graph, Model, Node, OperatorSetId, Tensor, ValueInfo};

fn model(opset: i64, nodes: Vec<Node>) -> Model {
    let axes = Tensor::from_i64("axes", &[2], &[2, 3]);
    let output = nodes.last().unwrap().output[0].clone();
    Model {
        ir_version: Some(8),
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(opset) }],
        graph: Some(Graph {
            node: nodes,
            initializer: vec![axes],
            output: vec![ValueInfo::float_tensor(&output, &[])],
            ..Graph::default()
        }),
        ..Model::default()
    }
}

fn mean(inputs: &[&str], attributes: Vec<Attribute>) -> Node {
    Node::new("ReduceMean", inputs, "y", attributes)
}

#[test]
fn axes_of_a_mean_move_both_ways() {
    let keep = Attribute::int("keepdims", 0);
    let mut up = model(17, vec![mean(&["x"], vec![Attribute::ints("axes", [2, 3]), keep.clone()])]);
    bring(&mut up, 18).unwrap();
    assert_eq!((up.opset(), up.ir_version), (18, Some(8)));
    let node = &up.graph.as_ref().unwrap().node[0];
    assert!(node.attribute("axes").is_none() && node.input.len() == 2, "{node:?}");
    bring(&mut up, 13).unwrap();
    assert_eq!((up.opset(), up.ir_version), (13, Some(7)));
    let node = &up.graph.as_ref().unwrap().node[0];
    assert_eq!((node.attribute("axes").unwrap().ints.as_slice(), node.input.len()), (&[2, 3][..], 1));
    let mut computed = model(18, vec![mean(&["x", "somewhere"], vec![keep])]);
    assert!(matches!(bring(&mut computed, 13), Err(Error::Opset { .. })));
}

#[test]
fn what_changed_between_the_two_is_refused_by_name() {
    let refused = |found, asked, op: &str| {
        let error = bring(&mut model(found, vec![Node::new(op, &["x"], "y", vec![])]), asked);
        error.unwrap_err().to_string()
    };
    assert_eq!(
        refused(8, 13, "Where"),
        "the graph has opset 8 and cannot be brought to 13: `Where` changed with 9"
    );
    assert!(refused(17, 13, "LayerNormalization").ends_with("`LayerNormalization` changed with 17"));
    assert!(refused(17, 18, "Resize").contains("`Resize` means the same in both is not known"));
    assert!(refused(17, 22, "Relu").ends_with("possible are 13 to 21"));
}

#[test]
fn an_attribute_of_later_goes_if_it_says_nothing() {
    let shape = |zero| Node::new("Reshape", &["x", "s"], "y", vec![Attribute::int("allowzero", zero)]);
    let mut quiet = model(14, vec![shape(0)]);
    bring(&mut quiet, 13).unwrap();
    assert!(quiet.graph.unwrap().node[0].attribute.is_empty());
    let error = bring(&mut model(14, vec![shape(1)]), 13).unwrap_err();
    assert!(error.to_string().ends_with("`Reshape` has its attribute `allowzero` since 14"), "{error}");
}
