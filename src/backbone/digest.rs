//! One hash for all bytes that decide what a graph computes.

use std::io;
use std::path::Path;

use super::error::Result;
use crate::onnx::{self, Model};

/// BLAKE3 of the graph's file, and for each file of external data, in the byte order of their names as the graph
/// writes them, of its length (eight bytes, little-endian) and its bytes.
///
/// A graph without external data has the hash that `b3sum` gives its file.
///
/// # Errors
/// [`onnx::Error::External`] if such a file cannot be read, [`onnx::Error::ExternalEntry`] if it would lie elsewhere.
pub(super) fn digest(path: &Path, bytes: &[u8], model: &Model) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes);
    let folder = path.parent().unwrap_or(Path::new(""));
    for location in model.external_files()? {
        let file = folder.join(location);
        add_file(&mut hasher, &file).map_err(|source| onnx::Error::External {
            tensor: "(external data)".to_owned(),
            path: file,
            source,
        })?;
    }
    Ok(hasher.finalize())
}

fn add_file(hasher: &mut blake3::Hasher, path: &Path) -> io::Result<()> {
    let file = std::fs::File::open(path)?;
    hasher.update(&file.metadata()?.len().to_le_bytes());
    hasher.update_reader(file)?;
    Ok(())
}
