//! The passes across and down, in loops that become vector instructions.

use super::windows::{FRACTION, Windows};
use headstart_base::machine::{Loops, vectorise};

const HALF: i32 = 1 << (FRACTION - 1);

/// Resize each row; `width` is that of the source.
pub(super) fn across(pixels: &[u8], width: usize, windows: &Windows, last: &mut Vec<u8>, out: &mut Vec<u8>) {
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
pub(super) fn down(pixels: &[u8], width: usize, windows: &Windows, out: &mut Vec<u8>) {
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
