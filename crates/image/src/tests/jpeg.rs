//! JPEG of every kind against libjpeg-turbo, and JPEGs that only look whole.

use super::{apart, as_stored, crc32, golden, preset, read, with_orientation};
use crate::decode::{Header, Space, decode};
use crate::recipe::{Alpha, Crop, Decode, Resize, Rounding};
use crate::{Error, Heif, Limits, Preprocessor, Recipe};

/// The files made by `tests/golden/jpeg/make_jpeg.py`, by name.
fn kinds() -> Vec<String> {
    let folder = super::root("tests/golden/jpeg");
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut kinds: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".jpg")?.to_owned())).collect();
    kinds.sort();
    assert_eq!(kinds.len(), 32, "golden files are missing");
    kinds
}

fn file(kind: &str) -> Vec<u8> {
    read(&format!("tests/golden/jpeg/{kind}.jpg"))
}

#[test]
fn every_kind_has_libjpeg_turbos_pixels() {
    for kind in kinds() {
        let got = as_stored(&file(&kind)).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let want = golden(&format!("jpeg/{kind}.png"));
        assert_eq!(got.dimensions(), want.dimensions(), "{kind}");
        assert_eq!(apart(&got, &want), (0, 0.0), "{kind}");
    }
}

/// The pixels of a file that is scaled down by at most this much.
fn scaled(bytes: &[u8], scale: usize) -> Result<(usize, usize, Vec<u8>), Error> {
    let wanted = |header: &Header| Some((header.decoded.0 / scale, header.decoded.1 / scale));
    let (mut space, mut rgb) = (Space::default(), vec![]);
    let (_, header) = decode(
        bytes,
        Alpha::OverWhite,
        (&Limits::default(), &Heif::default()),
        wanted,
        &mut space,
        &mut rgb,
    )?;
    Ok((header.decoded.0, header.decoded.1, rgb))
}

/// A photo through a recipe that scales while it decodes.
fn through(recipe: Recipe, photo: &str, tag: u8) -> (usize, usize, Vec<u8>) {
    let recipe = Recipe { decode: Decode::Scaled, ..recipe };
    let mut preprocessor = Preprocessor::new(recipe).unwrap();
    let bytes = with_orientation(&read(&format!("../../data/photos/{photo}.jpg")), tag);
    let pixels = preprocessor.pixels(&bytes).unwrap();
    assert!(pixels.decoded.width >= 100 && pixels.decoded.height >= 100, "what is stated is the file's size");
    (pixels.width, pixels.height, pixels.rgb.to_vec())
}

#[test]
fn scaled_pixels_are_those_of_pillows_draft() {
    let csv = String::from_utf8(read("tests/golden/jpeg/scaled.csv")).unwrap();
    let (mut rows, mut wrong) = (0, vec![]);
    for line in csv.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').collect();
        let [what, name, number, width, height, checksum] = cells[..] else { panic!("golden row: {line}") };
        let number: u32 = number.parse().unwrap();
        let (width, height): (u32, u32) = (width.parse().unwrap(), height.parse().unwrap());
        let (w, h, rgb) = match what {
            "kind" => scaled(&file(name), number as usize).unwrap(),
            "stretch" => {
                let resize = Resize::Stretch { width, height };
                through(Recipe { resize, ..preset("keras-resnet50") }, name, number as u8)
            }
            _ => {
                let resize = Resize::ShortEdge { edge: number, rounding: Rounding::Down };
                let crop = Some(Crop { width, height, rounding: Rounding::HalfEven });
                through(Recipe { resize, crop, ..preset("torchvision-v1") }, name, 1)
            }
        };
        if (w as u32, h as u32, crc32(&rgb)) != (width, height, checksum.parse().unwrap()) {
            wrong.push(line);
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "other pixels than Pillow's: {wrong:#?}");
    assert_eq!(rows, 108, "golden file was cut short");
}

/// A file that lacks a block is no image at any scale, although a smaller one needs hardly any of its data.
#[test]
fn nothing_is_made_up_at_any_scale() {
    for kind in ["baseline_420_q75", "baseline_422", "restart_blocks", "progressive_420", "grey"] {
        let whole = file(kind);
        let first = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        for cut in (first..whole.len() - 2).step_by(7).chain([whole.len() - 3]) {
            let closed = [&whole[..cut], b"\xff\xd9"].concat();
            for scale in [2, 4, 8] {
                let cut_off = matches!(scaled(&whole[..cut], scale), Err(Error::Truncated { .. }));
                assert!(cut_off && scaled(&closed, scale).is_err(), "{kind} cut to {cut}, 1/{scale}");
            }
        }
    }
}

#[test]
fn damaged_data_never_panic_at_any_scale() {
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for kind in kinds() {
        let whole = file(&kind);
        for _ in 0..100 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random(3) {
                bytes[2 + random(whole.len() - 2)] ^= 1 << random(8);
            }
            // A size that the damage made enormous is not worth the test's time.
            let limits = Limits { pixels: 1 << 18, ..Limits::default() };
            let (mut space, mut rgb) = (Space::default(), vec![]);
            for scale in [1, 8] {
                let wanted = |header: &Header| Some((header.decoded.0 / scale, header.decoded.1 / scale));
                if let Err(error) = decode(
                    &bytes,
                    Alpha::OverWhite,
                    (&limits, &Heif::default()),
                    wanted,
                    &mut space,
                    &mut rgb,
                ) {
                    assert!(!format!("{error:?}").contains("panicked"), "{kind}: {error:?}");
                }
            }
        }
    }
}

/// The second byte of the marker of the frame, and the frame's first one, its bits.
fn frame(jpeg: &[u8]) -> usize {
    jpeg.windows(4).position(|w| w == [0xff, 0xc0, 0, 17]).expect("a baseline frame of three components") + 1
}

#[test]
fn other_kinds_of_jpeg_are_refused_by_name() {
    let whole = file("baseline_444");
    let at = frame(&whole);
    for (place, value, word) in [
        (at, 0xc3, "cannot decode a lossless JPEG; save it as PNG"),
        (at, 0xc7, "cannot decode a lossless JPEG; save it as PNG"),
        (at, 0xc9, "cannot decode a JPEG with arithmetic coding; save it as PNG"),
        (at, 0xca, "cannot decode a JPEG with arithmetic coding; save it as PNG"),
        (at, 0xc5, "cannot decode a hierarchical JPEG; save it as PNG"),
        (at + 3, 12, "cannot decode a JPEG of 12 bits a colour; save it as PNG"),
        (at + 3, 16, "cannot decode a JPEG of 16 bits a colour; save it as PNG"),
        (at + 8, 2, "cannot decode a JPEG of 2 colours; save it as PNG"),
        (at + 8, 5, "cannot decode a JPEG of 5 colours; save it as PNG"),
    ] {
        let mut other = whole.clone();
        other[place] = value;
        let error = as_stored(&other).unwrap_err();
        assert_eq!(error.kind(), "unsupported", "{error:?}");
        assert_eq!(error.to_string(), word);
    }
}

/// The standard's tables stand in for those that a file leaves out; a file that has its own is decoded by them.
#[test]
fn frames_of_a_webcam_are_those_that_have_the_standards_tables() {
    for kind in ["baseline_422", "grey", "restart_blocks", "scans_444"] {
        assert_eq!(
            as_stored(&file(&format!("webcam_{kind}"))).unwrap(),
            as_stored(&file(kind)).unwrap(),
            "{kind}"
        );
    }
    // A progressive image has codes that no standard table has, and a table of another number is nobody's standard.
    let first = |jpeg: &[u8], marker: u8| jpeg.windows(2).position(|pair| pair == [0xff, marker]).unwrap();
    let mut progressive = file("progressive_444");
    let scan = first(&progressive, 0xda);
    let mut at = first(&progressive, 0xc4);
    while at < scan && progressive[at + 1] == 0xc4 {
        // A comment, as long as the table was.
        progressive[at + 1] = 0xfe;
        at += 2 + usize::from(u16::from_be_bytes([progressive[at + 2], progressive[at + 3]]));
    }
    assert!(matches!(as_stored(&progressive), Err(Error::Damaged { .. })));
    let mut other = file("webcam_grey");
    let scan = first(&other, 0xda);
    assert_eq!(other[scan + 6], 0);
    other[scan + 6] = 0x22;
    assert!(matches!(as_stored(&other), Err(Error::Damaged { .. })));
}

/// The same bits over and over would take any time that somebody wants it to take.
#[test]
fn a_scan_that_brings_nothing_new_is_damage() {
    let whole = file("progressive_444");
    let scans: Vec<usize> =
        whole.windows(2).enumerate().filter(|(_, pair)| *pair == [0xff, 0xda]).map(|(at, _)| at).collect();
    let twice = [&whole[..scans[1]], &whole[scans[0]..]].concat();
    assert!(matches!(as_stored(&twice), Err(Error::Damaged { .. })));
}

/// Where the coded data of the last scan begin.
fn last_scan(jpeg: &[u8]) -> usize {
    let header = jpeg.windows(2).rposition(|pair| pair == [0xff, 0xda]).expect("every JPEG has a scan");
    header + 2 + usize::from(u16::from_be_bytes([jpeg[header + 2], jpeg[header + 3]]))
}

/// Decoders make filler of what is missing and say nothing: it is for us to notice.
#[test]
fn an_end_marker_does_not_make_a_cut_file_whole() {
    for kind in kinds() {
        let whole = file(&kind);
        let first = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        // The last byte of the data holds a bit of the last block, for else it would not be there.
        let cuts = (first..whole.len() - 2).step_by(1 + whole.len() / 150).chain([whole.len() - 3]);
        for cut in cuts {
            let closed = [&whole[..cut], b"\xff\xd9"].concat();
            match as_stored(&closed) {
                Err(Error::Truncated { .. } | Error::Damaged { .. }) => {}
                // A progressive file that is cut within a segment of tables.
                Err(error) if cut < last_scan(&whole) => {
                    assert_eq!(error.stage(), "decode", "{kind}: {error:?}")
                }
                Err(error) => panic!("{kind} cut to {cut} of {}: {error:?}", whole.len()),
                Ok(_) => panic!("{kind} cut to {cut} of {} and closed passed", whole.len()),
            }
        }
    }
}

#[test]
fn a_lost_piece_between_restarts_is_noticed() {
    let whole = file("restart_blocks");
    let restarts: Vec<usize> = (last_scan(&whole)..whole.len())
        .filter(|&at| whole[at] == 0xff && whole[at + 1] & 0xf8 == 0xd0)
        .collect();
    assert!(restarts.len() >= 3);
    let without = [&whole[..restarts[0]], &whole[restarts[1]..]].concat();
    assert!(matches!(as_stored(&without), Err(Error::Damaged { .. } | Error::Truncated { .. })));
}

#[test]
fn what_follows_the_end_is_nobodys_concern() {
    let whole = file("progressive_420");
    let with_video = [whole.as_slice(), b"\0\0\0\x18ftypmp42 a motion photo \xff\xda\xff"].concat();
    assert_eq!(as_stored(&with_video).unwrap(), as_stored(&whole).unwrap());
}
