use super::{Attribute, Graph, Node, StringStringEntry, ValueInfo};

/// A set of operators and its version; the empty domain is ONNX's own.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct OperatorSetId {
    /// Whose operators they are.
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    /// Their version, from 1.
    #[prost(int64, optional, tag = "2")]
    pub version: Option<i64>,
}

/// An operator that the file itself defines by a small graph.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Function {
    /// What nodes call the operator.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Names of what goes in.
    #[prost(string, repeated, tag = "4")]
    pub input: Vec<String>,
    /// Names of what comes out.
    #[prost(string, repeated, tag = "5")]
    pub output: Vec<String>,
    /// Names of attributes that have no default.
    #[prost(string, repeated, tag = "6")]
    pub attribute: Vec<String>,
    /// The body, in topological order.
    #[prost(message, repeated, tag = "7")]
    pub node: Vec<Node>,
    /// Words for people.
    #[prost(string, optional, tag = "8")]
    pub doc_string: Option<String>,
    /// The operators that the body uses.
    #[prost(message, repeated, tag = "9")]
    pub opset_import: Vec<OperatorSetId>,
    /// The domain that the operator belongs to.
    #[prost(string, optional, tag = "10")]
    pub domain: Option<String>,
    /// Attributes with their defaults.
    #[prost(message, repeated, tag = "11")]
    pub attribute_proto: Vec<Attribute>,
    /// Types of values in the body.
    #[prost(message, repeated, tag = "12")]
    pub value_info: Vec<ValueInfo>,
    /// Tells functions of one name apart.
    #[prost(string, optional, tag = "13")]
    pub overload: Option<String>,
    /// Anything else that is to be kept, by key.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntry>,
}

/// How to train the model: graphs for the first values and for one step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TrainingInfo {
    /// Computes the first values.
    #[prost(message, optional, tag = "1")]
    pub initialization: Option<Graph>,
    /// Computes one step.
    #[prost(message, optional, tag = "2")]
    pub algorithm: Option<Graph>,
    /// Which output of [`initialization`](Self::initialization) sets which weight.
    #[prost(message, repeated, tag = "3")]
    pub initialization_binding: Vec<StringStringEntry>,
    /// Which output of [`algorithm`](Self::algorithm) sets which weight.
    #[prost(message, repeated, tag = "4")]
    pub update_binding: Vec<StringStringEntry>,
}
