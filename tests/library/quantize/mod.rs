//! Backbones in integers: what ONNX Runtime makes of them is what their integers mean, and they are what they claim to be.

mod integers;
pub mod nets;
mod opset;
mod unfinished;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use headstart::backbone::Backbone;
use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{Session, SessionOptions};
use headstart::convert::quantize::{
    Calibration, Error, Fidelity, KeepFloat, Method, QuantizeEvent, QuantizeOptions, Quantized, Ranges,
    Report, Rounding, WeightBits, Why, quantize,
};
use headstart::files::TargetError;
use headstart::image::Preprocessor;
use headstart::onnx::{self, DataType, Model};
use ndarray::{Array2, Array4};
use tempfile::TempDir;

fn runtime() -> Runtime {
    Runtime::load(&Libraries::default()).expect("`just setup` brings ONNX Runtime")
}

/// A network as a file, and pictures beside it.
struct Place {
    folder: TempDir,
    backbone: Backbone,
    pictures: Vec<PathBuf>,
}

impl Place {
    fn of(model: &Model) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backbone = Backbone::open(&nets::write(model, folder.path())).unwrap();
        let pictures = nets::pictures(folder.path(), 60, 1);
        Self { folder, backbone, pictures }
    }

    fn quantize(&self, options: &QuantizeOptions) -> Result<Quantized, Error> {
        quantize(&runtime(), &self.backbone, &self.pictures, options, &AtomicBool::new(false), &mut |_| ())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The written file, opened as any other.
    fn written(&self, done: &Quantized) -> Backbone {
        let path = self.path("net.int8.onnx");
        done.write(&path, true).unwrap();
        Backbone::open(&path).unwrap()
    }

    fn tensors(&self, count: usize) -> Array4<f32> {
        let mut preprocessor = Preprocessor::new(self.backbone.recipe().clone()).unwrap();
        let mut images = Array4::zeros((count, 3, nets::EDGE, nets::EDGE));
        for (picture, mut image) in self.pictures.iter().zip(images.outer_iter_mut()) {
            preprocessor.run(&std::fs::read(picture).unwrap(), image.as_slice_mut().unwrap()).unwrap();
        }
        images
    }
}

/// Simple enough to be quick, and with nothing left out.
fn quick() -> QuantizeOptions {
    QuantizeOptions {
        ranges: Ranges::By(Method::MeanSquare),
        equalise: Some(1.0),
        bits: WeightBits::for_this_processor(),
        min_cosine: 0.9,
        ..QuantizeOptions::default()
    }
}

fn named<const N: usize>(layers: [&str; N]) -> KeepFloat {
    KeepFloat::Named(layers.map(str::to_owned).into())
}

/// The layers that were kept in floats.
fn kept(report: &Report) -> Vec<&str> {
    let kept = report.float.iter().filter(|float| float.why == Why::Kept);
    kept.map(|float| float.name.as_str()).collect()
}

fn features(backbone: &Backbone, images: &Array4<f32>) -> Array2<f32> {
    Session::new(&runtime(), backbone, &SessionOptions::default()).unwrap().run(images.view()).unwrap()
}

#[test]
fn onnx_runtime_computes_what_the_integers_mean() {
    for model in [
        nets::residual(nets::recipe()),
        nets::direct(nets::recipe()),
        nets::direct(nets::divided()),
        nets::mobile(),
        nets::gated(),
    ] {
        let place = Place::of(&model);
        // Such as overflow on processors without VNNI, unless that is minded.
        let options = QuantizeOptions { bits: WeightBits::Eight, ..quick() };
        let backbone = place.written(&place.quantize(&options).unwrap());
        let graph = onnx::read(backbone.path()).unwrap().graph.unwrap();
        let images = place.tensors(6);
        let found = features(&backbone, &images);
        let mut expected = Array2::zeros(found.dim());
        for (image, mut row) in images.outer_iter().zip(expected.rows_mut()) {
            let shape = [3, nets::EDGE, nets::EDGE];
            let values = integers::run(&graph, shape, image.as_slice().unwrap());
            row.iter_mut().zip(&values["features"].data).for_each(|(x, &value)| *x = value as f32);
        }
        // ONNX Runtime multiplies by a ratio of scales in 32 bits, so a sum that falls between two codes may go to either: some codes
        // of thousands are off by one.
        let Fidelity { relative_error, .. } = Fidelity::of(&expected, &found);
        assert!(relative_error < 5e-3, "{relative_error}");
        assert!(expected.iter().any(|&x| x != 0.0));
    }
}

#[test]
fn weights_are_signed_bytes_and_activations_need_no_relu() {
    let place = Place::of(&nets::direct(nets::recipe()));
    let backbone = place.written(&place.quantize(&quick()).unwrap());
    let graph = onnx::read(backbone.path()).unwrap().graph.unwrap();
    let count = |operator: &str| graph.node.iter().filter(|node| node.op_type() == operator).count();
    // Every convolution stays one; batch normalisations and the padding are gone; so is every ReLU.
    assert_eq!((count("Conv"), count("BatchNormalization"), count("Pad"), count("Relu")), (6, 0, 1, 0));
    let kernels: Vec<_> = graph
        .initializer
        .iter()
        .filter(|tensor| tensor.dims.len() == 4 && tensor.data_type() == DataType::Int8 as i32)
        .collect();
    assert_eq!(kernels.len(), 6);
    let biases = graph.initializer.iter().filter(|tensor| {
        tensor.data_type() == DataType::Int32 as i32 && !tensor.name().contains("zero_point")
    });
    assert_eq!(biases.count(), 6);
    // Bytes are exact: the first scale is one.
    let first = graph.node.iter().find(|node| node.op_type() == "QuantizeLinear").unwrap();
    let scale = graph.initializer.iter().find(|tensor| tensor.name() == first.input[1]).unwrap();
    assert_eq!(scale.elements(Path::new("")).unwrap().to_f32().unwrap(), [1.0]);
}

#[test]
fn onnx_runtime_computes_every_layer_in_integers() {
    let place = Place::of(&nets::direct(nets::recipe()));
    let report = place.quantize(&quick()).unwrap().report;
    let operators = report.operators;
    let count = |name: &str| operators.get(name).copied().unwrap_or(0);
    assert_eq!((count("QLinearConv"), count("QLinearAdd"), count("Conv")), (6, 2, 0), "{operators:?}");
    // In at the bytes; out by a mean of codes, and no map becomes floats.
    let back = (count("DequantizeLinear"), count("GlobalAveragePool"), count("ReduceMean"), count("Cast"));
    assert_eq!((count("QuantizeLinear"), back), (1, (0, 0, 1, 1)), "{operators:?}");
    // What turns the input into bytes and features back to their scale is no part of the network.
    assert!(report.float.iter().all(|float| float.why == Why::End), "{:?}", report.float);
}

#[test]
fn a_row_is_the_same_alone_and_in_any_batch() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let backbone = place.written(&place.quantize(&quick()).unwrap());
    let images = place.tensors(7);
    let together = features(&backbone, &images);
    for row in 0..7 {
        let alone = images.slice(ndarray::s![row..=row, .., .., ..]).to_owned();
        assert_eq!(features(&backbone, &alone).row(0), together.row(row), "image {row}");
    }
}

#[test]
fn the_file_is_an_ordinary_backbone_of_its_own() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let done = place.quantize(&quick()).unwrap();
    let backbone = place.written(&done);
    assert_eq!(backbone.name(), "net-int8");
    assert_eq!((backbone.source(), backbone.licence()), (Some("drawn"), Some("MIT")));
    assert_eq!(backbone.labels(), place.backbone.labels());
    assert_eq!(backbone.recipe(), place.backbone.recipe());
    assert_ne!(backbone.digest(), place.backbone.digest());
    let account = headstart::convert::inspect(backbone.path()).unwrap().metadata.quantized.unwrap();
    assert_eq!(account["calibration"]["images"], 40);
    assert_eq!(account["calibration"]["digest"], done.report.calibration_digest.as_str());
    assert_eq!(account["made_of"]["digest"], place.backbone.digest().to_hex().as_str());
    // What the report tells is what the file does.
    let held_out: Vec<usize> = done.report.held_out.clone();
    let images = place.tensors(60).select(ndarray::Axis(0), &held_out);
    let fidelity = Fidelity::of(&features(&place.backbone, &images), &features(&backbone, &images));
    assert!((fidelity.relative_error - done.report.fidelity.relative_error).abs() < 1e-6);
    assert!(fidelity.cosine_mean > 0.99, "{fidelity:?}");
}

#[test]
fn held_out_images_are_no_calibration_images_under_another_name() {
    let mut place = Place::of(&nets::residual(nets::recipe()));
    // The same bytes twice.
    for at in 0..20 {
        let copy = place.path(&format!("copy{at}.png"));
        std::fs::copy(&place.pictures[at], &copy).unwrap();
        place.pictures.push(copy);
    }
    let report = place.quantize(&quick()).unwrap().report;
    let key = |&at: &usize| blake3::hash(&std::fs::read(&place.pictures[at]).unwrap());
    let held_out: Vec<_> = report.held_out.iter().map(key).collect();
    assert!(report.calibration.iter().all(|at| !held_out.contains(&key(at))));
    assert_eq!(report.held_out.len() + report.calibration.len(), 60);
}

/// Weights rounded together and biases put right help most networks, not all: where ranges cut much off, rounding for them harms.
#[test]
fn what_brings_the_features_no_nearer_is_left_out() {
    let mut place = Place::of(&nets::residual(nets::recipe()));
    let mut left_out = 0;
    for (method, seed) in [(Method::MinMax, 2), (Method::MeanSquare, 2), (Method::Percentile(99.0), 3)] {
        place.pictures = nets::pictures(place.folder.path(), 12, seed);
        let mut tried = vec![];
        let mut note = |event: QuantizeEvent<'_>| {
            if let QuantizeEvent::Tried { what, error } = event {
                left_out += usize::from(what.contains("left out"));
                tried.push(error);
            }
        };
        // The same on every processor, so that it is known which help.
        let options = QuantizeOptions {
            ranges: Ranges::By(method),
            equalise: Some(0.0),
            bits: WeightBits::Seven,
            compare_calibration: true,
            ..quick()
        };
        let never = AtomicBool::new(false);
        let report = quantize(&runtime(), &place.backbone, &place.pictures, &options, &never, &mut note);
        let [floats, integers] = report.unwrap().report.calibration_features;
        let least = tried.iter().copied().fold(f64::INFINITY, f64::min);
        // All of so few images are tried on, so that it is the same error.
        assert_eq!(Fidelity::of(&floats, &integers).relative_error, least, "{tried:?}");
    }
    assert!(left_out > 0, "of these, some are such networks");
}

#[test]
fn every_way_to_choose_ranges_and_to_round_gives_a_network_like_the_floats() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let ways =
        [Method::MinMax, Method::Percentile(99.99), Method::Entropy, Method::MeanSquare].map(Ranges::By);
    for ranges in ways.into_iter().chain([Ranges::Measured]) {
        for (rounding, equalise) in
            [(Rounding::Nearest, Some(0.0)), (Rounding::SecondOrder, Some(1.0)), (Rounding::Nearest, None)]
        {
            let options = QuantizeOptions { ranges, rounding, equalise, ..quick() };
            let error = place.quantize(&options).unwrap().report.fidelity.relative_error;
            // A bound for what is grossly wrong, not a measure of how good it is.
            assert!(error < 0.05, "{ranges:?} {rounding:?} {equalise:?}: {error}");
        }
    }
}

#[test]
fn layers_stay_in_floats_by_name() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let report = place.quantize(&QuantizeOptions { keep_float: named(["b0_b"]), ..quick() }).unwrap().report;
    assert_eq!(kept(&report), ["b0_b"]);
    let unknown = QuantizeOptions { keep_float: named(["b7"]), ..quick() };
    assert!(matches!(place.quantize(&unknown), Err(Error::NoSuchLayer { name, .. }) if name == "b7"));
}

/// One map has a channel beside which the others are lost in eight bits: the convolution that makes it and the one that reads it harm, and no other.
#[test]
fn layers_that_harm_stay_in_floats_until_the_bound_is_reached() {
    let place = Place::of(&nets::uneven(nets::recipe()));
    // Evened out, its channels would be alike again.
    let options = QuantizeOptions { equalise: Some(0.0), min_cosine: -1.0, ..quick() };
    let cosine = |keep_float| {
        let options = QuantizeOptions { keep_float, ..options.clone() };
        place.quantize(&options).unwrap().report.fidelity.cosine_mean
    };
    let (none, both) = (cosine(named([])), cosine(named(["b0_a", "b0_b"])));
    let strict = QuantizeOptions { min_cosine: (none + both) / 2.0, ..options };
    let report = place.quantize(&strict).unwrap().report;
    assert_eq!((kept(&report), report.fidelity.cosine_mean), (vec!["b0_a", "b0_b"], both));
}

#[test]
fn what_is_not_near_enough_is_refused() {
    let place = Place::of(&nets::residual(nets::recipe()));
    for keep_float in [named([]), KeepFloat::Auto] {
        let options = QuantizeOptions { min_cosine: 1.0, keep_float, ..quick() };
        assert!(
            matches!(place.quantize(&options), Err(Error::Fidelity { bound: 1.0, found }) if found < 1.0)
        );
    }
}

#[test]
fn what_cannot_be_calibrated_on_is_told() {
    let mut place = Place::of(&nets::residual(nets::recipe()));
    let all = std::mem::take(&mut place.pictures);
    let few = |place: &Place| match place.quantize(&quick()) {
        Err(Error::TooFewImages { found, failed, .. }) => (found, failed),
        other => panic!("{:?}", other.map(|done| done.report)),
    };
    assert_eq!(few(&place), (0, 0));
    place.pictures = all[..1].to_vec();
    assert_eq!(few(&place), (1, 0));
    place.pictures = vec![all[0].clone(), all[0].clone()];
    assert_eq!(few(&place), (1, 0));
    let broken = place.path("broken.png");
    std::fs::write(&broken, b"\x89PNG\r\n\x1a\nno more").unwrap();
    place.pictures = vec![broken, place.path("missing.png"), place.folder.path().to_owned()];
    assert_eq!(few(&place), (0, 3));
    // Two are little, and do.
    place.pictures = all[..2].to_vec();
    let report = place.quantize(&QuantizeOptions { min_cosine: -1.0, ..quick() }).unwrap().report;
    assert_eq!((report.calibration.len(), report.held_out.len()), (1, 1));
}

#[test]
fn graphs_that_cannot_be_quantised_are_told() {
    let mut place = Place::of(&nets::residual(nets::recipe()));
    place.backbone = place.written(&place.quantize(&quick()).unwrap());
    assert!(
        matches!(place.quantize(&quick()), Err(Error::Quantised { operator, .. }) if operator == "QuantizeLinear")
    );

    let mut infinite = nets::residual(nets::recipe());
    let tensors = &mut infinite.graph.as_mut().unwrap().initializer;
    let bias = tensors.iter_mut().find(|tensor| tensor.name() == "b0_a.b").unwrap();
    *bias = onnx::Tensor::from_f32("b0_a.b", &[8], &[f32::NAN; 8]);
    assert!(Place::of(&infinite).quantize(&quick()).is_err());
}

#[test]
fn nothing_is_written_over_unasked() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let done = place.quantize(&quick()).unwrap();
    assert!(matches!(
        done.write(place.backbone.path(), true),
        Err(Error::Target(TargetError::IsInput { .. }))
    ));
    let path = place.path("there.onnx");
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(done.write(&path, false), Err(Error::Target(TargetError::Exists { .. }))));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    done.write(&path, true).unwrap();
    assert!(Backbone::open(&path).is_ok());
}

#[test]
fn seven_bits_are_seven() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let done = place.quantize(&QuantizeOptions { bits: WeightBits::Seven, ..quick() }).unwrap();
    let backbone = place.written(&done);
    let graph = onnx::read(backbone.path()).unwrap().graph.unwrap();
    let mut largest = 0;
    for tensor in graph.initializer.iter().filter(|tensor| tensor.data_type() == DataType::Int8 as i32) {
        let codes = tensor.elements(Path::new("")).unwrap().to_i64().unwrap();
        largest = codes.iter().map(|code| code.abs()).max().unwrap().max(largest);
    }
    assert_eq!(largest, 63);
}

#[test]
fn what_rounding_shifts_is_taken_back_by_the_biases() {
    // A range that cuts off one value of a hundred shifts every channel.
    let ranges = Ranges::By(Method::Percentile(99.0));
    for model in [nets::residual(nets::recipe()), nets::mobile()] {
        let options = QuantizeOptions { ranges, keep_float: named([]), compare_calibration: true, ..quick() };
        let report = Place::of(&model).quantize(&options).unwrap().report;
        let [floats, integers] = &report.calibration_features;
        let differences = integers - floats;
        let length = |array: &Array2<f32>| array.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
        let mean = differences.mean_axis(ndarray::Axis(0)).unwrap().insert_axis(ndarray::Axis(0));
        let shift = length(&mean.broadcast(differences.dim()).unwrap().to_owned()) / length(floats);
        // Found were 0.005 and 0.011; with the biases left as they were, 0.041 and 0.046.
        assert!(shift < 0.02, "{shift}");
    }
}

#[test]
fn a_calibration_makes_the_same_bytes_again_and_for_no_other_graph() {
    for (model, options) in [
        (nets::residual(nets::recipe()), quick()),
        (nets::gated(), QuantizeOptions { equalise: Some(0.0), ..quick() }),
        (nets::direct(nets::recipe()), QuantizeOptions { keep_float: named(["conv0"]), ..quick() }),
    ] {
        let place = Place::of(&model);
        let options = match &options.keep_float {
            KeepFloat::Named(_) => {
                let plain = place.quantize(&quick()).unwrap();
                let first =
                    plain.model.graph.unwrap().node.iter().find(|node| node.op_type() == "Conv").cloned();
                QuantizeOptions { keep_float: named([first.unwrap().name()]), ..options }
            }
            KeepFloat::Auto => options,
        };
        let done = place.quantize(&options).unwrap();
        let written = std::fs::read(place.written(&done).path()).unwrap();
        let calibration = Calibration::decode(&done.calibration.encode()).unwrap();
        let again = calibration.apply(&place.backbone).unwrap();
        assert!(onnx::encode(&again, Path::new("again")).unwrap() == written);
        assert_eq!(calibration.result(), blake3::hash(&written).to_hex().as_str());
        let other = Place::of(&nets::mobile());
        assert!(matches!(calibration.apply(&other.backbone), Err(Error::OtherGraph { .. })));
    }
}

#[test]
fn a_damaged_calibration_is_found_out() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let bytes = place.quantize(&quick()).unwrap().calibration.encode();
    for end in [0, 7, 11, 500, bytes.len() - 1] {
        assert!(matches!(Calibration::decode(&bytes[..end]), Err(Error::NotACalibration)), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(Calibration::decode(&longer), Err(Error::NotACalibration)));
    // How eight weights of the last layer are rounded, before the four bytes that say that none is rounded further: the file is in order, and
    // makes another graph.
    let mut changed = bytes.clone();
    let at = bytes.len() - 4 - 6;
    changed[at] ^= 0xff;
    let result = Calibration::decode(&changed).unwrap().apply(&place.backbone);
    assert!(matches!(result, Err(Error::OtherResult { .. })));
}

#[test]
fn the_graph_that_the_program_brings_is_near_the_floats_on_photographs() {
    let backbone = Backbone::open(Path::new("models/resnet50.onnx")).expect("`just setup` makes it");
    let calibration = Calibration::shipped(&backbone).expect("a calibration for this very file");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("int8.onnx");
    onnx::write(&calibration.apply(&backbone).unwrap(), &path).unwrap();
    let int8 = Backbone::open(&path).unwrap();
    assert_eq!(int8.digest().to_hex().as_str(), calibration.result());
    assert_eq!(int8.quantised_from(), Some(backbone.digest().to_hex().as_str()));
    let mut photos: Vec<PathBuf> =
        std::fs::read_dir("data/photos").unwrap().map(|entry| entry.unwrap().path()).collect();
    photos.retain(|path| path.extension().is_some_and(|ending| ending == "jpg"));
    photos.sort();
    let mut preprocessor = Preprocessor::new(backbone.recipe().clone()).unwrap();
    let [a, b, c] = backbone.recipe().input_shape();
    let mut images = Array4::zeros((photos.len(), a, b, c));
    for (photo, mut image) in photos.iter().zip(images.outer_iter_mut()) {
        preprocessor.run(&std::fs::read(photo).unwrap(), image.as_slice_mut().unwrap()).unwrap();
    }
    let fidelity = Fidelity::of(&features(&backbone, &images), &features(&int8, &images));
    // What `extract` asks for; measured 0.998.
    assert!(fidelity.images == 10 && fidelity.cosine_mean > 0.99, "{fidelity:?}");
}
