//! Photographs of phones: HEIC with and without libheif, AVIF and JPEG XL, and images of other formats, each by its name.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::place::{Place, repository};
use super::tiny;

/// The library inside pillow-heif, which `just test` installs.
fn libheif() -> PathBuf {
    let folder = repository().join("models/tools/readers/pillow_heif.libs");
    let files = fs::read_dir(folder).expect("`just test` installs pillow-heif");
    let mut paths = files.map(|entry| entry.unwrap().path());
    paths.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("libheif")).unwrap()
}

fn installed(command: &mut Command) {
    command.env("HEADSTART_LIBHEIF", libheif());
}

fn switched_off(command: &mut Command) {
    command.env("HEADSTART_LIBHEIF", "none");
}

/// `photos/`: a class of HEIC, and one of the other formats.
fn photos() -> Place {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 16);
    let golden =
        |name: &str| fs::read(repository().join("crates/image/tests/golden/formats").join(name)).unwrap();
    for name in ["420.heic", "10_bits.heic", "grid.heic"] {
        place.write(&format!("photos/phone/{name}"), golden(&format!("heif/{name}")));
    }
    place.write("photos/phone/upper.HEIC", golden("heif/444.heic"));
    for (name, file) in [("a.avif", "heif/420.avif"), ("b.jxl", "jxl/lossy.jxl"), ("c.png", "colour8.png")] {
        place.write(&format!("photos/other/{name}"), golden(file));
    }
    place
}

const EXTRACT: &str = "extract photos --backbone tiny.onnx";

#[test]
fn heic_fails_by_name_without_libheif_and_is_tried_again_with_it() {
    let place = photos();
    let said = place.run_with(EXTRACT, switched_off).ended(1);
    said.says(&[
        "cannot decode HEIC: HEADSTART_LIBHEIF=none switches libheif off",
        "4 failed (4 unsupported)",
    ])
    .says(&["7 images: 3 computed", "phone/upper.HEIC"]);
    // Not in vain as long as it is not there: it might be.
    place.run_with(EXTRACT, switched_off).ended(1).says(&["4 failed (4 unsupported)"]);
    let said = place.run_with(&format!("{EXTRACT} --json"), installed).done();
    let summary: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&summary["computed"], &summary["failed"]), (&4.into(), &0.into()), "{summary:#}");
    // What is computed stays, whether the library does or not.
    place.run_with(EXTRACT, switched_off).done();
}

#[test]
fn a_library_that_is_named_is_taken_or_refused() {
    let place = photos();
    place.write("notes.so", "no library");
    for (name, word) in [("gone.so", "which does not exist"), ("notes.so", "as a shared library")] {
        let named = |command: &mut Command| {
            command.env("HEADSTART_LIBHEIF", place.path(name));
        };
        let said = place.run_with(EXTRACT, named).ended(1);
        said.says(&["cannot decode HEIC: ", name, word, "7 images: "]);
    }
}

#[test]
fn doctor_says_whether_heic_can_be_read_and_by_what() {
    let place = Place::empty();
    let line = |change: fn(&mut Command)| {
        let said = place.run_with("doctor --json --backbone nowhere.onnx", change);
        let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let heic = checks.iter().find(|check| check["name"] == "heic").unwrap();
        (heic["verdict"].as_str().unwrap().to_owned(), heic["found"].as_str().unwrap().to_owned())
    };
    let (verdict, found) = line(installed);
    assert_eq!(verdict, "ok");
    assert!(found.contains("libheif 1.") && found.contains("pillow_heif.libs"), "{found}");
    let (verdict, found) = line(switched_off);
    assert_eq!(verdict, "absent");
    assert!(found.contains("HEIC images cannot be read: "), "{found}");
}

#[test]
fn images_that_are_not_decoded_are_failures_by_name_and_not_passed_over() {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 16);
    let files: [(&str, &[u8], &str); 6] = [
        ("a/one.raf", b"FUJIFILMCCD-RAW 0201FF383501", "a raw photo (Fujifilm RAF)"),
        ("a/two.CR3", b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "a raw photo (Canon CR3)"),
        ("a/three.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        ("b/four.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("b/five.psd", b"8BPS\0\x01", "Photoshop (PSD)"),
        ("b/six.ico", b"\0\0\x01\0\x01\0\x10\x10", "icons (ICO)"),
    ];
    for (name, bytes, _) in files {
        place.write(&format!("photos/{name}"), bytes);
    }
    let said = place.run("extract photos --backbone tiny.onnx").ended(1);
    for (name, _, format) in files {
        let words = format!("{name}`: cannot decode {format}; save it as PNG or JPEG");
        assert!(said.err.contains(&words), "no `{words}` in {}", said.err);
    }
    said.says(&["6 images: ", "6 failed (6 unsupported)"]).never_says("subfolder of its own");
}
