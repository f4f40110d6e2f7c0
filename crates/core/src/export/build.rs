//! Adding to a graph without meeting a name that it has already.

use headstart_onnx::names::fresh;
use headstart_onnx::{Attribute, Graph, Node, Tensor};

/// A graph that grows at its end.
pub(super) struct Builder<'g> {
    graph: &'g mut Graph,
    /// Nodes that were there before.
    before: usize,
}

impl<'g> Builder<'g> {
    pub(super) fn new(graph: &'g mut Graph) -> Self {
        let before = graph.node.len();
        Self { graph, before }
    }

    /// Append a node; the name of its output, which is `wanted` or begins with it.
    pub(super) fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        wanted: &str,
        attributes: Vec<Attribute>,
    ) -> String {
        let output = fresh(self.graph, wanted);
        self.graph.node.push(Node::new(op, inputs, &output, attributes));
        output
    }

    /// Append a node whose output is called `output`, a name that the graph knows and nothing makes.
    pub(super) fn node_for(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) {
        self.graph.node.push(Node::new(op, inputs, output, attributes));
    }

    /// A constant; its name.
    pub(super) fn floats(&mut self, wanted: &str, dims: &[usize], values: &[f32]) -> String {
        let name = fresh(self.graph, wanted);
        self.graph.initializer.push(Tensor::from_f32(&name, dims, values));
        name
    }

    /// A constant; its name.
    pub(super) fn doubles(&mut self, wanted: &str, dims: &[usize], values: &[f64]) -> String {
        let name = fresh(self.graph, wanted);
        self.graph.initializer.push(Tensor::from_f64(&name, dims, values));
        name
    }

    /// A constant; its name.
    pub(super) fn integers(&mut self, wanted: &str, dims: &[usize], values: &[i64]) -> String {
        let name = fresh(self.graph, wanted);
        self.graph.initializer.push(Tensor::from_i64(&name, dims, values));
        name
    }

    /// A name that is new in the graph.
    pub(super) fn fresh(&self, wanted: &str) -> String {
        fresh(self.graph, wanted)
    }

    /// Put what was appended in front of what was there: nodes stand behind those whose outputs they read.
    pub(super) fn move_to_front(self) {
        let added = self.graph.node.len() - self.before;
        self.graph.node.rotate_right(added);
    }
}
