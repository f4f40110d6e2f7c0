//! Does writing slow inference down? `cargo bench --bench writing -- [IMAGES] [PAIRS]`.
//!
//! Small images through a graph that costs next to nothing, with 2,048 features each: far more to write in a second than any
//! real network gives. The same images once into a cache and once into nothing but memory, in alternation.

#![allow(unreachable_pub, reason = "nothing outside a benchmark meets its parts")]

#[path = "../tests/library/net/mod.rs"]
mod net;
#[path = "../tests/program/tiny.rs"]
mod tiny;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::extract::{ExtractEvent, ExtractOptions, Extractor, FeatureCache, FillOptions, fingerprint};
use headstart::image::Views;
use headstart::{CancelToken, Control, image_files};
use image::{Rgb, RgbImage};

const DIM: usize = 2048;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (images, pairs) = (numbers.first().copied().unwrap_or(4000), numbers.get(1).copied().unwrap_or(7));
    let root = tempfile::tempdir().expect("a folder");
    let graph = root.path().join("tiny.onnx");
    tiny::backbone(&graph, 32, DIM);
    let backbone = Backbone::open(&graph).expect("a backbone");
    let files: Vec<PathBuf> = (0..images).map(|i| picture(root.path(), i as u32)).collect();
    let extractor = Extractor::new(&backbone, ExtractOptions::default());
    // The first start of ONNX Runtime is not counted.
    to_memory(&extractor, &files[..1]);
    let mut ratios: Vec<f64> = (0..pairs)
        .map(|_| {
            let kept = tempfile::tempdir_in(root.path()).expect("a folder");
            let (memory, cache) =
                (to_memory(&extractor, &files), to_cache(&extractor, &backbone, kept.path(), &files));
            let rate = |time: Duration| images as f64 / time.as_secs_f64();
            println!(
                "{:.0} images/s into memory, {:.0} into a cache ({:.0} MB/s)",
                rate(memory),
                rate(cache),
                rate(cache) * (DIM * 4) as f64 / 1e6
            );
            cache.as_secs_f64() / memory.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("time with writing / without, median of {pairs} pairs: {:.3}", ratios[pairs / 2]);
}

fn picture(folder: &Path, i: u32) -> PathBuf {
    let file = folder.join(format!("{i}.png"));
    let image = RgbImage::from_fn(32, 32, |x, y| {
        Rgb([(x * 7 + i) as u8, (y * 5 + i / 256) as u8, (x ^ y) as u8 + 1])
    });
    image.save(&file).expect("a file");
    file
}

/// From the loaded graph on.
fn to_memory(extractor: &Extractor, files: &[PathBuf]) -> Duration {
    let mut loaded = None;
    let mut listener = |event: headstart::Event<'_>| {
        if let headstart::Event::Extract(ExtractEvent::Loaded { .. }) = event {
            loaded = Some(Instant::now());
        }
    };
    let mut control = Control::new(CancelToken::default(), &mut listener);
    let rows = extractor.features(&image_files(files), &mut control);
    assert_eq!(rows.expect("features").len(), files.len());
    loaded.expect("something to compute").elapsed()
}

fn to_cache(extractor: &Extractor, backbone: &Backbone, folder: &Path, files: &[PathBuf]) -> Duration {
    let fingerprint = fingerprint(backbone, Storage::F32).expect("a recipe");
    let mut cache = FeatureCache::create_or_open(folder, "tiny", &fingerprint).expect("a cache");
    let (mut loaded, mut took) = (None, Duration::ZERO);
    let mut listener = |event: headstart::Event<'_>| match event {
        headstart::Event::Extract(ExtractEvent::Loaded { .. }) => loaded = Some(Instant::now()),
        // The last of them: what comes after is the last flush.
        headstart::Event::Extract(ExtractEvent::Progress) => {
            took = loaded.map_or(Duration::ZERO, |loaded: Instant| loaded.elapsed());
        }
        _ => {}
    };
    let mut control = Control::new(CancelToken::default(), &mut listener);
    let summary =
        extractor.fill(&mut cache, Views::PLAIN, &image_files(files), FillOptions::default(), &mut control);
    assert_eq!(summary.expect("features").computed, files.len());
    took
}
