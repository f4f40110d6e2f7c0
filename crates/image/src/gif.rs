//! The first frame of a GIF, on its canvas, as Pillow shows it.
//!
//! - The canvas is as large as the screen that the header states and, if the frame reaches beyond it, as the frame does.
//! - Where the frame does not cover the canvas there is colour 0 of the palette, or nothing (white, when laid over white)
//!   if the frame has a transparent colour.
//! - A frame without any palette is grey. A colour beyond the end of the palette is black.
//!
//! Source: GIF89a, CompuServe 1990.

use image::metadata::Orientation;
use weezl::{BitOrder, LzwStatus, decode::Decoder};

use super::decode::Header;
use super::kind::Format;
use super::limits::bytes_of;
use super::recipe::Alpha;
use super::{Error, Limits};

/// What stands before the pixels of the first frame.
pub(super) struct First<'a> {
    /// Width and height that the header states.
    pub screen: (u32, u32),
    /// From the left and from the top.
    pub origin: (u32, u32),
    pub size: (u32, u32),
    /// Three bytes a colour; none if there is no palette at all.
    pub palette: Option<&'a [u8]>,
    pub transparent: Option<u8>,
    interlaced: bool,
    /// Bits of the smallest code.
    code_bits: u8,
    /// The blocks of coded pixels.
    data: &'a [u8],
}

/// Why there is no first frame.
enum Fault {
    Early,
    Damaged(&'static str),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Early => Self::Truncated { format: Format::Gif, source: None },
            Fault::Damaged(why) => Self::Damaged { format: Format::Gif, source: why.into() },
        }
    }
}

impl<'a> First<'a> {
    pub(crate) fn find(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::read(&mut Reader(bytes)).map_err(Into::into)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.take(6)?;
        let screen = (reader.u16()?, reader.u16()?);
        let flags = reader.u8()?;
        // The number of the background colour, which Pillow does not use, and the shape of a pixel.
        reader.take(2)?;
        let common = reader.palette(flags)?;
        let mut transparent = None;
        loop {
            match reader.u8()? {
                b'!' => {
                    let label = reader.u8()?;
                    let first = reader.block()?;
                    if let (0xf9, Some([flags, _, _, colour, ..])) = (label, first)
                        && flags & 1 == 1
                    {
                        transparent = Some(*colour);
                    }
                    if first.is_some() {
                        while reader.block()?.is_some() {}
                    }
                }
                b',' => {
                    let origin = (reader.u16()?, reader.u16()?);
                    let size = (reader.u16()?, reader.u16()?);
                    let flags = reader.u8()?;
                    let palette = reader.palette(flags)?.or(common);
                    let code_bits = reader.u8()?;
                    let interlaced = flags & 0x40 != 0;
                    let data = reader.0;
                    return Ok(Self {
                        screen,
                        origin,
                        size,
                        palette,
                        transparent,
                        interlaced,
                        code_bits,
                        data,
                    });
                }
                b';' => return Err(Fault::Damaged("it has no picture")),
                // Pillow looks for the next block, too.
                _ => {}
            }
        }
    }

    /// Pixels across and down of the canvas.
    pub(crate) fn canvas(&self) -> (u32, u32) {
        let [x, y] = [self.origin.0 + self.size.0, self.origin.1 + self.size.1];
        (self.screen.0.max(x), self.screen.1.max(y))
    }

    /// Bytes that decoding takes: the numbers of colours in the frame, and RGB of the canvas.
    fn memory(&self) -> u64 {
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        pixels(self.size) + 3 * pixels(self.canvas())
    }

    /// Fill `indices` with the numbers of the frame's colours, row by row.
    fn unpack(&self, indices: &mut [u8]) -> Result<(), Fault> {
        if !(1..=11).contains(&self.code_bits) {
            return Err(Fault::Damaged("its codes have an impossible length"));
        }
        let mut decoder = Decoder::new(BitOrder::Lsb, self.code_bits);
        let mut reader = Reader(self.data);
        let mut filled = 0;
        while filled < indices.len() {
            let mut block = reader.block()?.ok_or(Fault::Early)?;
            while !block.is_empty() && filled < indices.len() {
                let step = decoder.decode_bytes(block, &mut indices[filled..]);
                filled += step.consumed_out;
                block = &block[step.consumed_in..];
                match step.status {
                    Ok(LzwStatus::Ok) => {}
                    Ok(LzwStatus::NoProgress) => break,
                    Ok(LzwStatus::Done) if filled < indices.len() => return Err(Fault::Early),
                    Ok(LzwStatus::Done) => return Ok(()),
                    Err(_) => return Err(Fault::Damaged("a code that means nothing")),
                }
            }
        }
        Ok(())
    }

    /// Whether the frame uses no colour beyond the end of its palette, as far as that can be found out.
    pub(crate) fn has_all_colours(&self) -> bool {
        let colours = self.palette.map_or(0, |palette| palette.len() / 3);
        if colours >= 1 << self.code_bits.min(8) {
            return true;
        }
        let (width, height) = self.size;
        if Limits::default().check(width, height, self.memory()).is_err() {
            return false;
        }
        let mut indices = vec![0; width as usize * height as usize];
        self.unpack(&mut indices).is_ok() && indices.iter().all(|&index| usize::from(index) < colours)
    }

    /// The row in which each row of the data belongs.
    fn rows(&self) -> Vec<usize> {
        let height = self.size.1 as usize;
        if !self.interlaced {
            return (0..height).collect();
        }
        [(0, 8), (4, 8), (2, 4), (1, 2)]
            .into_iter()
            .flat_map(|(from, step)| (from..height).step_by(step))
            .collect()
    }
}

/// Bytes that decoding takes, and turning.
pub(super) fn takes(bytes: &[u8]) -> Result<u64, Error> {
    let first = First::find(bytes)?;
    let (width, height) = first.canvas();
    Ok(first.memory() + bytes_of(width, height, 3))
}

/// Decode into `rgb`; `indices` is working space.
pub(super) fn decode(
    bytes: &[u8],
    alpha: Alpha,
    limits: &Limits,
    indices: &mut Vec<u8>,
    rgb: &mut Vec<u8>,
) -> Result<Header, Error> {
    let first = First::find(bytes)?;
    let (width, height) = first.canvas();
    limits.check(width, height, first.memory())?;
    let frame = (first.size.0 as usize, first.size.1 as usize);
    if frame.0 * frame.1 == 0 {
        return Err(Fault::Damaged("its first frame has no pixels").into());
    }
    indices.clear();
    indices.resize(frame.0 * frame.1, 0);
    first.unpack(indices)?;

    let colours = first.colours(alpha);
    let empty = colours[usize::from(first.transparent.unwrap_or(0))];
    rgb.clear();
    rgb.reserve_exact(width as usize * height as usize * 3);
    rgb.extend((0..width as usize * height as usize).flat_map(|_| empty));
    let (canvas, _) = rgb.as_chunks_mut::<3>();
    for (row, y) in indices.chunks_exact(frame.0).zip(first.rows()) {
        let start = (first.origin.1 as usize + y) * width as usize + first.origin.0 as usize;
        for (pixel, &index) in canvas[start..start + frame.0].iter_mut().zip(row) {
            *pixel = colours[usize::from(index)];
        }
    }
    let decoded = (width as usize, height as usize);
    Ok(Header { width, height, decoded, orientation: Orientation::NoTransforms })
}

impl First<'_> {
    /// What each number looks like.
    fn colours(&self, alpha: Alpha) -> [[u8; 3]; 256] {
        let grey = std::array::from_fn(|i| [i as u8; 3]);
        let (known, _) = self.palette.unwrap_or_default().as_chunks::<3>();
        // Pillow takes a palette of nothing but each number's own grey for none at all.
        let mut colours = if grey.starts_with(known) { grey } else { [[0; 3]; 256] };
        colours[..known.len()].copy_from_slice(known);
        if let (Some(clear), Alpha::OverWhite) = (self.transparent, alpha) {
            colours[usize::from(clear)] = [255; 3];
        }
        colours
    }
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Fault::Early)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u32, Fault> {
        let pair = self.take(2)?;
        Ok(u32::from(u16::from_le_bytes([pair[0], pair[1]])))
    }

    /// The palette that these flags announce.
    fn palette(&mut self, flags: u8) -> Result<Option<&'a [u8]>, Fault> {
        if flags & 0x80 == 0 { Ok(None) } else { self.take(3 << ((flags & 7) + 1)).map(Some) }
    }

    /// A block behind its length; none if it is empty, which ends a chain of them.
    fn block(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        let length = self.u8()?;
        if length == 0 { Ok(None) } else { self.take(length.into()).map(Some) }
    }
}
