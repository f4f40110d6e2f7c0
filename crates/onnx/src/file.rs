//! Reading and writing whole files.

use std::fs;
use std::io;
use std::path::Path;

use bytes::Bytes;
use prost::Message;

use super::error::{Error, Result};
use super::proto::Model;
use super::{guard, sniff};
use headstart_base::files::{WriteError, write_bytes};

/// Protobuf's own limit: lengths are 31 bits in most of its libraries. Larger models keep their weights outside.
const LIMIT: u64 = (1 << 31) - 1;

/// Read and decode the ONNX file at `path`.
///
/// The file is read into memory once, and its raw tensors are slices of that memory. (A memory map would save that
/// copy, but a file that shrinks under a map kills the process.)
///
/// # Errors
/// [`Error::OtherFormat`], [`Error::Folder`] and [`Error::Missing`] name what is there instead of an ONNX file;
/// [`Error::Truncated`] and [`Error::Decode`] tell of a damaged one.
pub fn read(path: &Path) -> Result<Model> {
    decode(path, read_bytes(path)?)
}

/// The bytes of the file at `path`, without a look at them.
///
/// # Errors
/// As [`read`], as far as it is about the file and not its content.
pub fn read_bytes(path: &Path) -> Result<Bytes> {
    let cannot_read = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
        _ => Error::Read { path: path.to_owned(), source },
    };
    let metadata = fs::metadata(path).map_err(cannot_read)?;
    if metadata.is_dir() {
        return Err(Error::Folder { path: path.to_owned() });
    }
    if metadata.len() > LIMIT {
        return Err(Error::TooLarge { path: path.to_owned(), found: metadata.len(), limit: LIMIT });
    }
    fs::read(path).map(Bytes::from).map_err(cannot_read)
}

/// Decode the content of an ONNX file; `path` is where it came from, for messages.
///
/// # Errors
/// As [`read`].
pub fn decode(path: &Path, bytes: Bytes) -> Result<Model> {
    let path = || path.to_owned();
    if let Some(kind) = sniff::sniff(&bytes) {
        return Err(Error::OtherFormat { path: path(), kind });
    }
    let found = bytes.len() as u64;
    match guard::check(&bytes) {
        Ok(()) => {}
        Err(guard::Refusal::Truncated { expected }) => {
            return Err(Error::Truncated { path: path(), expected, found });
        }
        Err(guard::Refusal::Inflated { limit }) => {
            return Err(Error::Inflated { path: path(), file: found, limit });
        }
    }
    let model = Model::decode(bytes).map_err(|source| Error::Decode { path: path(), source })?;
    // Protobuf takes almost anything for a message with unknown fields.
    if model.graph.is_none() {
        return Err(Error::NoGraph { path: path() });
    }
    Ok(model)
}

/// Write `model` to `path`: the whole file or, on any error, nothing there that was not there before.
///
/// The same model gives the same bytes, always.
///
/// # Errors
/// [`Error::Write`]; [`Error::TooLarge`] when it would exceed protobuf's 2 GiB.
pub fn write(model: &Model, path: &Path) -> Result<()> {
    let failed = |WriteError { path, source }| Error::Write { path, source };
    write_bytes(path, &encode(model, path)?).map_err(failed)
}

/// The bytes of a file of `model`; `path` is where they belong, for messages.
///
/// # Errors
/// [`Error::TooLarge`] when they would exceed protobuf's 2 GiB.
pub fn encode(model: &Model, path: &Path) -> Result<Vec<u8>> {
    let found = model.encoded_len() as u64;
    if found > LIMIT {
        return Err(Error::TooLarge { path: path.to_owned(), found, limit: LIMIT });
    }
    Ok(model.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Graph, Node, Tensor};

    fn model() -> Model {
        let weights =
            Tensor { raw_data: Some(Bytes::from(vec![7; 1000])), dims: vec![1000], ..Tensor::default() };
        let node = Node { op_type: Some("Relu".into()), ..Node::default() };
        let graph = Graph { node: vec![node], initializer: vec![weights], ..Graph::default() };
        Model { ir_version: Some(8), graph: Some(graph), ..Model::default() }
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        write(&model(), &path).unwrap();
        assert_eq!(read(&path).unwrap(), model());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn raw_data_are_not_copied() {
        let bytes = Bytes::from(model().encode_to_vec());
        let range = bytes.as_ptr_range();
        let decoded = decode(Path::new("a.onnx"), bytes.clone()).unwrap();
        let raw = decoded.graph.unwrap().initializer[0].raw_data.clone().unwrap();
        assert!(range.contains(&raw.as_ptr()));
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = Bytes::from(model().encode_to_vec());
        for len in 3..bytes.len() {
            let error = decode(Path::new("a.onnx"), bytes.slice(..len)).unwrap_err();
            assert!(matches!(error, Error::Truncated { .. }), "{len}: {error:?}");
        }
    }

    #[test]
    fn what_is_no_onnx_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(Error::Folder { .. })));
        assert!(matches!(read(&folder.path().join("none")), Err(Error::Missing { .. })));
        let path = folder.path().join("weights.pth");
        fs::write(&path, b"\x80\x02}q\x00.").unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("is a Python pickle"), "{message}");
        let no_graph = Bytes::from_static(b"\x08\x08\x12\x01x");
        assert!(matches!(decode(&path, no_graph), Err(Error::NoGraph { .. })));
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error_of_writing() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&model(), &folder.path().join("none/a.onnx")).unwrap_err();
        assert!(matches!(error, Error::Write { .. }));
    }
}
