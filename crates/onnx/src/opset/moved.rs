//! Attributes that became inputs.

use crate::names::Names;
use crate::{Attribute, Graph, Node, Tensor};

/// One attribute that became an input, and when.
pub(super) struct Moved {
    operator: &'static str,
    attribute: &'static str,
    since: i64,
    /// Which input it became.
    input: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Whole numbers, in one axis.
    Ints,
    /// A float, without an axis.
    Float,
}

const fn ints(operator: &'static str, attribute: &'static str, since: i64, input: usize) -> Moved {
    Moved { operator, attribute, since, input, kind: Kind::Ints }
}

const fn float(operator: &'static str, attribute: &'static str, since: i64, input: usize) -> Moved {
    Moved { operator, attribute, since, input, kind: Kind::Float }
}

pub(super) const MOVED: [Moved; 21] = [
    ints("Slice", "starts", 10, 1),
    ints("Slice", "ends", 10, 2),
    ints("Slice", "axes", 10, 3),
    float("Clip", "min", 11, 1),
    float("Clip", "max", 11, 2),
    ints("Pad", "pads", 11, 1),
    float("Pad", "value", 11, 2),
    float("Dropout", "ratio", 12, 1),
    ints("ReduceSum", "axes", 13, 1),
    ints("Split", "split", 13, 1),
    ints("Squeeze", "axes", 13, 1),
    ints("Unsqueeze", "axes", 13, 1),
    ints("ReduceL1", "axes", 18, 1),
    ints("ReduceL2", "axes", 18, 1),
    ints("ReduceLogSum", "axes", 18, 1),
    ints("ReduceLogSumExp", "axes", 18, 1),
    ints("ReduceMax", "axes", 18, 1),
    ints("ReduceMean", "axes", 18, 1),
    ints("ReduceMin", "axes", 18, 1),
    ints("ReduceProd", "axes", 18, 1),
    ints("ReduceSumSquare", "axes", 18, 1),
];

/// Write what moved between the two versions as `asked` has it.
pub(super) fn bring(graph: &mut Graph, found: i64, asked: i64) -> Result<(), String> {
    let mut names = Names::of(graph);
    let mut nodes = std::mem::take(&mut graph.node);
    let own = |node: &&mut Node| matches!(node.domain(), "" | "ai.onnx");
    for node in nodes.iter_mut().filter(own) {
        let operator = node.op_type().to_owned();
        for moved in MOVED.iter().filter(|moved| moved.operator == operator) {
            match (found < moved.since, asked < moved.since) {
                (true, false) => moved.to_input(node, graph, &mut names),
                (false, true) => moved.to_attribute(node, graph)?,
                _ => {}
            }
        }
    }
    graph.node = nodes;
    Ok(())
}

impl Moved {
    fn to_input(&self, node: &mut Node, graph: &mut Graph, names: &mut Names) {
        let Some(at) = node.attribute.iter().position(|attribute| attribute.name() == self.attribute) else {
            return;
        };
        let value = node.attribute.remove(at);
        let name =
            names.fresh(&format!("{}_{}", node.output.first().map_or("", |name| name), self.attribute));
        graph.initializer.push(match self.kind {
            Kind::Ints => Tensor::from_i64(&name, &[value.ints.len()], &value.ints),
            Kind::Float => Tensor::from_f32(&name, &[], &[value.f()]),
        });
        // Inputs in between are left out.
        node.input.resize(node.input.len().max(self.input + 1), String::new());
        node.input[self.input] = name;
    }

    fn to_attribute(&self, node: &mut Node, graph: &Graph) -> Result<(), String> {
        let Some(name) = node.input.get(self.input).filter(|name| !name.is_empty()) else { return Ok(()) };
        let tensor = graph.initializer.iter().find(|tensor| tensor.name() == name);
        let elements = tensor.and_then(|tensor| tensor.elements("".as_ref()).ok());
        let attribute = elements.and_then(|elements| match self.kind {
            Kind::Ints => Some(Attribute::ints(self.attribute, elements.to_i64()?)),
            Kind::Float => Some(Attribute::float(self.attribute, *elements.to_f32()?.first()?)),
        });
        let (operator, what) = (self.operator, self.attribute);
        node.attribute.push(attribute.ok_or(format!("the `{what}` of a `{operator}` is not constant"))?);
        node.input.truncate(self.input);
        Ok(())
    }
}
