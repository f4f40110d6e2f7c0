//! HEIC and AVIF: one container, two ways of coding what is in it.
//!
//! The container, grids, turns and colours are done here. AV1 is decoded by `re_rav1d`, and HEVC by libheif, if it is installed.
//! Turns and mirrors of the container (`irot`, `imir`) are part of the picture; EXIF, which repeats them, is not looked at.

mod av1;
mod boxes;
mod container;
mod fault;
mod hevc;
mod image;
mod libheif;
mod picture;
mod property;
#[cfg(test)]
mod tests;
mod yuv;

use ::image::metadata::Orientation;

use super::colour::{over_white, premultiplied};
use super::decode::Header;
use super::recipe::Alpha;
use super::resample::Size;
use super::{Error, Format, Limits, orient};
use container::Container;
use fault::{Fault, Result, damaged, unsupported};
use image::{Codec, Image, Shown, Step, hevc_config, operating_point};
use picture::{Canvas, Chroma, Picture};
use property::{Crop, Nclx};
use yuv::Enlarge;

pub use libheif::{Error as LibheifError, Heif, Libheif};

/// Boxes: of each its kind, and what is in it.
type Boxes<'a> = Vec<([u8; 4], &'a [u8])>;

/// The boxes of a file, for JPEG XL, which is kept in the same kind.
pub(super) fn top_boxes(bytes: &[u8], format: Format) -> std::result::Result<Boxes<'_>, Error> {
    let boxes = boxes::of_file(bytes).map_err(|fault| fault.of(format))?;
    Ok(boxes.into_iter().map(|b| (b.kind, b.body)).collect())
}

/// Decode the primary image of a file into `rgb`, turned as the container says; `scratch` is working space.
///
/// # Errors
/// [`Error::Truncated`], [`Error::Damaged`], [`Error::Unsupported`], [`Error::TooLarge`] or [`Error::NoLibrary`].
pub(super) fn decode(
    bytes: &[u8],
    format: Format,
    alpha: Alpha,
    (limits, heif): (&Limits, &Heif),
    scratch: &mut Vec<u8>,
    rgb: &mut Vec<u8>,
) -> std::result::Result<Header, Error> {
    let (width, height) =
        shown(heif, bytes, alpha, limits, scratch, rgb).map_err(|fault| fault.of(format))?;
    let orientation = Orientation::NoTransforms;
    Ok(Header { width: width as u32, height: height as u32, decoded: (width, height), orientation })
}

/// Bytes that decoding takes at most, by the file's own words; none if they make no sense.
pub(super) fn takes(bytes: &[u8]) -> Option<u64> {
    let container = Container::read(bytes).ok()?;
    let shown = Shown::of(&container).ok()?;
    Some(Needs::of(&container, &shown).ok()?.bytes)
}

/// The picture as it is shown, and its size.
fn shown(
    heif: &Heif,
    bytes: &[u8],
    alpha: Alpha,
    limits: &Limits,
    scratch: &mut Vec<u8>,
    rgb: &mut Vec<u8>,
) -> Result<Size> {
    let container = Container::read(bytes)?;
    let shown = Shown::of(&container)?;
    Needs::of(&container, &shown)?.check(limits)?;
    let blend = Blend { alpha, premultiplied: shown.premultiplied };
    match shown.image.codec {
        Codec::Av1 => decode_av1(&container, &shown, blend, limits, rgb)?,
        Codec::Hevc => {
            all_there(&container, &shown)?;
            let library = heif.library().map_err(Fault::NoLibrary)?;
            let decoded = libheif::decode(library, bytes, limits)?;
            let picture = decoded.picture(shown.image.nclx)?;
            same_size(&picture, shown.image.size)?;
            yuv::to_rgb(&picture, picture.colour, Enlarge::Nearest, rgb)?;
            if let Some(plane) = &picture.alpha {
                blend.over(rgb, picture.size.0, |row| {
                    yuv::opacity(plane, picture.size, picture.bits, true, row)
                });
            }
        }
    }
    let mut size = shown.image.size;
    for &step in &shown.steps {
        size = take(step, size, scratch, rgb)?;
    }
    Ok(size)
}

fn decode_av1(
    container: &Container<'_>,
    shown: &Shown,
    blend: Blend,
    limits: &Limits,
    rgb: &mut Vec<u8>,
) -> Result<()> {
    with_av1(container, &shown.image, limits, |picture, nclx| {
        yuv::to_rgb(picture, nclx, Enlarge::Bilinear, rgb)
    })?;
    let Some(alpha) = shown.alpha.as_ref().filter(|_| blend.is_needed()) else { return Ok(()) };
    if alpha.codec != Codec::Av1 {
        return unsupported("transparency that is coded in another way than the image");
    }
    if alpha.size != shown.image.size {
        return unsupported("transparency of another size than the image");
    }
    with_av1(container, alpha, limits, |picture, nclx| {
        let (plane, full_range) = (&picture.planes[0], nclx.full_range);
        blend.over(rgb, picture.size.0, |row| {
            yuv::opacity(plane, picture.size, picture.bits, full_range, row)
        });
        Ok(())
    })
}

/// Decode an image in AV1, and hand on its planes with what is true of its colours.
fn with_av1(
    container: &Container<'_>,
    image: &Image,
    limits: &Limits,
    then: impl FnOnce(&Picture<'_>, Nclx) -> Result<()>,
) -> Result<()> {
    let tile_size = image.tile_size(container)?;
    let decode = |id: u32| {
        let data = container.data(id)?.into_owned();
        let frame = av1::decode(data, operating_point(container, id)?, limits.pixels)?;
        same_size(&frame.picture()?, tile_size)?;
        Ok(frame)
    };
    let first = decode(image.tiles[0])?;
    let Some(grid) = image.grid else {
        let picture = first.picture()?;
        return then(&picture, image.nclx.unwrap_or(picture.colour));
    };
    let mut canvas = Canvas::like(&first.picture()?, image.size);
    canvas.lay(&first.picture()?, 0, 0)?;
    drop(first);
    for (i, &tile) in image.tiles.iter().enumerate().skip(1) {
        let (left, top) = (i % grid.columns * tile_size.0, i / grid.columns * tile_size.1);
        canvas.lay(&decode(tile)?.picture()?, left, top)?;
    }
    let picture = canvas.picture()?;
    then(&picture, image.nclx.unwrap_or(picture.colour))
}

/// libheif would make up what is missing, so that it is looked for before.
fn all_there(container: &Container<'_>, shown: &Shown) -> Result<()> {
    let images = std::iter::once(&shown.image).chain(&shown.alpha);
    images.flat_map(|image| &image.tiles).try_for_each(|&tile| container.data(tile).map(drop))
}

fn same_size(picture: &Picture<'_>, size: Size) -> Result<()> {
    if picture.size != size {
        let ((w, h), (width, height)) = (picture.size, size);
        return damaged(format!("the coded image has {w}x{h} pixels where the file says {width}x{height}"));
    }
    Ok(())
}

/// What decoding takes.
struct Needs {
    size: Size,
    /// Those of the largest frame that the coded data announce.
    frame: (u64, u64),
    bytes: u64,
}

impl Needs {
    fn of(container: &Container<'_>, shown: &Shown) -> Result<Self> {
        let image = &shown.image;
        let (width, height) = image.size;
        let pixels = (width as u64).saturating_mul(height as u64);
        let mut frame = (0, 0);
        let mut each = 0;
        // Tiles in AV1 must be of one kind, which is seen when they are laid beside one another.
        let tiles = if image.codec == Codec::Av1 { &image.tiles[..1] } else { &image.tiles };
        for &tile in tiles {
            let (found, bits, chroma) = coded(container, image.codec, tile)?;
            frame = frame.max(found);
            each = each.max(chroma.samples_of_four() * if bits > 8 { 2 } else { 1 });
        }
        image.tile_size(container)?;
        // The planes, twice where another holds them (libheif, or a grid of tiles); RGB, and RGB turned.
        let copies = if image.codec == Codec::Hevc || image.grid.is_some() { 2 } else { 1 };
        let planes = pixels.max(frame.0.saturating_mul(frame.1)).saturating_mul(each * copies).div_ceil(4);
        let alpha = if shown.alpha.is_some() { pixels.saturating_mul(2) } else { 0 };
        let bytes = planes.saturating_add(alpha).saturating_add(pixels.saturating_mul(6));
        Ok(Self { size: image.size, frame, bytes })
    }

    fn check(&self, limits: &Limits) -> Result<()> {
        let size = |(width, height)| {
            (u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX))
        };
        let (width, height) = size(self.frame);
        limits.check_pixels(width, height).map_err(Fault::TooLarge)?;
        let (width, height) = size((self.size.0 as u64, self.size.1 as u64));
        limits.check(width, height, self.bytes).map_err(Fault::TooLarge)
    }
}

/// What a coded item says of itself before it is decoded: the size of its frames, bits and planes.
fn coded(container: &Container<'_>, codec: Codec, id: u32) -> Result<((u64, u64), u8, Chroma)> {
    match codec {
        Codec::Av1 => {
            let header = av1::Header::of_stream(container.data(id)?.into_owned())?;
            Ok(((header.size.0 as u64, header.size.1 as u64), header.bits, header.chroma))
        }
        Codec::Hevc => {
            let header = hevc::Header::read(hevc_config(container, id)?)?;
            Ok((header.size, header.bits, header.chroma))
        }
    }
}

/// What becomes of transparency.
#[derive(Debug, Clone, Copy)]
struct Blend {
    alpha: Alpha,
    premultiplied: bool,
}

impl Blend {
    fn is_needed(self) -> bool {
        self.alpha == Alpha::OverWhite || self.premultiplied
    }

    /// Lay `rgb` over white, or bring back its colours; `opacity` gives a row of bytes at a time.
    fn over(self, rgb: &mut [u8], width: usize, opacity: impl FnOnce(&mut dyn FnMut(usize, &[u8]))) {
        let blend: fn(u8, u8) -> u8 = match (self.alpha, self.premultiplied) {
            (Alpha::OverWhite, false) => over_white,
            (Alpha::OverWhite, true) => |sample, opacity| premultiplied(sample, opacity, Alpha::OverWhite),
            (Alpha::Drop, true) => |sample, opacity| premultiplied(sample, opacity, Alpha::Drop),
            (Alpha::Drop, false) => return,
        };
        let (pixels, _) = rgb.as_chunks_mut::<3>();
        opacity(&mut |y, row| {
            for (pixel, &alpha) in pixels[y * width..].iter_mut().zip(row) {
                *pixel = pixel.map(|sample| blend(sample, alpha));
            }
        });
    }
}

/// Take one step from the coded picture to what is shown, and return the new size.
fn take(step: Step, size: Size, scratch: &mut Vec<u8>, rgb: &mut Vec<u8>) -> Result<Size> {
    let size = match step {
        Step::Crop(part) => crop(rgb, size, part, scratch)?,
        Step::Turn(quarters) => {
            // Against the clock here, with it there.
            let turn = [
                Orientation::NoTransforms,
                Orientation::Rotate270,
                Orientation::Rotate180,
                Orientation::Rotate90,
            ];
            orient::upright(rgb, size, turn[usize::from(quarters & 3)], scratch)
        }
        Step::Mirror { left_right: true } => orient::upright(rgb, size, Orientation::FlipHorizontal, scratch),
        Step::Mirror { left_right: false } => orient::upright(rgb, size, Orientation::FlipVertical, scratch),
    };
    std::mem::swap(scratch, rgb);
    Ok(size)
}

fn crop(rgb: &[u8], size: Size, part: Crop, out: &mut Vec<u8>) -> Result<Size> {
    let Some((left, top, width, height)) = part.rectangle(size) else {
        return damaged("the part to be shown is no part of the image");
    };
    out.clear();
    for y in top..top + height {
        let start = (y * size.0 + left) * 3;
        out.extend_from_slice(&rgb[start..start + width * 3]);
    }
    Ok((width, height))
}
