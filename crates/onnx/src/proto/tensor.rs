use bytes::Bytes;

use super::StringStringEntry;

/// A constant tensor. Its elements stand in `raw_data` (little-endian), or in the typed field for its type, or in
/// another file ([`Tensor::external_data`]); [`Elements`](crate::Elements) reads all three.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Tensor {
    /// Its shape; none for a single number.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// A [`DataType`].
    #[prost(int32, optional, tag = "2")]
    pub data_type: Option<i32>,
    /// The part of a larger tensor that this is.
    #[prost(message, optional, tag = "3")]
    pub segment: Option<Segment>,
    /// Elements of 32-bit floats, and of complex numbers of two such.
    #[prost(float, repeated, packed = "true", tag = "4")]
    pub float_data: Vec<f32>,
    /// Also holds every type of 16 bits or fewer, one element (or a packed group of small ones) an entry.
    #[prost(int32, repeated, packed = "true", tag = "5")]
    pub int32_data: Vec<i32>,
    /// Elements that are texts.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub string_data: Vec<Bytes>,
    /// Elements of 64-bit integers.
    #[prost(int64, repeated, packed = "true", tag = "7")]
    pub int64_data: Vec<i64>,
    /// Its name, by which nodes read it.
    #[prost(string, optional, tag = "8")]
    pub name: Option<String>,
    /// The elements as they lie in memory, little-endian.
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub raw_data: Option<Bytes>,
    /// Elements of 64-bit floats, and of complex numbers of two such.
    #[prost(double, repeated, packed = "true", tag = "10")]
    pub double_data: Vec<f64>,
    /// Elements of 32-bit and 64-bit integers without a sign.
    #[prost(uint64, repeated, packed = "true", tag = "11")]
    pub uint64_data: Vec<u64>,
    /// Words for people.
    #[prost(string, optional, tag = "12")]
    pub doc_string: Option<String>,
    /// `location` (a path relative to the model's folder), `offset`, `length`, `checksum`.
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<StringStringEntry>,
    /// A [`DataLocation`].
    #[prost(enumeration = "DataLocation", optional, tag = "14")]
    pub data_location: Option<i32>,
    /// Anything else that is to be kept, by key.
    #[prost(message, repeated, tag = "16")]
    pub metadata_props: Vec<StringStringEntry>,
}

/// Which part of a larger tensor this one is (hardly used).
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Segment {
    /// The first of its elements.
    #[prost(int64, optional, tag = "1")]
    pub begin: Option<i64>,
    /// The one after its last element.
    #[prost(int64, optional, tag = "2")]
    pub end: Option<i64>,
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum DataType {
    /// Not told.
    Undefined = 0,
    /// 32-bit float.
    Float = 1,
    /// 8-bit integer without a sign.
    Uint8 = 2,
    /// 8-bit integer with a sign.
    Int8 = 3,
    /// 16-bit integer without a sign.
    Uint16 = 4,
    /// 16-bit integer with a sign.
    Int16 = 5,
    /// 32-bit integer with a sign.
    Int32 = 6,
    /// 64-bit integer with a sign.
    Int64 = 7,
    /// Text, in UTF-8.
    String = 8,
    /// True or false, a byte each.
    Bool = 9,
    /// 16-bit float of IEEE 754.
    Float16 = 10,
    /// 64-bit float.
    Double = 11,
    /// 32-bit integer without a sign.
    Uint32 = 12,
    /// 64-bit integer without a sign.
    Uint64 = 13,
    /// Complex number of two 32-bit floats.
    Complex64 = 14,
    /// Complex number of two 64-bit floats.
    Complex128 = 15,
    /// 16-bit float with the exponent of a 32-bit one.
    Bfloat16 = 16,
    /// 8-bit float: 4 bits of exponent, 3 of fraction, no infinity.
    Float8e4m3fn = 17,
    /// 8-bit float: 4 bits of exponent, 3 of fraction, no infinity, no negative zero.
    Float8e4m3fnuz = 18,
    /// 8-bit float: 5 bits of exponent, 2 of fraction.
    Float8e5m2 = 19,
    /// 8-bit float: 5 bits of exponent, 2 of fraction, no infinity, no negative zero.
    Float8e5m2fnuz = 20,
    /// 4-bit integer without a sign, two to a byte.
    Uint4 = 21,
    /// 4-bit integer with a sign, two to a byte.
    Int4 = 22,
    /// 4-bit float: 2 bits of exponent, 1 of fraction, two to a byte.
    Float4e2m1 = 23,
    /// 8 bits of exponent alone: a power of two, for scales.
    Float8e8m0 = 24,
    /// 2-bit integer without a sign, four to a byte.
    Uint2 = 25,
    /// 2-bit integer with a sign, four to a byte.
    Int2 = 26,
    /// 6-bit float: 2 bits of exponent, 3 of fraction.
    Float6e2m3 = 27,
    /// 6-bit float: 3 bits of exponent, 2 of fraction.
    Float6e3m2 = 28,
}

/// Whether a tensor's elements stand in the model file or beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum DataLocation {
    /// In the model file.
    Default = 0,
    /// In the file that [`Tensor::external_data`] names.
    External = 1,
}

/// A tensor given by its non-zero elements.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SparseTensor {
    /// The elements that are not zero, in one dimension.
    #[prost(message, optional, tag = "1")]
    pub values: Option<Tensor>,
    /// Where each stands: as one number in row-major order, or as its coordinates.
    #[prost(message, optional, tag = "2")]
    pub indices: Option<Tensor>,
    /// The shape of the whole.
    #[prost(int64, repeated, packed = "false", tag = "3")]
    pub dims: Vec<i64>,
}
