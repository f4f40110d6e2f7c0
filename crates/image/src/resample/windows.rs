//! Of which source pixels a pixel is made, and by which weights.

use std::f64::consts::PI;
use std::ops::Range;

use super::super::recipe::Filter;
use super::super::sample::Sampling;

/// Fraction bits of a weight: 32, less 8 for the byte and 2 for filters that overshoot.
pub(super) const FRACTION: u32 = 22;

/// A filter as a function of the distance in pixels, and how far it reaches.
pub(super) struct Kernel {
    value: fn(f64) -> f64,
    reach: f64,
}

impl Kernel {
    /// The other half of the filters does not grow with the scale.
    pub(super) fn of(filter: Filter) -> Result<Self, Sampling> {
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
pub(super) struct Windows {
    /// The first source pixel of each, and how many there are.
    pub(super) spans: Vec<(usize, usize)>,
    /// All weights, one window after the other.
    pub(super) weights: Vec<i32>,
}

impl Windows {
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut rest = self.weights.as_slice();
        self.spans.iter().map(move |&(start, count)| {
            let (weights, behind) = rest.split_at(count);
            rest = behind;
            (start, weights)
        })
    }

    /// Count source pixels from the first that is needed, and tell which are.
    pub(super) fn start_at_zero(&mut self) -> Range<usize> {
        let first = self.spans.iter().map(|span| span.0).min().unwrap_or(0);
        let end = self.spans.iter().map(|&(start, count)| start + count).max().unwrap_or(0);
        self.spans.iter_mut().for_each(|span| span.0 -= first);
        first..end
    }
}

/// The windows of `count` pixels, of `to` over `from` pixels, from the one numbered `first` on.
pub(super) fn windows(kernel: &Kernel, from: usize, to: usize, first: usize, count: usize) -> Windows {
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
