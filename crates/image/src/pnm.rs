//! PBM, PGM and PPM, plain and binary: P1 to P6.
//!
//! Where the largest value is not 255, samples are scaled and rounded as Pillow does. Grey of more than eight bits is scaled to
//! sixteen, of which the upper eight are kept, as of every format.
//!
//! Source: the man pages pbm(5), pgm(5) and ppm(5) of Netpbm; for comments within numbers, and values above the largest one,
//! Pillow 13.0.0.

use std::borrow::Cow;

use image::metadata::Orientation;

use super::decode::Header;
use super::kind::Format;
use super::limits::bytes_of;
use super::{Error, Limits};

/// What stands before the pixels.
#[derive(Debug)]
struct Head<'a> {
    kind: Kind,
    /// Whether the samples are written as numbers.
    plain: bool,
    width: u32,
    height: u32,
    /// The largest value of a sample; 1 for black and white.
    largest: u32,
    data: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    BlackAndWhite,
    Grey,
    Colour,
}

fn early() -> Error {
    Error::Truncated { format: Format::Pnm, source: None }
}

fn damaged(why: &'static str) -> Error {
    Error::Damaged { format: Format::Pnm, source: why.into() }
}

/// Whether a file begins like one of these: `P`, a digit, space, comments perhaps, and a number.
pub(super) fn begins(head: &[u8]) -> bool {
    let [b'P', b'1'..=b'6', space, rest @ ..] = head else { return false };
    let mut rest = rest;
    if !is_space(*space) {
        return false;
    }
    loop {
        match rest {
            [b'#', ..] => rest = behind_line(rest),
            [first, ..] if is_space(*first) => rest = &rest[1..],
            [first, ..] => return first.is_ascii_digit(),
            [] => return false,
        }
    }
}

/// Bytes that decoding takes, and turning.
pub(super) fn takes(bytes: &[u8]) -> Result<u64, Error> {
    let head = Head::read(bytes)?;
    Ok(bytes_of(head.width, head.height, 6))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, rgb: &mut Vec<u8>) -> Result<Header, Error> {
    let head = Head::read(bytes)?;
    let Head { width, height, .. } = head;
    limits.check(width, height, bytes_of(width, height, 3))?;
    rgb.clear();
    match (head.plain, head.kind) {
        (true, Kind::BlackAndWhite) => head.plain_bits(rgb)?,
        (true, _) => head.plain_numbers(rgb)?,
        (false, Kind::BlackAndWhite) => head.bits(rgb)?,
        (false, _) => head.numbers(rgb)?,
    }
    let decoded = (width as usize, height as usize);
    Ok(Header { width, height, decoded, orientation: Orientation::NoTransforms })
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let digit = bytes.get(1).ok_or_else(early)? - b'0';
        let kind = match digit % 3 {
            1 => Kind::BlackAndWhite,
            2 => Kind::Grey,
            _ => Kind::Colour,
        };
        let mut rest = bytes.get(3..).ok_or_else(early)?;
        let (width, height) = (number(&mut rest)?, number(&mut rest)?);
        let largest = if kind == Kind::BlackAndWhite { 1 } else { number(&mut rest)? };
        if width == 0 || height == 0 {
            return Err(damaged("the image has no pixels"));
        }
        if !(1..=65_535).contains(&largest) {
            return Err(damaged("its largest value is not between 1 and 65535"));
        }
        Ok(Self { kind, plain: digit <= 3, width, height, largest, data: rest })
    }

    fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Put a sample down: one of grey is three.
    fn put(&self, sample: u8, rgb: &mut Vec<u8>) {
        match self.kind {
            Kind::Colour => rgb.push(sample),
            _ => rgb.extend([sample; 3]),
        }
    }

    /// What a value is in eight bits.
    fn scaled(&self, value: u32) -> u8 {
        // The order of operations, and halves to the even number, are Pillow's.
        let to = |full: f64| {
            (f64::from(value) / f64::from(self.largest) * full).round_ties_even().min(full) as u32
        };
        if self.kind == Kind::Grey && self.largest > 255 {
            (to(65_535.0) >> 8) as u8
        } else {
            to(255.0) as u8
        }
    }

    fn samples(&self) -> usize {
        if self.kind == Kind::Colour { 3 * self.pixels() } else { self.pixels() }
    }

    /// Eight pixels a byte, ink is 1, each row from a byte on.
    fn bits(&self, rgb: &mut Vec<u8>) -> Result<(), Error> {
        let width = self.width as usize;
        let stride = width.div_ceil(8);
        let data = self.data.get(..stride * self.height as usize).ok_or_else(early)?;
        for row in data.chunks_exact(stride) {
            let white = |x: usize| if row[x / 8] << (x % 8) & 0x80 == 0 { 255 } else { 0 };
            rgb.extend((0..width).flat_map(|x| [white(x); 3]));
        }
        Ok(())
    }

    fn numbers(&self, rgb: &mut Vec<u8>) -> Result<(), Error> {
        let wide = self.largest > 255;
        let bytes = self.samples() * (1 + usize::from(wide));
        let data = self.data.get(..bytes).ok_or_else(early)?;
        if self.largest == 255 && self.kind == Kind::Colour {
            rgb.extend_from_slice(data);
            return Ok(());
        }
        // Every value there may be; those above the largest are taken for it.
        let scaled: Vec<u8> = (0..if wide { 65_536 } else { 256 }).map(|value| self.scaled(value)).collect();
        match wide {
            true => {
                let (pairs, _) = data.as_chunks::<2>();
                pairs.iter().for_each(|&pair| self.put(scaled[usize::from(u16::from_be_bytes(pair))], rgb));
            }
            false => data.iter().for_each(|&value| self.put(scaled[usize::from(value)], rgb)),
        }
        Ok(())
    }

    /// Zeros and ones, with or without space between them.
    fn plain_bits(&self, rgb: &mut Vec<u8>) -> Result<(), Error> {
        let text = without_comments(self.data);
        let mut digits = text.iter().filter(|&&byte| !is_space(byte));
        for _ in 0..self.pixels() {
            match digits.next() {
                Some(b'0') => self.put(255, rgb),
                Some(b'1') => self.put(0, rgb),
                Some(_) => return Err(damaged("a pixel that is neither 0 nor 1")),
                None => return Err(early()),
            }
        }
        Ok(())
    }

    fn plain_numbers(&self, rgb: &mut Vec<u8>) -> Result<(), Error> {
        let text = without_comments(self.data);
        let mut words = text.split(|&byte| is_space(byte)).filter(|word| !word.is_empty());
        for _ in 0..self.samples() {
            let value = parsed(words.next().ok_or_else(early)?)?;
            if value > self.largest {
                return Err(damaged("a value above the largest one"));
            }
            self.put(self.scaled(value), rgb);
        }
        Ok(())
    }
}

/// The next number of the header, and the one byte of space behind it.
fn number(rest: &mut &[u8]) -> Result<u32, Error> {
    let mut word = vec![];
    loop {
        let (&first, behind) = rest.split_first().ok_or_else(early)?;
        match first {
            b'#' => *rest = behind_line(rest),
            _ if is_space(first) => {
                *rest = behind;
                if !word.is_empty() {
                    return parsed(&word);
                }
            }
            _ => {
                word.push(first);
                *rest = behind;
                if word.len() > LONGEST {
                    return parsed(&word);
                }
            }
        }
    }
}

/// Digits of a number.
const LONGEST: usize = 10;

fn parsed(word: &[u8]) -> Result<u32, Error> {
    let text = std::str::from_utf8(word).ok().filter(|text| text.len() <= LONGEST);
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| damaged("a number was expected, and something else found"))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// What follows the end of this line, which is that of a comment.
fn behind_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(&[], |end| &text[end + 1..])
}

fn without_comments(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'#') {
        return text.into();
    }
    let (mut rest, mut kept) = (text, vec![]);
    while let Some(start) = rest.iter().position(|&byte| byte == b'#') {
        kept.extend_from_slice(&rest[..start]);
        rest = behind_line(&rest[start..]);
    }
    kept.extend_from_slice(rest);
    kept.into()
}
