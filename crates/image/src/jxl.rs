//! JPEG XL: the first frame, turned as the coded data say.
//!
//! `jxl-oxide` decodes the coded data; the file around them is taken apart here, so that no metadata are decompressed.

use std::borrow::Cow;
use std::error::Error as StdError;

use image::ColorType;
use image::metadata::Orientation;
use jxl_oxide::image::{BitDepth, ExtraChannelType};
use jxl_oxide::{AllocTracker, InitializeResult, JxlImage, JxlThreadPool, PixelFormat};

use super::decode::Header;
use super::recipe::Alpha;
use super::{Error, Format, Limits, colour, heif};

const FORMAT: Format = Format::JpegXl;

/// Decode a file's first frame into `rgb`; `samples` are working space.
///
/// # Errors
/// [`Error::Truncated`], [`Error::Damaged`], [`Error::Unsupported`] or [`Error::TooLarge`].
pub(super) fn decode(
    bytes: &[u8],
    alpha: Alpha,
    limits: &Limits,
    samples: &mut Vec<u8>,
    rgb: &mut Vec<u8>,
) -> Result<Header, Error> {
    let image = open(&codestream(bytes)?, limits)?;
    if !image.is_loading_done() {
        return Err(Error::Truncated { format: FORMAT, source: None });
    }
    let render = image.render_frame(0).map_err(|error| failed(error, limits))?;
    let mut stream = render.stream();
    let (width, height, kind) = (stream.width(), stream.height(), Kind::of(&image));
    if (width, height) != (image.width(), image.height()) || stream.channels() as usize != kind.channels() {
        return Err(damaged("the frame is of another kind than the header says"));
    }
    let count = width as usize * height as usize * kind.channels();
    samples.clear();
    if kind.deep {
        let mut row = vec![0_u16; width as usize * kind.channels()];
        samples.reserve(count);
        for _ in 0..height {
            stream.write_to_buffer(&mut row);
            samples.extend(row.iter().map(|sample| (sample >> 8) as u8));
        }
    } else {
        samples.resize(count, 0);
        stream.write_to_buffer(samples.as_mut_slice());
    }
    kind.to_rgb(samples, alpha, rgb)?;
    let (decoded, orientation) = ((width as usize, height as usize), Orientation::NoTransforms);
    Ok(Header { width, height, decoded, orientation })
}

/// Bytes that decoding takes at most, by the file's own words; none if they make no sense.
pub(super) fn takes(bytes: &[u8]) -> Option<u64> {
    let stream = codestream(bytes).ok()?;
    // The header is near the beginning; what follows is the image.
    let head = &stream[..stream.len().min(1 << 16)];
    // Room is made for each part of the image by the size that the file gives it, and a damaged one gives any.
    let room = AllocTracker::with_limit(stream.len() + HEADERS);
    let builder = JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(room);
    let mut reader = builder.build_uninit();
    reader.feed_bytes(head).ok()?;
    match reader.try_init().ok()? {
        InitializeResult::Initialized(image) => Some(needs(&image)),
        InitializeResult::NeedMoreData(_) => None,
    }
}

/// Bytes that headers may take beside the image.
const HEADERS: usize = 1 << 24;

/// Numbers of 32 bits of each channel, twice over where filters need a copy; samples, and RGB made from them.
fn needs(image: &JxlImage) -> u64 {
    let channels = 3 + image.image_header().metadata.ec_info.len() as u64;
    let pixels = u64::from(image.width()).saturating_mul(image.height().into());
    pixels.saturating_mul(channels * 8 + Kind::of(image).channels() as u64 + 3)
}

/// The coded data, without the file around them.
fn codestream(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if bytes.starts_with(b"\xff\x0a") {
        return Ok(bytes.into());
    }
    let mut parts: Vec<&[u8]> = vec![];
    for (kind, body) in heif::top_boxes(bytes, FORMAT)? {
        match (&kind, body.split_at_checked(4)) {
            (b"jxlc", _) => parts.push(body),
            // The first four bytes count the parts, which come in order.
            (b"jxlp", Some((_, part))) => parts.push(part),
            (b"jxlp", None) => return Err(damaged("a part without a number")),
            _ => {}
        }
    }
    match parts[..] {
        // Boxes that describe the image come before it.
        [] => Err(Error::Truncated { format: FORMAT, source: None }),
        [one] => Ok(one.into()),
        _ => Ok(parts.concat().into()),
    }
}

/// Width and height as the first bits of the coded data have them, before any turn.
///
/// # Source
/// ISO/IEC 18181-1:2024, section D.2 (`SizeHeader`).
fn announced(stream: &[u8]) -> Option<(u32, u32)> {
    // Behind the signature, lowest bit first; at most 77 bits are needed.
    let mut bits =
        stream.get(2..)?.iter().take(16).rev().fold(0_u128, |bits, &byte| bits << 8 | u128::from(byte));
    let mut take = |count: u32| {
        let taken = (bits & ((1 << count) - 1)) as u32;
        bits >>= count;
        taken
    };
    let in_eights = take(1) == 1;
    let edge = |take: &mut dyn FnMut(u32) -> u32| match in_eights {
        true => 8 * (take(5) + 1),
        false => {
            let count = [9, 13, 18, 30][take(2) as usize];
            take(count) + 1
        }
    };
    let height = edge(&mut take);
    let times = |above: u64, below: u64| (u64::from(height) * above / below).try_into().unwrap_or(u32::MAX);
    let width = match take(3) {
        0 => edge(&mut take),
        1 => height,
        2 => times(12, 10),
        3 => times(4, 3),
        4 => times(3, 2),
        5 => times(16, 9),
        6 => times(5, 4),
        _ => times(2, 1),
    };
    Some((width, height))
}

/// Hold the header against the limits, and only then read the rest.
fn open(stream: &[u8], limits: &Limits) -> Result<JxlImage, Error> {
    if let Some((width, height)) = announced(stream) {
        let pixels = u64::from(width).saturating_mul(height.into());
        // Decoding takes more, which is counted while it is taken.
        limits.check(width, height, pixels.saturating_mul(3 * 4 + 3))?;
    }
    let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
    let builder =
        JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(AllocTracker::with_limit(memory));
    let (mut reader, mut rest) = (builder.build_uninit(), stream);
    let mut image = loop {
        let (part, after) = rest.split_at(rest.len().min(1 << 12));
        if part.is_empty() {
            return Err(Error::Truncated { format: FORMAT, source: None });
        }
        reader.feed_bytes(part).map_err(|error| failed(error, limits))?;
        rest = after;
        match reader.try_init().map_err(|error| failed(error, limits))? {
            InitializeResult::NeedMoreData(same) => reader = same,
            InitializeResult::Initialized(image) => break image,
        }
    };
    image.feed_bytes(rest).map_err(|error| failed(error, limits))?;
    Ok(image)
}

fn damaged(why: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::Damaged { format: FORMAT, source: why.into() }
}

fn failed(error: Box<dyn StdError + Send + Sync>, limits: &Limits) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&*error);
    while let Some(inner) = cause {
        if inner.to_string().contains("out of memory") || inner.to_string().contains("failed to allocate") {
            let found = "decoding takes more memory".into();
            return Error::TooLarge { found, allowed: format!("{} MiB", limits.memory.div_ceil(1 << 20)) };
        }
        cause = inner.source();
    }
    damaged(error)
}

/// What a pixel consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// 1 or 3, or 4 with black.
    colours: usize,
    alpha: bool,
    /// Whether colours are multiplied by opacity already.
    premultiplied: bool,
    /// More than eight bits.
    deep: bool,
}

impl Kind {
    fn of(image: &JxlImage) -> Self {
        let (colours, alpha) = match image.pixel_format() {
            PixelFormat::Gray => (1, false),
            PixelFormat::Graya => (1, true),
            PixelFormat::Rgb => (3, false),
            PixelFormat::Rgba => (3, true),
            PixelFormat::Cmyk => (4, false),
            PixelFormat::Cmyka => (4, true),
        };
        let metadata = &image.image_header().metadata;
        let premultiplied = metadata.ec_info.iter().find_map(|channel| match channel.ty {
            ExtraChannelType::Alpha { alpha_associated } => Some(alpha_associated),
            _ => None,
        });
        let deep = match metadata.bit_depth {
            BitDepth::IntegerSample { bits_per_sample } => bits_per_sample > 8,
            BitDepth::FloatSample { .. } => true,
        };
        Self { colours, alpha, premultiplied: alpha && premultiplied == Some(true), deep }
    }

    fn channels(self) -> usize {
        self.colours + usize::from(self.alpha)
    }

    fn to_rgb(self, samples: &mut Vec<u8>, alpha: Alpha, rgb: &mut Vec<u8>) -> Result<(), Error> {
        if self.colours == 4 {
            self.without_black(samples);
        }
        if self.premultiplied {
            for pixel in samples.chunks_exact_mut(self.colours.min(3) + 1) {
                let (opacity, colours) = pixel.split_last_mut().expect("opacity is last");
                colours
                    .iter_mut()
                    .for_each(|sample| *sample = colour::premultiplied(*sample, *opacity, alpha));
                // What is done with it is done.
                *opacity = 255;
            }
        }
        let kind = match (self.colours, self.alpha) {
            (1, false) => ColorType::L8,
            (1, true) => ColorType::La8,
            (_, false) => ColorType::Rgb8,
            (_, true) => ColorType::Rgba8,
        };
        colour::to_rgb(samples, kind, alpha, rgb)
    }

    /// Of cyan, magenta, yellow and black, where all of a colour is 0, red, green and blue.
    fn without_black(self, samples: &mut Vec<u8>) {
        let (from, to) = (self.channels(), self.channels() - 1);
        for i in 0..samples.len() / from {
            let pixel = &samples[i * from..][..from];
            let (black, opacity) = (pixel[3], pixel.get(4).copied());
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]]
                .map(|ink| ((u32::from(ink) * u32::from(black) + 127) / 255) as u8);
            let out = &mut samples[i * to..][..to];
            out[..3].copy_from_slice(&[r, g, b]);
            if let Some(opacity) = opacity {
                out[3] = opacity;
            }
        }
        samples.truncate(samples.len() / from * to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{apart, as_stored, golden, read, root};

    fn file(name: &str) -> Vec<u8> {
        read(&format!("tests/golden/formats/jxl/{name}"))
    }

    fn names() -> Vec<String> {
        let entries = std::fs::read_dir(root("tests/golden/formats/jxl")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(".jxl")).collect();
        names.sort();
        names
    }

    #[test]
    fn formats_of_phones_are_as_libjxl_decodes_them() {
        let names = names();
        assert_eq!(names.len(), 20, "golden files are missing");
        let mut wrong = vec![];
        for name in names {
            let want = golden(&format!("formats/jxl/{name}.expected.png"));
            let got = as_stored(&file(&name)).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(got.dimensions(), want.dimensions(), "{name}");
            let (most, mean) = apart(&got, &want);
            println!("{name}: {most}, {mean:.3}");
            let (allowed, on_average) = match name.as_str() {
                // Half a step of transparency may be rounded to either side.
                "alpha.jxl" | "grey_alpha.jxl" => (1, 0.1),
                "16_bits.jxl" | "frames.jxl" | "grey_16_bits.jxl" | "grey_lossless.jxl" | "lossless.jxl" => {
                    (0, 0.0)
                }
                // Floats, in an order that differs from processor to processor.
                _ => (1, 0.1),
            };
            if most > allowed || mean > on_average {
                wrong.push(format!("{name}: most {most}, mean {mean:.3}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_is_recognised() {
        for name in ["lossy.jxl", "lossy_container.jxl", "lossless.jxl", "frames.jxl", "jpeg.jxl"] {
            let bytes = file(name);
            for cut in 12..bytes.len() {
                let error = as_stored(&bytes[..cut]).unwrap_err();
                assert_eq!(error.kind(), "truncated", "{name} cut at {cut}: {error:?}");
            }
        }
    }

    #[test]
    fn damage_anywhere_is_an_error_or_another_picture() {
        let mut damaged = 0;
        for name in names() {
            let whole = file(&name);
            for place in (12..whole.len()).step_by(9) {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << (place % 8);
                match as_stored(&bytes) {
                    Ok(_) => {}
                    Err(error) if error.to_string().contains("panicked") => panic!("{name}: {error:?}"),
                    Err(_) => damaged += 1,
                }
                takes(&bytes);
            }
        }
        assert!(damaged > 100, "the damage does none: {damaged}");
    }

    /// Bits from the lowest of each byte on.
    fn bits(parts: &[(u64, u32)]) -> Vec<u8> {
        let all: Vec<u8> = parts
            .iter()
            .flat_map(|&(value, count)| (0..count).map(move |bit| (value >> bit & 1) as u8))
            .collect();
        all.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, &bit| sum << 1 | bit)).collect()
    }

    #[test]
    fn claims_of_enormous_size_are_refused_before_decoding() {
        // Not in units of eight; a height of 30 bits; as wide as high; all else as usual.
        let header =
            |edge: u64| bits(&[(0x0aff, 16), (0, 1), (3, 2), (edge - 1, 30), (1, 3), (1, 1), (1, 1)]);
        for edge in [60_000, 1 << 30] {
            assert_eq!(announced(&header(edge)), Some((edge as u32, edge as u32)));
            let error = as_stored(&[header(edge), vec![0; 64]].concat()).unwrap_err();
            assert_eq!(error.kind(), "too-large", "{error:?}");
        }
        let eights = bits(&[(0x0aff, 16), (1, 1), (5, 5), (3, 3)]);
        assert_eq!(announced(&eights), Some((64, 48)), "four to three");
        let whole = file("lossy.jxl");
        assert_eq!(announced(&whole), Some((71, 53)));
        assert!(takes(&whole).unwrap() >= 71 * 53 * 30);
        let limits = Limits { memory: 71 * 53 * 20, ..Limits::default() };
        let (mut samples, mut rgb) = (vec![], vec![]);
        let error = decode(&whole, Alpha::Drop, &limits, &mut samples, &mut rgb).err().unwrap();
        assert_eq!(error.kind(), "too-large", "{error:?}");
    }

    #[test]
    fn inks_become_colours() {
        let cmyk = Kind { colours: 4, alpha: false, premultiplied: false, deep: false };
        let mut samples = vec![255, 128, 0, 255, 255, 128, 0, 128];
        let mut rgb = vec![];
        cmyk.to_rgb(&mut samples, Alpha::Drop, &mut rgb).unwrap();
        assert_eq!(rgb, [255, 128, 0, 128, 64, 0]);
        let with_alpha = Kind { alpha: true, ..cmyk };
        let mut samples = vec![255, 128, 0, 255, 0, 255, 128, 0, 128, 255];
        with_alpha.to_rgb(&mut samples, Alpha::OverWhite, &mut rgb).unwrap();
        assert_eq!(rgb, [255, 255, 255, 128, 64, 0]);
    }

    #[test]
    fn colours_that_are_multiplied_already_are_not_multiplied_again() {
        let kind = Kind { colours: 1, alpha: true, premultiplied: true, deep: false };
        for (alpha, want) in
            [(Alpha::OverWhite, [177, 177, 177, 255, 255, 255]), (Alpha::Drop, [100, 100, 100, 0, 0, 0])]
        {
            let (mut samples, mut rgb) = (vec![50, 128, 0, 0], vec![]);
            kind.to_rgb(&mut samples, alpha, &mut rgb).unwrap();
            assert_eq!(rgb, want, "{alpha:?}");
        }
    }
}
