//! EXIF and XMP in the segments of a JPEG.

use std::borrow::Cow;

use super::Notes;

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// What stands before the first scan. EXIF that is cut into several segments is put together; of XMP the last segment
/// counts, and the extension of it (of another name) is no part of it, as in Pillow.
pub(super) fn notes(jpeg: &[u8]) -> Notes<'_> {
    let mut notes = Notes::default();
    for segment in app1(jpeg) {
        if segment.starts_with(EXIF) {
            match &mut notes.exif {
                None => notes.exif = Some(Cow::Borrowed(segment)),
                Some(begun) => begun.to_mut().extend_from_slice(&segment[EXIF.len()..]),
            }
        } else if let Some(packet) = segment.strip_prefix(XMP) {
            notes.xmp = Some(Cow::Borrowed(packet));
        }
    }
    notes
}

/// The EXIF segments before the first scan, without the word that they begin with.
pub(super) fn exif_segments(jpeg: &[u8]) -> impl Iterator<Item = &[u8]> {
    app1(jpeg).filter_map(|segment| segment.strip_prefix(EXIF))
}

/// The APP1 segments before the first scan.
fn app1(jpeg: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 2;
    std::iter::from_fn(move || {
        loop {
            // As everywhere in this format: bytes before a marker are passed over, and a marker may be padded.
            at += jpeg.get(at..)?.iter().position(|&byte| byte == 0xff)?;
            at += jpeg[at..].iter().position(|&byte| byte != 0xff)?;
            let marker = jpeg[at];
            at += 1;
            match marker {
                0x00 | 0x01 | 0xd0..=0xd8 => continue,
                0xd9 | 0xda => return None,
                _ => {}
            }
            let length = usize::from(u16::from_be_bytes(*jpeg.get(at..)?.first_chunk()?));
            let segment = jpeg.get(at + 2..at + length)?;
            at += length;
            if marker == 0xe1 {
                return Some(segment);
            }
        }
    })
}
