//! Pillow's resampling, byte for byte.
//!
//! Each pixel is a weighted mean of the source pixels that its filter covers; the filter grows with the factor by which
//! the image shrinks, so nothing aliases. It runs across and down one after the other, with bytes in between, on whole-number weights
//! of 22 bits. All of that shows in the last bit, which is why it is written out: `fast_image_resize`,
//! with weights of 15 bits, leaves a fifth of all bytes one or two steps beside Pillow's.
//!
//! Source: what Pillow's `Resample.c` computes for 8-bit images.

use std::f64::consts::PI;
use std::ops::Range;

use super::recipe::Filter;
use super::sample::{self, Sampling};
use crate::machine::{Loops, vectorise};

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
    pub fn whole(size: Size) -> Self {
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

/// The source pixels that each of some output pixels is made of, and their weights.
struct Windows {
    /// The first source pixel of each, and how many there are.
    spans: Vec<(usize, usize)>,
    /// All weights, one window after the other.
    weights: Vec<i32>,
}

impl Windows {
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut rest = self.weights.as_slice();
        self.spans.iter().map(move |&(start, count)| {
            let (weights, behind) = rest.split_at(count);
            rest = behind;
            (start, weights)
        })
    }

    /// Count source pixels from the first that is needed, and tell which are.
    fn start_at_zero(&mut self) -> Range<usize> {
        let first = self.spans.iter().map(|span| span.0).min().unwrap_or(0);
        let end = self.spans.iter().map(|&(start, count)| start + count).max().unwrap_or(0);
        self.spans.iter_mut().for_each(|span| span.0 -= first);
        first..end
    }
}

/// The windows of `count` pixels, of `to` over `from` pixels, from the one numbered `first` on.
fn windows(kernel: &Kernel, from: usize, to: usize, first: usize, count: usize) -> Windows {
    // The order of operations is Pillow's: at the edge of a box, the last bit of an f64 decides whether a pixel counts.
    let scale = from as f64 / to as f64;
    let widening = scale.max(1.0);
    let reach = kernel.reach * widening;
    let narrowing = 1.0 / widening;
    let mut windows = Windows { spans: Vec::with_capacity(count), weights: vec![] };
    let mut exact = vec![];
    for i in first..first + count {
        let centre = (i as f64 + 0.5) * scale;
        let start = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        exact.clear();
        exact.extend((start..end).map(|x| (kernel.value)((x as f64 - centre + 0.5) * narrowing)));
        let total: f64 = exact.iter().sum();
        let whole = |weight: &f64| (weight / total * f64::from(1 << FRACTION)).round() as i32;
        windows.weights.extend(exact.iter().map(whole));
        windows.spans.push((start, end - start));
    }
    windows
}

/// Resize each row; `width` is that of the source.
fn across(pixels: &[u8], width: usize, windows: &Windows, last: &mut Vec<u8>, out: &mut Vec<u8>) {
    let stride = width * 3;
    // Pixels are read in fours of bytes, of which the last is not used; behind the last row there is none.
    last.clear();
    last.extend_from_slice(&pixels[pixels.len() - stride..]);
    last.push(0);
    out.clear();
    out.resize(pixels.len() / stride * windows.spans.len() * 3, 0);
    vectorise(Across { pixels, stride, windows, last, out });
}

struct Across<'a> {
    pixels: &'a [u8],
    stride: usize,
    windows: &'a Windows,
    last: &'a [u8],
    out: &'a mut [u8],
}

impl Loops for Across<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pixels, stride, windows, last, out } = self;
        let rows = pixels.len() / stride;
        let row = |y: usize| if y + 1 == rows { last } else { &pixels[y * stride..][..stride + 1] };
        let mut rest = out;
        for y in (0..rows).step_by(ROWS) {
            // Rows at the end are done again where they are fewer than fit; what is computed twice is written once.
            let together = std::array::from_fn(|i| row((y + i).min(rows - 1)));
            let (here, behind) = rest.split_at_mut((rows - y).min(ROWS) * windows.spans.len() * 3);
            across_together(together, windows, here);
            rest = behind;
        }
    }
}

/// Rows that are resized together, so that each weight is loaded once and sums do not wait for one another.
const ROWS: usize = 4;

#[inline(always)]
fn across_together(rows: [&[u8]; ROWS], windows: &Windows, out: &mut [u8]) {
    let stride = windows.spans.len() * 3;
    for (x, (start, weights)) in windows.iter().enumerate() {
        let covered = rows.map(|row| &row[start * 3..(start + weights.len()) * 3 + 1]);
        // All lanes alike, unused ones too, for that is what becomes vector instructions.
        let mut sums = [HALF; 4 * ROWS];
        for (k, &weight) in weights.iter().enumerate() {
            let mut values = [0; 4 * ROWS];
            for (values, covered) in values.chunks_exact_mut(4).zip(covered) {
                values.copy_from_slice(&covered[k * 3..k * 3 + 4]);
            }
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += i32::from(value) * weight;
            }
        }
        let mut pixels = [0; 4 * ROWS];
        round(&sums, &mut pixels);
        for (out, pixel) in out.chunks_exact_mut(stride).zip(pixels.chunks_exact(4)) {
            out[x * 3..][..3].copy_from_slice(&pixel[..3]);
        }
    }
}

/// Resize each column; `width` is that of both images.
fn down(pixels: &[u8], width: usize, windows: &Windows, out: &mut Vec<u8>) {
    let stride = width * 3;
    out.clear();
    out.resize(windows.spans.len() * stride, 0);
    vectorise(Down { pixels, stride, windows, out });
}

struct Down<'a> {
    pixels: &'a [u8],
    stride: usize,
    windows: &'a Windows,
    out: &'a mut [u8],
}

/// Bytes of a row that are summed at a time: as many as there are vector registers for.
const TOGETHER: usize = 32;

impl Loops for Down<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pixels, stride, windows, out } = self;
        for ((start, weights), out) in windows.iter().zip(out.chunks_exact_mut(stride)) {
            let covered = &pixels[start * stride..][..weights.len() * stride];
            let (chunks, rest) = out.as_chunks_mut::<TOGETHER>();
            let at = chunks.len() * TOGETHER;
            for (i, chunk) in chunks.iter_mut().enumerate() {
                let mut sums = [HALF; TOGETHER];
                for (row, &weight) in covered.chunks_exact(stride).zip(weights) {
                    let values = &row[i * TOGETHER..][..TOGETHER];
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum += i32::from(value) * weight;
                    }
                }
                round(&sums, chunk);
            }
            for (x, byte_out) in rest.iter_mut().enumerate() {
                let rows = covered.chunks_exact(stride).zip(weights);
                *byte_out =
                    byte(rows.fold(HALF, |sum, (row, &weight)| sum + i32::from(row[at + x]) * weight));
            }
        }
    }
}

#[inline(always)]
fn round(sums: &[i32], bytes: &mut [u8]) {
    bytes.iter_mut().zip(sums).for_each(|(to, &sum)| *to = byte(sum));
}

#[inline(always)]
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
