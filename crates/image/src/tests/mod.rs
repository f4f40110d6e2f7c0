//! Whole files through the whole chain, against Pillow, Keras and what users' disks hold.

mod bombs;
mod formats;
mod jpeg;
mod odd;
mod panics;
mod references;
mod views;

use std::fs;
use std::path::PathBuf;

use image::RgbImage;

use super::decode::{Space, decode};
use super::recipe::{Alpha, Crop, Exif, Resize, Rounding};
use super::{DECODER, Error, Format, Heif, Limits, Preprocessor, Recipe};

const PHOTOS: [&str; 10] = [
    "astronaut",
    "cat",
    "coffee",
    "flower",
    "galaxy",
    "officer",
    "photographer",
    "raccoon",
    "rocket",
    "temple",
];

pub(super) fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(super) fn read(path: &str) -> Vec<u8> {
    fs::read(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(super) fn golden(path: &str) -> RgbImage {
    image::load_from_memory(&read(&format!("tests/golden/{path}"))).unwrap().to_rgb8()
}

fn preset(name: &str) -> Recipe {
    Recipe::preset(name).unwrap()
}

/// The file's own pixels, all of them.
pub(super) fn as_stored(bytes: &[u8]) -> Result<RgbImage, Error> {
    let (mut space, mut rgb) = (Space::default(), Vec::new());
    let (_, header) = decode(
        bytes,
        Alpha::OverWhite,
        (&Limits::default(), &Heif::default()),
        |_| None,
        &mut space,
        &mut rgb,
    )?;
    Ok(RgbImage::from_raw(header.width, header.height, rgb).expect("three bytes a pixel"))
}

/// How far two images are apart, in steps of a byte: the most, and the mean.
pub(super) fn apart(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let steps = || a.iter().zip(b).map(|(&a, &b)| a.abs_diff(b));
    (steps().max().unwrap(), steps().map(f64::from).sum::<f64>() / a.len() as f64)
}

#[test]
fn pixels_are_the_references_byte_for_byte() {
    for (image, recipe) in [
        ("cat", "keras-resnet50"),
        ("officer", "keras-resnet50"),
        ("photographer", "keras-resnet50"),
        ("cat", "keras-resnet50-nearest"),
        ("cat", "torchvision-v2"),
        ("officer", "torchvision-v2"),
        ("cat", "timm-a1"),
    ] {
        let want = golden(&format!("preprocess/{image}_{recipe}.png"));
        let mut preprocessor = Preprocessor::new(preset(recipe)).unwrap();
        let file = read(&format!("tests/golden/preprocess/{image}.png"));
        let got = preprocessor.pixels(&file).unwrap();
        assert_eq!((got.width as u32, got.height as u32), want.dimensions());
        assert_eq!(apart(got.rgb, &want), (0, 0.0), "{image}, {recipe}");
    }
}

#[test]
fn photos_have_libjpeg_turbos_pixels() {
    for photo in PHOTOS {
        let got = as_stored(&read(&format!("../../data/photos/{photo}.jpg"))).unwrap();
        let want = golden(&format!("photos/{photo}.png"));
        let (left, top) = (got.width() - want.width(), got.height() - want.height());
        let corner = image::imageops::crop_imm(&got, left, top, want.width(), want.height()).to_image();
        assert_eq!(apart(&corner, &want), (0, 0.0), "{photo}");
    }
}

#[test]
fn dropped_alpha_shows_the_hidden_colour() {
    let whole = Crop { width: 23, height: 17, rounding: Rounding::Down };
    let recipe =
        Recipe { alpha: Alpha::Drop, resize: Resize::None, crop: Some(whole), ..preset("keras-resnet50") };
    let mut preprocessor = Preprocessor::new(recipe).unwrap();
    let got = preprocessor.pixels(&read("tests/golden/formats/colour8_alpha.png")).unwrap();
    assert_eq!(got.rgb, golden("formats/colour8.png").as_raw());
}

/// A photo with an EXIF segment that holds nothing but this orientation.
fn with_orientation(photo: &[u8], tag: u8) -> Vec<u8> {
    let exif = [
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01".as_slice(),
        &[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, tag, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&photo[..2], b"\xff\xe1", &length, &exif, &photo[2..]].concat()
}

#[test]
fn orientation_is_applied_or_ignored_as_the_recipe_says() {
    let photo = read("../../data/photos/cat.jpg");
    let turned = with_orientation(&photo, 6);
    let upright = image::imageops::rotate90(&as_stored(&photo).unwrap());

    let whole = Crop { width: 300, height: 451, rounding: Rounding::Down };
    let apply = Recipe { resize: Resize::None, crop: Some(whole), ..preset("keras-resnet50") };
    let mut preprocessor = Preprocessor::new(apply.clone()).unwrap();
    let got = preprocessor.pixels(&turned).unwrap();
    assert_eq!((got.decoded.width, got.decoded.height, got.decoded.orientation), (451, 300, 6));
    assert!(got.rgb == upright.as_raw(), "the photo is not upright");

    let ignore = Recipe { exif: Exif::Ignore, ..preset("keras-resnet50") };
    let mut preprocessor = Preprocessor::new(ignore).unwrap();
    let plain = preprocessor.pixels(&photo).unwrap().rgb.to_vec();
    let got = preprocessor.pixels(&turned).unwrap();
    assert_eq!(got.decoded.orientation, 6);
    assert!(got.rgb == plain, "the orientation was not ignored");
}

/// One file of each format, photos where the format is lossy.
fn one_of_each() -> Vec<(String, Vec<u8>)> {
    let small = [
        "formats/colour24.bmp",
        "formats/lossless.webp",
        "formats/colour8_lzw.tiff",
        "formats/colour8_alpha.png",
        "formats/two_frames.gif",
        "formats/grey16.tiff",
        "jpeg/cmyk_adobe.jpg",
    ];
    let odd = [
        "bits_reversed_packbits.tiff",
        "fax_group3_two_1.tiff",
        "fax_group4_2.tiff",
        "jpeg_ycbcr_tiles.tiff",
        "colour8_zstd.tiff",
        "palette8_bigtiff.tiff",
        "colour8_planes_tiles.tiff",
        "screen_smaller_offset_clear.gif",
        "no_trailer.gif",
        "os2.bmp",
        "p5_1000.pnm",
        "p4.pnm",
    ];
    let photos =
        ["cat", "temple", "photographer", "rocket"].map(|name| format!("../../data/photos/{name}.jpg"));
    let small = small.map(|name| format!("tests/golden/{name}"));
    let odd = odd.map(|name| format!("tests/golden/odd/{name}"));
    let paths =
        photos.into_iter().chain(small).chain(odd).chain(["tests/golden/preprocess/cat.png".to_owned()]);
    paths.map(|path| (path.clone(), read(&path))).collect()
}

#[test]
fn a_file_cut_off_anywhere_is_a_failure() {
    for (path, whole) in one_of_each() {
        let pixels = as_stored(&whole).unwrap_or_else(|error| panic!("{path}: {error:?}"));
        // Every cut of the first and last kilobyte, and some two hundred between.
        let step = (whole.len() / 199).max(1);
        let cuts = (0..whole.len()).filter(|cut| *cut < 1024 || whole.len() - cut <= 1024 || cut % step == 0);
        for cut in cuts {
            match as_stored(&whole[..cut]) {
                Err(Error::Truncated { .. }) => {}
                // Too little to be recognised, or a header of which half says something else.
                Err(_) if cut < 64 => {}
                Err(error) => panic!("{path} cut to {cut} of {}: {error:?}", whole.len()),
                // What is missing is the mark at the end, or another frame.
                Ok(got) if got == pixels && (path.ends_with(".png") || path.ends_with(".gif")) => {}
                Ok(_) => panic!("{path} cut to {cut} of {} passed", whole.len()),
            }
        }
    }
}

#[test]
fn damaged_files_never_panic_or_change_their_shape() {
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        // A linear congruential generator (Knuth's MMIX); its upper bits will do.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let limits = Limits { pixels: 1 << 22, memory: 1 << 26, ..Limits::default() };
    let mut preprocessor = Preprocessor::new(preset("keras-resnet50")).unwrap().with_limits(limits);
    let mut tensor = vec![0.0; preprocessor.recipe().len()];
    for (path, whole) in one_of_each() {
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random(4) {
                // Mostly in the headers, where it hurts.
                let within = if random(2) == 0 { bytes.len().min(200) } else { bytes.len() };
                let at = random(within);
                bytes[at] = random(256) as u8;
            }
            if let Err(error) = preprocessor.run(&bytes, &mut tensor) {
                assert!(["decode", "resize"].contains(&error.stage()), "{path}: {error:?}");
                assert!(!format!("{error:?}").contains("panicked"), "{path}: {error:?}");
            }
        }
    }
    assert!(tensor.iter().all(|value| value.is_finite()));
}

#[test]
fn a_failure_leaves_no_trace_in_the_next_image() {
    let photo = read("../../data/photos/raccoon.jpg");
    let mut fresh = Preprocessor::new(preset("torchvision-v1")).unwrap();
    let want = fresh.pixels(&photo).unwrap().rgb.to_vec();
    let mut used = Preprocessor::new(preset("torchvision-v1")).unwrap();
    used.pixels(&read("../../data/photos/rocket.jpg")).unwrap();
    used.pixels(&read("../../data/photos/rocket.jpg")[..9000]).unwrap_err();
    used.pixels(&read("tests/golden/preprocess/officer.png")).unwrap();
    assert!(used.pixels(&photo).unwrap().rgb == want);
}

/// CRC-32 as in PNG and zlib.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn what_is_no_photo_is_named() {
    let cases: [(&[u8], &str, &str); 5] = [
        (b"", "empty", "the file is empty"),
        (b"<!doctype html><title>404", "not-an-image", "expected an image, found an HTML page"),
        (b"%PDF-1.4", "not-an-image", "expected an image, found a PDF document"),
        (b"\x00\x01\x02\x03", "not-an-image", "expected an image, found bytes of an unknown kind"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "unsupported", "cannot decode JPEG 2000; save it as PNG or JPEG"),
    ];
    for (bytes, kind, message) in cases {
        let error = as_stored(bytes).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
    }
}

#[test]
fn facts_tell_the_format() {
    let mut preprocessor = Preprocessor::new(preset("keras-resnet50")).unwrap();
    for (path, bytes) in one_of_each() {
        let format = preprocessor.pixels(&bytes).unwrap().decoded.format;
        let ending = path.rsplit('.').next().unwrap();
        assert_eq!(format!("{format}").to_lowercase(), ending.replace("jpg", "jpeg"));
    }
    assert_eq!(Format::Webp.to_string(), "WebP");
}

#[test]
fn the_recipe_that_is_carried_out_names_the_decoder() {
    let recipe = Preprocessor::new(preset("onnx-zoo")).unwrap().recipe().clone();
    assert_eq!(recipe.decoder.as_deref(), Some(DECODER));
}
