//! Small files that claim, or unpack to, more than a machine should give one image.

use super::{as_stored, crc32, preset, read};
use crate::{Limits, Preprocessor};

fn format(name: &str) -> Vec<u8> {
    read(&format!("tests/golden/formats/{name}"))
}

/// Write `value` into the TIFF entry of this tag.
fn set_tag(tiff: &mut [u8], tag: u16, value: u16) {
    let u16_at = |at: usize| u16::from_le_bytes([tiff[at], tiff[at + 1]]);
    let ifd = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let entries = (0..usize::from(u16_at(ifd))).map(|i| ifd + 2 + 12 * i);
    let entry = entries.into_iter().find(|&at| u16_at(at) == tag).expect("the tag is there");
    tiff[entry + 8..entry + 10].copy_from_slice(&value.to_le_bytes());
}

fn with_size(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut png = png.to_vec();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&checksum);
    png
}

#[test]
fn claims_of_enormous_size_are_refused_before_decoding() {
    let png = with_size(&format("colour8.png"), 60_000, 60_000);
    let interlaced = with_size(&format("colour8_interlaced.png"), 60_000, 60_000);
    let mut gif = format("palette.gif");
    gif[6..10].fill(0xff);
    let mut bmp = format("colour24.bmp");
    bmp[18..26].copy_from_slice(&[0xff, 0x7f, 0, 0, 0xff, 0x7f, 0, 0]);
    let mut webp = format("lossless.webp");
    // 28 bits behind the signature: 16383x16383, which is the most that the format has and below the limit on pixels: memory is what forbids it.
    webp[21..24].copy_from_slice(&[0xfe, 0xbf, 0xff]);
    webp[24] |= 0x0f;
    let mut tiff = format("colour8_raw.tiff");
    // Width, height, and rows in a strip, so that the number of strips stays right.
    for tag in [256, 257, 278] {
        set_tag(&mut tiff, tag, 0xffff);
    }
    let mut jpeg = read("../../data/photos/cat.jpg");
    let frame = jpeg.windows(3).position(|w| w == [0xff, 0xc0, 0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    let files = [
        ("PNG", png),
        ("interlaced PNG", interlaced),
        ("GIF", gif),
        ("BMP", bmp),
        ("WebP", webp),
        ("TIFF", tiff),
        ("JPEG", jpeg),
    ];
    for (name, bytes) in files {
        let error = as_stored(&bytes).unwrap_err();
        assert_eq!(error.kind(), "too-large", "{name}: {error:?}");
    }
}

/// An animation's canvas may be larger than a number of pixels can be.
#[test]
fn a_canvas_beyond_counting_is_no_crash() {
    let mut webp = format("two_frames.webp");
    webp[24..30].fill(0xff);
    assert_eq!(as_stored(&webp).unwrap_err().stage(), "decode");
}

#[test]
fn memory_is_limited_apart_from_pixels() {
    let few_bytes = Limits { memory: 4 * 480 * 270, ..Limits::default() };
    let mut preprocessor = Preprocessor::new(preset("keras-resnet50")).unwrap().with_limits(few_bytes);
    // Baseline takes three bytes a pixel, progressive also its coefficients.
    preprocessor.pixels(&read("../../data/photos/flower.jpg")).unwrap();
    let error = preprocessor.pixels(&read("../../data/photos/temple.jpg")).unwrap_err();
    assert_eq!(error.kind(), "too-large");
    assert!(error.to_string().contains("decoding 480x270 pixels takes"), "{error}");
}

/// A text of a gigabyte that packs to a megabyte: nobody asked for it, so nobody unpacks it.
#[test]
fn a_packed_text_is_not_unpacked() {
    let png = format("colour8.png");
    // An empty deflate stream would do, but for being too obvious: a stored block that claims 65535 bytes, and lacks them.
    let text = [b"Comment\0\0\x78\x01\x01\xff\xff\x00\x00".as_slice(), &[0; 100]].concat();
    let body = [b"zTXt".as_slice(), &text].concat();
    let chunk = [&(text.len() as u32).to_be_bytes(), body.as_slice(), &crc32(&body).to_be_bytes()].concat();
    let with_text = [&png[..33], &chunk, &png[33..]].concat();
    assert_eq!(as_stored(&with_text).unwrap(), as_stored(&png).unwrap());
}
