//! Exports, and segments themselves, as Python reads them: `read_export.py` with NumPy, pandas, pyarrow and safetensors,
//! which `just test` puts into `models/tools/readers`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use headstart::cache::{
    Entry, Fingerprint, FingerprintParts, Format, Key, Provenance, Storage, Store, View, export,
};
use headstart::nn::{Activation, Head, HeadConfig};
use ndarray::{Array2, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

fn store(root: &Path, storage: Storage) -> Store {
    let fingerprint = Fingerprint::new(FingerprintParts {
        graph: "ab".into(),
        feature_tensor: "pool".into(),
        feature_size: 3,
        precision: "fp32".into(),
        recipe: json!({}),
        storage,
    });
    Store::create_or_open(root, "net", &fingerprint).unwrap()
}

fn id(number: u8) -> (Key, View) {
    (Key([number; 32]), u16::from(number == 3))
}

/// Numbers that 16 bits hold, the smallest and the largest of them, and both zeros.
fn features() -> Array2<f32> {
    array![[0.5, -1.25, 65504.0], [0.0, -0.0, 6.1035156e-5], [3.0, 1023.5, -2.0], [5.9604645e-8, 0.125, 7.0]]
}

/// A store of two batches, and its only segment.
fn filled(root: &Path, storage: Storage) -> (Store, PathBuf) {
    let mut store = store(root, storage);
    let provenance = Provenance { device: "größer".into(), ..Provenance::default() };
    let mut writer = store.writer(provenance).unwrap();
    writer.append(&[id(0), id(1), id(2)], features().slice(ndarray::s![..3, ..])).unwrap();
    writer.append(&[id(3)], features().slice(ndarray::s![3.., ..])).unwrap();
    let segment = writer.path().unwrap().to_owned();
    writer.close().unwrap();
    store.refresh().unwrap();
    (store, segment)
}

fn head() -> Head {
    let config =
        HeadConfig { inputs: 3, hidden: vec![4], activation: Activation::Relu, dropout: 0.5, classes: 2 };
    Head::new(config, &mut ChaCha8Rng::seed_from_u64(1)).unwrap()
}

/// What Python finds in a folder of exports, and in these segments.
fn seen_by_python(folder: &Path, segments: &[PathBuf]) -> Value {
    let output = Command::new("python3")
        .arg("tests/read_export.py")
        .arg(folder)
        .args(segments)
        .env("PYTHONPATH", "models/tools/readers")
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`just test` installs the readers: {complaints}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaints}"))
}

fn numbers(rows: &[usize]) -> Value {
    let row = |row: &usize| features().row(*row).iter().map(|n| json!(f64::from(*n))).collect::<Value>();
    rows.iter().map(row).collect()
}

#[test]
fn every_reader_finds_paths_labels_and_features() {
    let folder = tempfile::tempdir().unwrap();
    let (store, segment) = filled(&folder.path().join("f32"), Storage::F32);
    let (_, half) = filled(&folder.path().join("f16"), Storage::F16);
    let order = [2_u8, 0, 1, 0];
    let ids: Vec<_> = order.map(id).to_vec();
    let labels = [Some("ship"), Some("cat"), None, Some("cat")];
    let entries: Vec<Entry> = ids
        .iter()
        .zip(["a,\"b\".png", "grün/ü.jpg", "c", "d"])
        .zip(labels)
        .map(|((id, path), label)| Entry { path, label, split: label.map(|_| "train"), key: id.0 })
        .collect();
    let selection = store.select(&ids).unwrap();
    let formats = [
        ("f.npy", Format::Npy),
        ("g.safetensors", Format::Safetensors),
        ("f.parquet", Format::Parquet),
        ("f.arrow", Format::Arrow),
    ];
    for (name, format) in formats {
        export(&selection, &entries, format, &folder.path().join(name), false, &mut |_| {}).unwrap();
    }
    let head = head();
    std::fs::write(folder.path().join("head.safetensors"), head.to_bytes()).unwrap();
    let seen = seen_by_python(folder.path(), &[segment, half]);
    let want = json!({
        "path": ["a,\"b\".png", "grün/ü.jpg", "c", "d"],
        "label": labels,
        "split": labels.map(|label| label.map(|_| "train")),
        "key": order.map(|i| Key([i; 32]).to_string()),
        "features": numbers(&order.map(usize::from)),
    });
    for reader in ["npy", "safetensors", "parquet", "arrow", "pyarrow"] {
        assert_eq!(seen[reader], want, "{reader}");
    }

    assert_eq!(seen["head"]["config"], serde_json::to_value(head.config()).unwrap());
    let rows = features();
    let logits = head.logits(rows.select(ndarray::Axis(0), &order.map(usize::from)).view());
    let found = seen["head"]["logits"].as_array().unwrap();
    for (ours, theirs) in logits.rows().into_iter().zip(found) {
        for (&ours, theirs) in ours.iter().zip(theirs.as_array().unwrap()) {
            // Sums of terms up to 65504 in another order.
            assert!((f64::from(ours) - theirs.as_f64().unwrap()).abs() <= 1e-6 * 65504.0, "{ours} {theirs}");
        }
    }
    assert_eq!(found.len(), order.len());

    for (segment, float) in seen["segments"].as_array().unwrap().iter().zip(["float", "halffloat"]) {
        let list = format!("fixed_size_list<item: {float} not null>[3]");
        assert_eq!(segment["types"], json!(["fixed_size_binary[32]", "uint16", list, "uint32"]));
        assert_eq!(segment["key"], json!([0, 1, 2, 3].map(|i| Key([i; 32]).to_string())));
        assert_eq!((&segment["view"], &segment["features"]), (&json!([0, 0, 0, 1]), &numbers(&[0, 1, 2, 3])));
        assert_eq!(segment["metadata"]["headstart.device"], "größer");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        9,
        "two stores, four files, two beside them, a head"
    );
}
