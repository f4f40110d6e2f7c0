//! From the bytes of a file to RGB pixels.

use std::error::Error as StdError;
use std::io::{self, Cursor};

use image::error::ImageError;
use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader};

use super::heif::{self, Heif};
use super::kind::{FileKind, Format, sniff};
use super::limits::{bytes_of, mebibytes};
use super::recipe::Alpha;
use super::resample::Size;
use super::{Error, Limits, bmp, colour, complete, gif, jpeg, jxl, orientation, pnm, tiff};

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
    (limits, heif): (&Limits, &Heif),
    wanted: impl FnOnce(&Header) -> Option<Size>,
    space: &mut Space,
    rgb: &mut Vec<u8>,
) -> Result<(Format, Header), Error> {
    let format = recognise(bytes)?;
    #[cfg(test)]
    super::guard::trap::spring(bytes, "decoding");
    let orientation = orientation::of(format, bytes);
    let whole = complete::whole(format, bytes).ok_or(Error::Truncated { format, source: None })?;
    let bytes: &[u8] = &whole;
    let mut header = match format {
        Format::Jpeg => {
            let orientation = orientation.unwrap_or(Orientation::NoTransforms);
            jpeg::decode(bytes, orientation, wanted, limits, &mut space.jpeg, rgb)?
        }
        Format::Heic | Format::Avif => {
            heif::decode(bytes, format, alpha, (limits, heif), &mut space.samples, rgb)?
        }
        Format::JpegXl => jxl::decode(bytes, alpha, limits, &mut space.samples, rgb)?,
        Format::Gif => gif::decode(bytes, alpha, limits, &mut space.samples, rgb)?,
        Format::Tiff => tiff::decode(bytes, alpha, limits, &mut space.samples, &mut space.jpeg, rgb)?,
        Format::Pnm => pnm::decode(bytes, limits, rgb)?,
        Format::Png | Format::Webp | Format::Bmp => {
            by_crate(bytes, format, alpha, limits, &mut space.samples, rgb)?
        }
    };
    // One place reads it for all formats that have it beside the pixels.
    header.orientation = orientation.unwrap_or(header.orientation);
    has_pixels(format, header.decoded.0, header.decoded.1)?;
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

/// The formats that the crate `image` decodes.
fn by_crate(
    bytes: &[u8],
    format: Format,
    alpha: Alpha,
    limits: &Limits,
    samples: &mut Vec<u8>,
    rgb: &mut Vec<u8>,
) -> Result<Header, Error> {
    let (codec, stated) = match format {
        Format::Png => (ImageFormat::Png, png_size(bytes)),
        Format::Webp => (ImageFormat::WebP, None),
        Format::Bmp => (ImageFormat::Bmp, bmp::size(bytes)),
        _ => {
            unreachable!("these have decoders of their own")
        }
    };
    // Asked first, for the decoder may refuse without saying why.
    if let Some((width, height)) = stated {
        has_pixels(format, width as usize, height as usize)?;
        limits.check(width, height, bytes_of(width, height, 3))?;
    }
    let failed = |error| failed(format, limits, error);
    let bytes = if format == Format::Bmp { bmp::with_known_header(bytes) } else { bytes.into() };
    let mut reader = ImageReader::with_format(Cursor::new(&bytes), codec);
    let mut own = image::Limits::no_limits();
    own.max_alloc = Some(limits.memory);
    reader.limits(own);
    let decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    // What the decoder fills, and the RGB made from it.
    limits.check(width, height, bytes_of(width, height, u64::from(colour.bytes_per_pixel()) + 3))?;
    samples.clear();
    samples.resize(decoder.total_bytes() as usize, 0);
    decoder.read_image(samples).map_err(failed)?;
    colour::to_rgb(samples, colour, alpha, rgb)?;
    if format == Format::Bmp && bmp::has_sixteen_bits(&bytes) {
        bmp::round_down(&bytes, rgb);
    }
    let (decoded, orientation) = ((width as usize, height as usize), Orientation::NoTransforms);
    Ok(Header { width, height, decoded, orientation })
}

/// Width and height that a PNG's first chunk states.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let edge = |at: usize| bytes.get(at..)?.first_chunk().map(|edge| u32::from_be_bytes(*edge));
    Some((edge(16)?, edge(20)?))
}

/// Refuse an image that nothing can be made of.
fn has_pixels(format: Format, width: usize, height: usize) -> Result<(), Error> {
    if width == 0 || height == 0 {
        return Err(Error::Damaged { format, source: "the image has no pixels".into() });
    }
    Ok(())
}

fn failed(format: Format, limits: &Limits, error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => Error::TooLarge {
            found: format!("decoding this {format} takes more memory than it may"),
            allowed: format!("{} MiB", mebibytes(limits.memory)),
        },
        ImageError::Unsupported(_) => Error::Unsupported { what: format!("this kind of {format}") },
        error if ended_early(&error) => Error::Truncated { format, source: None },
        error => Error::Damaged { format, source: innermost(&error).into() },
    }
}

/// What the error that caused all others says.
fn innermost(error: &ImageError) -> String {
    let mut innermost: &(dyn StdError + 'static) = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
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
