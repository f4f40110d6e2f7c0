//! How an image is to be turned: what its file says of it, wherever it says so.
//!
//! EXIF comes first. Only where it has no orientation, or there is no EXIF, XMP is asked. A value that means nothing (0, 9,
//! …) is upright, also when XMP says otherwise. All of it is what Pillow 13's `ImageOps.exif_transpose` applies, from the
//! same places: EXIF in an APP1 segment, an `eXIf` chunk (before or behind the pixels), ImageMagick's text `Raw profile type
//! exif`, a chunk `EXIF`, or the first page of a TIFF; XMP in an APP1 segment, a text `XML:com.adobe.xmp`, a chunk `XMP `, or
//! tag 700.

mod before;
mod exif;
mod jpeg;
mod png;
#[cfg(test)]
mod tests;
mod webp;
mod xmp;

use image::metadata::Orientation;

use super::kind::Format;

/// Blocks of metadata that a file has, as far as they may tell the orientation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Notes<'a> {
    /// EXIF: a small TIFF file, perhaps with a word before it.
    exif: Option<std::borrow::Cow<'a, [u8]>>,
    /// XMP: a packet of XML.
    xmp: Option<std::borrow::Cow<'a, [u8]>>,
}

impl Notes<'_> {
    fn orientation(&self) -> Option<Orientation> {
        let exif = self.exif.as_deref().and_then(exif::of_block);
        exif.or_else(|| xmp::orientation(self.xmp.as_deref()?))
    }
}

/// The orientation of the image in `bytes`, which are a file of this format: upright if the file has none.
///
/// None for a format that says nothing of it here.
///
/// It never panics, whatever the bytes, and allocates a megabyte at most.
pub(super) fn of(format: Format, bytes: &[u8]) -> Option<Orientation> {
    let found = match format {
        Format::Jpeg => jpeg::notes(bytes).orientation(),
        Format::Png => png::notes(bytes).orientation(),
        Format::Webp => webp::notes(bytes).orientation(),
        Format::Tiff => exif::of_tiff(bytes).or_else(|| xmp::orientation(exif::xmp_of_tiff(bytes)?)),
        // Those that have no place for it, such as GIF and BMP, and those that their own decoder turns.
        _ => return None,
    };
    Some(found.unwrap_or(Orientation::NoTransforms))
}

/// Whether version 0.1.0 turned the image in another way than it is turned today.
pub(super) fn differs_since_0_1_0(format: Format, bytes: &[u8]) -> bool {
    of(format, bytes).is_some_and(|today| today != before::of(format, bytes))
}
