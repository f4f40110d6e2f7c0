//! Making nodes and attributes without naming every absent field.

use bytes::Bytes;

use super::proto::{Attribute, AttributeType, Graph, Model, Node, StringStringEntry, Tensor};

impl Attribute {
    /// An attribute that is an integer.
    pub fn int(name: &str, value: i64) -> Self {
        Self { i: Some(value), ..Self::of(name, AttributeType::Int) }
    }

    /// An attribute that is a list of integers.
    pub fn ints(name: &str, values: impl IntoIterator<Item = i64>) -> Self {
        Self { ints: values.into_iter().collect(), ..Self::of(name, AttributeType::Ints) }
    }

    /// An attribute that is a number.
    pub fn float(name: &str, value: f32) -> Self {
        Self { f: Some(value), ..Self::of(name, AttributeType::Float) }
    }

    /// An attribute that is a text.
    pub fn string(name: &str, value: &str) -> Self {
        Self { s: Some(Bytes::copy_from_slice(value.as_bytes())), ..Self::of(name, AttributeType::String) }
    }

    fn of(name: &str, kind: AttributeType) -> Self {
        Self { name: Some(name.to_owned()), kind: Some(kind as i32), ..Self::default() }
    }
}

impl Node {
    /// A node with one output, named after it.
    pub fn new(op_type: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) -> Self {
        Self {
            op_type: Some(op_type.to_owned()),
            name: Some(output.to_owned()),
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute: attributes,
            ..Self::default()
        }
    }

    /// The attribute of that name.
    /// For people: "the `Conv` called `stem`", or "the `Conv` that makes `t`" where it has no name.
    pub fn title(&self) -> String {
        let operator = self.op_type();
        match (self.name(), self.output.iter().find(|name| !name.is_empty())) {
            ("", Some(output)) => format!("the `{operator}` that makes `{output}`"),
            ("", None) => format!("a `{operator}`"),
            (name, _) => format!("the `{operator}` called `{name}`"),
        }
    }

    /// The graphs inside this node: branches of `If`, bodies of `Loop` and `Scan`.
    pub fn bodies(&self) -> impl Iterator<Item = &Graph> {
        let attributes = self.attribute.iter();
        attributes.flat_map(|attribute| attribute.g.iter().map(|body| &**body).chain(&attribute.graphs))
    }

    /// The attribute of this name, if the node has it; otherwise the operator's default is in force.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attribute.iter().find(|attribute| attribute.name() == name)
    }

    /// Let the node say `attribute`, whatever it said by that name before.
    pub fn set_attribute(&mut self, attribute: Attribute) {
        self.attribute.retain(|before| before.name() != attribute.name());
        self.attribute.push(attribute);
    }
}

impl Model {
    /// The version of ONNX's own operators that it uses.
    pub fn opset(&self) -> i64 {
        let own = self.opset_import.iter().find(|set| matches!(set.domain(), "" | "ai.onnx"));
        own.map_or(1, |set| set.version())
    }

    /// The same model of another graph.
    pub fn with_graph(&self, graph: Graph) -> Self {
        Self {
            ir_version: self.ir_version,
            producer_name: self.producer_name.clone(),
            producer_version: self.producer_version.clone(),
            domain: self.domain.clone(),
            model_version: self.model_version,
            doc_string: self.doc_string.clone(),
            graph: Some(graph),
            opset_import: self.opset_import.clone(),
            metadata_props: self.metadata_props.clone(),
            training_info: self.training_info.clone(),
            functions: self.functions.clone(),
            ..Self::default()
        }
    }
}

/// The mean over axes, which are gone after it. From operator set 18 they are a constant, and `constant` is its name.
pub fn reduce_mean(
    graph: &mut Graph,
    opset: i64,
    [input, output, constant]: [&str; 3],
    axes: &[i64],
) -> Node {
    let mut attributes = vec![Attribute::int("keepdims", 0)];
    if opset < 18 {
        attributes.push(Attribute::ints("axes", axes.iter().copied()));
        return Node::new("ReduceMean", &[input], output, attributes);
    }
    graph.initializer.push(Tensor::from_i64(constant, &[axes.len()], axes));
    Node::new("ReduceMean", &[input, constant], output, attributes)
}

/// The first version of the format that may use the operator set, so that no runtime is shut out needlessly.
pub fn ir_version_of(opset: i64) -> i64 {
    match opset {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        _ => 10,
    }
}

impl StringStringEntry {
    /// An entry that has both a key and a value.
    pub fn new(key: &str, value: impl Into<String>) -> Self {
        Self { key: Some(key.to_owned()), value: Some(value.into()) }
    }
}
