//! Files that say in many ways how they are to be turned, against Pillow; `tests/golden/orientation/make_orientation.py` makes
//! them.

use std::io::Cursor;

use image::{ImageDecoder, ImageFormat, ImageReader};

use super::*;
use crate::kind::{FileKind, sniff};
use crate::recipe::{Alpha, Exif};
use crate::tests::read;
use crate::{Heif, original, revision};

/// Name, and size and checksum of the upright image, for each file.
fn golden() -> Vec<(String, (usize, usize, u32))> {
    let csv = String::from_utf8(read("tests/golden/orientation/orientation.csv")).unwrap();
    let row = |line: &str| {
        let [name, width, height, sum] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (name.to_owned(), (width.parse().unwrap(), height.parse().unwrap(), sum.parse().unwrap()))
    };
    let rows: Vec<_> = csv.lines().filter(|line| !line.starts_with('#')).map(row).collect();
    assert_eq!(rows.len(), 132, "golden file was cut short");
    rows
}

fn file(name: &str) -> (Format, Vec<u8>) {
    let bytes = read(&format!("tests/golden/orientation/{name}"));
    let FileKind::Image(format) = sniff(&bytes) else { panic!("{name}") };
    (format, bytes)
}

#[test]
fn every_file_is_turned_as_pillow_turns_it() {
    let mut wrong = vec![];
    for (name, want) in golden() {
        let image = original(&file(&name).1, Exif::Apply, Alpha::OverWhite, &Heif::default()).unwrap();
        let got = (image.width, image.height, crc32fast::hash(&image.rgb));
        if got != want {
            wrong.push((name, got, want));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What version 0.1.0 read was what the decoders said that it used. Those of PNG and WebP are still here to be asked.
#[test]
fn the_reading_of_0_1_0_is_kept() {
    for (name, _) in golden() {
        let (format, bytes) = file(&name);
        let then = match format {
            Format::Jpeg => jpeg::exif_segments(&bytes).find_map(Orientation::from_exif_chunk),
            Format::Tiff => tiff_of_0_1_0(&name),
            _ => {
                let codec = if format == Format::Png { ImageFormat::Png } else { ImageFormat::WebP };
                let reader = ImageReader::with_format(Cursor::new(&bytes), codec);
                let then = reader.into_decoder().and_then(|mut decoder| decoder.orientation());
                Some(then.unwrap_or_else(|error| panic!("{name}: {error:?}")))
            }
        };
        let upright = Orientation::NoTransforms;
        assert_eq!(before::of(format, &bytes), then.unwrap_or(upright), "{name}");
    }
}

/// What the crate `tiff` 0.11.3 said of these files, when it was the decoder.
fn tiff_of_0_1_0(name: &str) -> Option<Orientation> {
    const TURNED: [&str; 10] = [
        "short.tif",
        "short_big.tif",
        "long.tif",
        "long_big.tif",
        "byte.tif",
        "byte_big.tif",
        "undefined.tif",
        "undefined_big.tif",
        "long8.tif",
        "bigtiff_short.tif",
    ];
    match name {
        "short_and_xmp.tif" => Some(Orientation::Rotate180),
        _ => TURNED.contains(&name).then_some(Orientation::Rotate90),
    }
}

#[test]
fn only_files_that_are_turned_otherwise_have_a_new_revision() {
    let changed = |name: &str| revision(&file(name).1) == 2;
    for name in
        ["xmp_attribute.jpg", "exif_long.jpg", "exif_behind.png", "exif_word.webp", "xmp.webp", "xmp.tif"]
    {
        assert!(changed(name), "{name}");
    }
    // Pillow does not take bytes for numbers, which 0.1.0 did in TIFF.
    assert!(changed("byte.tif"));
    let same =
        ["exif_6.jpg", "exif_9_and_xmp.jpg", "exif_and_xmp.jpg", "exif_before.png", "exif.webp", "long.tif"];
    for name in same {
        assert!(!changed(name), "{name}");
    }
    let count = golden().iter().filter(|(name, _)| changed(name)).count();
    assert_eq!(count, 74);
}

#[test]
fn whatever_the_bytes_nothing_panics() {
    for (name, _) in golden() {
        let (format, whole) = file(&name);
        let look = |bytes: &[u8]| (of(format, bytes), before::of(format, bytes));
        for end in 0..whole.len() {
            look(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                look(&damaged);
            }
        }
    }
}

/// A text that unpacks to a gigabyte is read up to a limit.
#[test]
fn a_bomb_of_text_takes_little() {
    use std::io::Write;
    let mut packed = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
    (0..64).for_each(|_| packed.write_all(&[b'0'; 1 << 20]).unwrap());
    let contents = [b"XML:com.adobe.xmp\0\0".as_slice(), &packed.finish().unwrap()].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, contents) in [(b"zTXt", contents.as_slice()), (b"IEND", &[])] {
        file.extend((contents.len() as u32).to_be_bytes());
        file.extend([name.as_slice(), contents, &[0; 4]].concat());
    }
    let text = png::notes(&file).xmp.unwrap().into_owned();
    assert_eq!((text.len(), text.capacity() <= 2 << 20), (1 << 20, true));
}
