//! How many images to run at once: measured on the work itself, within memory.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::memory::Memory;

/// Images per run of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchSize {
    /// What turns out fastest: twice as many as long as that pays and fits.
    #[default]
    Auto,
    /// This many, fewer if memory runs out.
    Fixed(usize),
}

impl fmt::Display for BatchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(size) => size.fmt(f),
        }
    }
}

/// Runs of one size until it is judged. The first does not count: it allocates, and some devices compile.
const RUNS: usize = 3;
/// What a larger batch must gain to be worth its memory; less is noise.
const GAIN: f64 = 1.05;

/// Finds the batch size, and lowers it when memory runs out. It sees durations and knows no clock.
#[derive(Debug)]
pub(super) struct Tuner {
    size: usize,
    last: usize,
    memory: Memory,
    search: Option<Search>,
}

#[derive(Debug, Default)]
struct Search {
    /// Seconds an image, of each run of the present size.
    runs: Vec<f64>,
    /// The size before, and its seconds an image.
    before: Option<(usize, f64)>,
}

impl Tuner {
    /// [`BatchSize::Auto`] searches in `range`; `most` is the number of images in all, for no batch need be larger.
    pub(super) fn new(batch: BatchSize, range: RangeInclusive<usize>, most: usize, memory: Memory) -> Self {
        let (first, last, search) = match batch {
            BatchSize::Fixed(size) => (size, size, None),
            BatchSize::Auto => (*range.start(), *range.end(), Some(Search::default())),
        };
        Self { size: first.min(most).max(1), last: last.min(most).max(1), memory, search }
    }

    /// Images for the next run.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Search no further than this.
    pub(super) fn limit(&mut self, last: usize) {
        if self.search.is_some() {
            self.last = self.last.min(last).max(self.size);
        }
    }

    /// A run of `images` took so long. A batch that was not full says nothing. The size to go on with, if it changes.
    pub(super) fn ran(&mut self, images: usize, took: Duration) -> Option<usize> {
        let search = self.search.as_mut().filter(|_| images == self.size)?;
        search.runs.push(took.as_secs_f64() / images as f64);
        if search.runs.len() < RUNS {
            return None;
        }
        let best = search.runs[1..].iter().copied().fold(f64::INFINITY, f64::min);
        match search.before {
            Some((size, before)) if before < best * GAIN => return Some(self.settle(size)),
            _ if self.size * 2 > self.last || !self.memory.has_room_to_double() => self.search = None,
            _ => {
                *search = Search { runs: vec![], before: Some((self.size, best)) };
                self.size *= 2;
                return Some(self.size);
            }
        }
        None
    }

    /// A run of `images` was more than memory holds. The size to go on with, unless it was one image alone.
    pub(super) fn ran_out(&mut self, images: usize) -> Option<usize> {
        (images > 1).then(|| self.settle(images / 2))
    }

    fn settle(&mut self, size: usize) -> usize {
        self.search = None;
        self.size = size;
        size
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::Now;
    use super::*;

    const LAST: usize = 64;

    fn auto(look: fn() -> Option<Now>) -> Tuner {
        Tuner::new(BatchSize::Auto, 8..=LAST, 10_000, Memory::watch_by(look))
    }

    /// Runs full batches of a device that takes `base` milliseconds for a run and one more for each image.
    fn settles_at(base: u64, mut tuner: Tuner) -> usize {
        for _ in 0..40 {
            let images = tuner.size();
            tuner.ran(images, Duration::from_millis(base + images as u64));
        }
        tuner.size()
    }

    #[test]
    fn it_grows_as_long_as_that_pays() {
        // A processor: a run costs nothing by itself, nothing is gained.
        assert_eq!(settles_at(0, auto(|| None)), 8);
        // 8 images: 10/8 each; 16: 11 % better; 32: 6 % better; 64: 3 %, which is not worth it.
        assert_eq!(settles_at(2, auto(|| None)), 32);
        assert_eq!(settles_at(1000, auto(|| None)), LAST);
        let mut limited = auto(|| None);
        limited.limit(32);
        assert_eq!(settles_at(1000, limited), 32);
    }

    #[test]
    fn it_does_not_grow_into_memory_that_is_not_there() {
        assert_eq!(settles_at(1000, auto(|| Some(Now { resident: 9, available: 0 }))), LAST);
        let full = auto(|| Some(Now { resident: 9, available: 10 }));
        let full = Tuner { memory: full.memory.begun_at(0), ..full };
        assert_eq!(settles_at(1000, full), 8);
    }

    #[test]
    fn a_first_run_that_compiles_and_a_short_one_do_not_count() {
        let mut tuner = auto(|| None);
        for (millis, size) in [(90_000, 8), (100, 8), (100, 16), (90_000, 16), (120, 16), (120, 32)] {
            assert_eq!(tuner.ran(3, Duration::from_nanos(1)), None);
            tuner.ran(tuner.size(), Duration::from_millis(millis));
            assert_eq!(tuner.size(), size);
        }
    }

    #[test]
    fn out_of_memory_halves_it_for_good() {
        for batch in [BatchSize::Auto, BatchSize::Fixed(24)] {
            let mut tuner = Tuner::new(batch, 24..=LAST, 10_000, Memory::watch_by(|| None));
            assert_eq!(tuner.ran_out(24), Some(12));
            assert_eq!(settles_at(1000, tuner), 12);
            let mut tuner = Tuner::new(batch, 24..=LAST, 10_000, Memory::watch_by(|| None));
            assert_eq!((tuner.ran_out(3), tuner.ran_out(1)), (Some(1), None));
        }
    }

    #[test]
    fn no_batch_is_larger_than_the_work() {
        let memory = || Memory::watch_by(|| None);
        assert_eq!(Tuner::new(BatchSize::Fixed(100), 8..=LAST, 3, memory()).size(), 3);
        assert_eq!(settles_at(1000, Tuner::new(BatchSize::Auto, 8..=LAST, 20, memory())), 16);
        assert_eq!(Tuner::new(BatchSize::Auto, 8..=LAST, 0, memory()).size(), 1);
    }
}
