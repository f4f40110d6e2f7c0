//! The library's own way: rows as they come, and stopping.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::extract::{
    ExtractEvent, ExtractOptions, Extractor, FailureKind, FeatureCache, FillOptions, ImageResult, Results,
    fingerprint,
};
use headstart::image::{ViewKinds, Views};
use headstart::image_files;
use image::{Rgb, RgbImage};

use super::place::Place;
use super::tiny;

const IMAGES: usize = 40;

fn place() -> Place {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 16);
    for i in 0..IMAGES {
        RgbImage::from_pixel(9, 9, Rgb([i as u8 + 1, 2, 3])).save(place.path(&format!("{i}.png"))).unwrap();
    }
    place
}

fn files(place: &Place) -> Vec<PathBuf> {
    (0..IMAGES).map(|i| place.path(&format!("{i}.png"))).collect()
}

fn begin(
    place: &Place,
    files: Vec<PathBuf>,
    on_event: impl FnMut(headstart::Event<'_>) + Send + 'static,
) -> Results {
    begin_with(place, files, Views::PLAIN, on_event)
}

fn begin_with(
    place: &Place,
    files: Vec<PathBuf>,
    views: Views,
    on_event: impl FnMut(headstart::Event<'_>) + Send + 'static,
) -> Results {
    let backbone = Backbone::open(&place.path("tiny.onnx")).unwrap();
    let fingerprint = fingerprint(&backbone, Storage::F32).unwrap();
    let cache = FeatureCache::create_or_open(&place.path("c"), backbone.name(), &fingerprint).unwrap();
    let (options, fill) = (ExtractOptions::default(), FillOptions::default());
    Extractor::new(&backbone, options).results(cache, views, image_files(files), fill, on_event)
}

fn by_file(results: impl Iterator<Item = ImageResult>) -> BTreeMap<PathBuf, ImageResult> {
    let mut found = BTreeMap::new();
    for result in results {
        assert!(found.insert(result.image.path().unwrap().to_owned(), result).is_none(), "told twice");
    }
    found
}

#[test]
fn each_image_comes_once_whether_computed_cached_twin_or_failed() {
    let place = place();
    fs::copy(place.path("3.png"), place.path("twin.png")).unwrap();
    place.write("text.png", "no image");
    RgbImage::new(5, 5).save(place.path("black.png")).unwrap();
    let mut asked = files(&place);
    asked.extend(["twin.png", "text.png", "gone.png", "black.png", "3.png"].map(|name| place.path(name)));

    let mut first = begin(&place, asked.clone(), |_| {});
    let computed = by_file(&mut first);
    let (summary, cache) = first.finish().unwrap();
    assert_eq!((summary.images, summary.computed, summary.cached, summary.failed), (44, 40, 1, 3));
    assert_eq!(computed.len(), 44);
    let kind = |name: &str| computed[&place.path(name)].features.as_ref().unwrap_err().kind;
    assert_eq!(
        ["text.png", "gone.png", "black.png"].map(kind),
        [FailureKind::Unsupported, FailureKind::Missing, FailureKind::NonFinite]
    );
    let row = |name: &str| computed[&place.path(name)].features.as_ref().unwrap();
    assert_eq!(row("3.png"), row("twin.png"));
    assert_ne!(row("3.png"), row("4.png"));
    // What is told is what is kept.
    for file in files(&place) {
        let id = cache.store().find(&computed[&file].key.unwrap(), 0).unwrap();
        let told = computed[&file].features.as_ref().unwrap();
        assert_eq!((told.nrows(), told.row(0).to_vec()), (1, cache.store().row(id).unwrap().to_vec()));
    }

    let mut second = begin(&place, asked, |event| {
        assert!(!matches!(event, headstart::Event::Extract(ExtractEvent::Loaded { .. })))
    });
    let again = by_file(&mut second);
    assert_eq!(second.finish().unwrap().0.computed, 0);
    for (file, result) in &computed {
        assert_eq!(result.features, again[file].features, "{}", file.display());
    }
}

/// Of images without views, with some of them, and with all, in one call.
#[test]
fn every_view_of_an_image_comes_with_it() {
    let place = place();
    let flat = |name: &str| place.path(name);
    for (name, left) in [("none.png", 10), ("some.png", 20), ("all.png", 30)] {
        RgbImage::from_fn(9, 9, |x, _| Rgb([if x < 4 { left } else { 200 }, 2, 3])).save(flat(name)).unwrap();
    }
    let views = |kinds: &str| {
        let recipe = Backbone::open(&flat("tiny.onnx")).unwrap().recipe().clone();
        kinds.parse::<ViewKinds>().unwrap().of(&recipe)
    };
    let all = views("flip,crop5");
    begin_with(&place, vec![flat("some.png")], views("crop5"), |_| {}).finish().unwrap();
    begin_with(&place, vec![flat("all.png")], all, |_| {}).finish().unwrap();

    let asked = ["none.png", "some.png", "all.png"].map(flat);
    let mut results = begin_with(&place, asked.clone().into(), all, |_| {});
    let found = by_file(&mut results);
    let (summary, cache) = results.finish().unwrap();
    assert_eq!((summary.cached, summary.computed, summary.rows), (1, 2, all.len() + 1));
    for file in asked {
        let ImageResult { key, features, .. } = &found[&file];
        let features = features.as_ref().unwrap();
        assert_eq!(features.nrows(), all.len());
        for (row, view) in features.rows().into_iter().zip(all.iter()) {
            let id = cache.store().find(&key.unwrap(), view.number()).unwrap();
            assert_eq!(row.to_vec(), cache.store().row(id).unwrap().to_vec(), "{view} of {}", file.display());
        }
        // The views are not the same, so an order that is wrong would show.
        assert_ne!(features.row(2), features.row(3));
    }
}

#[test]
fn a_caller_who_stops_keeps_what_was_computed() {
    let place = place();
    // So slow that there is something left to stop.
    super::interrupt::slow_backbone(&place.path("tiny.onnx"), 16);
    let mut results = begin(&place, files(&place), |_| {});
    assert!(results.next().is_some());
    results.cancel();
    let rest = results.by_ref().count();
    let (summary, cache) = results.finish().unwrap();
    assert!(summary.cancelled);
    assert_eq!((summary.computed, cache.store().len()), (rest + 1, rest + 1));

    // Whoever goes away without a word stops it too, and the work is over when that returns.
    let mut results = begin(&place, files(&place), |_| {});
    assert!(results.next().is_some());
    drop(results);
    let mut results = begin(&place, files(&place), |_| {});
    assert_eq!(by_file(&mut results).len(), IMAGES);
    assert_eq!(results.finish().unwrap().1.store().len(), IMAGES);
}

#[test]
fn what_stops_everything_ends_the_results_and_is_told() {
    let place = place();
    let backbone = Backbone::open(&place.path("tiny.onnx")).unwrap();
    let fingerprint = fingerprint(&backbone, Storage::F32).unwrap();
    let cache = FeatureCache::create_or_open(&place.path("c"), "tiny", &fingerprint).unwrap();
    let options = FillOptions { max_failures: Some(0), ..FillOptions::default() };
    let extractor = Extractor::new(&backbone, ExtractOptions::default());
    let images = image_files([place.path("gone.png"), place.path("1.png")]);
    let mut results = extractor.results(cache, Views::PLAIN, images, options, |_| {});
    assert_eq!(results.by_ref().count(), 1);
    let error = results.finish().err().unwrap().to_string();
    assert!(error.starts_with("1 image failed, at most 0 may fail: `"), "{error}");
}
