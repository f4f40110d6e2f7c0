//! What the crate `image` leaves open of Windows bitmaps.
//!
//! Source: the BITMAPFILEHEADER and BITMAPINFOHEADER of the Windows GDI; OS/2 2.0's header of 64 bytes begins with the fields of
//! Windows' 40.

use std::borrow::Cow;

/// Lengths of the header behind the first 14 bytes, which say what version it is.
const HEADERS: [u32; 7] = [12, 40, 52, 56, 64, 108, 124];
const SIXTEEN_BITS: u16 = 16;

/// Whether these are the first bytes of a bitmap.
///
/// Two letters are little to go by. Next come the file's length, four reserved bytes that some programs write into,
/// and after one more number the length of the header: that is one of few.
pub(super) fn begins(head: &[u8]) -> bool {
    let reserved_is_zero = || head.get(6..10) == Some(&[0; 4]);
    head.starts_with(b"BM")
        && (reserved_is_zero() || u32_at(head, 14).is_some_and(|length| HEADERS.contains(&length)))
}

/// Pixels across and down that the header states.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    if u32_at(bytes, 14)? == 12 {
        return Some((u16_at(bytes, 18)?.into(), u16_at(bytes, 20)?.into()));
    }
    // Negative heights are of images that are stored from the top.
    let edge = |at| Some((u32_at(bytes, at)? as i32).unsigned_abs());
    Some((edge(18)?, edge(22)?))
}

/// The same bitmap with a header that the decoder knows.
pub(super) fn with_known_header(bytes: &[u8]) -> Cow<'_, [u8]> {
    const OS2: u32 = 64;
    const WINDOWS: u32 = 40;
    let (Some(OS2), Some(pixels_at)) = (u32_at(bytes, 14), u32_at(bytes, 10)) else { return bytes.into() };
    // A file that was cut off stays one.
    let first = &bytes[18..bytes.len().min(54)];
    let behind = bytes.get(78..).unwrap_or_default();
    let pixels_at = pixels_at.saturating_sub(OS2 - WINDOWS);
    [&bytes[..10], &pixels_at.to_le_bytes(), &WINDOWS.to_le_bytes(), first, behind].concat().into()
}

/// Whether a pixel has 16 bits.
pub(super) fn has_sixteen_bits(bytes: &[u8]) -> bool {
    u32_at(bytes, 14) != Some(12) && u16_at(bytes, 28) == Some(SIXTEEN_BITS)
}

/// Spread five (or of green six) bits over eight as Pillow does, which rounds down where the decoder rounds to the nearest.
pub(super) fn round_down(bytes: &[u8], rgb: &mut [u8]) {
    const MASKS_FOLLOW: u32 = 3;
    let green = u32_at(bytes, 58).filter(|_| u32_at(bytes, 30) == Some(MASKS_FOLLOW)).unwrap_or(0x3e0);
    let most = [31, if green == 0x7e0 { 63 } else { 31 }, 31];
    let (pixels, _) = rgb.as_chunks_mut::<3>();
    for (sample, most) in pixels.iter_mut().flat_map(|pixel| pixel.iter_mut().zip(most)) {
        let bits: u32 = (u32::from(*sample) * most + 127) / 255;
        *sample = (bits * 255 / most) as u8;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|pair| u16::from_le_bytes(*pair))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}
