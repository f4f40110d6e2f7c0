//! What can be seen of a graph without knowing where it comes from.

use crate::graph;
use crate::meaning::Judge;
use crate::pixels::Pixels;
use headstart_image::recipe::Layout;
use headstart_onnx::{self as onnx, Dim, Graph, Model, Node, ValueInfo, Walk};

/// The looks of a network that takes images.
pub(super) struct Traits<'a> {
    graph: &'a Graph,
    /// Lower-case.
    pub producer: String,
    pub input: &'a str,
    pub layout: Option<Layout>,
    /// Width and height of the input, where both are fixed.
    pub size: Option<(u32, u32)>,
    pub head: Head,
    /// What is done with the pixels before the first convolution.
    pub pixels: Pixels,
}

/// What a graph ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// Scores of so many classes.
    Classes(u64),
    /// Scores of classes that the graph does not count.
    Uncounted,
    /// Features.
    None,
}

impl<'a> Traits<'a> {
    /// None if `model` does not take one image, or a batch of them, of three colours.
    pub(super) fn of(model: &'a Model) -> Option<Self> {
        let graph = model.graph.as_ref()?;
        let walk = Walk::new(graph);
        let inputs: Vec<&ValueInfo> = walk.inputs().collect();
        let [input] = inputs.as_slice() else { return None };
        let (_, shape) = input.tensor()?;
        let shape = shape.filter(|shape| shape.len() == 4)?;
        let layout = graph::layout(&shape);
        Some(Self {
            graph,
            producer: model.producer_name().to_lowercase(),
            input: input.name(),
            layout,
            size: layout.and_then(|layout| size(layout, &shape)),
            head: head(model, graph, &walk),
            pixels: Pixels::of(&walk, input.name()),
        })
    }

    pub(super) fn has_output(&self, name: &str) -> bool {
        self.graph.output.iter().any(|output| output.name() == name)
    }

    /// Whether a node, a value or a weight has `text` in its name, or a node in what its exporter noted about it.
    pub(super) fn mentions(&self, text: &str) -> bool {
        let in_node = |node: &Node| {
            let notes = || node.metadata_props.iter().any(|entry| entry.value().contains(text));
            node.name().contains(text) || node.output.iter().any(|name| name.contains(text)) || notes()
        };
        self.graph.node.iter().any(in_node)
            || self.graph.initializer.iter().any(|tensor| tensor.name().contains(text))
    }
}

fn size(layout: Layout, shape: &[Dim]) -> Option<(u32, u32)> {
    let (height, width) = match layout {
        Layout::Nchw => (&shape[2], &shape[3]),
        Layout::Nhwc => (&shape[1], &shape[2]),
    };
    match (width, height) {
        (Dim::Static(w), Dim::Static(h)) => Some((u32::try_from(*w).ok()?, u32::try_from(*h).ok()?)),
        _ => None,
    }
}

fn head(model: &Model, graph: &Graph, walk: &Walk<'_>) -> Head {
    let inlined = onnx::inlined(model);
    let judge = inlined.graph.as_ref().map(|graph| Judge::of(&inlined, graph));
    let scores =
        |output: &&ValueInfo| judge.as_ref().is_some_and(|judge| judge.meaning(output).may_be_scores());
    let Some(scores) = graph.output.iter().find(scores) else {
        return Head::None;
    };
    let last = scores.tensor().and_then(|(_, shape)| shape?.last().cloned());
    // Where only the name of the best class comes out, the bias of the last layer tells how many there are.
    let bias = || {
        graph.node.iter().rev().flat_map(|node| &node.input).find_map(|name| {
            let shape = walk.initializer(name)?.shape().ok()?;
            if let [classes] = shape[..] { Some(classes as u64) } else { None }
        })
    };
    match last {
        Some(Dim::Static(classes @ 2..)) => Head::Classes(classes as u64),
        _ => bias().filter(|&classes| classes > 1).map_or(Head::Uncounted, Head::Classes),
    }
}
