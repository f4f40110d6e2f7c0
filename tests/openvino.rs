//! OpenVINO on the processor, beside ONNX Runtime's own kernels. `just test-openvino` brings what it needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use headstart::backbone::Backbone;
use headstart::backbone::device::Precision;
use headstart::cache::Storage;
use headstart::extract::{FeatureCache, fingerprint_in};
use headstart::image_files;
use ndarray::Array2;

const ALL: &str = "data/photos/photos.csv";

fn headstart(arguments: &str, cache: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headstart"));
    command.args(arguments.split_whitespace()).arg("--cache").arg(cache).env_remove("HEADSTART_DEVICE");
    command.output().unwrap()
}

#[track_caller]
fn extract(device: &str, cache: &Path) -> String {
    let said = headstart(&format!("extract {ALL} --device {device}"), cache);
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(said.status.success(), "{words}");
    words
}

fn features(cache: &Path, precision: Precision) -> Array2<f32> {
    let backbone = Backbone::open("models/resnet50.onnx".as_ref()).unwrap();
    let fingerprint = fingerprint_in(precision, &backbone, Storage::F32).unwrap();
    let manifest = std::fs::read_to_string(ALL).unwrap();
    let names = manifest.lines().skip(1).map(|line| line.split(',').next().unwrap());
    let files: Vec<PathBuf> = names.map(|name| Path::new("data/photos").join(name)).collect();
    FeatureCache::open(cache, &fingerprint)
        .unwrap()
        .expect("such features")
        .features(&image_files(files))
        .unwrap()
}

fn furthest(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn smallest_cosine(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    let rows = a.rows().into_iter().zip(b.rows());
    rows.map(|(a, b)| a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()).fold(1.0, f32::min)
}

#[test]
fn in_fp32_features_are_those_of_the_cpu() {
    let root = tempfile::tempdir().unwrap();
    let [cpu, openvino] = ["cpu", "openvino"].map(|name| root.path().join(name));
    extract("cpu", &cpu);
    let words = extract("openvino --batch-size 3", &openvino);
    assert!(words.contains("computing on openvino (CPU), ONNX Runtime 1.24.1"), "{words}");
    let off = furthest(&features(&cpu, Precision::Fp32), &features(&openvino, Precision::Fp32));
    // Measured 8.3e-6, at features up to 10; bf16, which OpenVINO takes by itself where it can, gives 0.16. None at all would
    // mean that the same kernels ran twice.
    assert!(off > 0.0 && off < 1e-4, "{off:e}");
}

#[test]
fn features_in_bf16_are_near_and_kept_apart() {
    let root = tempfile::tempdir().unwrap();
    extract("openvino", root.path());
    let said = headstart(&format!("extract {ALL} --device openvino --precision bf16"), root.path());
    let words = String::from_utf8(said.stderr).unwrap();
    if !said.status.success() {
        // A processor without it, which is then said.
        assert!(words.contains("this processor has no bf16 instructions"), "{words}");
        return;
    }
    assert!(words.contains("10 images: 10 computed"), "{words}");
    let (fp32, bf16) = (features(root.path(), Precision::Fp32), features(root.path(), Precision::Bf16));
    let cosine = smallest_cosine(&fp32, &bf16);
    // Measured 0.99986 at least, 0.99992 in the mean.
    assert!(cosine > 0.999 && cosine < 0.999_999, "{cosine}");
}

#[test]
fn auto_takes_it_and_the_doctor_finds_it_right() {
    let root = tempfile::tempdir().unwrap();
    assert!(extract("auto", root.path()).contains("computing on openvino (CPU)"));
    for (arguments, bound) in [("", 1e-4), ("--precision bf16", 2e-3)] {
        let said = headstart(&format!("doctor --json --device openvino {arguments}"), root.path());
        let report: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let features = checks.iter().find(|check| check["name"] == "features").unwrap();
        if arguments.is_empty() {
            assert!(said.status.success(), "{report:#}");
        }
        assert!(features["difference"].as_f64().is_none_or(|difference| difference < bound), "{report:#}");
    }
}
