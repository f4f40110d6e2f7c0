//! Damaged and hostile ONNX files neither crash the reader and the search for features nor fill the memory. The same
//! mutations in every run; `fuzz/` looks further.

use std::path::{Path, PathBuf};

use crate::counting::{by_itself, held_by};
use bytes::Bytes;
use headstart::backbone::guess;
use headstart::convert::cut::candidates;
use headstart::onnx;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Small networks of several writers, and what fuzzing has found.
fn seeds() -> Vec<Vec<u8>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cut");
    let networks = [
        "torchvision_script",
        "hf_features",
        "keras_opset_11",
        "light_bvlc_alexnet",
        "dynamic_int8_conv",
        "functions",
        "hf_vit_cls",
        "lstm",
    ];
    let files = networks.iter().map(|name| golden.join("models").join(name).with_extension("onnx"));
    let found = std::fs::read_dir(golden.join("hostile")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.chain(found).collect();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// What `headstart backbone cut` does with a file before it runs anything.
fn read(bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    let Ok(mut model) = onnx::decode(Path::new("hostile.onnx"), bytes.clone()) else { return };
    let _ = guess::recipe(&model, &bytes);
    let _ = candidates(&model);
    model.for_each_tensor(&mut |tensor| {
        let _ = tensor.shape();
        let _ = tensor.external();
    });
    if let Some(graph) = model.graph.as_mut() {
        graph.drop_unused();
    }
    let _ = onnx::encode(&model, Path::new("hostile.onnx"));
}

fn mutate(random: &mut ChaCha8Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        let end = (at + random.random_range(0..64)).min(bytes.len());
        match random.random_range(0..7) {
            _ if bytes.is_empty() => bytes.push(8),
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes.truncate(at),
            // A length of 2^63 or so.
            3 => drop(bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])),
            4 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let from = random.random_range(0..other.len());
                let piece = other[from..(from + 200).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            5 => {
                let piece = bytes[at..end].repeat(random.random_range(1..40));
                bytes.splice(at..at, piece);
            }
            _ => drop(bytes.drain(at..end)),
        }
    }
    bytes
}

#[test]
fn mutated_files_never_crash_or_fill_the_memory() {
    let _alone = by_itself();
    let seeds = seeds();
    let mut random = ChaCha8Rng::seed_from_u64(20);
    for seed in &seeds {
        read(seed.clone());
    }
    for round in 0..4000 {
        let bytes = mutate(&mut random, &seeds);
        let length = bytes.len();
        let ((), most) = held_by(|| read(bytes));
        // The bound of the look before decoding, which is 64 times the file and 16 MiB, and as much again for the search.
        assert!(most <= 2 * (64 * length + (16 << 20)), "round {round}: {most} bytes for a file of {length}");
    }
}

#[test]
fn a_hundred_thousand_nodes_in_a_row_take_no_stack() {
    let _alone = by_itself();
    let node = |index: usize| {
        let (from, to) = (format!("v{index}"), format!("v{}", index + 1));
        onnx::Node::new("Relu", &[&from], &to, vec![])
    };
    let dims = [onnx::Dim::Unknown(()), onnx::Dim::Static(3), onnx::Dim::Static(8), onnx::Dim::Static(8)];
    let graph = onnx::Graph {
        node: (0..100_000).map(node).collect(),
        input: vec![onnx::ValueInfo::float_tensor("v0", &dims)],
        output: vec![onnx::ValueInfo::float_tensor("v100000", &dims)],
        ..onnx::Graph::default()
    };
    let model = onnx::Model { graph: Some(graph), ..onnx::Model::default() };
    assert!(candidates(&model).is_empty());
}
