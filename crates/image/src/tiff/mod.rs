//! TIFF: the first page, with Pillow's pixels.
//!
//! A reader of our own on top of crates that unpack: [`directory`] reads the fields of a page, [`page`] makes sense of them,
//! [`raw_photo`] recognises what is no finished picture, [`unpack`] (with [`fax`] and [`coded`]) unpacks a strip or a tile,
//! [`samples`] puts it where it belongs, [`colours`] makes RGB of the whole. The crate `tiff` 0.11, which was here before,
//! ignores the order of bits, knows no palette and no grey with alpha, panics on tiles in planes, and calls sound LZW data
//! cut off.
//!
//! Source: TIFF 6.0, Adobe 1992, and its Technical Notes 1 and 2; what is done where they leave a choice, Pillow 13.0.0 with
//! libtiff 4.7.

mod coded;
mod codes;
mod colours;
mod directory;
mod fax;
mod page;
mod raw_photo;
mod samples;
#[cfg(test)]
mod tests;
mod unpack;

use image::metadata::Orientation;

use super::decode::Header;
use super::kind::Format;
use super::limits::bytes_of;
use super::recipe::Alpha;
use super::{Error, Limits, jpeg};
use directory::Directory;
use page::Page;
use samples::Canvas;

/// What is wrong with a file.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its data end before the image does.
    Early,
    /// They contradict the format.
    Damaged(&'static str),
    /// It is of a kind that is not decoded here.
    Unsupported(String),
    /// Part of it cannot be decoded, for a reason that is an error by itself.
    Part(Box<Error>),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Early => Self::Truncated { format: Format::Tiff, source: None },
            Fault::Damaged(why) => Self::Damaged { format: Format::Tiff, source: why.into() },
            Fault::Unsupported(what) => Self::Unsupported { what },
            Fault::Part(error) => *error,
        }
    }
}

/// Decode the first page into `rgb`, as stored: not turned. `packed` is working space.
pub(super) fn decode(
    bytes: &[u8],
    alpha: Alpha,
    limits: &Limits,
    packed: &mut Vec<u8>,
    jpeg: &mut jpeg::Space,
    rgb: &mut Vec<u8>,
) -> Result<Header, Error> {
    let page = page(bytes)?;
    let (width, height) = page.size;
    limits.check(width, height, page.memory())?;
    let mut canvas = Canvas::new(&page);
    let mut unpacker = unpack::Unpacker { page: &page, limits, jpeg, rgb: vec![] };
    for part in page.parts() {
        let unpacked = unpacker.unpack(&part, packed)?;
        canvas.put(&part, unpacked);
    }
    colours::to_rgb(&page, canvas.samples, alpha, rgb);
    let decoded = (width as usize, height as usize);
    Ok(Header { width, height, decoded, orientation: Orientation::NoTransforms })
}

/// Bytes that decoding takes, and turning.
pub(super) fn takes(bytes: &[u8]) -> Result<u64, Error> {
    let page = page(bytes)?;
    Ok(page.memory().saturating_add(bytes_of(page.size.0, page.size.1, 3)))
}

fn page(bytes: &[u8]) -> Result<Page<'_>, Fault> {
    let directory = Directory::first(bytes)?;
    if let Some(name) = raw_photo::name(&directory) {
        return Err(Fault::Unsupported(name));
    }
    Page::read(directory)
}

/// Whether the pixels of a file that 0.1.0 decoded may differ from those that it has now: see
/// [`changed`](super::changed).
pub(super) fn differs_since_0_1_0(bytes: &[u8]) -> bool {
    let Ok(page) = page(bytes) else { return true };
    // 0.1.0 read bits in one order only, had another JPEG decoder and another rule for CMYK, multiplied
    // colours with their alpha twice, and took whatever stood behind the colours for samples of the next pixel.
    page.reversed
        || page.compression == page::Compression::Jpeg
        || page.colours == page::Colours::Cmyk
        || page.extra_is_news()
}
