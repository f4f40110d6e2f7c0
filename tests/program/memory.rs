//! Work that is more than memory holds: smaller batches, the same features, and none of it lost.

use std::process::Command;

use headstart::backbone::{Backbone, OpenOptions};
use headstart::cache::Storage;
use headstart::extract::{FeatureCache, fingerprint};
use headstart::image::Recipe;
use headstart::image_files;
use headstart::onnx::{self, Dim, Graph, Model, Node, OperatorSetId, Tensor, ValueInfo};
use ndarray::Array2;

use super::place::Place;

const IMAGES: usize = 96;
/// Of the tensor in the middle; with 224x224 positions of four bytes it takes 19 MB an image, and 1.8 GB in the largest batch.
const CHANNELS: usize = 96;
/// In kilobytes, for all that the process maps: more than it takes with a few images, less than that tensor alone.
const LIMIT: usize = 1_500_000;

/// A graph that gives the mean of each of many mixtures of the three colours.
fn wide_graph(place: &Place) {
    let kernel: Vec<f32> = (0..CHANNELS * 3).map(|i| (i % 7) as f32 / 7.0).collect();
    let shape = |channels: i64, side: i64| {
        [Dim::Named("n".into()), Dim::Static(channels), Dim::Static(side), Dim::Static(side)]
    };
    let graph = Graph {
        node: vec![
            Node::new("Conv", &["images", "kernel"], "wide", vec![]),
            Node::new("GlobalAveragePool", &["wide"], "pooled", vec![]),
        ],
        initializer: vec![Tensor::from_f32("kernel", &[CHANNELS, 3, 1, 1], &kernel)],
        input: vec![ValueInfo::float_tensor("images", &shape(3, 224))],
        output: vec![ValueInfo::float_tensor("pooled", &shape(CHANNELS as i64, 1))],
        ..Graph::default()
    };
    let opset = OperatorSetId { version: Some(13), ..OperatorSetId::default() };
    let model =
        Model { ir_version: Some(8), opset_import: vec![opset], graph: Some(graph), ..Model::default() };
    onnx::write(&model, &place.path("wide.onnx")).unwrap();
}

fn images(place: &Place) {
    let mut manifest = String::from("path,label\n");
    for i in 0..IMAGES {
        let value = 2 * i as u8;
        let name = format!("{i}.png");
        image::RgbImage::from_pixel(8, 8, image::Rgb([value, 255 - value, 7]))
            .save(place.path(&name))
            .unwrap();
        manifest += &format!("{name},{}\n", i % 2);
    }
    place.write("images.csv", manifest);
}

/// The program in a shell that allows it no more memory than [`LIMIT`].
fn within_the_limit(place: &Place, arguments: &str) -> Command {
    let inner = place.command(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -v {LIMIT}; exec \"$0\" \"$@\"")]).arg(inner.get_program());
    shell.args(inner.get_args()).current_dir(place.path("")).env("HEADSTART_DEVICE", "cpu");
    // Heaps of many threads reserve more than they use, and would make the limit depend on the machine.
    shell.env("MALLOC_ARENA_MAX", "1").env("RAYON_NUM_THREADS", "1");
    shell
}

fn features(place: &Place, cache: &str) -> Array2<f32> {
    let recipe = Some(Recipe::preset("keras-resnet50").unwrap());
    let options = OpenOptions { recipe, ..OpenOptions::default() };
    let backbone = Backbone::open_with(&place.path("wide.onnx"), &options).unwrap();
    let files: Vec<_> = (0..IMAGES).map(|i| place.path(&format!("{i}.png"))).collect();
    let fingerprint = fingerprint(&backbone, Storage::F32).unwrap();
    FeatureCache::open(&place.path(cache), &fingerprint)
        .unwrap()
        .unwrap()
        .features(&image_files(files))
        .unwrap()
}

#[test]
fn a_batch_that_does_not_fit_is_halved_and_nothing_is_lost() {
    let place = Place::empty();
    wide_graph(&place);
    images(&place);
    let extract = "extract images.csv --backbone wide.onnx --recipe keras-resnet50 --threads 1 --decoders 1";
    place.run(&format!("{extract} --batch-size 4 --cache roomy")).done();
    let expected = features(&place, "roomy");
    assert!(expected.iter().all(|value| value.is_finite()) && expected.row(0) != expected.row(1));

    let large = format!("{extract} --batch-size {IMAGES} --cache tight");
    let output = within_the_limit(&place, &large).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words}");
    assert!(
        words.contains("memory ran out: continuing with batches of 48")
            && words.contains("96 images: 96 computed"),
        "{words}"
    );
    assert_eq!(features(&place, "tight"), expected);

    // The search for a batch size stays within what there is.
    let auto = format!("{extract} --cache auto");
    let output = within_the_limit(&place, &auto).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && words.contains("96 images: 96 computed"), "{words}");
    assert_eq!(features(&place, "auto"), expected);
}
