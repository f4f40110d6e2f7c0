//! What stands between the coded data: markers, tables, the frame, and where the colours come from (ITU-T T.81, B.2).

use super::Fault;
use super::coder::{Block, place};
use super::codes::Codes;
use super::frame::Frame;
use super::standard;

/// What has been read so far that scans need.
#[derive(Default)]
pub(super) struct Segments {
    /// Whoever decodes takes it out.
    pub frame: Option<Frame>,
    had_frame: bool,
    /// By class (DC, AC) and number.
    pub codes: [[Option<Codes>; 4]; 2],
    /// The steps of coefficients, by number.
    pub steps: [Option<Block>; 4],
    /// In units of the scan; 0: no restarts.
    pub restart_interval: usize,
    /// Whether a JFIF segment says that the colours are YCbCr.
    jfif: bool,
    /// Colours that are known from elsewhere.
    pub known_colours: Option<Colours>,
    /// What Adobe's segment says of the colours.
    adobe: Option<u8>,
}

/// How a file's colours are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Colours {
    Grey,
    Rgb,
    YCbCr,
    /// Taken as inverted, as Adobe writes it and Pillow reads it.
    Cmyk,
    /// The same with its first three as YCbCr.
    Ycck,
    /// CMYK that is not inverted, as in a TIFF.
    PlainCmyk,
}

impl Colours {
    /// Components of a frame that has them.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk | Self::Ycck | Self::PlainCmyk => 4,
        }
    }
}

/// Where reading stopped.
pub(super) enum Stop<'a> {
    /// At a scan with this header, whose coded data begin at `data`.
    Scan { header: &'a [u8], data: usize },
    /// At the end of the image.
    End,
}

const MALFORMED: Fault = Fault::Damaged("a segment that is too short for what it says");

impl Segments {
    /// Read on from `at` to the next scan.
    pub(super) fn read<'a>(&mut self, bytes: &'a [u8], mut at: usize) -> Result<Stop<'a>, Fault> {
        loop {
            let (marker, body) = next_marker(bytes, at).ok_or(Fault::Early)?;
            match marker {
                0xd9 => return Ok(Stop::End),
                0x00 | 0x01 | 0xd0..=0xd8 => {
                    at = body;
                    continue;
                }
                _ => {}
            }
            let length = u16_at(bytes, body).map(usize::from);
            let segment = length.and_then(|length| bytes.get(body + 2..body + length)).ok_or(Fault::Early)?;
            at = body + 2 + segment.len();
            if marker == 0xda {
                return Ok(Stop::Scan { header: segment, data: at });
            }
            self.segment(marker, segment)?;
        }
    }

    fn segment(&mut self, marker: u8, segment: &[u8]) -> Result<(), Fault> {
        match marker {
            // The limits were held against the first one.
            0xc0..=0xc2 if self.had_frame => return Err(Fault::Damaged("a second frame")),
            0xc0..=0xc2 => {
                self.frame = Some(Frame::read(segment, marker == 0xc2)?);
                self.had_frame = true;
            }
            0xc4 => self.define_codes(segment).ok_or(MALFORMED)?,
            0xc3 | 0xc7 | 0xcb | 0xcf => return Err(Fault::Unsupported("a lossless JPEG".into())),
            0xc5 | 0xc6 => return Err(Fault::Unsupported("a hierarchical JPEG".into())),
            0xc9 | 0xca | 0xcd | 0xce => {
                return Err(Fault::Unsupported("a JPEG with arithmetic coding".into()));
            }
            0xdb => self.define_steps(segment).ok_or(MALFORMED)?,
            0xdd => self.restart_interval = u16_at(segment, 0).ok_or(MALFORMED)?.into(),
            0xe0 if segment.starts_with(b"JFIF\0") => self.jfif = true,
            0xee if segment.starts_with(b"Adobe") => self.adobe = segment.get(11).copied(),
            _ => {}
        }
        Ok(())
    }

    /// Let the standard's tables stand in for those of numbers 0 and 1 that the file has not defined before its first scan: the
    /// frames of many webcams, and of video as a sequence of JPEGs, leave them out. As libjpeg-turbo does.
    pub(super) fn assume_standard_codes(&mut self) {
        for (defined, standard) in self.codes.iter_mut().zip(&standard::CODES) {
            for (defined, standard) in defined.iter_mut().zip(standard) {
                if defined.is_none() {
                    *defined = Codes::new(&standard.counts, standard.symbols);
                }
            }
        }
    }

    fn define_codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [which, rest @ ..] = segment {
            let counts = rest.first_chunk::<16>()?;
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(16..16 + total)?;
            let table = self.codes.get_mut(usize::from(which >> 4))?.get_mut(usize::from(which & 15))?;
            *table = Some(Codes::new(counts, symbols)?);
            segment = &rest[16 + total..];
        }
        Some(())
    }

    fn define_steps(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [which, rest @ ..] = segment {
            let width = match which >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let coded = rest.get(..64 * width)?;
            let table = self.steps.get_mut(usize::from(which & 15))?.insert([0; 64]);
            for (k, step) in coded.chunks_exact(width).enumerate() {
                // Sixteen bits of which the sign matters to nobody: a product is cut to sixteen bits in any case.
                table[place(k)] = step.iter().fold(0_u16, |sum, &byte| sum << 8 | u16::from(byte)) as i16;
            }
            segment = &rest[64 * width..];
        }
        Some(())
    }

    /// How libjpeg would take the colours of `frame`.
    pub(super) fn colours(&self, frame: &Frame) -> Colours {
        if let Some(known) = self.known_colours {
            return known;
        }
        let ids = frame.components.iter().map(|component| component.id);
        match (frame.components.len(), self.adobe) {
            (1, _) => Colours::Grey,
            (3, _) if self.jfif => Colours::YCbCr,
            (3, Some(transform)) => {
                if transform == 0 {
                    Colours::Rgb
                } else {
                    Colours::YCbCr
                }
            }
            (3, None) => {
                if ids.eq(*b"RGB") {
                    Colours::Rgb
                } else {
                    Colours::YCbCr
                }
            }
            (_, Some(0) | None) => Colours::Cmyk,
            (_, Some(_)) => Colours::Ycck,
        }
    }
}

/// The second byte of the next marker, and where its contents begin.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
    at += bytes[at..].iter().position(|&byte| byte != 0xff)?;
    Some((bytes[at], at + 1))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}
