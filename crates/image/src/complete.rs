//! Is the file all there? A walk over its structure, without decoding.
//!
//! Decoders are lenient in their own ways: some pad what is missing with grey, some stop reading once the last pixel
//! is known. Here a file that was cut off anywhere is recognised as such, and a whole one never is.
//!
//! One thing may be missing: the mark at the very end of a PNG or GIF (`IEND`, the trailer). Some programs do not write it, and
//! no pixel is in it.

use std::borrow::Cow;

use super::kind::Format;

/// The file if it goes on to the end that its own format announces, with the mark at the end that it may lack; none if it was
/// cut off.
///
/// BMP, TIFF and PNM announce none, and the ends of JPEG, HEIC, AVIF and JPEG XL are found while they are decoded; there the
/// decoder is the one to notice.
pub(super) fn whole(format: Format, bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let end = match format {
        Format::Png => match png_end(bytes)? {
            PngEnd::At(end) => Some(end),
            PngEnd::Open(at) => return Some([&bytes[..at], IEND].concat().into()),
        },
        Format::Gif => gif_end(bytes),
        Format::Webp => webp_end(bytes),
        Format::Bmp | Format::Jpeg | Format::Tiff | Format::Pnm => Some(bytes.len()),
        Format::Heic | Format::Avif | Format::JpegXl => Some(bytes.len()),
    };
    end.filter(|&end| end <= bytes.len()).map(|_| bytes.into())
}

/// Behind the end-of-image marker that is the next one from `at` on. What follows it (a video, a second picture) is
/// nobody's concern.
pub(super) fn jpeg_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        // Extra bytes before a marker, and fill bytes within it, are allowed by every decoder.
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        at += bytes[at..].iter().position(|&byte| byte != 0xff)?;
        let marker = bytes[at];
        at += 1;
        match marker {
            0xd9 => return Some(at),
            // Stuffing, TEM, restarts and a start of image carry no length. Entropy-coded data need no case of their
            // own: within them 0xff is followed by one of these, and so they are passed over as extra bytes.
            0x00 | 0x01 | 0xd0..=0xd8 => {}
            _ => at += usize::from(u16::from_be_bytes(array(bytes, at)?)),
        }
    }
}

/// The last chunk of a PNG, which is always the same.
const IEND: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

enum PngEnd {
    /// Behind the chunk `IEND`.
    At(usize),
    /// The chunk is missing, in whole or in part, and belongs here.
    Open(usize),
}

fn png_end(bytes: &[u8]) -> Option<PngEnd> {
    let mut at = 8;
    let mut has_pixels = false;
    loop {
        let rest = bytes.get(at..)?;
        if has_pixels && rest.len() < IEND.len() && IEND.starts_with(rest) {
            return Some(PngEnd::Open(at));
        }
        let length = u32::from_be_bytes(array(bytes, at)?) as usize;
        let name: [u8; 4] = array(bytes, at + 4)?;
        at = at.checked_add(length)?.checked_add(12)?;
        has_pixels |= name == *b"IDAT";
        if name == *b"IEND" {
            return Some(PngEnd::At(at));
        }
    }
}

/// Behind the trailer, or behind the last block where there is none.
fn gif_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 13 + colour_table(*bytes.get(10)?);
    let mut has_pixels = false;
    loop {
        if has_pixels && at == bytes.len() {
            return Some(at);
        }
        let introducer = *bytes.get(at)?;
        at += 1;
        match introducer {
            b';' => return Some(at),
            b'!' => at = sub_blocks(bytes, at + 1)?,
            b',' => {
                let flags = *bytes.get(at + 8)?;
                at = sub_blocks(bytes, at + 9 + colour_table(flags) + 1)?;
                has_pixels = true;
            }
            // Not GIF any more; the decoder has a better word for it than "cut off".
            _ => return Some(at),
        }
    }
}

fn colour_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Behind a chain of blocks that each begin with their length; an empty one ends it.
fn sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

/// Behind the RIFF container.
fn webp_end(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(array(bytes, 4)?)).ok()?.checked_add(8)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_inside_a_segment_does_not_end_the_file() {
        // A comment that holds an end-of-image marker, as thumbnails do.
        let whole = b"\xff\xd8\xff\xfe\x00\x04\xff\xd9\xff\xff\xdb\x00\x02\x12\xff\x00\xff\xd9";
        assert_eq!(jpeg_end(whole, 2), Some(whole.len()));
        for cut in 0..whole.len() {
            assert_eq!(jpeg_end(&whole[..cut], 2), None, "cut at {cut}");
        }
        assert_eq!(jpeg_end(&[whole.as_slice(), b"motion photo"].concat(), 2), Some(whole.len()));
    }

    #[test]
    fn a_length_beyond_the_file_is_no_overflow() {
        assert!(whole(Format::Png, b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT....").is_none());
        assert!(whole(Format::Webp, b"RIFF\xff\xff\xff\xffWEBP").is_none());
        assert!(whole(Format::Gif, b"GIF89a").is_none());
    }
}
