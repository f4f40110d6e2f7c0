//! Memory stays bounded whatever the images are like, and nothing but time depends on how the work is divided.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use headstart::cache::Storage;
use image::{Rgb, RgbImage};

use super::place::Place;
use super::tiny;

const MEBIBYTE: u64 = 1 << 20;

/// A PNG of one colour, written row by row: it is small, and takes nine bytes a pixel to decode.
fn plain_png(path: &Path, edge: u32, colour: u8) {
    let file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    let mut encoder = png::Encoder::new(file, edge, edge);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer().unwrap();
    let row = vec![colour; edge as usize * 3];
    (0..edge).for_each(|_| rows.write_all(&row).unwrap());
    rows.finish().unwrap();
}

/// Run the program and say how much memory it had at most, in bytes.
fn peak_of(place: &Place, arguments: &str) -> u64 {
    let mut child = place.command(arguments).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes * 1024);
        thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn huge_photos_among_thumbnails_take_turns() {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 16);
    let mut manifest = "path\n".to_owned();
    for i in 0..18 {
        RgbImage::from_pixel(30, 20, Rgb([i + 1, 9, 9])).save(place.path(&format!("{i}.png"))).unwrap();
        manifest += &format!("{i}.png\n");
        // A hundred megapixels: 600 MB to decode, so three at a time would be 1.8 GB.
        if i % 6 == 0 {
            plain_png(&place.path(&format!("huge{i}.png")), 10_000, i + 50);
            manifest += &format!("huge{i}.png\n");
        }
    }
    place.write("mixed.csv", &manifest);
    let without_huge: String =
        manifest.lines().filter(|l| !l.contains("huge")).map(|l| format!("{l}\n")).collect();
    place.write("small.csv", without_huge);
    let extract = "--backbone tiny.onnx --decoders 3 --threads 1";
    let base = peak_of(&place, &format!("extract small.csv --cache small {extract}"));
    let peak = peak_of(&place, &format!("extract mixed.csv --cache mixed {extract}"));
    // What one image may take, and a quarter of that again for buffers that are kept and for the allocator.
    assert!(peak < base + 1280 * MEBIBYTE, "{} MiB, and {} without", peak / MEBIBYTE, base / MEBIBYTE);
    assert!(peak > base + 200 * MEBIBYTE, "the test looked too late: {} MiB", peak / MEBIBYTE);
}

#[test]
fn the_same_rows_come_of_any_number_of_threads_and_any_batch() {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 64);
    let mut manifest = "path\n".to_owned();
    // Of very different sizes, so that they finish out of order.
    for i in 0..60_u32 {
        let edge = if i % 7 == 0 { 900 } else { 5 + i };
        let image = RgbImage::from_fn(edge, 40, |x, y| Rgb([(x + i) as u8, (y * 3) as u8, i as u8 + 1]));
        image.save(place.path(&format!("{i}.png"))).unwrap();
        manifest += &format!("{i}.png\n");
    }
    place.write("all.csv", manifest);
    let files: Vec<PathBuf> = (0..60).map(|i| place.path(&format!("{i}.png"))).collect();
    let mut first = None;
    for (number, settings) in [
        "--decoders 1 --batch-size 1 --threads 1",
        "--decoders 8 --batch-size 7",
        "--decoders 3 --batch-size 60 --threads 2",
        "--decoders 2",
    ]
    .iter()
    .enumerate()
    {
        place.run(&format!("extract all.csv --backbone tiny.onnx --cache c{number} {settings}")).done();
        let features = place.features(&format!("c{number}"), "tiny.onnx", Storage::F32, &files);
        assert_eq!(*first.get_or_insert(features.clone()), features, "{settings}");
    }
}
