//! The orientation in a packet of XMP.

use image::metadata::Orientation;

const NAME: &[u8] = b"tiff:Orientation";

/// The first orientation in the packet, as an attribute (`tiff:Orientation="6"`) or an element (`<tiff:Orientation>6<`); none if
/// there is none. A value that means nothing is upright.
///
/// A search for text, not XML: so does Pillow, and so damaged packets and prefixes of any other kind read as they do there.
pub(super) fn orientation(packet: &[u8]) -> Option<Orientation> {
    let mut rest = packet;
    while let Some(at) = memchr::memmem::find(rest, NAME) {
        rest = &rest[at + NAME.len()..];
        let value = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"));
        if let Some(&[digit @ b'0'..=b'9', ..]) = value {
            return Some(Orientation::from_exif(digit - b'0').unwrap_or(Orientation::NoTransforms));
        }
    }
    None
}
