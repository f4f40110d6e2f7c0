/// The type of a value: nearly always a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Type {
    /// Which kind of type; nothing if it is not known.
    #[prost(oneof = "type_value::Value", tags = "1, 4, 5, 7, 8, 9")]
    pub value: Option<type_value::Value>,
    /// What the value means, such as `IMAGE`.
    #[prost(string, optional, tag = "6")]
    pub denotation: Option<String>,
}

/// The kinds of [`Type`].
pub mod type_value {
    use super::{MapType, OpaqueType, OptionalType, SequenceType, SparseTensorType, TensorType};

    /// A tensor or one of the rarer kinds of value.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        /// A tensor.
        #[prost(message, tag = "1")]
        TensorType(TensorType),
        /// A list of values of one type.
        #[prost(message, tag = "4")]
        SequenceType(Box<SequenceType>),
        /// Values by key.
        #[prost(message, tag = "5")]
        MapType(Box<MapType>),
        /// A type that only its own domain knows.
        #[prost(message, tag = "7")]
        OpaqueType(OpaqueType),
        /// A tensor that is mostly zero.
        #[prost(message, tag = "8")]
        SparseTensorType(SparseTensorType),
        /// A value that may be left out.
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
    /// Its dimensions, if their number is known.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

/// `TypeProto.SparseTensor`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SparseTensorType {
    /// A [`DataType`](super::DataType).
    #[prost(int32, optional, tag = "1")]
    pub elem_type: Option<i32>,
    /// Its dimensions, if their number is known.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

/// `TypeProto.Sequence`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SequenceType {
    /// The type of each value.
    #[prost(message, optional, boxed, tag = "1")]
    pub elem_type: Option<Box<Type>>,
}

/// `TypeProto.Map`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MapType {
    /// A [`DataType`](super::DataType): integers or texts.
    #[prost(int32, optional, tag = "1")]
    pub key_type: Option<i32>,
    /// The type of each value.
    #[prost(message, optional, boxed, tag = "2")]
    pub value_type: Option<Box<Type>>,
}

/// `TypeProto.Optional`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OptionalType {
    /// The type of the value, if it is there.
    #[prost(message, optional, boxed, tag = "1")]
    pub elem_type: Option<Box<Type>>,
}

/// `TypeProto.Opaque`.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct OpaqueType {
    /// Whose type it is.
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    /// What it is called there.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
}

/// The dimensions of a tensor, outermost first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShape {
    /// One for each axis; none for a single number.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// One dimension: a number, a name that stands for one, or nothing when it is unknown.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Dimension {
    /// How long it is.
    #[prost(oneof = "dimension::Value", tags = "1, 2")]
    pub value: Option<dimension::Value>,
    /// What the axis means, such as `DATA_BATCH`.
    #[prost(string, optional, tag = "3")]
    pub denotation: Option<String>,
}

/// The kinds of [`Dimension`].
pub mod dimension {
    /// A number, or a name that stands for one.
    #[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
    pub enum Value {
        /// A number.
        #[prost(int64, tag = "1")]
        DimValue(i64),
        /// A name that stands for a number, such as the batch size's.
        #[prost(string, tag = "2")]
        DimParam(String),
    }
}
