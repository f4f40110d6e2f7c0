//! Bringing coarser sampled components to the image's size, row by row.
//!
//! A sample lies in the middle of the pixels that it stands for; pixels between two samples get three quarters of the
//! nearer one and a quarter of the other ("fancy upsampling"). Which way halves are rounded alternates from pixel to
//! pixel. Ratios other than 2 are simply repeated.
//!
//! Source: what libjpeg-turbo's `jdsample.c` computes.

use super::Size;

/// How one component is enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enlarge {
    Not,
    /// Each sample this many times, across and down.
    Repeat(usize, usize),
    Across,
    Down,
    Both,
}

impl Enlarge {
    /// For a component of `width` samples across that lacks these factors, in an image of blocks of `edge` samples.
    pub(super) fn new(factors: Size, width: usize, edge: usize) -> Self {
        // As libjpeg has it: not where a block is one sample, nor where there are hardly any.
        match factors {
            (1, 1) => Self::Not,
            (2, 1) if edge > 1 && width > 2 => Self::Across,
            (1, 2) if edge > 1 => Self::Down,
            (2, 2) if edge > 1 && width > 2 => Self::Both,
            (across, down) => Self::Repeat(across, down),
        }
    }

    /// The two rows of samples that row `y` of the image is made of, the nearer one first; the second may be above the
    /// first or below the last, and is then the nearer one again.
    pub(super) fn rows(self, y: usize) -> (usize, isize) {
        match self {
            Self::Not | Self::Across => (y, y as isize),
            Self::Repeat(_, down) => (y / down, (y / down) as isize),
            Self::Down | Self::Both => {
                let near = y / 2;
                (near, if y.is_multiple_of(2) { near as isize - 1 } else { near as isize + 1 })
            }
        }
    }

    /// Whether a row of the image can need samples from beyond the rows that belong to it.
    pub(super) fn looks_beyond(self) -> bool {
        matches!(self, Self::Down | Self::Both)
    }

    /// Make row `y` of the image from the rows of samples that [`rows`](Self::rows) tells. `sums` is working space;
    /// `out` has room for a whole number of samples.
    #[inline(always)]
    pub(super) fn row(self, y: usize, near: &[u8], far: &[u8], sums: &mut Vec<u16>, out: &mut [u8]) {
        match self {
            Self::Not => out.copy_from_slice(&near[..out.len()]),
            Self::Repeat(times, _) => {
                out.chunks_mut(times).zip(near).for_each(|(pixels, &sample)| pixels.fill(sample));
            }
            Self::Across => {
                weigh(near, near, sums, |near, _| near);
                widen(sums, out, [1, 2], 2);
            }
            Self::Down => {
                // Upper halves are rounded down, lower ones up.
                let bias = 1 + (y % 2) as u16;
                for ((out, &near), &far) in out.iter_mut().zip(near).zip(far) {
                    *out = ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
                }
            }
            Self::Both => {
                weigh(near, far, sums, |near, far| 3 * near + far);
                widen(sums, out, [8, 7], 4);
            }
        }
    }
}

/// Combine two rows into `sums`, with the first and the last number once more at the ends.
#[inline(always)]
fn weigh(near: &[u8], far: &[u8], sums: &mut Vec<u16>, weigh: impl Fn(u16, u16) -> u16) {
    let width = near.len();
    sums.resize(width + 2, 0);
    for ((sum, &near), &far) in sums[1..].iter_mut().zip(near).zip(far) {
        *sum = weigh(near.into(), far.into());
    }
    (sums[0], sums[width + 1]) = (sums[1], sums[width]);
}

/// Two pixels of each sum, three parts of it and one of its neighbour to that side.
#[inline(always)]
fn widen(sums: &[u16], out: &mut [u8], bias: [u16; 2], bits: u32) {
    let (pairs, _) = out.as_chunks_mut::<2>();
    let inner = &sums[1..];
    for (((pair, &own), &left), &right) in pairs.iter_mut().zip(inner).zip(sums).zip(&sums[2..]) {
        *pair = [((3 * own + left + bias[0]) >> bits) as u8, ((3 * own + right + bias[1]) >> bits) as u8];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(enlarge: Enlarge, y: usize, near: &[u8], far: &[u8], width: usize) -> Vec<u8> {
        let mut out = vec![0; width];
        enlarge.row(y, near, far, &mut vec![], &mut out);
        out
    }

    /// By hand: (3·10 + 20 + 1) / 4 = 12, (3·10 + 20 + 2) / 4 = 13, and so on.
    #[test]
    fn a_quarter_comes_from_the_neighbour() {
        assert_eq!(row(Enlarge::Across, 0, &[10, 20, 40], &[], 6), [10, 13, 17, 25, 35, 40]);
        assert_eq!(row(Enlarge::Down, 0, &[10, 21], &[20, 10], 2), [12, 18]);
        assert_eq!(row(Enlarge::Down, 1, &[10, 21], &[20, 10], 2), [13, 18]);
        // Column sums 50, 80, 120.
        assert_eq!(row(Enlarge::Both, 1, &[10, 20, 30], &[20, 20, 30], 6), [13, 14, 18, 22, 28, 30]);
        assert_eq!(row(Enlarge::Repeat(3, 1), 0, &[1, 2], &[], 6), [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn rows_at_the_edge_look_beyond_it() {
        assert_eq!(Enlarge::Both.rows(0), (0, -1));
        assert_eq!(Enlarge::Both.rows(7), (3, 4));
        assert_eq!(Enlarge::Repeat(1, 4).rows(7), (1, 1));
        assert_eq!(Enlarge::Across.rows(7), (7, 7));
    }

    #[test]
    fn hardly_any_samples_are_repeated() {
        assert_eq!(Enlarge::new((2, 2), 3, 8), Enlarge::Both);
        assert_eq!(Enlarge::new((2, 2), 2, 8), Enlarge::Repeat(2, 2));
        assert_eq!(Enlarge::new((2, 1), 100, 1), Enlarge::Repeat(2, 1));
        assert_eq!(Enlarge::new((1, 2), 1, 2), Enlarge::Down);
        assert_eq!(Enlarge::new((4, 1), 100, 8), Enlarge::Repeat(4, 1));
    }
}
