use std::io;
use std::path::PathBuf;

use super::check::Flaw;
use super::sniff::Kind;
use headstart_base::text;

/// What can be wrong with an ONNX file or a tensor in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such file.
    #[error("`{path}` does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A folder was named where a file belongs.
    #[error("`{path}` is a folder, expected an ONNX file")]
    Folder {
        /// The file.
        path: PathBuf,
    },
    /// The file's first bytes are those of another format.
    #[error("`{path}` is {kind}, expected an ONNX file")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: Kind,
    },
    /// The file ends within a part of it.
    #[error("`{path}` is cut off: expected {expected} bytes or more, found {found}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The least number of bytes that were written.
        expected: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// The file is longer than protobuf allows.
    #[error("`{path}` is {found} bytes long; an ONNX file has at most {limit}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes in the file.
        found: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// A small file would become very large in memory, as no network does.
    #[error("reading `{path}` ({file} bytes) would take more than {limit} bytes of memory")]
    Inflated {
        /// The file.
        path: PathBuf,
        /// Bytes in the file.
        file: u64,
        /// Bytes of memory that it may take.
        limit: u64,
    },
    /// The file is not valid protobuf, or does not follow ONNX's schema.
    #[error("`{path}` is not a valid ONNX file")]
    Decode {
        /// The file.
        path: PathBuf,
        /// Where and why it cannot be decoded.
        source: prost::DecodeError,
    },
    /// The bytes happen to be valid and say nothing of a graph.
    #[error("`{path}` parses as protobuf but holds no ONNX graph")]
    NoGraph {
        /// The file.
        path: PathBuf,
    },
    /// The graph is there and cannot be computed.
    #[error("`{path}` is not a network that can be computed")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Flaw,
    },
    /// A dimension is negative, or all together are too many elements.
    #[error("tensor `{tensor}` has the shape {}, which no tensor in memory can have", text::dims(dims))]
    Shape {
        /// The tensor's name.
        tensor: String,
        /// Its dimensions.
        dims: Vec<i64>,
    },
    /// The tensor holds elements of another type than was asked for.
    #[error("tensor `{tensor}` holds elements of type `{found}`, expected `{expected}`")]
    ElementType {
        /// The tensor's name.
        tensor: String,
        /// The type that was asked for.
        expected: String,
        /// The type that it has.
        found: String,
    },
    /// The tensor's data are not as long as its shape says.
    #[error("tensor `{tensor}`: expected {expected} {unit}, found {found}")]
    Length {
        /// The tensor's name.
        tensor: String,
        /// What is counted: bytes or elements.
        unit: &'static str,
        /// How many the shape takes.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The file beside the model is cut off.
    #[error("tensor `{tensor}`: its data lie in `{path}`, which has {found} of their {expected} bytes")]
    Short {
        /// The tensor's name.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// Bytes that the tensor takes.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// An element was written wider than its type, and does not fit.
    #[error("tensor `{tensor}`: element {index} of `int32_data` is {value}, which does not fit its type")]
    OutOfRange {
        /// The tensor's name.
        tensor: String,
        /// Its place in `int32_data`, from 0.
        index: usize,
        /// Its value.
        value: i32,
    },
    /// The tensor does not say properly where its data lie.
    #[error("tensor `{tensor}`: its external data entry `{key}` is `{value}`, expected {expected}")]
    ExternalEntry {
        /// The tensor's name.
        tensor: String,
        /// The entry's key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What belongs there, for people.
        expected: &'static str,
    },
    /// An operator of the graph means something else in the other version.
    #[error("the graph has opset {found} and cannot be brought to {asked}: {why}")]
    Opset {
        /// The version that the graph is written in.
        found: i64,
        /// The version that was asked for.
        asked: i64,
        /// What stands in the way, for people.
        why: String,
    },
    /// A file with weights is missing or cannot be read.
    #[error("weights lie in `{path}`, which cannot be read")]
    Beside {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file with the tensor's data is missing or cannot be read.
    #[error("tensor `{tensor}`: its data lie in `{path}`, which cannot be read")]
    External {
        /// The tensor's name.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A result of reading or writing ONNX files.
pub type Result<T> = std::result::Result<T, Error>;
