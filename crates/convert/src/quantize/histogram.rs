//! How often a tensor takes which values, in little memory.

/// Fine enough that a step of 256 levels over a tenth of the range still holds several bins.
const BINS: usize = 8192;

/// Counts over a range that is known before.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    pub low: f32,
    pub high: f32,
    /// From the lowest values on.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Of values from `low` to `high`.
    pub(super) fn new(low: f32, high: f32) -> Self {
        Self { low, high, counts: vec![0; BINS] }
    }

    /// Count `values` that were multiplied by `factor`; what lies outside the range counts at its ends.
    pub(super) fn add(&mut self, values: &[f32], factor: f32) {
        let width = self.high - self.low;
        let (scale, last) = (if width > 0.0 { factor * BINS as f32 / width } else { 0.0 }, BINS - 1);
        let shift = if width > 0.0 { self.low * BINS as f32 / width } else { 0.0 };
        for &value in values {
            // A cast of a negative number gives 0.
            self.counts[((value * scale - shift) as usize).min(last)] += 1;
        }
    }

    /// How wide a bin is.
    pub(super) fn width(&self) -> f64 {
        (f64::from(self.high) - f64::from(self.low)) / self.counts.len() as f64
    }

    /// The middle of a bin.
    pub(super) fn middle(&self, bin: usize) -> f64 {
        f64::from(self.low) + (bin as f64 + 0.5) * self.width()
    }

    /// Bins that hold something: their middle and how many values are in them.
    pub(super) fn filled(&self) -> impl Iterator<Item = (f64, f64)> {
        let filled = self.counts.iter().enumerate().filter(|&(_, &count)| count > 0);
        filled.map(|(bin, &count)| (self.middle(bin), count as f64))
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
