//! The weights beside `model.json`: shards, cut anywhere, that together hold one tensor after the other.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use half::f16;
use serde::Deserialize;

use super::error::{Error, Result};
use headstart_base::text::dims;

/// `weightsManifest` of a `model.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

impl Group {
    /// The files that hold the weights.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(Path::new)
    }
}

#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

/// Smaller numbers on the disk than in the network: `value = number * scale + min`, or plain 16-bit floats.
#[derive(Debug, Deserialize)]
struct Quantization {
    dtype: String,
    scale: Option<f64>,
    min: Option<f64>,
}

/// A tensor of the network, in the axis order of Keras.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weight {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// All weights by name.
#[derive(Debug)]
pub(super) struct Weights(HashMap<String, Weight>);

const STORED: &str = "`float32`, `float16`, `int32`, `uint16`, `uint8`, `bool`";

impl Weights {
    /// Read every shard that `groups` names, from the folder of the `model.json`.
    pub(super) fn read(folder: &Path, groups: &[Group]) -> Result<Self> {
        let mut weights = HashMap::new();
        for group in groups {
            let bytes = read_shards(folder, group)?;
            let mut rest = bytes.as_slice();
            for entry in &group.weights {
                let (mine, others) = rest.split_at(entry.len()?);
                rest = others;
                weights.insert(
                    entry.name.clone(),
                    Weight { shape: entry.shape.clone(), data: entry.decode(mine)? },
                );
            }
        }
        Ok(Self(weights))
    }

    /// The weight `name` of `layer`; `scopes` are the names of the models around it, outermost first.
    ///
    /// Converters differ in whether the names of outer models are part of a weight's name.
    pub(super) fn find(&self, scopes: &[String], layer: &str, name: &str) -> Option<&Weight> {
        let short = format!("{layer}/{name}");
        let full = [scopes, std::slice::from_ref(&short)].concat().join("/");
        self.0.get(&short).or_else(|| self.0.get(&full)).or_else(|| {
            let tail = format!("/{short}");
            let mut matches = self.0.iter().filter(|(key, _)| key.ends_with(&tail));
            match (matches.next(), matches.next()) {
                (Some((_, only)), None) => Some(only),
                _ => None,
            }
        })
    }
}

impl Entry {
    fn stored(&self) -> &str {
        self.quantization.as_ref().map_or(&self.dtype, |quantization| &quantization.dtype)
    }

    /// Bytes on the disk.
    fn len(&self) -> Result<usize> {
        let width = match self.stored() {
            "float32" | "int32" => 4,
            "float16" | "uint16" => 2,
            "uint8" | "bool" => 1,
            _ => return Err(self.wrong_type(self.stored())),
        };
        let product = self.shape.iter().try_fold(width, |product: usize, &dim| product.checked_mul(dim));
        product.ok_or_else(|| self.wrong_type(&dims(&self.shape)))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<f32>> {
        if !matches!(self.dtype.as_str(), "float32" | "float16" | "int32" | "bool") {
            return Err(self.wrong_type(&self.dtype));
        }
        let (scale, min) = match &self.quantization {
            Some(Quantization { scale: Some(scale), min, .. }) => (*scale, min.unwrap_or(0.0)),
            _ => (1.0, 0.0),
        };
        // As TensorFlow.js computes it: in double precision, rounded once.
        let affine = |number: f64| (number * scale + min) as f32;
        Ok(match self.stored() {
            "float32" => chunks(bytes, f32::from_le_bytes),
            "float16" => chunks(bytes, |pair| f16::from_le_bytes(pair).to_f32()),
            "int32" => chunks(bytes, |four| affine(i32::from_le_bytes(four).into())),
            "uint16" => chunks(bytes, |two| affine(u16::from_le_bytes(two).into())),
            _ => bytes.iter().map(|&byte| affine(byte.into())).collect(),
        })
    }

    fn wrong_type(&self, found: &str) -> Error {
        Error::WeightType { weight: self.name.clone(), expected: STORED, found: found.to_owned() }
    }
}

fn chunks<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|&chunk| convert(chunk)).collect()
}

/// The shards of `group` one after the other, exactly as long as its tensors together.
fn read_shards(folder: &Path, group: &Group) -> Result<Vec<u8>> {
    let mut expected = 0u64;
    for entry in &group.weights {
        expected = expected.saturating_add(entry.len()? as u64);
    }
    let mut sizes = Vec::new();
    for name in &group.paths {
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Err(Error::ShardPath { name: name.clone() });
        }
        let path = folder.join(name);
        let size = fs::metadata(&path).map_err(|source| unreadable(&path, source))?.len();
        sizes.push((path, size));
    }
    // Before anything is read: what the manifest says may be any number.
    check_sizes(folder, &sizes, expected)?;
    let mut bytes = Vec::with_capacity(expected as usize);
    for (path, size) in &sizes {
        let shard = fs::read(path).map_err(|source| unreadable(path, source))?;
        if shard.len() as u64 != *size {
            return Err(Error::ShardLength {
                path: path.clone(),
                expected: *size,
                found: shard.len() as u64,
            });
        }
        bytes.extend_from_slice(&shard);
    }
    Ok(bytes)
}

/// The manifest tells the length of all shards together. All but the last are equally long, which tells the bad one.
fn check_sizes(folder: &Path, sizes: &[(PathBuf, u64)], expected: u64) -> Result<()> {
    let found: u64 = sizes.iter().map(|(_, size)| size).sum();
    if found == expected {
        return Ok(());
    }
    let Some(((last, last_size), full)) = sizes.split_last() else {
        return Err(Error::ShardLength { path: folder.to_owned(), expected, found });
    };
    let usual = full.iter().map(|(_, size)| *size).max().unwrap_or(0);
    Err(match full.iter().find(|(_, size)| *size != usual) {
        Some((path, size)) => Error::ShardLength { path: path.clone(), expected: usual, found: *size },
        None => {
            let before = found - last_size;
            let expected = expected.saturating_sub(before);
            Error::ShardLength { path: last.clone(), expected, found: *last_size }
        }
    })
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound => Error::ShardMissing { path: path.to_owned() },
        _ => Error::Read { path: path.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(json: serde_json::Value) -> Vec<Group> {
        serde_json::from_value(json).unwrap()
    }

    fn two_shards() -> Vec<Group> {
        groups(serde_json::json!([{"paths": ["a.bin", "b.bin"], "weights": [
            {"name": "conv/kernel", "shape": [2], "dtype": "float32"},
            {"name": "conv/bias", "shape": [3], "dtype": "float32",
             "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0, "original_dtype": "float32"}},
            {"name": "outer/dense/bias", "shape": [], "dtype": "float32", "quantization": {"dtype": "float16"}},
        ]}]))
    }

    #[test]
    fn tensors_are_cut_out_across_shards() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        bytes.extend([0, 2, 255]);
        bytes.extend(f16::from_f32(0.25).to_le_bytes());
        fs::write(folder.path().join("a.bin"), &bytes[..7]).unwrap();
        fs::write(folder.path().join("b.bin"), &bytes[7..]).unwrap();
        let weights = Weights::read(folder.path(), &two_shards()).unwrap();
        assert_eq!(weights.find(&[], "conv", "kernel").unwrap().data, [1.5, -2.0]);
        assert_eq!(weights.find(&[], "conv", "bias").unwrap().data, [-1.0, 0.0, 126.5]);
        assert_eq!(weights.find(&["outer".into()], "dense", "bias").unwrap().data, [0.25]);
        assert_eq!(weights.find(&["elsewhere".into()], "dense", "bias").unwrap().data, [0.25]);
        assert_eq!(weights.find(&[], "conv", "gamma"), None);
    }

    #[test]
    fn the_bad_shard_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Weights::read(folder.path(), &two_shards()).unwrap_err();
        assert!(matches!(read(), Error::ShardMissing { path } if path.ends_with("a.bin")));
        fs::write(folder.path().join("a.bin"), [0; 7]).unwrap();
        assert!(matches!(read(), Error::ShardMissing { path } if path.ends_with("b.bin")));
        fs::write(folder.path().join("b.bin"), [0; 5]).unwrap();
        let Error::ShardLength { path, expected: 6, found: 5 } = read() else { panic!("{:?}", read()) };
        assert!(path.ends_with("b.bin"));
        let sizes = [4, 3, 4, 2].map(|size| (PathBuf::from(format!("s{size}")), size));
        let Err(Error::ShardLength { path, expected: 4, found: 3 }) = check_sizes(folder.path(), &sizes, 14)
        else {
            panic!("the second shard is short")
        };
        assert!(path.ends_with("s3"));
    }

    #[test]
    fn manifests_are_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let read = |json| Weights::read(folder.path(), &groups(json)).unwrap_err();
        let entry =
            |dtype: &str, shape: &[u64]| serde_json::json!({"name": "w", "shape": shape, "dtype": dtype});
        let outside = read(serde_json::json!([{"paths": ["../a.bin"], "weights": []}]));
        assert!(matches!(outside, Error::ShardPath { .. }));
        let strings = read(serde_json::json!([{"paths": [], "weights": [entry("string", &[1])]}]));
        assert!(matches!(strings, Error::WeightType { .. }));
        let huge =
            read(serde_json::json!([{"paths": [], "weights": [entry("float32", &[1 << 62, 1 << 62])]}]));
        assert!(matches!(huge, Error::WeightType { .. }));
        let absent = read(serde_json::json!([{"paths": [], "weights": [entry("float32", &[1 << 50])]}]));
        assert!(matches!(absent, Error::ShardLength { found: 0, .. }));
    }
}
