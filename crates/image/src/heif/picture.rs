//! A decoded picture as it is coded: brightness and two planes of colour.

use super::fault::{Result, damaged, unsupported};
use super::property::Nclx;

/// How many colour samples there are to a sample of brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chroma {
    /// None: the picture is grey.
    Grey,
    /// One to a square of four.
    C420,
    /// One to two side by side.
    C422,
    /// As many.
    C444,
}

impl Chroma {
    /// How often a colour sample is repeated across and down, as the number of bits to shift.
    pub(super) fn shifts(self) -> (u32, u32) {
        match self {
            Self::C420 => (1, 1),
            Self::C422 => (1, 0),
            Self::Grey | Self::C444 => (0, 0),
        }
    }

    /// Pixels across and down of a plane of colour.
    pub(super) fn plane(self, (width, height): (usize, usize)) -> (usize, usize) {
        let (across, down) = self.shifts();
        (width.div_ceil(1 << across), height.div_ceil(1 << down))
    }

    /// Samples of all planes to four pixels.
    pub(super) fn samples_of_four(self) -> u64 {
        match self {
            Self::Grey => 4,
            Self::C420 => 6,
            Self::C422 => 8,
            Self::C444 => 12,
        }
    }
}

/// Samples of one kind: of one byte where the picture has eight bits, else of two in native order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'a> {
    bytes: &'a [u8],
    /// Bytes from a row to the next.
    stride: usize,
    wide: bool,
}

impl<'a> Plane<'a> {
    /// A plane of `width` x `height` samples with `bits` bits each.
    pub(super) fn new(
        bytes: &'a [u8],
        stride: usize,
        (width, height): (usize, usize),
        bits: u8,
    ) -> Result<Self> {
        let wide = bits > 8;
        let row = width * if wide { 2 } else { 1 };
        let needed = stride.checked_mul(height.saturating_sub(1)).and_then(|all| all.checked_add(row));
        if row > stride || needed.is_none_or(|needed| needed > bytes.len()) {
            return damaged("a decoded plane is smaller than the picture");
        }
        Ok(Self { bytes, stride, wide })
    }

    /// The first samples of row `y`, as many as `out` takes.
    pub(super) fn row(&self, y: usize, out: &mut [u16]) {
        let bytes = &self.bytes[y * self.stride..];
        if self.wide {
            let (pairs, _) = bytes.as_chunks::<2>();
            out.iter_mut().zip(pairs).for_each(|(sample, &pair)| *sample = u16::from_ne_bytes(pair));
        } else {
            out.iter_mut().zip(bytes).for_each(|(sample, &byte)| *sample = byte.into());
        }
    }

    /// The bytes of row `y`, `width` samples of them.
    fn bytes(&self, y: usize, width: usize) -> &[u8] {
        &self.bytes[y * self.stride..][..width * if self.wide { 2 } else { 1 }]
    }
}

/// A decoded picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture<'a> {
    /// Pixels across and down.
    pub size: (usize, usize),
    /// Of a sample: 8 to 16.
    pub bits: u8,
    pub chroma: Chroma,
    /// What the coded data say of colours; the file may say otherwise, and is then right.
    pub colour: Nclx,
    /// Brightness, and both colours unless the picture is grey.
    pub planes: [Plane<'a>; 3],
    /// Opacity, where the decoder gives it along with the rest.
    pub alpha: Option<Plane<'a>>,
}

/// A picture that is put together from tiles.
#[derive(Debug)]
pub(super) struct Canvas {
    size: (usize, usize),
    bits: u8,
    chroma: Chroma,
    colour: Nclx,
    planes: [Vec<u8>; 3],
}

impl Canvas {
    /// An empty one of `size` for tiles that are like `tile`.
    pub(super) fn like(tile: &Picture<'_>, size: (usize, usize)) -> Self {
        let &Picture { bits, chroma, colour, .. } = tile;
        let bytes = |(width, height): (usize, usize)| vec![0; width * height * if bits > 8 { 2 } else { 1 }];
        let plane = || if chroma == Chroma::Grey { vec![] } else { bytes(chroma.plane(size)) };
        Self { size, bits, chroma, colour, planes: [bytes(size), plane(), plane()] }
    }

    /// Lay a tile at `left` and `top`; what goes beyond the right and lower edge falls away.
    pub(super) fn lay(&mut self, tile: &Picture<'_>, left: usize, top: usize) -> Result<()> {
        if (tile.bits, tile.chroma) != (self.bits, self.chroma) {
            return damaged("the tiles of the grid differ in kind");
        }
        let (across, down) = self.chroma.shifts();
        if !left.is_multiple_of(1 << across) || !top.is_multiple_of(1 << down) {
            return unsupported("a grid of tiles that begin between two colour samples");
        }
        let each = if self.bits > 8 { 2 } else { 1 };
        let colours = if self.chroma == Chroma::Grey { 1 } else { 3 };
        for (i, plane) in self.planes.iter_mut().enumerate().take(colours) {
            let ((width, height), (x, y), (w, h)) = match i {
                0 => (self.size, (left, top), tile.size),
                _ => (
                    self.chroma.plane(self.size),
                    (left >> across, top >> down),
                    self.chroma.plane(tile.size),
                ),
            };
            let wide = w.min(width.saturating_sub(x));
            for row in 0..h.min(height.saturating_sub(y)) {
                let to = ((y + row) * width + x) * each;
                plane[to..to + wide * each].copy_from_slice(tile.planes[i].bytes(row, wide));
            }
        }
        Ok(())
    }

    pub(super) fn picture(&self) -> Result<Picture<'_>> {
        let &Self { size, bits, chroma, colour, .. } = self;
        let each = if bits > 8 { 2 } else { 1 };
        let plane = |i: usize, size: (usize, usize)| Plane::new(&self.planes[i], size.0 * each, size, bits);
        let first = plane(0, size)?;
        let planes = match chroma {
            Chroma::Grey => [first; 3],
            _ => [first, plane(1, chroma.plane(size))?, plane(2, chroma.plane(size))?],
        };
        Ok(Picture { size, bits, chroma, colour, planes, alpha: None })
    }
}
