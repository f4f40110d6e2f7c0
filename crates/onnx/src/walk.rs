//! Finding one's way in a graph: who makes a value, who uses it, what is its shape.

use std::collections::{HashMap, HashSet};

use super::proto::{Graph, Node, Tensor, Type, ValueInfo, dimension, type_value};

/// One dimension of a value's shape.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Dim {
    /// A number.
    Static(i64),
    /// A name that stands for any number, such as the batch size's.
    Named(String),
    /// The file says nothing of it.
    Unknown(()),
}

impl std::fmt::Display for Dim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Static(n) => n.fmt(f),
            Self::Named(name) => name.fmt(f),
            Self::Unknown(()) => "?".fmt(f),
        }
    }
}

impl ValueInfo {
    /// A tensor of 32-bit floats.
    pub fn float_tensor(name: &str, dims: &[Dim]) -> Self {
        Self::tensor_of(super::proto::DataType::Float, name, dims)
    }

    /// A tensor of elements of that type.
    pub fn tensor_of(element: super::proto::DataType, name: &str, dims: &[Dim]) -> Self {
        use super::proto::{Dimension, TensorShape, TensorType};
        let dim = |dim: &Dim| Dimension {
            value: match dim {
                Dim::Static(n) => Some(dimension::Value::DimValue(*n)),
                Dim::Named(name) => Some(dimension::Value::DimParam(name.clone())),
                Dim::Unknown(()) => None,
            },
            denotation: None,
        };
        let shape = TensorShape { dim: dims.iter().map(dim).collect() };
        let tensor = TensorType { elem_type: Some(element as i32), shape: Some(shape) };
        let kind = Type { value: Some(type_value::Value::TensorType(tensor)), denotation: None };
        Self { name: Some(name.to_owned()), kind: Some(kind), ..Self::default() }
    }

    /// Element type and shape if this is a tensor; no shape where not even the rank is known.
    pub fn tensor(&self) -> Option<(i32, Option<Vec<Dim>>)> {
        let Some(type_value::Value::TensorType(tensor)) = self.kind.as_ref()?.value.as_ref() else {
            return None;
        };
        let dim = |dim: &super::proto::Dimension| match &dim.value {
            // Some writers say -1 where any number goes.
            Some(dimension::Value::DimValue(n)) if *n >= 0 => Dim::Static(*n),
            Some(dimension::Value::DimParam(name)) if !name.is_empty() => Dim::Named(name.clone()),
            _ => Dim::Unknown(()),
        };
        let shape = tensor.shape.as_ref().map(|shape| shape.dim.iter().map(dim).collect());
        Some((tensor.elem_type(), shape))
    }
}

/// A graph's values by name.
///
/// Only the outermost graph: what bodies of `If` and `Loop` use shows as a use of the node that holds them.
#[derive(Debug)]
pub struct Walk<'a> {
    graph: &'a Graph,
    producers: HashMap<&'a str, usize>,
    consumers: HashMap<&'a str, Vec<usize>>,
    initializers: HashMap<&'a str, &'a Tensor>,
}

impl<'a> Walk<'a> {
    /// Looks through `graph` once, so that every question after that is quick.
    pub fn new(graph: &'a Graph) -> Self {
        let mut producers = HashMap::new();
        let mut consumers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, node) in graph.node.iter().enumerate() {
            for output in node.output.iter().filter(|name| !name.is_empty()) {
                producers.insert(output.as_str(), index);
            }
            for_each_use(node, &mut |name| {
                let users = consumers.entry(name).or_default();
                if users.last() != Some(&index) {
                    users.push(index);
                }
            });
        }
        let initializers = graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).collect();
        Self { graph, producers, consumers, initializers }
    }

    /// The node that makes `value`; none for inputs, initializers and unknown names.
    pub fn producer(&self, value: &str) -> Option<&'a Node> {
        self.producers.get(value).map(|&index| &self.graph.node[index])
    }

    /// The nodes that use `value`, in the graph's order.
    pub fn consumers(&self, value: &str) -> impl Iterator<Item = &'a Node> {
        self.consumers.get(value).into_iter().flatten().map(|&index| &self.graph.node[index])
    }

    /// The constant of that name.
    pub fn initializer(&self, value: &str) -> Option<&'a Tensor> {
        self.initializers.get(value).copied()
    }

    /// Whether `value` is the same for every image: an initializer, or computed from such alone.
    ///
    /// Constants that take more than some dozens of nodes to make are not recognised.
    pub fn is_constant(&self, value: &str) -> bool {
        const LONGEST: usize = 64;
        let mut open = vec![value];
        for _ in 0..LONGEST {
            let Some(value) = open.pop() else { return true };
            match self.producer(value) {
                // A body may read what its node does not list.
                Some(node) if node.attribute.iter().any(|a| a.g.is_some() || !a.graphs.is_empty()) => {
                    return false;
                }
                Some(node) => {
                    open.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()))
                }
                None if self.initializers.contains_key(value) => {}
                None => return false,
            }
        }
        false
    }

    /// Inputs that a caller must give: old files list their initializers among the inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &'a ValueInfo> {
        self.graph.input.iter().filter(|input| self.initializer(input.name()).is_none())
    }

    /// What the graph says about `value`: as input, output or in between.
    pub fn info(&self, value: &str) -> Option<&'a ValueInfo> {
        let all = self.graph.input.iter().chain(&self.graph.output).chain(&self.graph.value_info);
        all.into_iter().find(|info| info.name() == value)
    }
}

/// Every name that `node` reads, bodies of its subgraphs included.
pub(super) fn for_each_use<'a>(node: &'a Node, visit: &mut dyn FnMut(&'a str)) {
    node.input.iter().filter(|name| !name.is_empty()).for_each(|name| visit(name));
    for attribute in &node.attribute {
        let bodies = attribute.g.iter().map(|body| &**body).chain(&attribute.graphs);
        for body in bodies {
            body.output.iter().for_each(|output| visit(output.name()));
            body.node.iter().for_each(|inner| for_each_use(inner, visit));
        }
    }
}

impl Node {
    /// Every value that it reads, those that only its bodies read among them.
    pub fn uses(&self) -> Vec<&str> {
        let mut names = vec![];
        for_each_use(self, &mut |name| names.push(name));
        names
    }
}

impl Graph {
    /// Drop whatever no output depends on: nodes, constants, inputs, and what is said about values that are gone.
    ///
    /// The order of what stays is kept.
    pub fn drop_unused(&mut self) {
        let Needed { mut nodes, names } = Needed::of(self);
        self.node.retain(|_| nodes.next().unwrap_or(false));
        let needed = |name: &str| names.contains(name);
        self.initializer.retain(|tensor| needed(tensor.name()));
        self.sparse_initializer
            .retain(|sparse| sparse.values.as_ref().is_none_or(|values| needed(values.name())));
        // An old file's list of initializers among its inputs, too: one without its tensor would have to be given.
        self.input.retain(|input| needed(input.name()));
        self.value_info.retain(|info| needed(info.name()));
        self.quantization_annotation.retain(|annotation| needed(annotation.tensor_name()));
    }

    /// Let no caller give another value for an initializer: old files list them among the inputs, as the format once asked for, and
    /// a runtime then takes them for no constants.
    pub fn bind_constants(&mut self) {
        let constants: HashSet<&str> = self.initializer.iter().map(|tensor| tensor.name()).collect();
        self.input.retain(|input| !constants.contains(input.name()));
    }
}

/// What a graph's outputs depend on.
struct Needed {
    /// For each node in turn, whether it is needed.
    nodes: std::vec::IntoIter<bool>,
    names: HashSet<String>,
}

impl Needed {
    fn of(graph: &Graph) -> Self {
        let producers: HashMap<&str, usize> = (graph.node.iter().enumerate())
            .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)))
            .collect();
        let mut nodes = vec![false; graph.node.len()];
        let mut open: Vec<usize> =
            graph.output.iter().filter_map(|output| producers.get(output.name()).copied()).collect();
        let mut names: HashSet<String> = graph.output.iter().map(|output| output.name().to_owned()).collect();
        while let Some(index) = open.pop() {
            if std::mem::replace(&mut nodes[index], true) {
                continue;
            }
            for_each_use(&graph.node[index], &mut |name| {
                names.insert(name.to_owned());
                open.extend(producers.get(name));
            });
            names.extend(graph.node[index].output.iter().cloned());
        }
        Self { nodes: nodes.into_iter(), names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attribute;

    fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> Node {
        Node {
            op_type: Some(op.into()),
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: outputs.iter().map(|&name| name.into()).collect(),
            ..Node::default()
        }
    }

    fn graph() -> Graph {
        let body = Graph { node: vec![node("Neg", &["b"], &["inner"])], ..Graph::default() };
        let mut branch = node("If", &["c"], &["d"]);
        branch.attribute = vec![Attribute { g: Some(Box::new(body)), ..Attribute::default() }];
        let float = |name| ValueInfo::float_tensor(name, &[Dim::Named("n".into()), Dim::Static(4)]);
        Graph {
            node: vec![
                node("Conv", &["x", "w", ""], &["a"]),
                node("Relu", &["a"], &["b"]),
                node("Neg", &["a"], &["c"]),
                branch,
            ],
            initializer: vec![Tensor::from_f32("w", &[1], &[1.0]), Tensor::from_f32("u", &[1], &[1.0])],
            input: vec![float("x"), float("w")],
            output: vec![float("d")],
            ..Graph::default()
        }
    }

    #[test]
    fn values_know_their_neighbours() {
        let graph = graph();
        let walk = Walk::new(&graph);
        assert_eq!(walk.producer("a").map(Node::op_type), Some("Conv"));
        assert_eq!(walk.producer("x"), None);
        assert_eq!(walk.consumers("a").map(Node::op_type).collect::<Vec<_>>(), ["Relu", "Neg"]);
        // Used in the body of `If` only.
        assert_eq!(walk.consumers("b").map(Node::op_type).collect::<Vec<_>>(), ["If"]);
        assert_eq!(walk.consumers("").count(), 0);
        assert_eq!(walk.inputs().map(ValueInfo::name).collect::<Vec<_>>(), ["x"]);
        let any = ValueInfo::float_tensor("any", &[Dim::Static(-1)]);
        assert_eq!(any.tensor().unwrap().1.unwrap(), [Dim::Unknown(())]);
        let (_, shape) = walk.info("d").unwrap().tensor().unwrap();
        assert_eq!(shape.unwrap(), [Dim::Named("n".into()), Dim::Static(4)]);
    }

    #[test]
    fn what_nothing_depends_on_is_dropped() {
        let mut whole = graph();
        whole.drop_unused();
        assert_eq!(whole.node.len(), 4, "the body of `If` needs `b`");
        assert_eq!(whole.initializer.len(), 1, "nothing uses `u`");
        let mut cut = graph();
        cut.output = vec![ValueInfo::float_tensor("b", &[])];
        cut.drop_unused();
        assert_eq!(cut.node.iter().map(Node::op_type).collect::<Vec<_>>(), ["Conv", "Relu"]);
        cut.output = vec![ValueInfo::float_tensor("x", &[])];
        cut.drop_unused();
        // `w` is listed as an input, as old files do.
        assert_eq!(cut.input.iter().map(ValueInfo::name).collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn constants_are_what_no_input_reaches() {
        let mut graph = graph();
        graph.node.push(node("Transpose", &["u"], &["turned"]));
        graph.node.push(node("Mul", &["turned", "x"], &["mixed"]));
        graph.node.push(node("Neg", &["around"], &["around"]));
        let walk = Walk::new(&graph);
        assert!(["u", "turned"].iter().all(|name| walk.is_constant(name)));
        assert!(["x", "mixed", "around", "unknown"].iter().all(|name| !walk.is_constant(name)));
    }
}
