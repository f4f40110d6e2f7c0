//! Whole files of HEIC and AVIF: as others decode them, cut off, damaged, and with claims that are not to be believed.

use std::path::Path;
use std::sync::LazyLock;

use ::image::RgbImage;

use super::*;
use crate::tests::{apart, golden, read, root};

/// The library that `just test` puts there.
fn installed() -> Heif {
    static FOUND: LazyLock<Heif> = LazyLock::new(|| {
        let folder = root("../../models/tools/readers/pillow_heif.libs");
        let files = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("`just test` installs pillow-heif"));
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("libheif");
        let path = files.map(|entry| entry.unwrap().path()).find(|path| name(path)).unwrap();
        Heif::named(path, "the test")
    });
    FOUND.library().unwrap();
    FOUND.clone()
}

fn none() -> Heif {
    Heif::off("the test")
}

fn decoded(bytes: &[u8], heif: fn() -> Heif, alpha: Alpha) -> Result<RgbImage> {
    let (mut scratch, mut rgb) = (vec![], vec![]);
    let size = shown(&heif(), bytes, alpha, &Limits::default(), &mut scratch, &mut rgb)?;
    Ok(RgbImage::from_raw(size.0 as u32, size.1 as u32, rgb).unwrap())
}

fn file(name: &str) -> Vec<u8> {
    read(&format!("tests/golden/formats/heif/{name}"))
}

/// The names of all golden files of this kind.
fn names(ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root("tests/golden/formats/heif")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

/// How far from others' pixels a file may be: the most, and on average; a little more than measured.
fn tolerance(name: &str) -> (u8, f64) {
    match name {
        // libyuv cuts off the coefficient of blue.
        "bt2020.avif" => (7, 0.8),
        // Others cut bits off the planes, and compute RGB from what remains.
        "10_bits.avif" | "10_bits.heic" | "12_bits.heic" => (3, 0.8),
        "12_bits.avif" => (4, 1.0),
        // Another range, for which libheif rounds the planes themselves.
        "limited.heic" => (1, 0.3),
        "grey.avif" | "lossless.avif" | "ycgco.avif" | "grey.heic" | "422.heic" | "444.heic" => (0, 0.0),
        // libyuv computes with six bits behind the point.
        name if name.ends_with(".avif") => (2, 0.4),
        _ => (1, 0.03),
    }
}

#[test]
fn formats_of_phones_are_as_pillow_and_pillow_heif_decode_them() {
    let names = [names(".avif"), names(".heic"), names(".heif")].concat();
    assert_eq!(names.len(), 45, "golden files are missing");
    let mut wrong = vec![];
    for name in names {
        let want = golden(&format!("formats/heif/{name}.expected.png"));
        let got = match decoded(&file(&name), installed, Alpha::OverWhite) {
            Ok(got) if got.dimensions() == want.dimensions() => got,
            other => {
                wrong.push(format!("{name}: {:?}", other.map(|got| got.dimensions())));
                continue;
            }
        };
        let ((most, mean), allowed) = (apart(&got, &want), tolerance(&name));
        println!("{name}: {most}, {mean:.3}");
        if most > allowed.0 || mean > allowed.1 {
            wrong.push(format!("{name}: most {most}, mean {mean:.3}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn without_libheif_heic_is_refused_and_avif_is_not() {
    let fault = decoded(&file("420.heic"), none, Alpha::OverWhite).unwrap_err();
    let error = fault.of(Format::Heic);
    assert_eq!((error.stage(), error.kind()), ("library", "no-library"));
    assert_eq!(error.to_string(), "cannot decode HEIC");
    decoded(&file("420.avif"), none, Alpha::OverWhite).unwrap();
    // Whatever the file is called: what is in it decides.
    assert!(matches!(decoded(&file("hevc_in_mif1.heif"), none, Alpha::OverWhite), Err(Fault::NoLibrary(_))));
}

#[test]
fn hidden_colours_come_back() {
    let plain = decoded(&file("420.avif"), none, Alpha::Drop).unwrap();
    let hidden = decoded(&file("alpha.avif"), none, Alpha::Drop).unwrap();
    let (_, mean) = apart(&plain, &hidden);
    assert!(mean < 3.0, "the colours below are those of the picture without transparency: {mean}");
    // Dark where nothing can be seen, so that only what is seen can be compared.
    let divided = decoded(&file("premultiplied.avif"), none, Alpha::Drop).unwrap();
    let seen = |image: &RgbImage| -> Vec<u8> {
        // Opacity is 4 y + 3 x, modulo 256.
        let opaque = image.enumerate_pixels().filter(|&(x, y, _)| (4 * y + 3 * x) % 256 > 128);
        opaque.flat_map(|(.., pixel)| pixel.0).collect()
    };
    let (_, mean) = apart(&seen(&plain), &seen(&divided));
    assert!(mean < 6.0, "{mean}");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_recognised() {
    for name in ["420.avif", "grid.avif", "pieces.avif", "frames.avif", "420.heic", "grid.heic", "alpha.heic"]
    {
        let bytes = file(name);
        for cut in 12..bytes.len() {
            // The library is not even asked.
            match decoded(&bytes[..cut], none, Alpha::OverWhite) {
                Err(Fault::CutOff) => {}
                other => panic!("{name} cut at {cut}: {:?}", other.map(|image| image.dimensions())),
            }
        }
    }
}

/// Numbers that are the same on every machine.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state as usize
}

#[test]
fn damage_anywhere_is_an_error_or_another_picture() {
    let mut state = 1;
    let mut damaged = 0;
    for name in [names(".avif"), names(".heic")].concat() {
        let whole = file(&name);
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random(&mut state) % 4 {
                let place =
                    random(&mut state) % if random(&mut state).is_multiple_of(2) { 600 } else { bytes.len() };
                let end = bytes.len() - 1;
                bytes[place.min(end)] = match random(&mut state) % 3 {
                    0 => random(&mut state) as u8,
                    1 => 0xff,
                    _ => bytes[place.min(end)] ^ 1 << (random(&mut state) % 8),
                };
            }
            // HEIC as far as the library: what that does with it is its own affair.
            damaged += usize::from(decoded(&bytes, none, Alpha::OverWhite).is_err());
            takes(&bytes);
        }
    }
    assert!(damaged > 500, "the damage does none: {damaged}");
}

/// The file with the first of these boxes changed.
fn changed(name: &str, kind: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = file(name);
    let place = bytes.windows(4).position(|window| window == kind).expect("the box is there");
    change(&mut bytes[place + 4..]);
    bytes
}

#[test]
fn claims_of_enormous_size_are_refused_before_decoding() {
    let huge = |body: &mut [u8]| body[4..12].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let files = [changed("420.avif", b"ispe", huge), changed("420.heic", b"ispe", huge)];
    for (i, bytes) in files.iter().enumerate() {
        let fault = decoded(bytes, none, Alpha::OverWhite).unwrap_err();
        let Fault::TooLarge(error) = fault else { panic!("file {i}: {fault:?}") };
        assert_eq!(error.kind(), "too-large");
    }
    // Small limits: what the planes and RGB take is counted.
    let limits = Limits { memory: 71 * 53 * 7, ..Limits::default() };
    let (mut scratch, mut rgb) = (vec![], vec![]);
    let result = shown(&none(), &file("420.avif"), Alpha::Drop, &limits, &mut scratch, &mut rgb);
    assert!(matches!(result, Err(Fault::TooLarge(_))), "{result:?}");
    assert_eq!(takes(&file("420.avif")), Some(71 * 53 * 6 + (71 * 53 * 6_u64).div_ceil(4)));
    assert!(takes(&file("grid.heic")).unwrap() >= 162 * 98 * 9);
}

#[test]
fn what_contradicts_itself_is_damaged() {
    let one_less = |body: &mut [u8]| body[7] -= 1;
    let more_rows = |body: &mut [u8]| body[3] = 200;
    let more_pixels = |body: &mut [u8]| body[4..8].fill(0xff);
    let files = [
        changed("420.avif", b"ispe", one_less),
        changed("grid.avif", b"idat", more_pixels),
        changed("grid.heic", b"idat", more_pixels),
        changed("grid.avif", b"idat", more_rows),
        changed("420.avif", b"pitm", |body| body[5] = 9),
        changed("clap.avif", b"clap", |body| body[3] = 200),
    ];
    for (i, bytes) in files.iter().enumerate() {
        let fault = decoded(bytes, none, Alpha::OverWhite).unwrap_err();
        assert!(matches!(fault, Fault::Damaged(_)), "file {i}: {fault:?}");
    }
}

#[test]
fn what_is_not_decoded_is_named() {
    let coded_as = |kind: &[u8; 4]| {
        let mut bytes = file("420.avif");
        let place = bytes.windows(4).position(|window| window == b"av01").unwrap();
        bytes[place..place + 4].copy_from_slice(kind);
        decoded(&bytes, none, Alpha::OverWhite).unwrap_err().of(Format::Heic).to_string()
    };
    assert_eq!(coded_as(b"jpeg"), "cannot decode HEIC with JPEG inside (`jpeg`); save it as PNG or JPEG");
    assert!(coded_as(b"iovl").contains("images laid over one another"));
    assert!(coded_as(b"vvc1").contains("H.266"));
    assert!(coded_as(b"abcd").contains("`abcd`"));
    // A property that must not be left aside, and is not known.
    let bytes = changed("irot1.avif", b"irot", |_| {});
    let place = bytes.windows(4).position(|window| window == b"irot").unwrap();
    let unknown = [&bytes[..place], b"what", &bytes[place + 4..]].concat();
    let error = decoded(&unknown, none, Alpha::OverWhite).unwrap_err().of(Format::Avif);
    assert_eq!(error.kind(), "unsupported", "{error}");
    assert!(error.to_string().contains("the property `what`"), "{error}");
}

#[test]
fn a_small_file_cannot_claim_billions_of_parts() {
    // 65,535 items of 65,535 parts each, of which neither has bytes.
    let iloc = [&b"\0\0\0\0\0\0\xff\xff"[..], &[b"\0\x01\0\0\xff\xff".repeat(3), vec![]].concat()].concat();
    let in_box =
        |kind: &[u8; 4], body: &[u8]| [&(8 + body.len() as u32).to_be_bytes()[..], kind, body].concat();
    let meta = in_box(b"meta", &[vec![0; 4], in_box(b"iloc", &iloc)].concat());
    let bytes = [in_box(b"ftyp", b"avif\0\0\0\0"), meta].concat();
    assert!(matches!(decoded(&bytes, none, Alpha::OverWhite), Err(Fault::Damaged(_))));
}

#[test]
fn the_size_in_hevc_is_read_before_libheif_is() {
    let container = file("420.heic");
    let container = Container::read(&container).unwrap();
    let id = container.primary().unwrap();
    let header = hevc::Header::read(hevc_config(&container, id).unwrap()).unwrap();
    // Coded in blocks of eight, of which a window is shown.
    assert_eq!((header.size, header.bits, header.chroma), ((72, 64), 8, Chroma::C420));
}
