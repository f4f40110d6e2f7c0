//! The boxes of which ISO base media files consist: a length, four letters, a body.
//!
//! # Source
//! ISO/IEC 14496-12, section 4.2.

use super::fault::{Fault, Result, damaged};

/// The four letters that say what a box or an item is.
pub(super) type Kind = [u8; 4];

/// A kind, as it is written in messages.
pub(super) fn name(kind: Kind) -> String {
    kind.escape_ascii().to_string()
}

/// One box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Box<'a> {
    pub kind: Kind,
    pub body: &'a [u8],
}

/// The boxes of a whole file, in order.
///
/// What follows the last box and is none, as some cameras append it, is passed over.
///
/// # Errors
/// [`Fault::CutOff`] if the last box goes on beyond the end.
pub(super) fn of_file(bytes: &[u8]) -> Result<Vec<Box<'_>>> {
    let mut boxes = vec![];
    let mut rest = bytes;
    while rest.iter().any(|&byte| byte != 0) {
        let Some((kind, header, size)) = header(rest) else { return Err(Fault::CutOff) };
        if !kind.iter().all(|&letter| letter.is_ascii_graphic() || letter == b' ') || size < header as u64 {
            break;
        }
        if size > rest.len() as u64 {
            return Err(Fault::CutOff);
        }
        let (this, after) = rest.split_at(size as usize);
        boxes.push(Box { kind, body: &this[header..] });
        rest = after;
    }
    Ok(boxes)
}

/// The boxes within a box that is all there.
///
/// # Errors
/// [`Fault::Damaged`] if one goes on beyond the end of the box around it.
pub(super) fn within(body: &[u8]) -> Result<Vec<Box<'_>>> {
    let mut boxes = vec![];
    let mut rest = body;
    while !rest.is_empty() {
        let Some((kind, header, size)) = header(rest) else { return damaged("a box without a length") };
        if size < header as u64 || size > rest.len() as u64 {
            return damaged(format!("the box `{}` is longer than the one around it", name(kind)));
        }
        let (this, after) = rest.split_at(size as usize);
        boxes.push(Box { kind, body: &this[header..] });
        rest = after;
    }
    Ok(boxes)
}

/// What a box is, how long its header is, and how long it is with it.
fn header(bytes: &[u8]) -> Option<(Kind, usize, u64)> {
    let mut reader = Reader::new(bytes);
    let size = reader.u32().ok()?;
    let kind = reader.kind().ok()?;
    Some(match size {
        0 => (kind, 8, bytes.len() as u64),
        1 => (kind, 16, reader.u64().ok()?),
        size => (kind, 8, size.into()),
    })
}

/// Reads numbers, the highest byte first, from the front of a box's body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The body of a "full box", which begins with a version and flags.
    pub(super) fn full(body: &'a [u8]) -> Result<(Self, u8, u32)> {
        let mut reader = Self::new(body);
        let word = reader.u32()?;
        Ok((reader, (word >> 24) as u8, word & 0xff_ffff))
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return damaged("a box is too short for what it holds");
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.bytes(N)?.try_into().expect("as many as were asked for"))
    }

    pub(super) fn kind(&mut self) -> Result<Kind> {
        self.array()
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A number of `bytes` bytes, at most 8; of none: 0.
    pub(super) fn uint(&mut self, bytes: u8) -> Result<u64> {
        let taken = self.bytes(bytes.into())?;
        Ok(taken.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A number of 32 bits where `wide`, else of 16.
    pub(super) fn either(&mut self, wide: bool) -> Result<u32> {
        if wide { self.u32() } else { Ok(self.u16()?.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_a_file_end_where_it_does() {
        let two = b"\0\0\0\x0aftypAB\0\0\0\x01mdat\0\0\0\0\0\0\0\x13xyz";
        let boxes = of_file(two).unwrap();
        assert_eq!(
            boxes.iter().map(|b| (b.kind, b.body)).collect::<Vec<_>>(),
            [(*b"ftyp", b"AB".as_slice()), (*b"mdat", b"xyz".as_slice())]
        );
        // The first box is a file of its own, also with zeros behind it; any other cut goes through a box.
        for cut in (4..two.len()).filter(|cut| !(10..14).contains(cut)) {
            assert!(matches!(of_file(&two[..cut]), Err(Fault::CutOff)), "cut at {cut}");
        }
        // To the end of the file; and what some programs append is no box.
        assert_eq!(of_file(b"\0\0\0\0mdatxyz").unwrap()[0].body, b"xyz");
        assert_eq!(of_file(b"\0\0\0\x09ftypA\0\0\0\0\0").unwrap().len(), 1);
        assert_eq!(of_file(b"\0\0\0\x09ftypA\xff\xff\xff\xff\x01\x02\x03\x04!").unwrap().len(), 1);
    }

    #[test]
    fn a_box_within_another_stays_within_it() {
        assert!(matches!(within(b"\0\0\0\x0aftypA"), Err(Fault::Damaged(_))));
        assert!(matches!(within(b"\0\0\0\x07ftyp"), Err(Fault::Damaged(_))));
        assert_eq!(within(b"\0\0\0\x08free\0\0\0\x09idatA").unwrap()[1].body, b"A");
    }

    #[test]
    fn numbers_come_with_the_highest_byte_first() {
        let mut reader = Reader::new(b"\x01\x02\x03\x04\x05\x06\x07\x08\x09");
        assert_eq!((reader.uint(0).unwrap(), reader.uint(3).unwrap()), (0, 0x01_02_03));
        assert_eq!((reader.either(false).unwrap(), reader.either(true).unwrap()), (0x0405, 0x0607_0809));
        assert!(reader.u8().is_err());
    }
}
