//! JPEG: libjpeg-turbo's pixels, at four scales, and never a block that the file does not hold.
//!
//! No other decoder gives the three together without an assembler or C (`docs/decoding.md` has the figures). The parts, in
//! the order in which a file passes through them: [`segments`] reads what stands between coded data, [`scan`] the
//! coded data with [`bits`], [`codes`] and [`coder`]; [`rows`] makes pixels of the coefficients by [`transform`],
//! [`enlarge`] and [`colours`].
//!
//! Where coded data end early but an end-of-image marker follows, as after a repair of a cut-off file, other decoders go on
//! with zeros and make grey or smeared filler of them. Here each scan must hold the codes of as many blocks as the size of
//! the image demands, and of a progressive image no coefficient may be left at half its precision.

mod bits;
mod coder;
mod codes;
mod colours;
mod enlarge;
mod frame;
mod rows;
mod scan;
mod segments;
mod standard;
mod transform;

use image::metadata::Orientation;

use self::bits::Bits;
use self::coder::Block;
pub(super) use self::colours::inked;
use self::frame::{Frame, Scale};
use self::rows::Rows;
use self::scan::Scan;
pub(super) use self::segments::Colours;
use self::segments::{Segments, Stop};
use super::complete::jpeg_end;
use super::decode::Header;
use super::kind::Format;
use super::resample::Size;
use super::{Error, Limits};

/// Working space that is kept from image to image.
#[derive(Debug, Default)]
pub(super) struct Space {
    rows: rows::Space,
    strips: [Vec<Block>; 4],
}

/// What is wrong with a file.
#[derive(Debug)]
enum Fault {
    /// Its data end before the image does.
    Early,
    /// They contradict the format.
    Damaged(&'static str),
    /// It is of a kind that is not decoded here.
    Unsupported(String),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Early => {
                let source = "the coded data end before the last block of the image";
                Self::Truncated { format: Format::Jpeg, source: Some(source.into()) }
            }
            Fault::Damaged(why) => Self::Damaged { format: Format::Jpeg, source: why.into() },
            Fault::Unsupported(what) => Self::Unsupported { what },
        }
    }
}

/// Decode into `rgb`, scaled down as far as `wanted` allows.
///
/// `orientation` is what the file says, for the header that `wanted` gets; nothing is turned here. `wanted` says for the
/// header of a file how many pixels across and down are needed at least, as stored; none: all of them.
///
/// Grey becomes three equal channels; CMYK is taken as Adobe stores it, inverted, which is what Pillow does too.
pub(super) fn decode(
    bytes: &[u8],
    orientation: Orientation,
    wanted: impl FnOnce(&Header) -> Option<Size>,
    limits: &Limits,
    space: &mut Space,
    rgb: &mut Vec<u8>,
) -> Result<Header, Error> {
    decode_as(bytes, None, orientation, wanted, limits, space, rgb)
}

/// The same with colours that are known from elsewhere, whatever the file says of them.
pub(super) fn decode_as(
    bytes: &[u8],
    colours: Option<Colours>,
    orientation: Orientation,
    wanted: impl FnOnce(&Header) -> Option<Size>,
    limits: &Limits,
    space: &mut Space,
    rgb: &mut Vec<u8>,
) -> Result<Header, Error> {
    let Start { mut segments, frame, scan, data } = Start::read(bytes)?;
    segments.known_colours = colours;
    if colours.is_some_and(|colours| colours.count() != frame.components.len()) {
        return Err(Fault::Damaged("another number of colours than is stated").into());
    }
    let (width, height) = (frame.size.0 as u32, frame.size.1 as u32);
    let mut about = Header { width, height, decoded: frame.size, orientation };
    let scale = wanted(&about).map_or(Scale::FULL, |wanted| Scale::for_size(frame.size, wanted));
    about.decoded = (scale.of(frame.size.0), scale.of(frame.size.1));

    let samples = 3 * about.decoded.0 * about.decoded.1;
    limits.check(width, height, samples as u64 + coefficients(&frame, &scan))?;
    rgb.clear();
    rgb.resize(samples, 0);
    let streams = scan.has_everything(&frame);
    let image = Image { bytes, segments, frame, scale, rgb };
    if streams {
        image.stream(&scan, data, space)?
    } else {
        image.gather(scan, data, space)?
    }
    Ok(about)
}

/// Bytes that decoding the whole image takes, and turning it upright.
pub(super) fn takes(bytes: &[u8]) -> Result<u64, Error> {
    let Start { frame, scan, .. } = Start::read(bytes)?;
    let pixels = (frame.size.0 * frame.size.1) as u64;
    Ok(2 * 3 * pixels + coefficients(&frame, &scan))
}

/// A file up to the coded data of its first scan, which begin at `data`.
struct Start {
    segments: Segments,
    frame: Frame,
    scan: Scan,
    data: usize,
}

impl Start {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut segments = Segments::default();
        let Stop::Scan { header, data } = segments.read(bytes, 2)? else { return Err(Fault::Early) };
        let frame = segments.frame.take().ok_or(Fault::Damaged("a scan without a frame"))?;
        let scan = Scan::read(header, &frame)?;
        if !frame.progressive {
            segments.assume_standard_codes();
        }
        Ok(Self { segments, frame, scan, data })
    }
}

/// Bytes of the coefficients, two each, that are kept for the whole image where several scans make it.
fn coefficients(frame: &Frame, first: &Scan) -> u64 {
    if first.has_everything(frame) {
        return 0;
    }
    let blocks = frame.components.iter().map(|component| component.blocks(frame.units));
    blocks.map(|(across, down)| (size_of::<Block>() * across * down) as u64).sum()
}

/// An image whose header is known.
struct Image<'a> {
    bytes: &'a [u8],
    segments: Segments,
    frame: Frame,
    scale: Scale,
    rgb: &'a mut [u8],
}

impl Image<'_> {
    /// Decode an image of one scan, which begins at `data`.
    fn stream(self, scan: &Scan, data: usize, space: &mut Space) -> Result<(), Fault> {
        let Self { bytes, mut segments, mut frame, scale, rgb } = self;
        scan.register(&mut frame, &segments.steps)?;
        for (component, strip) in frame.components.iter().zip(&mut space.strips) {
            strip.resize(component.strip(frame.units), [0; 64]);
        }
        let strips = &mut space.strips[..frame.components.len()];
        let mut rows = Rows::new(&frame, scale, segments.colours(&frame), true, &mut space.rows, rgb)?;
        let mut bits = Bits::new(bytes, data);
        scan.stream(&frame, &mut segments, &mut bits, &mut rows, strips)?;
        has_end(bytes, bits)
    }

    /// Decode an image of several scans, the first of which begins at `data`.
    fn gather(self, mut scan: Scan, mut data: usize, space: &mut Space) -> Result<(), Fault> {
        let Self { bytes, mut segments, mut frame, scale, rgb } = self;
        let blocks = frame.components.iter().map(|component| component.blocks(frame.units));
        let mut image: Vec<_> = blocks.map(|(across, down)| vec![[0; 64]; across * down]).collect();
        loop {
            scan.register(&mut frame, &segments.steps)?;
            let mut bits = Bits::new(bytes, data);
            scan.gather(&frame, &mut segments, &mut bits, &mut image)?;
            if !frame.progressive && frame.is_finished() {
                has_end(bytes, bits)?;
                break;
            }
            match segments.read(bytes, bits.end())? {
                Stop::Scan { header, data: next } => (scan, data) = (Scan::read(header, &frame)?, next),
                Stop::End if frame.is_finished() => break,
                Stop::End => return Err(Fault::Early),
            }
        }
        let mut rows = Rows::new(&frame, scale, segments.colours(&frame), false, &mut space.rows, rgb)?;
        for row in 0..frame.units.1 {
            let strips = frame.components.iter().zip(&image).map(|(component, blocks)| {
                let length = component.strip(frame.units);
                &blocks[row * length..][..length]
            });
            rows.finish(row, &strips.collect::<Vec<_>>());
        }
        Ok(())
    }
}

/// What follows the last scan of a sequential image is looked at by no decoder, but for the marker at the end.
fn has_end(bytes: &[u8], bits: Bits<'_>) -> Result<(), Fault> {
    jpeg_end(bytes, bits.end()).map(drop).ok_or(Fault::Early)
}
