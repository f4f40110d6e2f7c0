//! Pillow's resampling, byte for byte.
//!
//! Each pixel is a weighted mean of the source pixels that its filter covers; the filter grows with the factor by which
//! the image shrinks, so nothing aliases. It runs across and down one after the other, with bytes in between, on whole-number weights
//! of 22 bits. All of that shows in the last bit, which is why it is written out: `fast_image_resize`,
//! with weights of 15 bits, leaves a fifth of all bytes one or two steps beside Pillow's.
//!
//! Source: what Pillow's `Resample.c` computes for 8-bit images.

mod passes;
mod windows;

use super::recipe::Filter;
use super::sample;
use passes::{across, down};
use windows::{Kernel, windows};

/// Width and height in pixels.
pub(super) type Size = (usize, usize);

/// Working space that is kept from image to image.
#[derive(Debug, Default)]
pub(super) struct Resampler {
    /// The image between the two passes.
    between: Vec<u8>,
    /// The source's last row, with something behind it.
    last: Vec<u8>,
}

/// Part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Where it begins, from the left and from the top.
    pub origin: Size,
    pub size: Size,
}

impl Part {
    pub(crate) fn whole(size: Size) -> Self {
        Self { origin: (0, 0), size }
    }
}

impl Resampler {
    /// Resize RGB `pixels` from one size to another, and write a `part` of the result to `out`. What only other parts need
    /// is not computed.
    pub(super) fn resize(
        &mut self,
        pixels: &[u8],
        from: Size,
        to: Size,
        part: Part,
        filter: Filter,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        if from == to {
            return cut(pixels, from.0, part, out);
        }
        let kernel = match Kernel::of(filter) {
            Ok(kernel) => kernel,
            Err(sampling) if part == Part::whole(to) => {
                return sample::resize(pixels, from, to, sampling, out);
            }
            Err(sampling) => {
                self.between.clear();
                sample::resize(pixels, from, to, sampling, &mut self.between);
                return cut(&self.between, to.0, part, out);
            }
        };
        let columns = windows(&kernel, from.0, to.0, part.origin.0, part.size.0);
        let mut rows = windows(&kernel, from.1, to.1, part.origin.1, part.size.1);
        let Self { between, last } = self;
        match (from.0 == to.0, from.1 == to.1) {
            (_, true) => {
                let rows = &pixels[part.origin.1 * from.0 * 3..][..part.size.1 * from.0 * 3];
                across(rows, from.0, &columns, last, out);
            }
            (true, _) if part.size.0 == to.0 => down(pixels, from.0, &rows, out),
            (true, _) => {
                down(pixels, from.0, &rows, between);
                cut(between, from.0, Part { origin: (part.origin.0, 0), ..part }, out);
            }
            _ if down_comes_first(from, to) => {
                down(pixels, from.0, &rows, between);
                across(between, from.0, &columns, last, out);
            }
            _ => {
                let needed = rows.start_at_zero();
                let pixels = &pixels[needed.start * from.0 * 3..needed.end * from.0 * 3];
                across(pixels, from.0, &columns, last, between);
                down(between, part.size.0, &rows, out);
            }
        }
    }
}

/// Copy a part out of an image `width` pixels wide.
fn cut(pixels: &[u8], width: usize, part: Part, out: &mut Vec<u8>) {
    for row in pixels.chunks_exact(width * 3).skip(part.origin.1).take(part.size.1) {
        out.extend_from_slice(&row[part.origin.0 * 3..][..part.size.0 * 3]);
    }
}

/// Whether rows are shortened last, which is cheaper for high narrow images and shows in the last bit.
///
/// Found by trying Pillow 13 on many sizes; older versions always begin across.
fn down_comes_first(from: Size, to: Size) -> bool {
    from.1 > to.1 && from.1 as i64 - to.1 as i64 > 2 * (from.0 as i64 - to.0 as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::crc32;

    const ALL: [Filter; 8] = [
        Filter::Nearest,
        Filter::Box,
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Lanczos,
        Filter::NearestCorners,
        Filter::BilinearTf1,
        Filter::BilinearTf2,
    ];

    fn golden(name: &str) -> image::RgbImage {
        let path = format!("{}/tests/golden/resize/{name}.png", env!("CARGO_MANIFEST_DIR"));
        image::open(&path).unwrap_or_else(|error| panic!("{path}: {error}")).to_rgb8()
    }

    #[test]
    fn every_filter_gives_pillows_bytes() {
        let source = golden("source");
        let from = (source.width() as usize, source.height() as usize);
        let mut resampler = Resampler::default();
        let mut got = Vec::new();
        for (name, filter) in [
            ("nearest", Filter::Nearest),
            ("box", Filter::Box),
            ("bilinear", Filter::Bilinear),
            ("bicubic", Filter::Bicubic),
            ("lanczos", Filter::Lanczos),
        ] {
            for to in [(150, 101), (40, 23), (31, 90), (7, 5), (97, 30)] {
                let want = golden(&format!("{name}_{}x{}", to.0, to.1));
                resampler.resize(&source, from, to, Part::whole(to), filter, &mut got);
                let beside = got.iter().zip(want.iter()).filter(|(a, b)| a != b).count();
                assert_eq!((got.len(), beside), (want.len(), 0), "{name} to {to:?}: {beside} bytes differ");
            }
        }
    }

    #[test]
    fn and_so_at_hundreds_of_sizes() {
        const GOLDEN: &str =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/resize_sweep.csv"));
        let (mut resampler, mut got) = (Resampler::default(), Vec::new());
        let mut rows = 0;
        for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = line.split(',').collect();
            let [filter, w, h, to_w, to_h, checksum] = cells[..] else { panic!("golden row: {line}") };
            let filter: Filter = serde_json::from_str(&format!("\"{filter}\"")).unwrap();
            let [w, h, to_w, to_h] = [w, h, to_w, to_h].map(|cell| cell.parse().unwrap());
            let source: Vec<u8> = (0..w * h * 3).map(|i: usize| (i * i % 65_521) as u8).collect();
            let to = (to_w, to_h);
            resampler.resize(&source, (w, h), to, Part::whole(to), filter, &mut got);
            assert_eq!(crc32(&got), checksum.parse::<u32>().unwrap(), "{line}");
            rows += 1;
        }
        assert_eq!(rows, 400, "golden file was cut short");
    }

    #[test]
    fn weights_always_add_up_to_white() {
        let (mut resampler, mut out) = (Resampler::default(), Vec::new());
        for filter in ALL {
            for from in 1..120 {
                let whole = Part::whole((17, 5));
                resampler.resize(&vec![255; from * 9], (from, 3), (17, 5), whole, filter, &mut out);
                assert!(out.len() == 17 * 5 * 3 && out.iter().all(|&v| v == 255), "{filter} from {from}");
            }
        }
    }

    #[test]
    fn a_part_is_that_part_of_the_whole() {
        let (mut resampler, mut whole, mut part, mut want) = (Resampler::default(), vec![], vec![], vec![]);
        // Both narrower and wider, one way only, not at all, and higher than wide, where the passes change places.
        for (from, to) in [
            ((50, 37), (23, 19)),
            ((20, 17), (41, 33)),
            ((50, 37), (50, 19)),
            ((50, 37), (23, 37)),
            ((23, 19), (23, 19)),
            ((30, 90), (29, 20)),
        ] {
            let source: Vec<u8> = (0..from.0 * from.1 * 3).map(|i| (i * i % 65_521) as u8).collect();
            for filter in ALL {
                resampler.resize(&source, from, to, Part::whole(to), filter, &mut whole);
                for (origin, size) in [((0, 0), (5, 4)), ((7, 3), (11, 13)), ((to.0 - 3, to.1 - 2), (3, 2))] {
                    let wanted = Part { origin, size };
                    resampler.resize(&source, from, to, wanted, filter, &mut part);
                    want.clear();
                    cut(&whole, to.0, wanted, &mut want);
                    assert!(part == want, "{filter} from {from:?} to {to:?}, {wanted:?}");
                }
            }
        }
    }

    #[test]
    fn cuts_the_rectangle_asked_for() {
        let pixels: Vec<u8> = (0..5 * 4).flat_map(|i| [i, i, i]).collect();
        let mut out = Vec::new();
        cut(&pixels, 5, Part { origin: (1, 2), size: (3, 2) }, &mut out);
        let values: Vec<u8> = out.into_iter().step_by(3).collect();
        assert_eq!(values, [11, 12, 13, 16, 17, 18]);
    }
}
