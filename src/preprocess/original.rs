//! An image at its own size.

use image::metadata::Orientation;

use super::decode::decode;
use super::orient::upright;
use super::recipe::{Alpha, Exif};
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

/// Decode the image in `bytes`, which are a file's, and turn it upright if `exif` says so.
///
/// # Errors
/// As [`Preprocessor::pixels`](super::Preprocessor::pixels).
pub fn original(bytes: &[u8], exif: Exif, alpha: Alpha) -> Result<Original, Error> {
    let (mut samples, mut rgb, mut turned) = (vec![], vec![], vec![]);
    let (_, header) = decode(bytes, alpha, &Limits::default(), &mut samples, &mut rgb)?;
    let size = (header.width as usize, header.height as usize);
    if exif == Exif::Ignore || header.orientation == Orientation::NoTransforms {
        return Ok(Original { rgb, width: size.0, height: size.1 });
    }
    let (width, height) = upright(&rgb, size, header.orientation, &mut turned);
    Ok(Original { rgb: turned, width, height })
}
