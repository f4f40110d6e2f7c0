//! What a file says of its items: sizes, colours, turns.
//!
//! # Source
//! ISO/IEC 23008-12:2022, section 6.5; `colr`, `clap`: ISO/IEC 14496-12, section 12.1; `a1op`: the AVIF specification.

use super::boxes::{Box, Kind, Reader, name};
use super::fault::Result;

/// A property, as it is kept in `ipco`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Property {
    /// Pixels across and down.
    Size { width: u32, height: u32 },
    /// How colours are coded, where it is said by numbers.
    Nclx(Nclx),
    /// A part that alone is shown.
    Crop(Crop),
    /// Quarter turns, against the clock.
    Turn(u8),
    /// Exchange left and right (true), or top and bottom (false).
    Mirror { left_right: bool },
    /// What an auxiliary image is for.
    Auxiliary(Vec<u8>),
    /// Which of several qualities in one AV1 stream is meant.
    OperatingPoint(u8),
    /// What the HEVC decoder is to know beforehand.
    HevcConfig(Vec<u8>),
    /// Another one that changes no pixel here, or is no concern of ours.
    Harmless,
    /// One that is not known here.
    Unknown(Kind),
}

/// Numbers of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nclx {
    pub primaries: u16,
    pub matrix: u16,
    pub full_range: bool,
}

/// A "clean aperture": width and height of a part, and how far its centre is from the image's, each as numerator and denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    pub width: (i32, i32),
    pub height: (i32, i32),
    pub right: (i32, i32),
    pub down: (i32, i32),
}

impl Property {
    pub(super) fn read(Box { kind, body }: Box<'_>) -> Result<Self> {
        let mut reader = Reader::new(body);
        Ok(match &kind {
            b"ispe" => {
                let (mut reader, ..) = Reader::full(body)?;
                Self::Size { width: reader.u32()?, height: reader.u32()? }
            }
            b"colr" if reader.kind()? == *b"nclx" => {
                let (primaries, _, matrix) = (reader.u16()?, reader.u16()?, reader.u16()?);
                Self::Nclx(Nclx { primaries, matrix, full_range: reader.u8()? & 0x80 != 0 })
            }
            b"clap" => {
                let mut ratio = || Ok((reader.u32()?.cast_signed(), reader.u32()?.cast_signed()));
                Self::Crop(Crop { width: ratio()?, height: ratio()?, right: ratio()?, down: ratio()? })
            }
            b"irot" => Self::Turn(reader.u8()? & 3),
            b"imir" => Self::Mirror { left_right: reader.u8()? & 1 == 1 },
            b"auxC" => {
                let (reader, ..) = Reader::full(body)?;
                let end = reader.rest.iter().position(|&byte| byte == 0).unwrap_or(reader.rest.len());
                Self::Auxiliary(reader.rest[..end].to_vec())
            }
            b"a1op" => Self::OperatingPoint(reader.u8()?),
            b"hvcC" => Self::HevcConfig(body.to_vec()),
            // Configuration that stands in the coded data as well, and facts about colours, screens and lenses.
            b"colr" | b"av1C" | b"lhvC" | b"pixi" | b"pasp" | b"a1lx" | b"lsel" | b"rloc" | b"clli"
            | b"mdcv" | b"cclv" | b"amve" | b"ndwt" | b"udes" | b"altt" | b"iscl" | b"free" | b"skip"
            | b"uuid" => Self::Harmless,
            _ => Self::Unknown(kind),
        })
    }

    /// The name of a property that is not known here.
    pub(super) fn unknown(&self) -> Option<String> {
        if let Self::Unknown(kind) = self { Some(name(*kind)) } else { None }
    }
}

impl Crop {
    /// Left, top, width and height in an image of this size; none if it is no whole part of it.
    pub(super) fn rectangle(&self, (width, height): (usize, usize)) -> Option<(usize, usize, usize, usize)> {
        let (left, across) = Self::along(width, self.width, self.right)?;
        let (top, down) = Self::along(height, self.height, self.down)?;
        Some((left, top, across, down))
    }

    /// Where the part begins along one side of `whole` pixels, and how long it is.
    fn along(whole: usize, size: (i32, i32), offset: (i32, i32)) -> Option<(usize, usize)> {
        let [n, d, on, od] = [size.0, size.1, offset.0, offset.1].map(i128::from);
        if d <= 0 || od <= 0 || n <= 0 || n % d != 0 {
            return None;
        }
        let (whole, part) = (whole as i128, n / d);
        // (whole - part) / 2 + offset, twice over and with the denominator, so that halves are exact.
        let twice = (whole - part) * od + 2 * on;
        if twice < 0 || twice % (2 * od) != 0 {
            return None;
        }
        let start = twice / (2 * od);
        (start + part <= whole).then_some((start as usize, part as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &Kind, body: &[u8]) -> Property {
        Property::read(Box { kind: *kind, body }).unwrap()
    }

    #[test]
    fn properties_are_read() {
        assert_eq!(read(b"ispe", b"\0\0\0\0\0\0\x01\0\0\0\0\x50"), Property::Size { width: 256, height: 80 });
        let nclx = Nclx { primaries: 12, matrix: 6, full_range: true };
        assert_eq!(read(b"colr", b"nclx\0\x0c\0\x0d\0\x06\x80"), Property::Nclx(nclx));
        assert_eq!(read(b"colr", b"prof...."), Property::Harmless);
        assert_eq!(read(b"irot", b"\xff"), Property::Turn(3));
        assert_eq!(read(b"imir", b"\x01"), Property::Mirror { left_right: true });
        assert_eq!(read(b"auxC", b"\0\0\0\0urn:a\0x"), Property::Auxiliary(b"urn:a".to_vec()));
        assert_eq!(read(b"tilC", b"").unknown().as_deref(), Some("tilC"));
        assert!(Property::read(Box { kind: *b"ispe", body: b"\0\0\0\0\0\0" }).is_err());
    }

    #[test]
    fn a_crop_lies_within_the_image() {
        let crop = |w, h, x, y| Crop { width: (w, 1), height: (h, 1), right: (x, 2), down: (y, 2) };
        // In the middle; half a pixel to the right, for 7 - 4 is odd.
        assert_eq!(crop(4, 2, 1, 0).rectangle((7, 8)), Some((2, 3, 4, 2)));
        assert_eq!(crop(4, 2, 3, -6).rectangle((7, 8)), Some((3, 0, 4, 2)));
        assert_eq!(crop(4, 2, 0, 0).rectangle((7, 8)), None, "between two pixels");
        assert_eq!(crop(4, 2, 5, 0).rectangle((7, 8)), None, "beyond the edge");
        assert_eq!(crop(0, 2, 0, 0).rectangle((7, 8)), None, "nothing");
        let endless = Crop { width: (4, 0), ..crop(4, 2, 1, 0) };
        assert_eq!(endless.rectangle((7, 8)), None);
    }
}
