//! What GIF, TIFF, BMP and PNM have beyond the common kinds, against Pillow; what is refused, and in which words.

use std::error::Error as _;
use std::io::Cursor;

use image::{DynamicImage, ImageFormat};

use super::{as_stored, crc32, golden, preset, read};
use crate::changed::differs_since_0_1_0;
use crate::recipe::{Alpha, Exif};
use crate::{Error, FileKind, Format, Heif, Preprocessor, decoding_takes, original, sniff, thumbnail};

fn odd(name: &str) -> Vec<u8> {
    read(&format!("tests/golden/odd/{name}"))
}

fn message(error: &Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[test]
fn every_odd_kind_has_pillows_pixels() {
    let golden = String::from_utf8(odd("odd.csv")).unwrap();
    let (mut rows, mut wrong) = (0, vec![]);
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').collect();
        let [file, width, height, checksum] = cells[..] else { panic!("golden row: {line}") };
        let got = match as_stored(&odd(file)) {
            Ok(pixels) => (pixels.width(), pixels.height(), Ok(crc32(&pixels))),
            Err(error) => (0, 0, Err(message(&error))),
        };
        let want = (width.parse().unwrap(), height.parse().unwrap(), Ok(checksum.parse().unwrap()));
        if got != want {
            wrong.push((file, got, want));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "other pixels than Pillow's: {wrong:#?}");
    assert_eq!(rows, 93, "golden file was cut short");
}

#[test]
fn what_is_not_decoded_is_refused_by_name() {
    let cases = [
        ("float.tiff", "a TIFF with floating-point samples"),
        ("signed.tiff", "a TIFF with signed samples"),
        ("grey12.tiff", "a TIFF with 12 bits per sample"),
        ("grey32.tiff", "a TIFF with 32 bits per sample"),
        ("lab.tiff", "a TIFF in Lab colours"),
        ("ycbcr.tiff", "a TIFF in YCbCr colours without JPEG compression"),
        ("old_jpeg.tiff", "a TIFF with JPEG compression of the old kind"),
        ("lzma.tiff", "a TIFF with LZMA compression"),
        ("jpeg2000.tiff", "a TIFF with JPEG 2000 compression"),
        ("photo.dng", "a raw photo (DNG)"),
        ("photo.nef", "a raw photo (Nikon NEF)"),
        ("photo.arw", "a raw photo (Sony ARW)"),
        ("photo.pef", "a raw photo (Pentax PEF)"),
        ("sensor.tiff", "a raw photo"),
    ];
    for (file, what) in cases {
        let bytes = odd(&format!("refused/{file}"));
        let error = as_stored(&bytes).unwrap_err();
        let words = format!("cannot decode {what}; save it as PNG or JPEG");
        assert_eq!((error.kind(), message(&error)), ("unsupported", words), "{file}");
        // 0.1.0 took thumbnails for photos: its rows of them are not kept.
        assert!(differs_since_0_1_0(Format::Tiff, &bytes), "{file}");
    }
    for (bytes, what) in
        [(b"P7\nWIDTH 3\n".as_slice(), "PAM"), (b"IIRO\x08\0\0\0", "a raw photo (Olympus ORF)")]
    {
        let words = format!("cannot decode {what}; save it as PNG or JPEG");
        assert_eq!(message(&as_stored(bytes).unwrap_err()), words);
    }
}

/// A file without pixels of each format whose header can say so.
fn without_pixels() -> Vec<(&'static str, Vec<u8>)> {
    let common = |name: &str| read(&format!("tests/golden/formats/{name}"));
    let patched = |mut bytes: Vec<u8>, at: usize, zeros: usize| {
        bytes[at..at + zeros].fill(0);
        bytes
    };
    let frame = |bytes: &[u8]| bytes.windows(5).position(|w| w == [b',', 0, 0, 0, 0]).unwrap();
    let gif = common("palette.gif");
    let mut png = common("colour8.png");
    png[16..20].fill(0);
    let checksum = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&checksum);
    let tiff = |tag: u16| {
        let mut bytes = common("colour8_raw.tiff");
        // Of one value, which is SHORT or LONG.
        let is_it =
            |w: &[u8]| w[..2] == tag.to_le_bytes() && matches!(w[2], 3 | 4) && w[3..] == [0, 1, 0, 0, 0];
        let at = bytes.windows(8).position(is_it).expect("the field is there");
        bytes[at + 8..at + 12].fill(0);
        bytes
    };
    let mut jpeg = read("../../data/photos/cat.jpg");
    let start = jpeg.windows(3).position(|w| w == [0xff, 0xc0, 0]).unwrap();
    jpeg[start + 7..start + 9].fill(0);
    vec![
        ("GIF, no screen and no frame", patched(patched(gif.clone(), 6, 4), frame(&gif) + 5, 4)),
        ("GIF, frame without width", patched(gif.clone(), frame(&gif) + 5, 2)),
        ("GIF, frame without height", patched(gif.clone(), frame(&gif) + 7, 2)),
        ("PNG", png),
        ("BMP, no width", patched(common("colour24.bmp"), 18, 4)),
        ("BMP, no height", patched(common("colour24.bmp"), 22, 4)),
        ("TIFF, no width", tiff(256)),
        ("TIFF, no height", tiff(257)),
        ("JPEG", jpeg),
        ("PNM, no width", b"P5\n0 7\n255\n".to_vec()),
        ("PNM, no height", b"P6\n7 0\n255\n".to_vec()),
        ("PNM, plain", b"P1\n0 0\n".to_vec()),
        // Lossy WebP: 14 bits behind the start code.
        ("WebP", patched(common("lossy.webp"), 26, 2)),
    ]
}

#[test]
fn an_image_without_pixels_is_refused_by_every_way_in() {
    let mut preprocessor = Preprocessor::new(preset("torchvision-v1")).unwrap();
    let mut tensor = vec![0.0; preprocessor.recipe().len()];
    for (name, bytes) in without_pixels() {
        assert!(matches!(sniff(&bytes), FileKind::Image(_)), "{name}");
        // `extract` and `predict` with a run; an exported model that prepares images itself; a report.
        for error in [
            preprocessor.run(&bytes, &mut tensor).unwrap_err(),
            original(&bytes, Exif::Apply, Alpha::OverWhite, &Heif::default()).unwrap_err(),
            thumbnail(&bytes, 32, &Heif::default()).unwrap_err(),
        ] {
            assert_eq!(error.stage(), "decode", "{name}: {error:?}");
            assert!(!message(&error).contains("panicked"), "{name}: {error:?}");
        }
        // What is asked before decoding, of any file.
        decoding_takes(&bytes);
    }
}

#[test]
fn a_missing_mark_at_the_end_is_not_missed() {
    let png = read("tests/golden/formats/colour8.png");
    let want = as_stored(&png).unwrap();
    for less in 1..=12 {
        assert_eq!(as_stored(&png[..png.len() - less]).unwrap(), want, "PNG without its last {less} bytes");
    }
    // One byte more is one of the pixels' checksum.
    assert_eq!(as_stored(&png[..png.len() - 13]).unwrap_err().kind(), "truncated");
    let gif = read("tests/golden/formats/palette.gif");
    assert_eq!(as_stored(&gif[..gif.len() - 1]).unwrap(), as_stored(&gif).unwrap());
    assert_eq!(as_stored(&gif[..gif.len() - 2]).unwrap_err().kind(), "truncated");
}

#[test]
fn messages_have_words_for_people() {
    let mut bmp = read("tests/golden/formats/colour24.bmp");
    // A header of a length that there is not.
    bmp[14] = 99;
    let mut png = read("tests/golden/formats/colour8.png");
    png[16..24].fill(0x7f);
    let checksum = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&checksum);
    let cut = read("tests/golden/formats/colour24.bmp");
    for (bytes, words) in [
        (bmp, "cannot decode this kind of BMP; save it as PNG or JPEG"),
        (png, "the image is too large: 2139062143x2139062143 pixels, 268435456 pixels are allowed"),
        (cut[..400].to_vec(), "the BMP file is cut off: its data end before the image does"),
    ] {
        assert_eq!(message(&as_stored(&bytes).unwrap_err()), words);
    }
}

/// The rows that an older cache has of these files are computed again, and no others.
#[test]
fn what_changed_since_0_1_0_is_known() {
    let changed = [
        "bits_reversed.tiff",
        "bits_reversed_packbits.tiff",
        "bits_reversed_colour.tiff",
        "fax_group4_2.tiff",
        "jpeg_colour.tiff",
        "jpeg_cmyk.tiff",
        "cmyk8.tiff",
        "colour8_premultiplied.tiff",
        "colour16_premultiplied.tiff",
        "colour8_corel.tiff",
        "screen_smaller.gif",
        "screen_larger.gif",
        "screen_larger_offset_clear.gif",
        "short_palette.gif",
        "bits16.bmp",
        "bits16_masks.bmp",
    ];
    let same = [
        "grey16_predictor.tiff",
        "grey16_white_is_zero.tiff",
        "colour16_predictor.tiff",
        "colour16_planes.tiff",
        "colour8_planes_predictor.tiff",
        "colour8_alpha_unsaid.tiff",
        "colour8_no_lengths.tiff",
        "fax_group4_1.tiff",
        "no_trailer.gif",
    ];
    for (files, differs) in [(&changed[..], true), (&same[..], false)] {
        for file in files {
            let bytes = odd(file);
            let FileKind::Image(format) = sniff(&bytes) else { panic!("{file}") };
            assert_eq!(differs_since_0_1_0(format, &bytes), differs, "{file}");
        }
    }
}

/// An image that was saved as PNM under another name is still the image.
#[test]
fn pnm_is_the_same_image() {
    let picture = golden("formats/alpha.tiff.expected.png");
    let mut file = Cursor::new(vec![]);
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut file, ImageFormat::Png).unwrap();
    let pnm =
        [format!("P6 {} {} 255\n", picture.width(), picture.height()).as_bytes(), picture.as_raw()].concat();
    assert_eq!(as_stored(&pnm).unwrap(), as_stored(file.get_ref()).unwrap());
}
