//! EXIF and XMP in the chunks of a PNG.

use std::borrow::Cow;
use std::io::Read;

use super::Notes;

const SIGNATURE: usize = 8;
/// Of a compressed text so much is looked at, as in Pillow. No camera writes a tenth of it.
const LONGEST_TEXT: u64 = 1 << 20;

/// What stands before or behind the pixels; of several the last counts.
pub(super) fn notes(png: &[u8]) -> Notes<'_> {
    let (mut exif, mut profile, mut xmp) = (None, None, None);
    for Chunk { name, contents, .. } in first_image(png) {
        if name == b"eXIf" {
            exif = Some(contents);
        } else if let Some(text) = Text::of(name, contents) {
            match text.keyword {
                b"exif" if name == b"tEXt" => exif = Some(text.contents),
                b"Raw profile type exif" => profile = Some(text),
                b"XML:com.adobe.xmp" => xmp = Some(text),
                _ => {}
            }
        }
    }
    let exif = exif.map(Cow::Borrowed);
    let profile = || profile.and_then(|text| from_hexadecimal(&text.read()));
    Notes { exif: exif.or_else(|| profile().map(Cow::Owned)), xmp: xmp.map(|text| text.read()) }
}

/// A piece of the file.
pub(super) struct Chunk<'a> {
    pub name: &'a [u8; 4],
    pub contents: &'a [u8],
    /// What the file says of both.
    pub checksum: u32,
}

/// All chunks up to the end, or to what cannot be one.
pub(super) fn chunks(png: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = png.get(SIGNATURE..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (name, after) = after.split_first_chunk::<4>()?;
        let (contents, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let (checksum, after) = after.split_first_chunk::<4>()?;
        rest = if name == b"IEND" { &[] } else { after };
        Some(Chunk { name, contents, checksum: u32::from_be_bytes(*checksum) })
    })
}

/// The chunks up to the second image of an animation, of which Pillow does not read on.
fn first_image(png: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let (mut images, mut had_pixels) = (1, false);
    chunks(png).take_while(move |chunk| {
        match (chunk.name, chunk.contents.first_chunk()) {
            (b"acTL", Some(&count)) => images = u32::from_be_bytes(count),
            (b"IDAT", _) => had_pixels = true,
            _ => {}
        }
        !(chunk.name == b"fcTL" && had_pixels && images > 1)
    })
}

/// A text of a PNG.
#[derive(Clone, Copy)]
struct Text<'a> {
    keyword: &'a [u8],
    contents: &'a [u8],
    compressed: bool,
}

impl<'a> Text<'a> {
    /// That of a chunk, if it is one of text that can be read.
    fn of(name: &[u8; 4], chunk: &'a [u8]) -> Option<Self> {
        let (keyword, rest) = cut(chunk)?;
        match name {
            b"tEXt" => Some(Self { keyword, contents: rest, compressed: false }),
            b"zTXt" => match rest {
                [0, contents @ ..] => Some(Self { keyword, contents, compressed: true }),
                _ => None,
            },
            b"iTXt" => {
                let (&[flag, method], rest) = rest.split_first_chunk()?;
                // The language, and the keyword in that language.
                let (_, contents) = cut(cut(rest)?.1)?;
                (flag == 0 || method == 0).then_some(Self { keyword, contents, compressed: flag != 0 })
            }
            _ => None,
        }
    }

    fn read(self) -> Cow<'a, [u8]> {
        if !self.compressed {
            return Cow::Borrowed(self.contents);
        }
        let mut text = vec![];
        // What comes out before damage is taken, as in Pillow.
        let _ = flate2::read::ZlibDecoder::new(self.contents).take(LONGEST_TEXT).read_to_end(&mut text);
        Cow::Owned(text)
    }
}

/// What stands before the first zero, and behind it.
fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(0, bytes)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The bytes of ImageMagick's "raw profile": three lines about it (an empty one, its name, its length), then hexadecimal
/// digits.
fn from_hexadecimal(profile: &[u8]) -> Option<Vec<u8>> {
    let start = memchr::memchr_iter(b'\n', profile).nth(2)? + 1;
    let digits = profile[start..].iter().filter(|byte| !byte.is_ascii_whitespace());
    let digits: Vec<u8> =
        digits.map(|&digit| char::from(digit).to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let (pairs, odd) = digits.as_chunks::<2>();
    odd.is_empty().then(|| pairs.iter().map(|[upper, lower]| upper << 4 | lower).collect())
}
