//! Turning an image upright.

use image::metadata::Orientation;

/// Edge of the squares that are copied one after another, so that a turned photo's columns stay in the cache.
const TILE: usize = 32;

/// The size of an upright image whose stored one is `size`, or the other way round.
pub(super) fn turned((width, height): (usize, usize), orientation: Orientation) -> (usize, usize) {
    use Orientation::*;
    match orientation {
        NoTransforms | FlipHorizontal | FlipVertical | Rotate180 => (width, height),
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => (height, width),
    }
}

/// Write the upright image to `out` and return its width and height.
///
/// `pixels` holds `height` rows of `width` RGB pixels.
pub(super) fn upright(
    pixels: &[u8],
    (width, height): (usize, usize),
    orientation: Orientation,
    out: &mut Vec<u8>,
) -> (usize, usize) {
    let (source, _) = pixels.as_chunks::<3>();
    let (w, last) = (width as isize, (width * height) as isize - 1);
    // Where the upright image's first pixel lies in the source, and how far it is to its right and lower neighbours.
    let (first, right, down) = match orientation {
        Orientation::NoTransforms => (0, 1, w),
        Orientation::FlipHorizontal => (w - 1, -1, w),
        Orientation::Rotate180 => (last, -1, -w),
        Orientation::FlipVertical => (last + 1 - w, 1, -w),
        Orientation::Rotate90FlipH => (0, w, 1),
        Orientation::Rotate90 => (last + 1 - w, -w, 1),
        Orientation::Rotate270FlipH => (last, -w, -1),
        Orientation::Rotate270 => (w - 1, w, -1),
    };
    let (out_width, out_height) = turned((width, height), orientation);
    out.clear();
    out.resize(pixels.len(), 0);
    let (target, _) = out.as_chunks_mut::<3>();
    for top in (0..out_height).step_by(TILE) {
        for left in (0..out_width).step_by(TILE) {
            for y in top..out_height.min(top + TILE) {
                for x in left..out_width.min(left + TILE) {
                    let from = first + x as isize * right + y as isize * down;
                    target[y * out_width + x] = source[from as usize];
                }
            }
        }
    }
    (out_width, out_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_eight_as_pillow_turns_them() {
        const GOLDEN: &str =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/preprocess_exif.csv"));
        let mut rows = 0;
        for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<u8> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            let [tag, width, height, ref want @ ..] = cells[..] else { panic!("golden row: {line}") };
            let pixels: Vec<u8> = (1..=6).flat_map(|value| [value, value, 0]).collect();
            let mut out = Vec::new();
            let size = upright(&pixels, (3, 2), Orientation::from_exif(tag).unwrap(), &mut out);
            assert_eq!(size, (width.into(), height.into()), "tag {tag}");
            let got: Vec<u8> = out.iter().step_by(3).copied().collect();
            assert_eq!(got, want, "tag {tag}");
            rows += 1;
        }
        assert_eq!(rows, 8, "golden file was cut short");
    }

    #[test]
    fn an_image_larger_than_a_tile_comes_back() {
        let (width, height) = (71, 45);
        let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i * 31 % 251) as u8).collect();
        let (mut turned, mut back) = (Vec::new(), Vec::new());
        let size = upright(&pixels, (width, height), Orientation::Rotate90, &mut turned);
        assert_eq!(size, (height, width));
        upright(&turned, size, Orientation::Rotate270, &mut back);
        assert_eq!(back, pixels);
        assert_ne!(turned, pixels);
    }
}
