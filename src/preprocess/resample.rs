//! Pillow's resampling, byte for byte.
//!
//! Each pixel is a weighted mean of the source pixels that its filter covers; the filter grows with the factor by which
//! the image shrinks, so nothing aliases. It runs across and down one after the other, with bytes in between, on whole-number weights
//! of 22 bits. All of that shows in the last bit, which is why it is written out: `fast_image_resize`,
//! with weights of 15 bits, leaves a fifth of all bytes one or two steps beside Pillow's.
//!
//! Source: what Pillow's `Resample.c` computes for 8-bit images.

use std::f64::consts::PI;

use super::recipe::Filter;
use super::sample::{self, Sampling};

/// Width and height in pixels.
pub(super) type Size = (usize, usize);

/// Fraction bits of a weight: 32, less 8 for the byte and 2 for filters that overshoot.
const FRACTION: u32 = 22;
const HALF: i32 = 1 << (FRACTION - 1);

/// Working space that is kept from image to image.
#[derive(Debug, Default)]
pub(super) struct Resampler {
    /// The image between the two passes.
    between: Vec<u8>,
    /// One output row before it is rounded.
    sums: Vec<i32>,
}

impl Resampler {
    /// Resize RGB `pixels` from one size to another into `out`.
    pub(super) fn resize(&mut self, pixels: &[u8], from: Size, to: Size, filter: Filter, out: &mut Vec<u8>) {
        out.clear();
        let kernel = match Kernel::of(filter) {
            Ok(kernel) => kernel,
            Err(sampling) => return sample::resize(pixels, from, to, sampling, out),
        };
        let columns = windows(&kernel, from.0, to.0);
        let rows = windows(&kernel, from.1, to.1);
        let Self { between, sums } = self;
        match (from.0 == to.0, from.1 == to.1) {
            (true, true) => out.extend_from_slice(pixels),
            (false, true) => across(pixels, from.0, &columns, out),
            (true, false) => down(pixels, from.0, &rows, sums, out),
            (false, false) if down_comes_first(from, to) => {
                down(pixels, from.0, &rows, sums, between);
                across(between, from.0, &columns, out);
            }
            (false, false) => {
                across(pixels, from.0, &columns, between);
                down(between, to.0, &rows, sums, out);
            }
        }
    }
}

/// Whether rows are shortened last, which is cheaper for high narrow images and shows in the last bit.
///
/// Found by trying Pillow 13 on many sizes; older versions always begin across.
fn down_comes_first(from: Size, to: Size) -> bool {
    from.1 > to.1 && from.1 as i64 - to.1 as i64 > 2 * (from.0 as i64 - to.0 as i64)
}

/// A filter as a function of the distance in pixels, and how far it reaches.
struct Kernel {
    value: fn(f64) -> f64,
    reach: f64,
}

impl Kernel {
    /// The other half of the filters does not grow with the scale.
    fn of(filter: Filter) -> Result<Self, Sampling> {
        let (value, reach): (fn(f64) -> f64, f64) = match filter {
            Filter::Nearest => return Err(Sampling::Nearest),
            Filter::NearestCorners => return Err(Sampling::NearestCorners),
            Filter::BilinearTf1 => return Err(Sampling::BilinearTf1),
            Filter::BilinearTf2 => return Err(Sampling::BilinearTf2),
            Filter::Box => (|x| if -0.5 < x && x <= 0.5 { 1.0 } else { 0.0 }, 0.5),
            Filter::Bilinear => (|x| (1.0 - x.abs()).max(0.0), 1.0),
            Filter::Bicubic => (|x| cubic(x.abs()), 2.0),
            Filter::Lanczos => {
                (|x| if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }, 3.0)
            }
        };
        Ok(Self { value, reach })
    }
}

/// Keys' cubic convolution (1981) with `a = -0.5`; OpenCV and PyTorch's tensors have -0.75.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x {
        _ if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        _ if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}

/// The source pixels that one output pixel is made of, and their weights.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// The windows of `to` pixels over `from` pixels.
fn windows(kernel: &Kernel, from: usize, to: usize) -> Vec<Window> {
    // The order of operations is Pillow's: at the edge of a box, the last bit of an f64 decides whether a pixel counts.
    let scale = from as f64 / to as f64;
    let widening = scale.max(1.0);
    let reach = kernel.reach * widening;
    let narrowing = 1.0 / widening;
    let window = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let start = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let weights: Vec<f64> =
            (start..end).map(|x| (kernel.value)((x as f64 - centre + 0.5) * narrowing)).collect();
        let total: f64 = weights.iter().sum();
        let whole = |weight: &f64| (weight / total * f64::from(1 << FRACTION)).round() as i32;
        Window { start, weights: weights.iter().map(whole).collect() }
    };
    (0..to).map(window).collect()
}

/// Resize each row; `width` is that of the source.
fn across(pixels: &[u8], width: usize, windows: &[Window], out: &mut Vec<u8>) {
    let (pixels, _) = pixels.as_chunks::<3>();
    out.clear();
    out.reserve(pixels.len() / width * windows.len() * 3);
    for row in pixels.chunks_exact(width) {
        for window in windows {
            let mut sums = [HALF; 3];
            let covered = &row[window.start..][..window.weights.len()];
            for (pixel, &weight) in covered.iter().zip(&window.weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            out.extend(sums.map(byte));
        }
    }
}

/// Resize each column; `width` is that of both images.
fn down(pixels: &[u8], width: usize, windows: &[Window], sums: &mut Vec<i32>, out: &mut Vec<u8>) {
    let stride = width * 3;
    out.clear();
    for window in windows {
        sums.clear();
        sums.resize(stride, HALF);
        let covered = pixels[window.start * stride..].chunks_exact(stride);
        for (row, &weight) in covered.zip(&window.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| byte(sum)));
    }
}

fn byte(sum: i32) -> u8 {
    (sum >> FRACTION).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::tests::crc32;

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
                resampler.resize(&source, from, to, filter, &mut got);
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
            resampler.resize(&source, (w, h), (to_w, to_h), filter, &mut got);
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
                resampler.resize(&vec![255; from * 9], (from, 3), (17, 5), filter, &mut out);
                assert!(out.len() == 17 * 5 * 3 && out.iter().all(|&v| v == 255), "{filter} from {from}");
            }
        }
    }
}
