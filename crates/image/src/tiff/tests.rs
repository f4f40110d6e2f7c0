//! Files that a writer with bad intentions, or a broken disk, makes. Pixels are compared in `preprocess/tests/odd.rs`.

use super::*;
use crate::tests::read;

const FILES: [&str; 12] = [
    "bits_reversed_packbits",
    "fax_huffman_1",
    "fax_group3_two_2",
    "fax_group4_1",
    "palette4_tiles",
    "palette8_bigtiff",
    "grey8_premultiplied",
    "grey16_predictor",
    "colour8_planes_tiles",
    "colour8_zstd",
    "cmyk8",
    "jpeg_ycbcr_tiles",
];

fn odd(name: &str) -> Vec<u8> {
    read(&format!("tests/golden/odd/{name}.tiff"))
}

/// Width, height and pixels, decoded outside of what catches panics.
fn decoded(bytes: &[u8]) -> Result<(usize, usize, Vec<u8>), Error> {
    let limits = Limits { pixels: 1 << 20, memory: 1 << 24, ..Limits::default() };
    let (mut packed, mut jpeg, mut rgb) = (vec![], jpeg::Space::default(), vec![]);
    let header = decode(bytes, Alpha::OverWhite, &limits, &mut packed, &mut jpeg, &mut rgb)?;
    Ok((header.decoded.0, header.decoded.1, rgb))
}

#[test]
fn whatever_the_bytes_nothing_panics() {
    for name in FILES {
        let whole = odd(name);
        assert!(decoded(&whole).is_ok(), "{name}");
        for end in 0..whole.len() {
            let _ = decoded(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                if let Ok((width, height, rgb)) = decoded(&damaged) {
                    assert_eq!(rgb.len(), width * height * 3, "{name}, byte {at}");
                }
                let _ = takes(&damaged);
            }
        }
    }
}

/// A little-endian TIFF of these fields: number, kind, count, value.
fn of_fields(fields: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((fields.len() as u16).to_le_bytes());
    for &(tag, kind, count, value) in fields {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}

const SHORT: u16 = 3;
const LONG: u16 = 4;

#[test]
fn a_grey_pixel_needs_few_fields() {
    let file = of_fields(&[
        (256, LONG, 1, 1),
        (257, SHORT, 1, 1),
        (258, SHORT, 1, 8),
        (262, SHORT, 1, 1),
        (273, LONG, 1, 4),
    ]);
    // The pixel is the fifth byte of the file.
    assert_eq!(decoded(&file).unwrap(), (1, 1, vec![8; 3]));
}

#[test]
fn more_tiles_than_can_be_counted_are_refused() {
    let most = u32::MAX;
    let file = of_fields(&[
        (256, LONG, 1, most),
        (257, LONG, 1, most),
        (258, SHORT, 1, 8),
        (262, SHORT, 1, 1),
        (322, LONG, 1, 1),
        (323, LONG, 1, 1),
        (324, LONG, 1, 8),
    ]);
    assert_eq!(decoded(&file).unwrap_err().kind(), "damaged");
    // A single tile that is larger than memory.
    let file = of_fields(&[
        (256, LONG, 1, 1),
        (257, LONG, 1, 1),
        (258, SHORT, 1, 8),
        (262, SHORT, 1, 1),
        (322, LONG, 1, most),
        (323, LONG, 1, most),
        (324, LONG, 1, 8),
    ]);
    assert_eq!(decoded(&file).unwrap_err().kind(), "too-large");
}

#[test]
fn pages_in_a_ring_end() {
    // The sub-page is the page itself; no page of it is a raw photo.
    let file = of_fields(&[(256, LONG, 1, 1), (330, LONG, 1, 8)]);
    let first = Directory::first(&file).unwrap();
    assert_eq!(first.family().len(), 2);
    assert_eq!(raw_photo::name(&first), None);
}

#[test]
fn data_that_end_early_are_said_to() {
    let whole = odd("colour8_zstd");
    // The length of the first strip, one byte less: its last row is missing.
    let page = Page::read(Directory::first(&whole).unwrap()).ok().unwrap();
    let packed = page.packed(&page.parts().next().unwrap()).unwrap();
    let lengths = [279_u16.to_le_bytes(), 4_u16.to_le_bytes()].concat();
    let entry = whole.windows(4).position(|w| w == lengths).unwrap();
    let at = u32::from_le_bytes(whole[entry + 8..entry + 12].try_into().unwrap()) as usize;
    let mut cut = whole.clone();
    cut[at..at + 4].copy_from_slice(&(packed.len() as u32 / 2).to_le_bytes());
    assert_eq!(decoded(&cut).unwrap_err().kind(), "damaged");
}
