//! How much memory an image will take, before it takes it.

use std::io::Cursor;

use image::{ImageDecoder, ImageReader};

use super::guard::guarded;
use super::kind::{FileKind, Format, sniff};
use super::{gif, heif, jpeg, jxl, pnm, tiff};

/// Bytes that decoding the file's image and turning it upright take at most, judged by its header; 0 for a file of which
/// the header tells no size, and which therefore will not be decoded.
pub fn decoding_takes(bytes: &[u8]) -> u64 {
    // As in decoding: a slip of a reader of headers is to cost one image, which then fails there.
    guarded(|| Ok(by_header(bytes))).unwrap_or(0)
}

fn by_header(bytes: &[u8]) -> u64 {
    let takes = match sniff(bytes) {
        FileKind::Image(Format::Jpeg) => jpeg::takes(bytes).ok(),
        FileKind::Image(Format::Tiff) => tiff::takes(bytes).ok(),
        FileKind::Image(Format::Gif) => gif::takes(bytes).ok(),
        FileKind::Image(Format::Pnm) => pnm::takes(bytes).ok(),
        FileKind::Image(Format::Heic | Format::Avif) => heif::takes(bytes),
        FileKind::Image(Format::JpegXl) => jxl::takes(bytes),
        _ => return by_crate(bytes),
    };
    takes.unwrap_or(0)
}

/// Of a format that the crate `image` decodes.
fn by_crate(bytes: &[u8]) -> u64 {
    let Ok(reader) = ImageReader::new(Cursor::new(bytes)).with_guessed_format() else { return 0 };
    let Ok(decoder) = reader.into_decoder() else { return 0 };
    let (width, height) = decoder.dimensions();
    // What the decoder fills, RGB made from it, and RGB turned.
    let each = u64::from(decoder.color_type().bytes_per_pixel()) + 3 + 3;
    u64::from(width).saturating_mul(u64::from(height)).saturating_mul(each)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat};

    use super::*;

    #[test]
    fn the_header_tells() {
        for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
            let mut file = Cursor::new(vec![]);
            DynamicImage::new_rgb8(30, 20).write_to(&mut file, format).unwrap();
            assert_eq!(decoding_takes(file.get_ref()), 30 * 20 * 9, "{format:?}");
        }
        let golden = |name: &str| crate::tests::read(&format!("tests/golden/formats/{name}"));
        // Three samples, RGB, RGB turned, and the one strip that is unpacked.
        assert_eq!(decoding_takes(&golden("colour8_lzw.tiff")), 23 * 17 * (3 + 3 + 3 + 3));
        assert_eq!(decoding_takes(&golden("palette.gif")), 23 * 17 * (1 + 3 + 3));
        assert_eq!(decoding_takes(b"P5 30 20 255\n"), 30 * 20 * 6);
        let mut file = Cursor::new(vec![]);
        DynamicImage::new_rgb8(30, 20).write_to(&mut file, ImageFormat::Jpeg).unwrap();
        assert_eq!(decoding_takes(file.get_ref()), 30 * 20 * 6);
        // Of several scans the coefficients are kept: 7 x 5 blocks of 64 in three components, two bytes each.
        let several = include_bytes!("../tests/golden/jpeg/progressive_444.jpg");
        assert_eq!(decoding_takes(several), 53 * 37 * 6 + 7 * 5 * 64 * 3 * 2);
        assert_eq!(decoding_takes(b""), 0);
        assert_eq!(decoding_takes(b"no image"), 0);
    }
}
