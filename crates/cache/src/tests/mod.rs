//! The cache as a whole. Features are made from their key, so that every row can be told right from wrong.

#![expect(clippy::single_range_in_vec_init, reason = "a segment of one batch is a list of one range")]

mod corruption;
mod duplicates;
mod export;
mod gc;
mod image_status;
mod many;
mod round_trip;

use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_json::json;

use super::*;

/// Decoders that have never changed.
const PLAIN: Decoders =
    Decoders { revision: 1, identify: |path| Ok(Identity::new(Key::of(&std::fs::read(path)?), 1)) };

fn fingerprint_of(dim: usize, storage: Storage) -> Fingerprint {
    Fingerprint::new(FingerprintParts {
        graph: "ab".into(),
        feature_tensor: "pool".into(),
        feature_size: dim,
        precision: "fp32".into(),
        recipe: json!({"resize": 224}),
        storage,
    })
}

fn store_at(root: &Path, dim: usize) -> Store {
    Store::create_or_open(root, "net", &fingerprint_of(dim, Storage::F32)).unwrap()
}

fn id(number: u32) -> (Key, View) {
    (Key::of(&number.to_le_bytes()), (number % 3) as View)
}

fn ids(numbers: std::ops::Range<u32>) -> Vec<(Key, View)> {
    numbers.map(id).collect()
}

/// Whole numbers up to 255, which 16-bit floats hold too.
fn features_of((key, view): (Key, View), dim: usize) -> Vec<f32> {
    (0..dim).map(|i| f32::from(key.0[i % 32] ^ (i / 32 + usize::from(view)) as u8)).collect()
}

fn features(ids: &[(Key, View)], dim: usize) -> Array2<f32> {
    let numbers = ids.iter().flat_map(|id| features_of(*id, dim)).collect();
    Array2::from_shape_vec((ids.len(), dim), numbers).unwrap()
}

fn append(writer: &mut SegmentWriter, ids: &[(Key, View)], dim: usize) {
    writer.append(ids, features(ids, dim).view()).unwrap();
}

/// Writes a segment of these batches and gives its path.
fn write(store: &Store, batches: &[std::ops::Range<u32>]) -> PathBuf {
    let mut writer = store.writer(Provenance::default()).unwrap();
    batches.iter().for_each(|batch| append(&mut writer, &ids(batch.clone()), store.dim()));
    let path = writer.path().unwrap().to_owned();
    writer.close().unwrap();
    path
}

/// How many of `ids` the store holds; every row that it gives must be right.
fn count_right(store: &Store, ids: &[(Key, View)]) -> usize {
    let right = |id: &&(Key, View)| {
        let Some(row) = store.find(&id.0, id.1) else { return false };
        match store.row(row) {
            Ok(found) => {
                assert_eq!(*found, *features_of(**id, store.dim()), "a wrong feature of {id:?}");
                true
            }
            Err(Error::BadRow { .. }) => {
                assert_ne!(store.find(&id.0, id.1), Some(row), "a bad row is a miss from then on");
                // A duplicate may have taken over.
                store.find(&id.0, id.1).is_some_and(|row| store.row(row).is_ok())
            }
            Err(other) => panic!("{other}"),
        }
    };
    ids.iter().filter(right).count()
}
