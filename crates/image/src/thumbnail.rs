//! Small copies of images, for reports.

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::Error;
use super::guard::guarded;
use super::heif::Heif;
use super::original::{Original, at_least};
use super::recipe::{Alpha, Exif, Filter};
use super::resample::{Part, Resampler};

/// Below this many pixels PNG is smaller than JPEG, and shows every pixel as it is.
const PNG_BELOW: usize = 64 * 64;
const JPEG_QUALITY: u8 = 80;

/// An encoded image without any of the original's metadata, such as the place where a photo was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// `image/png` or `image/jpeg`.
    pub media_type: &'static str,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// A copy of the image in `bytes`, upright, its longer edge at most `edge` pixels. Never larger than the original. HEIC is decoded by
/// `heif`.
///
/// # Errors
/// As [`Preprocessor::pixels`](super::Preprocessor::pixels).
///
/// # Panics
/// If `edge` is 0.
pub fn thumbnail(bytes: &[u8], edge: usize, heif: &Heif) -> Result<Thumbnail, Error> {
    assert!(edge > 0, "a thumbnail has pixels");
    guarded(|| make(bytes, edge, heif))
}

fn make(bytes: &[u8], edge: usize, heif: &Heif) -> Result<Thumbnail, Error> {
    let wanted = |size| Some(fit(size, edge));
    let Original { rgb, width, height } = at_least(bytes, Exif::Apply, Alpha::OverWhite, heif, wanted)?;
    let size = (width, height);
    let target = fit(size, edge);
    if target == size {
        return Ok(encode(&rgb, target));
    }
    let mut small = vec![];
    Resampler::default().resize(&rgb, size, target, Part::whole(target), Filter::Bilinear, &mut small);
    Ok(encode(&small, target))
}

/// The largest size of the same proportions whose longer edge is at most `edge`.
fn fit((width, height): (usize, usize), edge: usize) -> (usize, usize) {
    let longer = width.max(height);
    if longer <= edge {
        return (width, height);
    }
    let scaled = |length: usize| ((length * edge + longer / 2) / longer).max(1);
    (scaled(width), scaled(height))
}

fn encode(rgb: &[u8], (width, height): (usize, usize)) -> Thumbnail {
    const MEMORY: &str = "memory takes what is written, and the buffer is width x height x 3";
    let (mut bytes, colour) = (vec![], ExtendedColorType::Rgb8);
    let (w, h) = (width as u32, height as u32);
    if width * height < PNG_BELOW {
        PngEncoder::new(&mut bytes).write_image(rgb, w, h, colour).expect(MEMORY);
        return Thumbnail { media_type: "image/png", bytes };
    }
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).write_image(rgb, w, h, colour).expect(MEMORY);
    Thumbnail { media_type: "image/jpeg", bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_keeps_its_proportions_and_is_never_enlarged() {
        assert_eq!(fit((451, 300), 320), (320, 213));
        assert_eq!(fit((300, 451), 320), (213, 320));
        assert_eq!(fit((32, 32), 320), (32, 32));
        assert_eq!(fit((10_000, 1), 320), (320, 1));
    }

    #[test]
    fn what_comes_out_is_an_image_of_that_size() {
        let photo = std::fs::read("../../data/photos/cat.jpg").unwrap();
        for (edge, media_type) in [(320, "image/jpeg"), (32, "image/png")] {
            let thumbnail = thumbnail(&photo, edge, &Heif::default()).unwrap();
            assert_eq!(thumbnail.media_type, media_type);
            let image = image::load_from_memory(&thumbnail.bytes).unwrap();
            assert_eq!(image.width() as usize, edge);
        }
    }
}
