//! The orientation that version 0.1.0 read, for telling which of its rows are of other pixels than today's.
//!
//! It read EXIF only, and of that only a single number of sixteen bits. This is kept as it was: keys of caches rest on it.

use image::metadata::Orientation;

use super::super::kind::Format;
use super::{jpeg, png, webp};

pub(super) fn of(format: Format, bytes: &[u8]) -> Orientation {
    let found = match format {
        // The first segment that has one.
        Format::Jpeg => jpeg::exif_segments(bytes).find_map(short),
        // The first chunk before the pixels, passed over if its checksum did not hold.
        Format::Png => {
            let before = png::chunks(bytes).take_while(|chunk| chunk.name != b"IDAT");
            let mut sound = before.filter(|chunk| {
                chunk.name == b"eXIf" && {
                    let mut sum = crc32fast::Hasher::new();
                    sum.update(chunk.name);
                    sum.update(chunk.contents);
                    sum.finalize() == chunk.checksum
                }
            });
            sound.next().and_then(|chunk| short(chunk.contents))
        }
        // The first chunk, whatever the header said, but only behind an extended header.
        Format::Webp => {
            let mut chunks = webp::chunks(bytes);
            let extended = chunks.next().is_some_and(|(name, _)| name == b"VP8X");
            let exif = chunks.find(|(name, _)| extended && *name == b"EXIF");
            exif.and_then(|(_, contents)| short(contents))
        }
        Format::Tiff => tiff(bytes),
        _ => None,
    };
    found.unwrap_or(Orientation::NoTransforms)
}

/// The orientation in EXIF without any word before it, as one number of sixteen bits.
fn short(exif: &[u8]) -> Option<Orientation> {
    let big = match exif.first_chunk()? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let pair = *exif.get(at..)?.first_chunk()?;
        Some(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let u32_at = |at: usize| {
        let four = *exif.get(at..)?.first_chunk()?;
        Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    let start = u32_at(4)? as usize;
    for entry in (0..u16_at(start)?).map(|number| start + 2 + 12 * usize::from(number)) {
        // Of an entry that the end cuts off nothing was taken.
        let (tag, kind, count, value, _) =
            (u16_at(entry)?, u16_at(entry + 2)?, u32_at(entry + 4)?, u16_at(entry + 8)?, u16_at(entry + 10)?);
        if (tag, kind, count) == (274, 3, 1) {
            return u8::try_from(value).ok().and_then(Orientation::from_exif);
        }
    }
    None
}

/// The first field of the first page, if it was one whole number without a sign; also bytes were taken for a number.
fn tiff(tiff: &[u8]) -> Option<Orientation> {
    let (order_is_big, wide) = match tiff.first_chunk()? {
        b"II*\0" => (false, false),
        b"MM\0*" => (true, false),
        b"II+\0" => (false, true),
        b"MM\0+" => (true, true),
        _ => return None,
    };
    let number = |bytes: &[u8]| {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if order_is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    };
    let (at, count_bytes, entry_bytes, inline) = if wide { (8, 8, 20, 8) } else { (4, 2, 12, 4) };
    let start = usize::try_from(number(tiff.get(at..at + inline)?)).ok()?;
    let entries = usize::try_from(number(tiff.get(start..start.checked_add(count_bytes)?)?)).ok()?;
    let list = tiff.get(start + count_bytes..)?;
    // Of several fields the last one counted, in another order than today; those of unknown types were passed over.
    let known =
        |entry: &&[u8]| number(&entry[..2]) == 274 && matches!(number(&entry[2..4]), 1..=13 | 16..=18);
    let field = list.chunks_exact(entry_bytes).take(entries).rfind(known)?;
    let (kind, count) = (number(&field[2..4]), number(&field[4..entry_bytes - inline]));
    let value = &field[entry_bytes - inline..];
    let value = match kind {
        1 | 7 => number(&value[..1]),
        3 => number(&value[..2]),
        4 => number(&value[..4]),
        16 if wide => number(value),
        16 => {
            let offset = usize::try_from(number(value)).ok()?;
            number(tiff.get(offset..offset.checked_add(8)?)?)
        }
        _ => return None,
    };
    (count == 1).then(|| Orientation::from_exif(u16::try_from(value).ok()?.min(255) as u8)).flatten()
}
