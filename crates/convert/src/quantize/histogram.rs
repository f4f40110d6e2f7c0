//! How often a tensor takes which values, in little memory.

/// Fine enough that a step of 256 levels over a tenth of the range still holds several bins.
const BINS: usize = 8192;

/// Of so many values one is counted: they are some millions, and their neighbours are like them.
pub(super) const STEP: usize = 4;

/// Counts in bins of one width. Where a value lies beyond them, two bins become one until there is room.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    /// The lowest value, or zero.
    pub low: f32,
    /// The highest value, or zero.
    pub high: f32,
    /// From the lowest values on.
    pub counts: Vec<u64>,
    /// Where the first bin begins.
    begin: f64,
    width: f64,
}

impl Histogram {
    /// Of nothing yet.
    pub(super) fn empty() -> Self {
        Self { low: 0.0, high: 0.0, counts: vec![0; BINS], begin: 0.0, width: 0.0 }
    }

    /// Count some of `values`, the first of them at `from`, after they were multiplied by `factor`; the range is that of all.
    ///
    /// `ends` are the least and the greatest of `values`.
    pub(super) fn add(&mut self, values: &[f32], ends: (f32, f32), factor: f32, from: usize) {
        let (low, high) = (ends.0 * factor, ends.1 * factor);
        (self.low, self.high) = (self.low.min(low), self.high.max(high));
        self.make_room(f64::from(low), f64::from(high));
        if self.width == 0.0 {
            // All of it is zero so far.
            self.counts[0] += values.len().saturating_sub(from).div_ceil(STEP) as u64;
            return;
        }
        let (scale, last) = ((f64::from(factor) / self.width) as f32, BINS - 1);
        let shift = (self.begin / self.width) as f32;
        for &value in values.iter().skip(from).step_by(STEP) {
            // A cast of a negative number gives 0.
            self.counts[((value * scale - shift) as usize).min(last)] += 1;
        }
    }

    fn make_room(&mut self, low: f64, high: f64) {
        if self.width == 0.0 && low.min(0.0) < high.max(0.0) {
            let zeros = std::mem::take(&mut self.counts[0]);
            (self.begin, self.width) = (low.min(0.0), (high.max(0.0) - low.min(0.0)) / BINS as f64);
            let place = (-self.begin / self.width) as usize;
            self.counts[place.min(BINS - 1)] = zeros;
        }
        let is_room = |histogram: &Self| {
            let end = histogram.begin + histogram.width * BINS as f64;
            // In the arithmetic of `add` the last value may fall a hair behind the last bin.
            let hair = 1e-5 * (end - histogram.begin);
            histogram.begin - hair <= low && high <= end + hair
        };
        while self.width > 0.0 && (low..=high).contains(&low) && !is_room(self) {
            let downward = low < self.begin;
            let pairs: Vec<u64> = self.counts.chunks(2).map(|pair| pair.iter().sum()).collect();
            self.counts.fill(0);
            let place = if downward { BINS / 2 } else { 0 };
            self.counts[place..place + BINS / 2].copy_from_slice(&pairs);
            if downward {
                self.begin -= self.width * BINS as f64;
            }
            self.width *= 2.0;
        }
    }

    /// How wide a bin is.
    pub(super) fn width(&self) -> f64 {
        self.width
    }

    /// Where a bin begins.
    pub(super) fn edge(&self, bin: usize) -> f64 {
        self.begin + bin as f64 * self.width
    }

    /// Bins that hold something: their middle and how many values are in them.
    pub(super) fn filled(&self) -> impl Iterator<Item = (f64, f64)> {
        let filled = self.counts.iter().enumerate().filter(|&(_, &count)| count > 0);
        filled.map(|(bin, &count)| (self.edge(bin) + 0.5 * self.width, count as f64))
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The least and the greatest, if all are numbers; written so that it becomes vector instructions.
pub(super) fn ends(values: &[f32]) -> Option<(f32, f32)> {
    let (mut low, mut high, mut nothing) = ([f32::INFINITY; 16], [f32::NEG_INFINITY; 16], [false; 16]);
    let mut take = |at: usize, value: f32| {
        low[at] = if value < low[at] { value } else { low[at] };
        high[at] = if value > high[at] { value } else { high[at] };
        nothing[at] |= value.is_nan();
    };
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        chunk.iter().enumerate().for_each(|(at, &value)| take(at, value));
    }
    rest.iter().enumerate().for_each(|(at, &value)| take(at, value));
    let low = low.into_iter().fold(f32::INFINITY, f32::min);
    let high = high.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let finite = !nothing.contains(&true) && low.is_finite() && high.is_finite();
    match values.is_empty() {
        true => Some((0.0, 0.0)),
        false => finite.then_some((low, high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_too_small_grows_and_no_value_is_lost() {
        let mut histogram = Histogram::empty();
        let add = |histogram: &mut Histogram, values: &[f32], factor| {
            values.iter().for_each(|&value| histogram.add(&[value], (value, value), factor, 0));
        };
        add(&mut histogram, &[1.0, 0.0, 0.25], 1.0);
        let fine = histogram.width();
        add(&mut histogram, &[3.0, -2.5], 1.0);
        add(&mut histogram, &[0.5], 2.0);
        assert_eq!((histogram.total(), histogram.low, histogram.high), (6, -2.5, 3.0));
        assert_eq!(histogram.width(), 8.0 * fine);
        let mut found: Vec<f64> = histogram.filled().flat_map(|(value, n)| vec![value; n as usize]).collect();
        found.sort_by(f64::total_cmp);
        for (found, expected) in found.iter().zip([-2.5, 0.0, 0.25, 1.0, 1.0, 3.0]) {
            assert!((found - expected).abs() <= histogram.width(), "{found} {expected}");
        }
    }

    #[test]
    fn zeros_alone_have_no_width_until_there_is_something_else() {
        let mut histogram = Histogram::empty();
        histogram.add(&[0.0; 5 * STEP], (0.0, 0.0), 1.0, 0);
        assert_eq!((histogram.width(), histogram.total(), histogram.high), (0.0, 5, 0.0));
        // The range is that of all values, of which only some are counted.
        histogram.add(&[0.0, 4.0], (0.0, 4.0), 0.5, 0);
        assert_eq!((histogram.total(), histogram.counts[0], histogram.high), (6, 6, 2.0));
        histogram.add(&[0.0, 4.0], (0.0, 4.0), 0.5, 1);
        assert_eq!((histogram.total(), histogram.counts[0]), (7, 6));
    }
}
