//! Every sort of pixel that the formats have, against Pillow.

use super::{apart, as_stored, crc32, golden, preset, read};
use crate::recipe::{Crop, Exif, Resize, Rounding};
use crate::{Preprocessor, Recipe};

#[test]
fn every_sort_of_pixel_becomes_pillows_rgb() {
    let golden = String::from_utf8(read("tests/golden/formats/formats.csv")).unwrap();
    let (mut rows, mut wrong) = (0, vec![]);
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').collect();
        let [file, width, height, checksum] = cells[..] else { panic!("golden row: {line}") };
        let got = match as_stored(&read(&format!("tests/golden/formats/{file}"))) {
            Ok(pixels) => (pixels.width(), pixels.height(), Ok(crc32(&pixels))),
            Err(error) => (0, 0, Err(error.to_string())),
        };
        let want = (width.parse().unwrap(), height.parse().unwrap(), Ok(checksum.parse().unwrap()));
        if got != want {
            wrong.push((file, got, want));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "other pixels than Pillow's: {wrong:#?}");
    assert_eq!(rows, 37, "golden file was cut short");
}

#[test]
fn transparency_goes_over_white() {
    let mut files = 0;
    for entry in std::fs::read_dir(super::root("tests/golden/formats")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(file) = name.strip_suffix(".expected.png") else { continue };
        let got = as_stored(&read(&format!("tests/golden/formats/{file}")));
        let got = got.unwrap_or_else(|error| panic!("{file}: {error:?}"));
        let want = golden(&format!("formats/{name}"));
        assert_eq!(got.dimensions(), want.dimensions(), "{file}");
        let (most, mean) = apart(&got, &want);
        let (allowed, on_average) = match file {
            // libwebp spreads the colour planes over the pixels as image-webp does; measured: at most 1, mean 0.003.
            "lossy.webp" | "lossy_alpha.webp" => (1, 0.01),
            // Half a step may be rounded to either side.
            _ => (1, 0.02),
        };
        assert!(most <= allowed && mean <= on_average, "{file}: most {most}, mean {mean}");
        files += 1;
    }
    assert_eq!(files, 15, "golden files are missing");
}

/// All of an image of this size, as it comes.
fn whole(width: u32, height: u32, exif: Exif) -> Recipe {
    let crop = Some(Crop { width, height, rounding: Rounding::Down });
    Recipe { resize: Resize::None, crop, exif, ..preset("keras-resnet50") }
}

#[test]
fn every_orientation_is_turned_upright_or_left_alone() {
    let golden = String::from_utf8(read("tests/golden/formats/exif.csv")).unwrap();
    let mut rows = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').collect();
        let [file, tag, width, height, checksum] = cells[..] else { panic!("golden row: {line}") };
        let bytes = read(&format!("tests/golden/formats/exif/{file}"));
        let upright = whole(width.parse().unwrap(), height.parse().unwrap(), Exif::Apply);
        let mut preprocessor = Preprocessor::new(upright).unwrap();
        let got = preprocessor.pixels(&bytes).unwrap();
        assert_eq!(got.decoded.orientation, tag.parse::<u8>().unwrap(), "{file}");
        assert_eq!(crc32(got.rgb), checksum.parse::<u32>().unwrap(), "{file}: not as Pillow turns it");

        let mut preprocessor = Preprocessor::new(whole(11, 7, Exif::Ignore)).unwrap();
        assert!(preprocessor.pixels(&bytes).unwrap().rgb == as_stored(&bytes).unwrap().as_raw(), "{file}");
        rows += 1;
    }
    assert_eq!(rows, 24, "golden file was cut short");
}
