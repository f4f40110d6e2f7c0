//! One hash for all bytes that decide what a graph computes.

use std::io;
use std::path::Path;

use super::error::Result;
use headstart_onnx::{self as onnx, Model};

/// BLAKE3 of the graph's file, and for each file of external data, in the byte order of their names as the graph
/// writes them, of its length (eight bytes, little-endian) and its bytes.
///
/// A graph without external data has the hash that `b3sum` gives its file.
///
/// # Errors
/// [`onnx::Error::Beside`] if such a file cannot be read, [`onnx::Error::ExternalEntry`] if it would lie elsewhere.
pub fn digest(path: &Path, bytes: &[u8], model: &Model) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes);
    with_external_data(hasher, path, model)
}

/// The same, from a hasher that has had the file's bytes.
pub fn with_external_data(mut hasher: blake3::Hasher, path: &Path, model: &Model) -> Result<blake3::Hash> {
    let folder = path.parent().unwrap_or(Path::new(""));
    for location in model.external_files()? {
        let file = folder.join(location);
        add_file(&mut hasher, &file).map_err(|source| onnx::Error::Beside { path: file, source })?;
    }
    Ok(hasher.finalize())
}

fn add_file(hasher: &mut blake3::Hasher, path: &Path) -> io::Result<()> {
    let file = std::fs::File::open(path)?;
    hasher.update(&file.metadata()?.len().to_le_bytes());
    hasher.update_reader(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use headstart_onnx::{DataLocation, Graph, StringStringEntry, Tensor};

    fn model(locations: &[&str]) -> Model {
        let tensor = |location: &&str| Tensor {
            data_location: Some(DataLocation::External as i32),
            external_data: vec![StringStringEntry::new("location", *location)],
            ..Tensor::default()
        };
        let graph = Graph { initializer: locations.iter().map(tensor).collect(), ..Graph::default() };
        Model { graph: Some(graph), ..Model::default() }
    }

    #[test]
    fn weights_in_other_files_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let digest = |model: &Model| digest(&path, b"graph", model).unwrap();
        write("b.bin", "12");
        write("c.bin", "3");
        let plain = digest(&model(&[]));
        let both = digest(&model(&["c.bin", "b.bin", "c.bin"]));
        assert_eq!(plain, blake3::hash(b"graph"));
        let bytes = [b"graph".as_slice(), &2u64.to_le_bytes(), b"12", &1u64.to_le_bytes(), b"3"].concat();
        assert_eq!(both, blake3::hash(&bytes));
        // A byte that moves from one file to the other is a change.
        write("b.bin", "1");
        write("c.bin", "23");
        assert_ne!(digest(&model(&["b.bin", "c.bin"])), both);
        let missing = super::digest(&path, b"graph", &model(&["d.bin"])).unwrap_err();
        assert!(missing.to_string().contains("d.bin"), "{missing}");
    }
}
