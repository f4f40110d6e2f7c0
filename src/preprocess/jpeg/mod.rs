//! JPEG, by zune-jpeg without a detour: its strict mode is wanted, and its output in a buffer that is kept.

mod bits;
mod coder;
mod walk;

use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use self::walk::{Fault, walk};
use super::decode::Header;
use super::kind::Format;
use super::{Error, Limits};

/// Decode into `rgb`. Grey becomes three equal channels; CMYK is taken as Adobe stores it, inverted, which is what
/// Pillow does too.
pub(super) fn decode(bytes: &[u8], limits: &Limits, rgb: &mut Vec<u8>) -> Result<Header, Error> {
    let options = DecoderOptions::default()
        // Otherwise a code that cannot be decoded turns the rest of the image grey, without an error.
        .set_strict_mode(true)
        // Our own limits say it in pixels and bytes.
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(failed)?;
    let colours = decoder.input_colorspace().map_or(0, |space| space.num_components());
    if !matches!(colours, 1 | 3 | 4) {
        return Err(Error::Unsupported { what: format!("a JPEG of {colours} colours") });
    }
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("it states no size"))?;
    let (width, height) = (narrow(width)?, narrow(height)?);
    let pixels = u64::from(width) * u64::from(height);
    // Several scans are put together from coefficients of two bytes, kept for the whole image.
    let coefficients = if has_several_scans(bytes) { 2 * colours as u64 } else { 0 };
    limits.check(width, height, pixels.saturating_mul(3 + coefficients))?;
    rgb.clear();
    rgb.resize(pixels as usize * 3, 0);
    decoder.decode_into(rgb).map_err(failed)?;
    let orientation = decoder.exif().and_then(|chunk| Orientation::from_exif_chunk(chunk));
    // Its memory first, for the walk takes some too.
    drop(decoder);
    walk(bytes).map_err(|fault| match fault {
        Fault::Early => Error::Truncated { format: Format::Jpeg, source: Some(EARLY.into()) },
        Fault::Damaged(why) => damaged(why),
    })?;
    Ok(Header { width, height, orientation: orientation.unwrap_or(Orientation::NoTransforms) })
}

/// What the decoder would have filled up with grey.
const EARLY: &str = "the coded data end before the last block of the image";

/// Whether a start-of-scan marker comes twice. One inside a thumbnail may be counted too: it errs on the safe side.
fn has_several_scans(bytes: &[u8]) -> bool {
    bytes.windows(2).filter(|pair| *pair == [0xff, 0xda]).nth(1).is_some()
}

fn narrow(edge: usize) -> Result<u32, Error> {
    u32::try_from(edge).map_err(|_| damaged("its size is beyond the format's"))
}

fn damaged(why: &'static str) -> Error {
    Error::Damaged { format: Format::Jpeg, source: why.into() }
}

fn failed(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(scheme) => Error::Unsupported { what: format!("this JPEG ({scheme:?})") },
        DecodeErrors::ExhaustedData => Error::Truncated { format: Format::Jpeg, source: Some(error.into()) },
        error => Error::Damaged { format: Format::Jpeg, source: error.into() },
    }
}
