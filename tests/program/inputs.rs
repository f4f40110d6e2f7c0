//! Images that are no files: bytes and pixels, all the way.

use headstart::backbone::Backbone;
use headstart::cache::{FailureKind, Storage};
use headstart::extract::{
    CacheStatus, ExtractEvent, ExtractOptions, Extractor, FeatureCache, FillOptions, Summary, fingerprint,
};
use headstart::image::Views;
use headstart::{CancelToken, Control, ImageInput};
use image::{Rgb, RgbImage};
use ndarray::Array3;

use super::place::Place;
use super::tiny;

const EDGE: usize = 9;

fn picture(i: usize) -> RgbImage {
    RgbImage::from_fn(EDGE as u32, EDGE as u32, |x, y| Rgb([(x * 20) as u8, (y * 20) as u8, i as u8 + 1]))
}

fn pixels(i: usize) -> Array3<u8> {
    Array3::from_shape_vec((EDGE, EDGE, 3), picture(i).into_raw()).unwrap()
}

fn place() -> (Place, Backbone) {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 16);
    for i in 0..6 {
        picture(i).save(place.path(&format!("{i}.png"))).unwrap();
    }
    let backbone = Backbone::open(&place.path("tiny.onnx")).unwrap();
    (place, backbone)
}

fn cache(place: &Place, backbone: &Backbone) -> FeatureCache {
    let fingerprint = fingerprint(backbone, Storage::F32).unwrap();
    FeatureCache::create_or_open(&place.path("c"), backbone.name(), &fingerprint).unwrap()
}

fn fill(backbone: &Backbone, cache: &mut FeatureCache, images: &[ImageInput]) -> (Summary, Vec<String>) {
    let mut failed = vec![];
    let mut listener = |event: headstart::Event<'_>| {
        if let headstart::Event::Extract(ExtractEvent::Failed { image, failure, .. }) = event {
            failed.push(format!("{}: {}", image.name(), failure.kind));
        }
    };
    let mut control = Control::new(CancelToken::default(), &mut listener);
    let extractor = Extractor::new(backbone, ExtractOptions::default());
    (extractor.fill(cache, Views::PLAIN, images, FillOptions::default(), &mut control).unwrap(), failed)
}

#[test]
fn bytes_have_the_row_of_a_file_with_these_bytes() {
    let (place, backbone) = place();
    let file = |i: usize| ImageInput::from(place.path(&format!("{i}.png")));
    let bytes = |i: usize| {
        ImageInput::bytes(format!("upload {i}"), std::fs::read(place.path(&format!("{i}.png"))).unwrap())
    };
    let mut cache = cache(&place, &backbone);
    let (summary, _) = fill(&backbone, &mut cache, &[bytes(0), file(1), bytes(2), bytes(2)]);
    assert_eq!((summary.images, summary.computed, summary.cached), (4, 3, 1));
    // The other way round they are there.
    let (summary, _) = fill(&backbone, &mut cache, &[file(0), bytes(1), file(2)]);
    assert_eq!((summary.computed, summary.cached, cache.store().len()), (0, 3, 3));
    let rows = cache.features(&[file(0), bytes(0), bytes(1), file(1)]).unwrap();
    assert_eq!(rows.row(0), rows.row(1));
    assert_eq!(rows.row(2), rows.row(3));
    assert_ne!(rows.row(0), rows.row(2));
    assert_eq!(cache.status(&[bytes(5)]), [CacheStatus::Absent]);
}

#[test]
fn pixels_have_the_features_of_the_picture() {
    let (place, backbone) = place();
    let drawn = ImageInput::pixels("drawn", pixels(3).view()).unwrap();
    let ppm = [b"P6\n9 9\n255\n".as_slice(), picture(3).as_raw()].concat();
    std::fs::write(place.path("3.ppm"), ppm).unwrap();
    let mut cache = cache(&place, &backbone);
    let images = [drawn.clone(), place.path("3.png").into(), place.path("3.ppm").into()];
    let (summary, _) = fill(&backbone, &mut cache, &images);
    // A PPM file of these pixels is the same image; a PNG holds other bytes.
    assert_eq!((summary.computed, summary.cached), (2, 1));
    let rows = cache.features(&images).unwrap();
    assert_eq!(rows.row(0), rows.row(1));
    // And without a cache.
    let extractor = Extractor::new(&backbone, ExtractOptions::default());
    let features = extractor.features(&[drawn], &mut Control::silent()).unwrap();
    assert_eq!(features[0].as_ref().unwrap().as_ref().unwrap().as_slice(), rows.row(0).as_slice().unwrap());
}

#[test]
fn bytes_that_are_no_image_fail_by_their_name_and_are_known_next_time() {
    let (place, backbone) = place();
    let bad = ImageInput::bytes("a text", "no image".as_bytes());
    let cut = ImageInput::bytes("cut", std::fs::read(place.path("1.png")).unwrap()[..60].to_vec());
    let mut cache = cache(&place, &backbone);
    let images = [bad, cut, place.path("0.png").into()];
    for _ in 0..2 {
        let (summary, failed) = fill(&backbone, &mut cache, &images);
        assert_eq!((summary.failed, summary.failures.get(&FailureKind::Unsupported)), (2, Some(&1)));
        let mut failed = failed;
        failed.sort();
        assert_eq!(failed, ["a text: unsupported", "cut: truncated"]);
    }
    assert_eq!(cache.store().len(), 1);
}

#[test]
fn a_token_stops_the_work_from_another_thread() {
    let (place, backbone) = place();
    let stop = CancelToken::default();
    let theirs = stop.clone();
    std::thread::spawn(move || theirs.cancel()).join().unwrap();
    let mut cache = cache(&place, &backbone);
    let mut nothing = |_: headstart::Event<'_>| {};
    let mut control = Control::new(stop, &mut nothing);
    let images = headstart::image_files((0..6).map(|i| place.path(&format!("{i}.png"))));
    let extractor = Extractor::new(&backbone, ExtractOptions::default());
    let summary =
        extractor.fill(&mut cache, Views::PLAIN, &images, FillOptions::default(), &mut control).unwrap();
    assert!(summary.cancelled && summary.computed == 0);
}

/// Two extractions of different settings side by side in one process.
#[test]
fn two_extractions_do_not_meet() {
    let (place, backbone) = place();
    let images = headstart::image_files((0..6).map(|i| place.path(&format!("{i}.png"))));
    let alone = Extractor::new(&backbone, ExtractOptions::default());
    let alone = alone.features(&images, &mut Control::silent()).unwrap();
    let run = |decoders: usize| {
        let options = ExtractOptions { decoders, ..ExtractOptions::default() };
        Extractor::new(&backbone, options).features(&images, &mut Control::silent()).unwrap()
    };
    let both = std::thread::scope(|scope| {
        [1, 3].map(|decoders| scope.spawn(move || run(decoders))).map(|thread| thread.join().unwrap())
    });
    assert!(both.iter().all(|rows| *rows == alone));
}
