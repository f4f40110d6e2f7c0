//! TIFF with a palette, which the decoder does not know: it gets a copy that says to be grey, and the samples that it finds
//! are looked up.

/// Tags of a page, and values of the first.
const PHOTOMETRIC: u16 = 262;
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
const BITS_PER_SAMPLE: u16 = 258;
const COLOUR_MAP: u16 = 320;
/// The type of a field with values of sixteen bits.
const SHORT: u16 = 3;

const COLOURS: usize = 256;

/// The colours of a TIFF's first page.
pub(super) struct Palette {
    colours: [[u8; 3]; COLOURS],
    /// Where the file says that it has a palette.
    photometric_at: usize,
    order: ByteOrder,
}

impl Palette {
    /// That of `tiff`, if its first page has one for samples of eight bits. What is not as it should be is left to the
    /// decoder to refuse.
    pub fn find(tiff: &[u8]) -> Option<Self> {
        let order = ByteOrder::of(tiff)?;
        let page = Page { tiff, order, start: order.u32(tiff, 4)? as usize };
        let photometric_at = page.short(PHOTOMETRIC)?;
        let bits_at = page.short(BITS_PER_SAMPLE)?;
        if order.u16(tiff, photometric_at)? != PALETTE || order.u16(tiff, bits_at)? != 8 {
            return None;
        }
        let map = page.find(COLOUR_MAP, 3 * COLOURS as u32)?;
        let map = order.u32(tiff, map)? as usize;
        let mut colours = [[0; 3]; COLOURS];
        // All red values come first, then all green and all blue ones.
        for (place, colour) in colours.iter_mut().enumerate() {
            for (plane, value) in colour.iter_mut().enumerate() {
                let wide = order.u16(tiff, map.checked_add(2 * (plane * COLOURS + place))?)?;
                // Of 16 bits the upper eight, as Pillow takes them.
                [*value, _] = wide.to_be_bytes();
            }
        }
        Some(Self { colours, photometric_at, order })
    }

    /// The same file, which says that its samples are grey.
    pub fn as_grey(&self, tiff: &[u8]) -> Vec<u8> {
        let mut grey = tiff.to_vec();
        let at = self.photometric_at;
        grey[at..at + 2].copy_from_slice(&self.order.bytes(BLACK_IS_ZERO));
        grey
    }

    /// The colours of `samples`, appended to the emptied `rgb`.
    pub fn look_up(&self, samples: &[u8], rgb: &mut Vec<u8>) {
        rgb.clear();
        rgb.extend(samples.iter().flat_map(|&sample| self.colours[usize::from(sample)]));
    }
}

/// A page's list of fields, each of a tag, a type, a number of values, and the value or where it is.
struct Page<'a> {
    tiff: &'a [u8],
    order: ByteOrder,
    start: usize,
}

impl Page<'_> {
    /// Where the only value of the field `tag` is.
    fn short(&self, tag: u16) -> Option<usize> {
        self.find(tag, 1)
    }

    /// Where the last part of the field `tag` begins, which has `count` values of sixteen bits.
    fn find(&self, tag: u16, count: u32) -> Option<usize> {
        let Self { tiff, order, start } = *self;
        let fields = order.u16(tiff, start)?;
        let mut places = (0..usize::from(fields)).map(|field| start + 2 + 12 * field);
        let at = places.find(|&at| order.u16(tiff, at) == Some(tag))?;
        let fits = order.u16(tiff, at + 2)? == SHORT && order.u32(tiff, at + 4)? == count;
        fits.then_some(at + 8)
    }
}

#[derive(Clone, Copy)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Of a TIFF, not of one with offsets of 64 bits.
    fn of(tiff: &[u8]) -> Option<Self> {
        match tiff {
            [b'I', b'I', 42, 0, ..] => Some(Self::Little),
            [b'M', b'M', 0, 42, ..] => Some(Self::Big),
            _ => None,
        }
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let value = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(value),
            Self::Big => u16::from_be_bytes(value),
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let value = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(value),
            Self::Big => u32::from_be_bytes(value),
        })
    }

    fn bytes(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_bytes_nothing_panics() {
        let whole = crate::preprocess::tests::read("tests/golden/formats/palette8.tiff");
        assert!(Palette::find(&whole).is_some());
        for end in 0..whole.len() {
            let _ = Palette::find(&whole[..end]);
        }
        for at in 0..whole.len().min(1200) {
            let mut damaged = whole.clone();
            damaged[at] = 0xff;
            if let Some(palette) = Palette::find(&damaged) {
                palette.as_grey(&damaged);
            }
        }
    }
}
