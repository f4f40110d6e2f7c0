use bytes::Bytes;

use super::{NodeDeviceConfiguration, SparseTensor, StringStringEntry, Tensor, Type};

/// Nodes in topological order, and the tensors that go in, come out or are constant.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Graph {
    /// The operators, in topological order.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    /// What the graph is called.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    /// Constants, and first values of inputs of the same name.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    /// Words for people.
    #[prost(string, optional, tag = "10")]
    pub doc_string: Option<String>,
    /// Before IR version 4 every initializer was listed here too.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    /// What a caller gets.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
    /// Types of values in between, as far as they are known.
    #[prost(message, repeated, tag = "13")]
    pub value_info: Vec<ValueInfo>,
    /// Scales and zero points of values.
    #[prost(message, repeated, tag = "14")]
    pub quantization_annotation: Vec<TensorAnnotation>,
    /// Constants that are mostly zero.
    #[prost(message, repeated, tag = "15")]
    pub sparse_initializer: Vec<SparseTensor>,
    /// Anything else that is to be kept, by key.
    #[prost(message, repeated, tag = "16")]
    pub metadata_props: Vec<StringStringEntry>,
}

/// One operator with the names of what it reads and writes; an empty name is an input left out.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Node {
    /// Names of what it reads, in the operator's order.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of what it makes, in the operator's order.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// What the node is called; it need not be called anything.
    #[prost(string, optional, tag = "3")]
    pub name: Option<String>,
    /// The operator, such as `Conv`.
    #[prost(string, optional, tag = "4")]
    pub op_type: Option<String>,
    /// Settings of the operator.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
    /// Words for people.
    #[prost(string, optional, tag = "6")]
    pub doc_string: Option<String>,
    /// Whose operator it is; nothing for ONNX's own.
    #[prost(string, optional, tag = "7")]
    pub domain: Option<String>,
    /// Which of several functions of one name.
    #[prost(string, optional, tag = "8")]
    pub overload: Option<String>,
    /// Anything else that is to be kept, by key.
    #[prost(message, repeated, tag = "9")]
    pub metadata_props: Vec<StringStringEntry>,
    /// On which devices it runs.
    #[prost(message, repeated, tag = "10")]
    pub device_configurations: Vec<NodeDeviceConfiguration>,
}

/// A named setting of a node. Exactly one of the value fields is used, as [`Attribute::kind`] says.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attribute {
    /// The setting's name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// The value, if it is a number.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// The value, if it is an integer.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// The value, if it is a text: UTF-8.
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub s: Option<Bytes>,
    /// The value, if it is a tensor.
    #[prost(message, optional, boxed, tag = "5")]
    pub t: Option<Box<Tensor>>,
    /// The value, if it is a graph: the body of an `If` or a `Loop`.
    #[prost(message, optional, boxed, tag = "6")]
    pub g: Option<Box<Graph>>,
    /// The value, if it is a list of numbers.
    #[prost(float, repeated, packed = "false", tag = "7")]
    pub floats: Vec<f32>,
    /// The value, if it is a list of integers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// The value, if it is a list of texts.
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub strings: Vec<Bytes>,
    /// The value, if it is a list of tensors.
    #[prost(message, repeated, tag = "10")]
    pub tensors: Vec<Tensor>,
    /// The value, if it is a list of graphs.
    #[prost(message, repeated, tag = "11")]
    pub graphs: Vec<Graph>,
    /// Words for people.
    #[prost(string, optional, tag = "13")]
    pub doc_string: Option<String>,
    /// The value, if it is a type.
    #[prost(message, optional, boxed, tag = "14")]
    pub tp: Option<Box<Type>>,
    /// The value, if it is a list of types.
    #[prost(message, repeated, tag = "15")]
    pub type_protos: Vec<Type>,
    /// `type` in the schema.
    #[prost(enumeration = "AttributeType", optional, tag = "20")]
    pub kind: Option<i32>,
    /// In a function's body: the function's attribute that gives the value.
    #[prost(string, optional, tag = "21")]
    pub ref_attr_name: Option<String>,
    /// The value, if it is a sparse tensor.
    #[prost(message, optional, boxed, tag = "22")]
    pub sparse_tensor: Option<Box<SparseTensor>>,
    /// The value, if it is a list of sparse tensors.
    #[prost(message, repeated, tag = "23")]
    pub sparse_tensors: Vec<SparseTensor>,
}

/// Which field of an [`Attribute`] holds its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum AttributeType {
    /// Not told.
    Undefined = 0,
    /// [`Attribute::f`].
    Float = 1,
    /// [`Attribute::i`].
    Int = 2,
    /// [`Attribute::s`].
    String = 3,
    /// [`Attribute::t`].
    Tensor = 4,
    /// [`Attribute::g`].
    Graph = 5,
    /// [`Attribute::floats`].
    Floats = 6,
    /// [`Attribute::ints`].
    Ints = 7,
    /// [`Attribute::strings`].
    Strings = 8,
    /// [`Attribute::tensors`].
    Tensors = 9,
    /// [`Attribute::graphs`].
    Graphs = 10,
    /// [`Attribute::sparse_tensor`].
    SparseTensor = 11,
    /// [`Attribute::sparse_tensors`].
    SparseTensors = 12,
    /// [`Attribute::tp`].
    TypeProto = 13,
    /// [`Attribute::type_protos`].
    TypeProtos = 14,
}

/// Name and type of a tensor (or sequence, map, ...) of a graph.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueInfo {
    /// Its name, by which nodes read and write it.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// `type` in the schema.
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Type>,
    /// Words for people.
    #[prost(string, optional, tag = "3")]
    pub doc_string: Option<String>,
    /// Anything else that is to be kept, by key.
    #[prost(message, repeated, tag = "4")]
    pub metadata_props: Vec<StringStringEntry>,
}

/// Which tensors hold the scale and zero point of another.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorAnnotation {
    /// The tensor that is quantised.
    #[prost(string, optional, tag = "1")]
    pub tensor_name: Option<String>,
    /// Names of tensors by what they are, such as `SCALE_TENSOR`.
    #[prost(message, repeated, tag = "2")]
    pub quant_parameter_tensor_names: Vec<StringStringEntry>,
}
