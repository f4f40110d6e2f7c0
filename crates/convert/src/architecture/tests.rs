//! What is recognised, what is refused, and what the graph looks like; no real weights.

use std::collections::BTreeMap;

use headstart_image::recipe::Layout;
use headstart_onnx::{Graph, Node};

use super::{Part, Tensors, efficientnet_lite, graph, names, recognise};
use crate::checkpoint::{Element, View};
use crate::import::Error;

/// Zeros for every tensor of EfficientNet-Lite0, with a classifier of ten classes.
fn views(prefix: &str) -> BTreeMap<String, View> {
    let lite0 = efficientnet_lite::lite0();
    let named = lite0.tensors().map(|(name, shape)| {
        let shape: Vec<usize> = shape.into_iter().map(|size| if size == 0 { 10 } else { size }).collect();
        (format!("{prefix}{name}"), zeros(shape))
    });
    named.collect()
}

/// All look into one storage, as large as the largest of them.
const COUNT: usize = 1280 * 320;

fn zeros(shape: Vec<usize>) -> View {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    View { element: Element::F32, start: 0, count: COUNT, offset: 0, shape, strides }
}

fn tensors(views: BTreeMap<String, View>) -> Tensors {
    Tensors::new(vec![0; COUNT * 4], views).unwrap()
}

fn refusal(change: impl Fn(&mut BTreeMap<String, View>)) -> Error {
    let mut views = views("");
    change(&mut views);
    recognise(&tensors(views)).unwrap_err()
}

#[test]
fn a_network_is_known_by_its_tensors_whatever_stands_before_their_names() {
    for prefix in ["", "module.", "state_dict.model."] {
        let mut views = views(prefix);
        // The state of an optimizer beside the network, and what PyTorch counts in training.
        views.insert(format!("{prefix}_bn0.num_batches_tracked"), zeros(vec![]));
        if !prefix.is_empty() {
            views.insert("optimizer.step".to_owned(), zeros(vec![]));
        }
        let tensors = tensors(views);
        let recognised = recognise(&tensors).unwrap();
        assert_eq!(recognised.architecture.name, "efficientnet-lite0");
        assert_eq!(recognised.classes(), Some(10));
    }
}

#[test]
fn another_network_is_refused_with_what_differs() {
    let name = "_blocks.3._project_conv.weight";
    let missing = refusal(|views| drop(views.remove(name)));
    assert!(matches!(&missing, Error::TensorMissing { tensor, .. } if tensor == name), "{missing}");
    let shape = refusal(|views| drop(views.insert(name.to_owned(), zeros(vec![40, 144, 1, 2]))));
    assert!(
        matches!(&shape, Error::TensorShape { expected, found, .. }
        if expected == &[40, 144, 1, 1] && found == &[40, 144, 1, 2]),
        "{shape}"
    );
    // That of EfficientNet-B0, which has all the others too.
    let squeeze = "_blocks.0._se_reduce.weight";
    let more = refusal(|views| drop(views.insert(squeeze.to_owned(), zeros(vec![8, 32, 1, 1]))));
    assert!(matches!(&more, Error::TensorUnknown { tensor, .. } if tensor == squeeze), "{more}");
    let classifier = refusal(|views| drop(views.insert("_fc.weight".to_owned(), zeros(vec![10, 1281]))));
    assert!(classifier.to_string().contains("(10, 1281), expected (n, 1280)"), "{classifier}");
    let other = BTreeMap::from([("conv1.weight".to_owned(), zeros(vec![64, 3, 7, 7]))]);
    let other = recognise(&tensors(other)).unwrap_err();
    assert!(matches!(&other, Error::Unrecognised { tensors: 1, known, .. } if *known == names()), "{other}");
    assert!(other.to_string().contains("`conv1.weight`") && other.to_string().contains("efficientnet-lite0"));
}

fn ints<'a>(node: &'a Node, name: &str) -> &'a [i64] {
    &node.attribute(name).unwrap().ints
}

fn made(layout: Layout, part: Part) -> (Graph, usize) {
    let tensors = tensors(views(""));
    graph(&recognise(&tensors).unwrap(), (224, 224), layout, part).unwrap()
}

#[test]
fn the_odd_zeros_are_below_and_to_the_right() {
    let (graph, outputs) = made(Layout::Nchw, Part::Features);
    assert_eq!(outputs, 1280);
    let conv = |name: &str| graph.node.iter().find(|node| node.name() == name).unwrap();
    assert_eq!(ints(conv("_conv_stem"), "pads"), [0, 0, 1, 1]);
    assert_eq!(ints(conv("_blocks.3._depthwise_conv"), "pads"), [1, 1, 2, 2], "five wide, stride 2");
    assert_eq!(ints(conv("_blocks.4._depthwise_conv"), "pads"), [2, 2, 2, 2], "five wide, stride 1");
    assert_eq!(ints(conv("_conv_head"), "pads"), [0; 4]);
}

#[test]
fn the_classifier_comes_only_when_asked_for_and_the_layout_is_a_choice() {
    let count = |graph: &Graph, op: &str| graph.node.iter().filter(|node| node.op_type() == op).count();
    let (features, _) = made(Layout::Nchw, Part::Features);
    assert_eq!(
        ["Conv", "Clip", "Add", "Gemm", "Transpose"].map(|op| count(&features, op)),
        [49, 33, 9, 0, 0]
    );
    let (whole, outputs) = made(Layout::Nhwc, Part::Whole);
    assert_eq!(outputs, 10);
    assert_eq!(["Gemm", "Transpose"].map(|op| count(&whole, op)), [1, 1]);
    assert_eq!(whole.output[0].name(), "logits");
}
