//! What the fields of a page say of its picture.

use super::super::jpeg;
use super::Fault;
use super::directory::{Directory, Order};

/// The numbers of fields.
pub(super) mod tag {
    pub(crate) const WIDTH: u16 = 256;
    pub(crate) const HEIGHT: u16 = 257;
    pub(crate) const BITS_PER_SAMPLE: u16 = 258;
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const PHOTOMETRIC: u16 = 262;
    pub(crate) const FILL_ORDER: u16 = 266;
    pub(crate) const STRIP_OFFSETS: u16 = 273;
    pub(crate) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(crate) const ROWS_PER_STRIP: u16 = 278;
    pub(crate) const STRIP_BYTES: u16 = 279;
    pub(crate) const PLANAR: u16 = 284;
    pub(crate) const FAX_OPTIONS: u16 = 292;
    pub(crate) const PREDICTOR: u16 = 317;
    pub(crate) const COLOUR_MAP: u16 = 320;
    pub(crate) const TILE_WIDTH: u16 = 322;
    pub(crate) const TILE_HEIGHT: u16 = 323;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_BYTES: u16 = 325;
    pub(crate) const EXTRA_SAMPLES: u16 = 338;
    pub(crate) const SAMPLE_FORMAT: u16 = 339;
    pub(crate) const JPEG_TABLES: u16 = 347;
}

/// A page that can be decoded.
pub(super) struct Page<'a> {
    pub file: &'a [u8],
    pub order: Order,
    /// Pixels across and down.
    pub size: (u32, u32),
    /// Of a sample: 1, 2, 4, 8 or 16.
    pub bits: u32,
    /// Of a pixel, those that are not looked at included.
    pub samples: usize,
    pub colours: Colours,
    pub alpha: Option<Opacity>,
    /// Whether samples of one kind are kept together, instead of those of one pixel.
    pub planes: bool,
    pub compression: Compression,
    /// Whether samples are stored as the difference from their neighbour.
    pub predictor: bool,
    /// Whether the first bit of a byte is the lowest.
    pub reversed: bool,
    pub jpeg_tables: &'a [u8],
    /// What the components of a part are that is JPEG.
    pub coded: jpeg::Colours,
    /// Width and height of a strip or tile.
    pub part: (u32, u32),
    tiled: bool,
    offsets: Vec<u64>,
    /// Bytes of each; none where the file does not say.
    lengths: Option<Vec<u64>>,
    extra: Vec<u64>,
}

/// What the samples of a pixel mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Colours {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette(Vec<[u8; 3]>),
    Cmyk,
}

/// How the sample behind the colours tells how opaque a pixel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opacity {
    Straight,
    /// Colours are multiplied with it.
    Premultiplied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Fax(Fax),
    Lzw,
    Deflate,
    PackBits,
    Zstd,
    Jpeg,
}

/// The codes of fax machines, ITU-T T.4 and T.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fax {
    /// Rows of runs, each beginning at a byte.
    Huffman,
    /// Rows of runs, or of differences from the row above, each behind a mark.
    Group3 { two_dimensional: bool },
    /// Differences from the row above.
    Group4,
}

/// A strip or tile.
pub(super) struct Part {
    pub index: usize,
    /// Pixels from the left and from the top.
    pub origin: (usize, usize),
    /// Pixels that it holds, across and down.
    pub size: (usize, usize),
    /// Which sample of each pixel it holds, where they are kept apart.
    pub plane: usize,
}

impl<'a> Page<'a> {
    pub(super) fn read(fields: Directory<'a>) -> Result<Self, Fault> {
        let number = |tag, missing| Ok::<_, Fault>(fields.number(tag)?.unwrap_or(missing));
        let size = (length(&fields, tag::WIDTH)?, length(&fields, tag::HEIGHT)?);
        if size.0 == 0 || size.1 == 0 {
            return Err(Fault::Damaged("the image has no pixels"));
        }
        let compression = compression(&fields)?;
        let photometric = number(tag::PHOTOMETRIC, 0)?;
        let extra = fields.numbers(tag::EXTRA_SAMPLES)?.unwrap_or_default();
        let (bits, mut samples) = depth(&fields)?;
        let (mut colours, mut coded) = colours(&fields, photometric, bits, compression)?;
        let planes = samples > 1 && number(tag::PLANAR, 1)? == 2;
        if samples < colours.samples() {
            return Err(Fault::Damaged("a pixel has fewer samples than its colours need"));
        }
        let behind = samples - colours.samples();
        let alpha = match extra.first() {
            _ if behind == 0 => None,
            Some(0) => None,
            Some(1) => Some(Opacity::Premultiplied),
            // 999 is Corel Draw's number for it.
            Some(2 | 999) => Some(Opacity::Straight),
            // Many a program leaves it out.
            None if colours == Colours::Rgb && behind == 1 => Some(Opacity::Straight),
            _ => None,
        };
        match compression {
            Compression::Jpeg if bits != 8 => {
                return Err(unsupported(&format!("with JPEG compression and {bits} bits per sample")));
            }
            Compression::Jpeg if planes => {
                if coded == jpeg::Colours::YCbCr {
                    return Err(unsupported("in YCbCr colours that are kept apart"));
                }
                coded = jpeg::Colours::Grey;
            }
            Compression::Jpeg if samples != coded.count() => {
                return Err(unsupported("with JPEG compression and samples beside the colours"));
            }
            // Its decoder makes RGB of whatever there is.
            Compression::Jpeg if colours == Colours::Cmyk => (colours, samples) = (Colours::Rgb, 3),
            _ => {}
        }
        let predictor = match (number(tag::PREDICTOR, 1)?, compression) {
            (2, Compression::Lzw | Compression::Deflate | Compression::Zstd) => true,
            (3, Compression::Lzw | Compression::Deflate | Compression::Zstd) => {
                return Err(unsupported("with floating-point samples"));
            }
            _ => false,
        };
        if predictor && bits < 8 {
            return Err(unsupported("that stores differences of less than 8 bits"));
        }
        let tiled = fields.has(tag::TILE_WIDTH) || fields.has(tag::TILE_OFFSETS);
        let part = match tiled {
            true => (length(&fields, tag::TILE_WIDTH)?, length(&fields, tag::TILE_HEIGHT)?),
            false => {
                let rows = number(tag::ROWS_PER_STRIP, u64::from(size.1))?;
                (size.0, u32::try_from(rows).unwrap_or(u32::MAX).min(size.1))
            }
        };
        if part.0 == 0 || part.1 == 0 {
            return Err(Fault::Damaged("its strips or tiles have no pixels"));
        }
        let (offsets, lengths) = match tiled {
            true => (tag::TILE_OFFSETS, tag::TILE_BYTES),
            false => (tag::STRIP_OFFSETS, tag::STRIP_BYTES),
        };
        let parts = u64::from(size.0.div_ceil(part.0)) * u64::from(size.1.div_ceil(part.1));
        let parts = parts.saturating_mul(if planes { samples as u64 } else { 1 });
        let offsets = fields.numbers_up_to(offsets, parts)?;
        let offsets = offsets.ok_or(Fault::Damaged("it does not say where its pixels are"))?;
        // The planes that are looked at come first; what is behind them may be missing.
        let looked_at = match planes {
            true => parts / samples as u64 * (colours.samples() + usize::from(alpha.is_some())) as u64,
            false => parts,
        };
        if (offsets.len() as u64) < looked_at {
            return Err(Fault::Damaged("its list of strips or tiles is too short"));
        }
        Ok(Self {
            file: fields.file,
            order: fields.order,
            size,
            bits,
            samples,
            colours,
            alpha,
            planes,
            compression,
            predictor,
            reversed: number(tag::FILL_ORDER, 1)? == 2,
            coded,
            jpeg_tables: fields.bytes(tag::JPEG_TABLES)?.unwrap_or_default(),
            part,
            tiled,
            offsets,
            lengths: fields.numbers_up_to(lengths, parts)?,
            extra,
        })
    }

    /// Samples of a pixel that are looked at.
    pub(super) fn kept(&self) -> usize {
        self.colours.samples() + usize::from(self.alpha.is_some())
    }

    /// Bytes that decoding takes at most: samples, RGB and an unpacked part.
    pub(super) fn memory(&self) -> u64 {
        let pixels = u64::from(self.size.0) * u64::from(self.size.1);
        let part = (self.row_bytes(self.part.0 as usize) as u64).saturating_mul(self.part.1.into());
        // A part that is JPEG is RGB first.
        let times = if self.compression == Compression::Jpeg { 3 } else { 1 };
        pixels.saturating_mul(self.kept() as u64 + 3).saturating_add(part.saturating_mul(times))
    }

    /// Samples of a pixel that are together in a part.
    pub(super) fn together(&self) -> usize {
        if self.planes { 1 } else { self.samples }
    }

    /// Bytes of an unpacked row of so many pixels.
    pub(super) fn row_bytes(&self, width: usize) -> usize {
        (width * self.together() * self.bits as usize).div_ceil(8)
    }

    /// All strips or tiles that hold something that is looked at, in the order of the file.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let (size, part, tiled) = (self.size, self.part, self.tiled);
        let (across, down) = (size.0.div_ceil(part.0) as usize, size.1.div_ceil(part.1) as usize);
        let planes = if self.planes { self.kept() } else { 1 };
        (0..across * down * planes).map(move |index| {
            let (column, row) = (index % across, index / across % down);
            let origin = (column * part.0 as usize, row * part.1 as usize);
            let rows = if tiled { part.1 } else { part.1.min(size.1 - origin.1 as u32) };
            let size = (part.0 as usize, rows as usize);
            Part { index, origin, size, plane: index / across / down }
        })
    }

    /// The bytes of a part: those that the file states, or all that follow where it states none.
    pub(super) fn packed(&self, part: &Part) -> Result<&'a [u8], Fault> {
        let start =
            self.offsets.get(part.index).and_then(|&at| usize::try_from(at).ok()).ok_or(Fault::Early)?;
        let all = self.file.get(start..).ok_or(Fault::Early)?;
        if self.compression == Compression::None {
            // How many there must be is known better than what many a writer states.
            let needed = self.row_bytes(part.size.0) * part.size.1;
            return all.get(..needed).ok_or(Fault::Early);
        }
        match self.lengths.as_ref().and_then(|lengths| lengths.get(part.index)) {
            Some(&0) => Err(Fault::Damaged("a strip or tile without data")),
            Some(&length) => {
                usize::try_from(length).ok().and_then(|length| all.get(..length)).ok_or(Fault::Early)
            }
            None => Ok(all),
        }
    }

    /// Whether 0.1.0 made something else of the samples behind the colours.
    pub(super) fn extra_is_news(&self) -> bool {
        let behind = self.samples - self.colours.samples();
        behind > 1 || (behind == 1 && !matches!(self.extra[..], [] | [2]))
    }
}

impl Colours {
    fn samples(&self) -> usize {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero | Self::Palette(_) => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// `a TIFF …`, which is not decoded here.
fn unsupported(kind: &str) -> Fault {
    Fault::Unsupported(format!("a TIFF {kind}"))
}

fn length(fields: &Directory<'_>, tag: u16) -> Result<u32, Fault> {
    let length = fields.number(tag)?.ok_or(Fault::Damaged("it does not say how large its image is"))?;
    length.try_into().map_err(|_| Fault::Damaged("an edge of more pixels than a TIFF can have"))
}

fn compression(fields: &Directory<'_>) -> Result<Compression, Fault> {
    Ok(match fields.number(tag::COMPRESSION)?.unwrap_or(1) {
        1 => Compression::None,
        2 => Compression::Fax(Fax::Huffman),
        3 => {
            let options = fields.number(tag::FAX_OPTIONS)?.unwrap_or(0);
            if options & 2 != 0 {
                return Err(unsupported("with uncompressed parts between its fax codes"));
            }
            Compression::Fax(Fax::Group3 { two_dimensional: options & 1 != 0 })
        }
        4 => Compression::Fax(Fax::Group4),
        5 => Compression::Lzw,
        6 => return Err(unsupported("with JPEG compression of the old kind")),
        7 => Compression::Jpeg,
        8 | 32_946 => Compression::Deflate,
        32_773 => Compression::PackBits,
        34_676 | 34_677 => return Err(unsupported("with the colours of LogLuv")),
        34_712 | 33_003 | 33_005 => return Err(unsupported("with JPEG 2000 compression")),
        34_887 => return Err(unsupported("with LERC compression")),
        34_925 => return Err(unsupported("with LZMA compression")),
        50_000 => Compression::Zstd,
        50_001 => return Err(unsupported("with WebP compression")),
        50_002 | 52_546 => return Err(unsupported("with JPEG XL compression")),
        other => return Err(unsupported(&format!("with compression number {other}"))),
    })
}

/// Bits of a sample, and samples of a pixel.
fn depth(fields: &Directory<'_>) -> Result<(u32, usize), Fault> {
    // Void, number 4, says nothing; what it holds is read as whole numbers.
    match fields.numbers(tag::SAMPLE_FORMAT)?.unwrap_or_default() {
        formats if formats.contains(&3) => return Err(unsupported("with floating-point samples")),
        formats if formats.contains(&2) => return Err(unsupported("with signed samples")),
        formats if formats.iter().any(|&format| format > 4) => {
            return Err(unsupported("with complex samples"));
        }
        _ => {}
    }
    let bits = fields.numbers(tag::BITS_PER_SAMPLE)?.unwrap_or_else(|| vec![1]);
    let samples = fields.number(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1).max(1);
    let samples = usize::try_from(samples).ok().filter(|&samples| samples <= usize::from(u16::MAX));
    let samples = samples.ok_or(Fault::Damaged("a pixel has more samples than a TIFF can have"))?;
    let &first = bits.first().ok_or(Fault::Damaged("it does not say how many bits a sample has"))?;
    if bits.iter().take(samples).any(|&other| other != first) {
        return Err(unsupported("whose samples have different numbers of bits"));
    }
    match first {
        1 | 2 | 4 | 8 | 16 => Ok((first as u32, samples)),
        other => Err(unsupported(&format!("with {other} bits per sample"))),
    }
}

/// What the samples mean, and what they are where they are JPEG.
fn colours(
    fields: &Directory<'_>,
    photometric: u64,
    bits: u32,
    compression: Compression,
) -> Result<(Colours, jpeg::Colours), Fault> {
    Ok(match photometric {
        0 => (Colours::WhiteIsZero, jpeg::Colours::Grey),
        1 => (Colours::BlackIsZero, jpeg::Colours::Grey),
        2 => (Colours::Rgb, jpeg::Colours::Rgb),
        3 => (Colours::Palette(palette(fields, bits)?), jpeg::Colours::Grey),
        4 => return Err(unsupported("that holds a mask")),
        5 => (Colours::Cmyk, jpeg::Colours::PlainCmyk),
        6 if compression == Compression::Jpeg => (Colours::Rgb, jpeg::Colours::YCbCr),
        6 => return Err(unsupported("in YCbCr colours without JPEG compression")),
        8..=10 => return Err(unsupported("in Lab colours")),
        32_844 | 32_845 => return Err(unsupported("with the colours of LogLuv")),
        other => return Err(unsupported(&format!("in colours of kind {other}"))),
    })
}

/// The colours of a palette: of 16 bits the upper eight, as Pillow takes them.
fn palette(fields: &Directory<'_>, bits: u32) -> Result<Vec<[u8; 3]>, Fault> {
    if bits > 8 {
        return Err(unsupported(&format!("with a palette of {bits} bits")));
    }
    let count = 1 << bits;
    let values = fields.numbers(tag::COLOUR_MAP)?.ok_or(Fault::Damaged("its palette is missing"))?;
    // All red values come first, then all green and all blue ones.
    let value = |plane: usize, i: usize| values.get(plane * count + i).map(|&wide| (wide >> 8) as u8);
    let colour = |i| Some([value(0, i)?, value(1, i)?, value(2, i)?]);
    (0..count).map(colour).collect::<Option<_>>().ok_or(Fault::Damaged("its palette is too short"))
}
