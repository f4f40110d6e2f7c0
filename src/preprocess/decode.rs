//! From the bytes of a file to RGB pixels.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::{self, Cursor};

use image::error::ImageError;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageFormat, ImageReader};

use super::complete::is_complete;
use super::kind::{FileKind, Format, sniff};
use super::recipe::Alpha;
use super::resample::Size;
use super::tiff_palette::Palette;
use super::{Error, Limits, colour, heif, jpeg, jxl, orientation};

/// What a file says about its image.
pub(super) struct Header {
    pub width: u32,
    pub height: u32,
    /// Pixels across and down that were decoded, which are fewer where fewer were wanted.
    pub decoded: Size,
    pub orientation: Orientation,
}

/// Working space that is kept from image to image.
#[derive(Debug, Default)]
pub(super) struct Space {
    samples: Vec<u8>,
    jpeg: jpeg::Space,
}

/// Decode the first image of a file into `rgb`, as stored: not turned.
///
/// Where the format allows it, which JPEG does, the image is scaled down meanwhile as far as `wanted` allows: it says how
/// many pixels across and down are needed at least; none: all of them.
///
/// # Errors
/// [`Error::Empty`], [`Error::NotAnImage`], [`Error::Unsupported`], [`Error::Truncated`], [`Error::TooLarge`] or
/// [`Error::Damaged`]. A decoder that is not ours may panic: whoever calls guards against that.
pub(super) fn decode(
    bytes: &[u8],
    alpha: Alpha,
    limits: &Limits,
    wanted: impl FnOnce(&Header) -> Option<Size>,
    space: &mut Space,
    rgb: &mut Vec<u8>,
) -> Result<(Format, Header), Error> {
    let format = recognise(bytes)?;
    #[cfg(test)]
    super::guard::trap::spring(bytes, "decoding");
    if !is_complete(format, bytes) {
        return Err(Error::Truncated { format, source: None });
    }
    let orientation = orientation::of(format, bytes);
    let mut header = match format {
        Format::Jpeg => {
            let orientation = orientation.unwrap_or(Orientation::NoTransforms);
            jpeg::decode(bytes, orientation, wanted, limits, &mut space.jpeg, rgb)?
        }
        Format::Heic | Format::Avif => heif::decode(bytes, format, alpha, limits, &mut space.samples, rgb)?,
        Format::JpegXl => jxl::decode(bytes, alpha, limits, &mut space.samples, rgb)?,
        other => decode_other(bytes, other, alpha, limits, &mut space.samples, rgb)?,
    };
    // One place reads it for all formats that have it beside the pixels.
    header.orientation = orientation.unwrap_or(header.orientation);
    Ok((format, header))
}

fn recognise(bytes: &[u8]) -> Result<Format, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    match sniff(bytes) {
        FileKind::Image(format) => Ok(format),
        FileKind::OtherImage(name) => Err(Error::Unsupported { what: name.to_owned() }),
        found => Err(Error::NotAnImage { found }),
    }
}

fn decode_other(
    bytes: &[u8],
    format: Format,
    alpha: Alpha,
    limits: &Limits,
    samples: &mut Vec<u8>,
    rgb: &mut Vec<u8>,
) -> Result<Header, Error> {
    let failed = |error| failed(format, error);
    let palette = if format == Format::Tiff { Palette::find(bytes) } else { None };
    let bytes = palette.as_ref().map_or(Cow::Borrowed(bytes), |palette| palette.as_grey(bytes).into());
    let mut reader = ImageReader::with_format(Cursor::new(&bytes), codec(format));
    let mut own = image::Limits::no_limits();
    own.max_alloc = Some(limits.memory);
    reader.limits(own);
    let decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    // What the decoder fills, and the RGB made from it.
    let pixels = u64::from(width) * u64::from(height);
    limits.check(width, height, pixels.saturating_mul(u64::from(colour.bytes_per_pixel()) + 3))?;
    samples.clear();
    samples.resize(decoder.total_bytes() as usize, 0);
    decoder.read_image(samples).map_err(failed)?;
    match palette {
        Some(palette) if colour == ColorType::L8 => palette.look_up(samples, rgb),
        _ => colour::to_rgb(samples, colour, alpha, rgb)?,
    }
    let (decoded, orientation) = ((width as usize, height as usize), Orientation::NoTransforms);
    Ok(Header { width, height, decoded, orientation })
}

fn codec(format: Format) -> ImageFormat {
    match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Gif => ImageFormat::Gif,
        Format::Webp => ImageFormat::WebP,
        Format::Bmp => ImageFormat::Bmp,
        Format::Tiff => ImageFormat::Tiff,
        Format::Heic | Format::Avif | Format::JpegXl => unreachable!("{format} has a decoder of its own"),
    }
}

fn failed(format: Format, error: ImageError) -> Error {
    match error {
        // The decoder refused before it told the size.
        ImageError::Limits(_) => {
            Error::TooLarge { found: format!("a {format} of unknown size"), allowed: "fewer bytes".into() }
        }
        ImageError::Unsupported(_) => Error::Unsupported { what: format!("this {format} ({error})") },
        error if ended_early(&error) => Error::Truncated { format, source: Some(error.into()) },
        error => Error::Damaged { format, source: error.into() },
    }
}

/// Whether the end of the file is the cause, however deep it is wrapped.
fn ended_early(error: &ImageError) -> bool {
    let early = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    // Not the cause of itself: this variant shows what is behind the I/O error.
    if let ImageError::IoError(io) = error {
        return early(io);
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(early) {
            return true;
        }
        cause = error.source();
    }
    false
}
