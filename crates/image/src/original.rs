//! An image at its own size.

use image::metadata::Orientation;

use super::decode::{Header, Space, decode};
use super::guard::guarded;
use super::heif::Heif;
use super::orient::upright;
use super::recipe::{Alpha, Exif};
use super::resample::Size;
use super::{Error, Limits};

/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Three bytes a pixel, red first, rows without padding.
    pub rgb: Vec<u8>,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
}

/// Decode the image in `bytes`, which are a file's, HEIC by `heif`, and turn it upright if `exif` says so.
///
/// # Errors
/// As [`Preprocessor::pixels`](super::Preprocessor::pixels).
pub fn original(bytes: &[u8], exif: Exif, alpha: Alpha, heif: &Heif) -> Result<Original, Error> {
    guarded(|| at_least(bytes, exif, alpha, heif, |_| None))
}

/// The same, unguarded against panics and possibly smaller: with at least as many pixels across and down, as stored, as `wanted` says for the file's size.
pub(super) fn at_least(
    bytes: &[u8],
    exif: Exif,
    alpha: Alpha,
    heif: &Heif,
    wanted: impl FnOnce(Size) -> Option<Size>,
) -> Result<Original, Error> {
    let (mut space, mut rgb, mut turned) = (Space::default(), vec![], vec![]);
    let wanted = |header: &Header| wanted(header.decoded);
    let (_, header) = decode(bytes, alpha, (&Limits::default(), heif), wanted, &mut space, &mut rgb)?;
    let (width, height) = header.decoded;
    if exif == Exif::Ignore || header.orientation == Orientation::NoTransforms {
        return Ok(Original { rgb, width, height });
    }
    let (width, height) = upright(&rgb, (width, height), header.orientation, &mut turned);
    Ok(Original { rgb: turned, width, height })
}
