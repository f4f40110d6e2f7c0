use std::io;
use std::path::PathBuf;

use super::check::Flaw;
use super::sniff::Kind;
use headstart_base::text;

/// What can be wrong with an ONNX file or a tensor in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("`{path}` does not exist")]
    Missing { path: PathBuf },
    #[error("`{path}` is a folder, expected an ONNX file")]
    Folder { path: PathBuf },
    #[error("`{path}` is {kind}, expected an ONNX file")]
    OtherFormat { path: PathBuf, kind: Kind },
    #[error("`{path}` is cut short: {expected} bytes or more were written, {found} are there")]
    Truncated { path: PathBuf, expected: u64, found: u64 },
    #[error("`{path}` is {found} bytes long; an ONNX file has at most {limit}")]
    TooLarge { path: PathBuf, found: u64, limit: u64 },
    #[error("`{path}` would take more than {limit} bytes of memory for its {file} bytes")]
    Inflated { path: PathBuf, file: u64, limit: u64 },
    #[error("`{path}` is no valid ONNX file")]
    Decode { path: PathBuf, source: prost::DecodeError },
    #[error("`{path}` parses as protobuf but holds no ONNX graph")]
    NoGraph { path: PathBuf },
    #[error("`{path}` is no network that can be computed")]
    Broken { path: PathBuf, source: Flaw },
    #[error("tensor `{tensor}` has the shape {}, which no tensor in memory can have", text::dims(dims))]
    Shape { tensor: String, dims: Vec<i64> },
    #[error("tensor `{tensor}` holds elements of type `{found}`, expected `{expected}`")]
    ElementType { tensor: String, expected: String, found: String },
    #[error("tensor `{tensor}`: expected {expected} {unit}, found {found}")]
    Length { tensor: String, unit: &'static str, expected: u64, found: u64 },
    #[error("tensor `{tensor}`: its data lie in `{path}`, which has {found} of their {expected} bytes")]
    Short { tensor: String, path: PathBuf, expected: u64, found: u64 },
    #[error("tensor `{tensor}`: element {index} of `int32_data` is {value}, which does not fit its type")]
    OutOfRange { tensor: String, index: usize, value: i32 },
    #[error("tensor `{tensor}`: its external data entry `{key}` is `{value}`, expected {expected}")]
    ExternalEntry { tensor: String, key: &'static str, value: String, expected: &'static str },
    #[error("the graph has opset {found} and cannot be brought to {asked}: {why}")]
    Opset { found: i64, asked: i64, why: String },
    #[error("weights lie in `{path}`, which cannot be read")]
    Beside { path: PathBuf, source: io::Error },
    #[error("tensor `{tensor}`: its data lie in `{path}`, which cannot be read")]
    External { tensor: String, path: PathBuf, source: io::Error },
}

pub type Result<T> = std::result::Result<T, Error>;
