//! EXIF and XMP in the chunks of a WebP.

use std::borrow::Cow;

use super::Notes;

/// Bits of the first byte of `VP8X`.
const HAS_EXIF: u8 = 0b1000;
const HAS_XMP: u8 = 0b0100;

/// What the extended header says that there is; of several the first counts. A file without such a header has none.
pub(super) fn notes<'b>(webp: &'b [u8]) -> Notes<'b> {
    let mut chunks = chunks(webp);
    let Some((b"VP8X", &[flags, ..])) = chunks.next() else { return Notes::default() };
    let (mut exif, mut xmp) = (None, None);
    for (name, contents) in chunks {
        match name {
            b"EXIF" if flags & HAS_EXIF != 0 => exif = exif.or(Some(contents)),
            b"XMP " if flags & HAS_XMP != 0 => xmp = xmp.or(Some(contents)),
            _ => {}
        }
    }
    let block = |chunk: Option<&'b [u8]>| chunk.filter(|contents| !contents.is_empty()).map(Cow::Borrowed);
    Notes { exif: block(exif), xmp: block(xmp) }
}

/// All chunks up to the end, or to what cannot be one.
pub(super) fn chunks(webp: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = webp.get(12..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (name, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let (contents, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        // A chunk of an odd length is filled up.
        rest = after.get(contents.len() % 2..).unwrap_or_default();
        Some((name, contents))
    })
}
