//! Images that give no features, each in its own way: they are named, counted, and cost the others nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use headstart::cache::Storage;
use image::{Rgb, RgbImage};

use super::place::Place;
use super::tiny;

const GOOD: usize = 12;
const TINY: &str = "--backbone tiny.onnx";

/// File, kind, and how the reason begins; in the manifest each stands between good images.
const BAD: [(&str, &str, &str); 16] = [
    ("gone.png", "missing", "there is no such file"),
    ("dangling.png", "missing", "there is no such file"),
    ("good0.png/below.png", "missing", "there is no such file"),
    ("folder.png", "unreadable", "expected an image, found a folder"),
    ("pipe.png", "unreadable", "expected an image, found a pipe or device"),
    ("loop.png", "unreadable", ""),
    ("text.jpg", "unsupported", "expected an image, found text"),
    ("photo.jp2", "unsupported", "cannot decode JPEG 2000; save it as PNG or JPEG"),
    ("empty.png", "truncated", "the file is empty"),
    ("cut.jpg", "truncated", "the JPEG file is cut off"),
    ("cut.png", "truncated", "the PNG file is cut off"),
    ("bomb.png", "too-large", "the image is too large: 60000x60000 pixels"),
    ("disk.img", "too-large", "the file is too large"),
    ("noise.png", "decoder-error", "the PNG data are damaged"),
    ("black.png", "non-finite", "the features hold NaN or infinity"),
    ("black_again.png", "non-finite", "the features hold NaN or infinity"),
];

fn good(i: usize) -> RgbImage {
    RgbImage::from_fn(20, 10, |x, y| Rgb([(i * 20 + 5) as u8, (x * 10) as u8, (y * 20) as u8]))
}

/// `mixed.csv`: a good image, a bad one, and so on; `good.csv`: the good ones alone.
fn mixed() -> Place {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 16);
    for i in 0..GOOD {
        good(i).save(place.path(&format!("good{i}.png"))).unwrap();
    }
    let whole = fs::read(place.path("good0.png")).unwrap();
    symlink("nowhere", place.path("dangling.png")).unwrap();
    symlink("loop.png", place.path("loop.png")).unwrap();
    fs::create_dir(place.path("folder.png")).unwrap();
    assert!(Command::new("mkfifo").arg(place.path("pipe.png")).status().unwrap().success());
    place.write("text.jpg", "this is no image");
    place.write("photo.jp2", b"\0\0\0\x0cjP  \r\n\x87\n");
    place.write("empty.png", "");
    let photo = fs::read(super::place::repository().join("data/photos/cat.jpg")).unwrap();
    place.write("cut.jpg", &photo[..photo.len() / 2]);
    place.write("cut.png", &whole[..whole.len() / 2]);
    place.write("bomb.png", super::extract::png_that_claims_to_be(60_000, 60_000));
    fs::File::create(place.path("disk.img")).unwrap().set_len(1 << 40).unwrap();
    place.write("noise.png", with_noise(&whole));
    for name in ["black.png", "black_again.png"] {
        RgbImage::new(30, 30).save(place.path(name)).unwrap();
    }
    let good: Vec<String> = (0..GOOD).map(|i| format!("good{i}.png,{}\n", i % 2)).collect();
    place.write("good.csv", format!("path,label\n{}", good.concat()));
    let rows = (0..BAD.len()).map(|i| format!("{}{},0\n", good.get(i).map_or("", |row| row), BAD[i].0));
    place.write("mixed.csv", format!("path,label\n{}", rows.collect::<String>()));
    place
}

/// The same PNG with other bytes in its compressed data, and a checksum that holds: damage that is not by the wire.
fn with_noise(png: &[u8]) -> Vec<u8> {
    let mut out = png[..8].to_vec();
    let mut rest = &png[8..];
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        let mut data = after[..length].to_vec();
        if &head[4..] == b"IDAT" {
            data.iter_mut().skip(2).for_each(|byte| *byte = 0xff);
        }
        let body = [&head[4..], &data].concat();
        out.extend_from_slice(&head[..4]);
        out.extend_from_slice(&body);
        out.extend_from_slice(&crc32(&body).to_be_bytes());
        rest = &after[length + 4..];
    }
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

/// Kind and path of each line of a `failures.csv`, sorted.
fn table(place: &Place, name: &str) -> Vec<(String, String)> {
    let mut csv = csv::Reader::from_path(place.path(name)).unwrap();
    assert_eq!(csv.headers().unwrap(), &["path", "key", "stage", "kind", "reason", "time"][..]);
    let mut rows: Vec<_> =
        csv.records().map(|row| row.unwrap()).map(|row| (row[3].to_owned(), row[0].to_owned())).collect();
    rows.sort();
    rows
}

fn all_bad() -> Vec<(String, String)> {
    let mut bad: Vec<_> =
        BAD.iter().map(|(path, kind, _)| ((*kind).to_owned(), (*path).to_owned())).collect();
    bad.sort();
    bad
}

fn good_files(place: &Place) -> Vec<PathBuf> {
    (0..GOOD).map(|i| place.path(&format!("good{i}.png"))).collect()
}

#[test]
fn every_kind_is_told_and_no_row_is_shifted_or_replaced() {
    let place = mixed();
    place.run(&format!("extract good.csv {TINY} --cache alone")).done();
    let alone = place.features("alone", "tiny.onnx", Storage::F32, &good_files(&place));
    let n = BAD.len();
    let counts = "16 failed (3 missing, 3 unreadable, 2 unsupported, 3 truncated, 2 too-large, 1 decoder-error, 2 non-finite)";
    for (number, settings) in ["--batch-size 1", "--batch-size 5 --decoders 4", ""].iter().enumerate() {
        let cache = format!("--cache c{number}");
        let said =
            place.run(&format!("extract mixed.csv {TINY} {cache} {settings} --failures f.csv")).ended(1);
        for (path, _, reason) in BAD {
            assert!(said.err.contains(&format!("warning: `{path}`: {reason}")), "{path}: {}", said.err);
        }
        said.says(&["28 images: 12 computed in ", counts]);
        assert_eq!(table(&place, "f.csv"), all_bad(), "{settings}");
        let features = place.features(&format!("c{number}"), "tiny.onnx", Storage::F32, &good_files(&place));
        assert_eq!(features, alone, "{settings}");

        // Again nothing is tried, everything is told, and scripts get the same by JSON.
        let said =
            place.run(&format!("extract mixed.csv {TINY} {cache} --json --onnxruntime /nowhere")).ended(1);
        assert_eq!(said.err.matches("(as before)").count(), n, "{}", said.err);
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let kinds = serde_json::json!({
            "missing": 3, "unreadable": 3, "unsupported": 2, "truncated": 3, "too-large": 2, "decoder-error": 1,
            "non-finite": 2
        });
        assert_eq!((&json["failed"], &json["failures"]), (&n.into(), &kinds));
    }
}

#[test]
fn only_failures_of_the_images_that_were_asked_for_are_listed() {
    let place = mixed();
    place.run(&format!("extract mixed.csv {TINY}")).ended(1);
    place.write("few.csv", "path\ngood1.png\ncut.jpg\nother_name.jpg\n");
    fs::copy(place.path("text.jpg"), place.path("other_name.jpg")).unwrap();
    let said = place.run(&format!("extract few.csv {TINY} --failures f.csv")).ended(1);
    // The same bytes under another name are known to be no image, and have a line of their own.
    said.says(&[
        "`other_name.jpg`: expected an image, found text (as before)",
        "1 already computed, 2 failed",
    ]);
    let want = [("truncated", "cut.jpg"), ("unsupported", "other_name.jpg")];
    assert_eq!(table(&place, "f.csv"), want.map(|(kind, path)| (kind.to_owned(), path.to_owned())));
}

#[test]
fn a_file_that_may_not_be_read_is_a_failure_for_whoever_may_not_read_it() {
    let place = mixed();
    fs::set_permissions(place.path("good3.png"), fs::Permissions::from_mode(0o000)).unwrap();
    // root may read everything.
    let allowed = fs::read(place.path("good3.png")).is_ok();
    let (status, failed) = if allowed { (0, 0) } else { (1, 1) };
    place.run(&format!("extract good.csv {TINY} --failures f.csv")).ended(status);
    assert_eq!(table(&place, "f.csv").len(), failed);
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_while_reading_is_that_files_own() {
    let place = mixed();
    // It opens, it is a file by its kind, and its first byte cannot be read.
    symlink("/proc/self/mem", place.path("sick.png")).unwrap();
    place.write("sick.csv", "path\ngood1.png\nsick.png\ngood2.png\n");
    place.run(&format!("extract sick.csv {TINY} --failures f.csv")).ended(1).says(&["2 computed"]);
    assert_eq!(table(&place, "f.csv"), [("unreadable".to_owned(), "sick.png".to_owned())]);
}

#[test]
fn too_many_failures_end_the_work_and_what_is_computed_is_kept() {
    let place = mixed();
    let extract = format!("extract mixed.csv {TINY} --batch-size 1 --decoders 1");
    let said = place.run(&format!("{extract} --max-failures 15 --failures f.csv")).ended(2);
    said.says(&[
        "error: 16 images failed, at most 15 may fail: `gone.png` (missing), ",
        " and 11 more\n",
        "hint: what was computed is kept; `--max-failures` allows more",
    ]);
    assert_eq!(table(&place, "f.csv"), all_bad());
    // With one decoder the last failure comes after the last good image but one batch.
    let [images, cached, computed, failed] = place.extract(&extract["extract ".len()..]);
    assert_eq!((images, cached + computed, failed), (28, 12, 16));
    assert!(cached >= 10, "{cached}");
    // What was known before counts too, so a second run says the same, and at once.
    let said = place.run(&format!("{extract} --max-failures 15 --onnxruntime /nowhere")).ended(2);
    said.says(&["16 images failed"]);
    place.run(&format!("{extract} --max-failures 16")).ended(1);
    place.run(&format!("extract good.csv {TINY} --max-failures 0")).done();
}

#[test]
fn strict_tries_everything_and_then_ends_with_an_error() {
    let place = mixed();
    let said = place.run(&format!("extract mixed.csv {TINY} --strict --json")).ended(2);
    said.says(&["28 images: 12 computed", "error: 16 of 28 images failed", "hint: "]);
    place.run(&format!("extract good.csv {TINY} --strict")).done();
}

#[test]
fn a_feature_that_half_floats_cannot_hold_costs_its_image_alone() {
    let place = Place::empty();
    tiny::backbone_times(&place.path("loud.onnx"), 8, 16, 1e3);
    RgbImage::from_pixel(4, 4, Rgb([255; 3])).save(place.path("bright.png")).unwrap();
    RgbImage::from_pixel(4, 4, Rgb([1; 3])).save(place.path("dim.png")).unwrap();
    place.write("two.csv", "path\nbright.png\ndim.png\n");
    place.run("extract two.csv --backbone loud.onnx").done();
    let said = place.run("extract two.csv --backbone loud.onnx --storage f16 --failures f.csv").ended(1);
    said.says(&["1 computed", "more than their storage can"]);
    assert_eq!(table(&place, "f.csv"), [("non-finite".to_owned(), "bright.png".to_owned())]);
}
