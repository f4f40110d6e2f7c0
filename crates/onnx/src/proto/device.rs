//! How a model is spread over devices (IR version 11 and later).

/// A set of devices that nodes refer to by name.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DeviceConfiguration {
    /// What nodes call it.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// How many devices it has.
    #[prost(int32, optional, tag = "2")]
    pub num_devices: Option<i32>,
    /// Their names; none, or as many as there are devices.
    #[prost(string, repeated, tag = "3")]
    pub device: Vec<String>,
}

/// How one node runs under one configuration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NodeDeviceConfiguration {
    /// The [name](DeviceConfiguration::name) of the configuration.
    #[prost(string, optional, tag = "1")]
    pub configuration_id: Option<String>,
    /// How the node's inputs and outputs are cut up.
    #[prost(message, repeated, tag = "2")]
    pub sharding_spec: Vec<ShardingSpec>,
    /// The stage of a pipeline that the node belongs to.
    #[prost(int32, optional, tag = "3")]
    pub pipeline_stage: Option<i32>,
}

/// How one tensor is cut up among devices.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ShardingSpec {
    /// The input or output of the node.
    #[prost(string, optional, tag = "1")]
    pub tensor_name: Option<String>,
    /// The devices, by index; a negative number stands for a group of them.
    #[prost(int64, repeated, packed = "false", tag = "2")]
    pub device: Vec<i64>,
    /// The groups that negative numbers stand for.
    #[prost(message, repeated, tag = "3")]
    pub index_to_device_group_map: Vec<IntIntListEntry>,
    /// How each axis is cut.
    #[prost(message, repeated, tag = "4")]
    pub sharded_dim: Vec<ShardedDim>,
}

/// A number with its list of numbers.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct IntIntListEntry {
    /// The number.
    #[prost(int64, optional, tag = "1")]
    pub key: Option<i64>,
    /// Its list.
    #[prost(int64, repeated, packed = "false", tag = "2")]
    pub value: Vec<i64>,
}

/// The cuts along one axis.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ShardedDim {
    /// The axis; a negative one counts from the end.
    #[prost(int64, optional, tag = "1")]
    pub axis: Option<i64>,
    /// The stretches, one after the other.
    #[prost(message, repeated, tag = "2")]
    pub simple_sharding: Vec<SimpleShardedDim>,
}

/// A stretch of an axis in equal pieces.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SimpleShardedDim {
    /// How long the stretch is.
    #[prost(oneof = "simple_sharded_dim::Dim", tags = "1, 2")]
    pub dim: Option<simple_sharded_dim::Dim>,
    /// Into how many pieces it is cut.
    #[prost(int64, optional, tag = "3")]
    pub num_shards: Option<i64>,
}

/// The kinds of [`SimpleShardedDim`].
pub mod simple_sharded_dim {
    /// The length of a stretch.
    #[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
    pub enum Dim {
        /// A number.
        #[prost(int64, tag = "1")]
        DimValue(i64),
        /// A name that stands for a number.
        #[prost(string, tag = "2")]
        DimParam(String),
    }
}
