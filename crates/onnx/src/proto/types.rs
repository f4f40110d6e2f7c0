/// The type of a value: nearly always a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Type {
    #[prost(oneof = "type_value::Value", tags = "1, 4, 5, 7, 8, 9")]
    pub value: Option<type_value::Value>,
    #[prost(string, optional, tag = "6")]
    pub denotation: Option<String>,
}

/// The kinds of [`Type`].
pub mod type_value {
    use super::{MapType, OpaqueType, OptionalType, SequenceType, SparseTensorType, TensorType};

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        #[prost(message, tag = "1")]
        TensorType(TensorType),
        #[prost(message, tag = "4")]
        SequenceType(Box<SequenceType>),
        #[prost(message, tag = "5")]
        MapType(Box<MapType>),
        #[prost(message, tag = "7")]
        OpaqueType(OpaqueType),
        #[prost(message, tag = "8")]
        SparseTensorType(SparseTensorType),
        #[prost(message, tag = "9")]
        OptionalType(Box<OptionalType>),
    }
}

/// `TypeProto.Tensor`: element type and shape; no shape means that not even the rank is known.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorType {
    /// A [`DataType`](super::DataType).
    #[prost(int32, optional, tag = "1")]
    pub elem_type: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

/// `TypeProto.SparseTensor`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SparseTensorType {
    #[prost(int32, optional, tag = "1")]
    pub elem_type: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

/// `TypeProto.Sequence`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SequenceType {
    #[prost(message, optional, boxed, tag = "1")]
    pub elem_type: Option<Box<Type>>,
}

/// `TypeProto.Map`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MapType {
    #[prost(int32, optional, tag = "1")]
    pub key_type: Option<i32>,
    #[prost(message, optional, boxed, tag = "2")]
    pub value_type: Option<Box<Type>>,
}

/// `TypeProto.Optional`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OptionalType {
    #[prost(message, optional, boxed, tag = "1")]
    pub elem_type: Option<Box<Type>>,
}

/// `TypeProto.Opaque`.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct OpaqueType {
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
}

/// The dimensions of a tensor, outermost first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// One dimension: a number, a name that stands for one, or nothing when it is unknown.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Dimension {
    #[prost(oneof = "dimension::Value", tags = "1, 2")]
    pub value: Option<dimension::Value>,
    #[prost(string, optional, tag = "3")]
    pub denotation: Option<String>,
}

/// The kinds of [`Dimension`].
pub mod dimension {
    #[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
    pub enum Value {
        #[prost(int64, tag = "1")]
        DimValue(i64),
        #[prost(string, tag = "2")]
        DimParam(String),
    }
}
