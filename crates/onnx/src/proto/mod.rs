//! The messages of ONNX's intermediate representation, as `onnx.proto` (IR version 14) defines them.
//!
//! Hand-written for `prost`, so that building needs no `protoc`. The schema is proto2: a scalar that may be absent
//! is an `Option`, and an absent field stays absent when written, so a file that was only read and written again
//! keeps every byte that another protobuf library would give it. Names, numbers and types are compared with those
//! of the `onnx` Python package by a golden test. Names are the schema's without the suffix `Proto`.
//!
//! `raw_data` and attribute strings are [`bytes::Bytes`]: slices of the file as it was read, not copies.
//! Recursive messages are boxed where they would make every attribute pay for the rarest kind of it.

mod device;
mod function;
mod graph;
mod model;
mod tensor;
mod types;

#[cfg(test)]
mod tests;

pub use device::{
    DeviceConfiguration, IntIntListEntry, NodeDeviceConfiguration, ShardedDim, ShardingSpec,
    SimpleShardedDim, simple_sharded_dim,
};
pub use function::{Function, OperatorSetId, TrainingInfo};
pub use graph::{Attribute, AttributeType, Graph, Node, TensorAnnotation, ValueInfo};
pub use model::{Model, StringStringEntry};
pub use tensor::{DataLocation, DataType, Segment, SparseTensor, Tensor};
pub use types::Dimension;
pub use types::{
    MapType, OpaqueType, OptionalType, SequenceType, SparseTensorType, TensorShape, TensorType, Type,
    dimension, type_value,
};
