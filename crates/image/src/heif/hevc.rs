//! How large the pictures of an HEVC stream are, by its own words: looked at before a library in C is let near it.
//!
//! # Source
//! ISO/IEC 14496-15, section 8.3.3.1 (`hvcC`); ITU-T H.265, sections 7.3.1.1, 7.3.2.2 and 7.3.3.

use super::fault::{Result, damaged, unsupported};
use super::picture::Chroma;

/// What the configuration of a stream says of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Pixels across and down, those that are not shown included.
    pub size: (u64, u64),
    pub bits: u8,
    pub chroma: Chroma,
}

/// The type of a sequence parameter set among the units of a stream.
const SPS: u8 = 33;

impl Header {
    /// The largest of those in the body of a box `hvcC`.
    pub(super) fn read(config: &[u8]) -> Result<Self> {
        let (Some(&chroma), Some(&depth), Some(&count)) = (config.get(16), config.get(17), config.get(22))
        else {
            return damaged("`hvcC` is too short");
        };
        let chroma = [Chroma::Grey, Chroma::C420, Chroma::C422, Chroma::C444][usize::from(chroma & 3)];
        let bits = 8 + (depth & 7);
        let mut rest = &config[23..];
        let mut size = None;
        for _ in 0..count {
            let Some((&[kind, n1, n0], after)) = rest.split_first_chunk() else {
                return damaged("`hvcC` is too short");
            };
            rest = after;
            for _ in 0..u16::from_be_bytes([n1, n0]) {
                let Some((length, after)) = rest.split_first_chunk() else {
                    return damaged("`hvcC` is too short");
                };
                let Some((unit, after)) = after.split_at_checked(u16::from_be_bytes(*length).into()) else {
                    return damaged("`hvcC` is too short");
                };
                rest = after;
                if kind & 0x3f == SPS {
                    let found = size_in(unit);
                    let Some(found) = found else { return damaged("the HEVC data do not tell their size") };
                    size = size.max(Some((found.0 * found.1, found)));
                }
            }
        }
        let Some((_, size)) = size else {
            return unsupported("HEVC without a sequence header beside its data");
        };
        Ok(Self { size, bits, chroma })
    }
}

/// Width and height in a sequence parameter set.
fn size_in(unit: &[u8]) -> Option<(u64, u64)> {
    let mut bits = Bits::new(unit);
    bits.skip(16 + 4)?;
    let layers = bits.number(3)?;
    bits.skip(1 + 88 + 8)?;
    let flags: Vec<_> =
        (0..layers).map(|_| Some((bits.number(1)? == 1, bits.number(1)? == 1))).collect::<Option<_>>()?;
    if layers > 0 {
        bits.skip(2 * (8 - layers))?;
    }
    for (profile, level) in flags {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    bits.exp_golomb()?;
    if bits.exp_golomb()? == 3 {
        bits.skip(1)?;
    }
    Some((bits.exp_golomb()?, bits.exp_golomb()?))
}

/// Bits, the highest of each byte first, without the bytes that only keep data from looking like a start code.
struct Bits {
    bytes: Vec<u8>,
    at: u64,
}

impl Bits {
    fn new(unit: &[u8]) -> Self {
        let (mut bytes, mut zeros) = (Vec::with_capacity(unit.len()), 0);
        for &byte in unit {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Self { bytes, at: 0 }
    }

    fn skip(&mut self, bits: u64) -> Option<()> {
        self.at += bits;
        (self.at <= self.bytes.len() as u64 * 8).then_some(())
    }

    fn number(&mut self, bits: u32) -> Option<u64> {
        let mut number = 0;
        for _ in 0..bits {
            let byte = *self.bytes.get((self.at / 8) as usize)?;
            number = number << 1 | u64::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }

    /// As many zeros as bits follow the one behind them; never more than a 32-bit number.
    fn exp_golomb(&mut self) -> Option<u64> {
        let mut zeros = 0;
        while self.number(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.number(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_that_are_only_there_to_be_passed_over() {
        // 1 | 010 | 00110 | 1 0000 0...: 0, 1, 5, 0.
        let mut bits = Bits::new(&[0b1010_0011, 0b0100_0000]);
        let numbers: Vec<_> = (0..4).map_while(|_| bits.exp_golomb()).collect();
        assert_eq!(numbers, [0, 1, 5, 0]);
        assert_eq!(bits.exp_golomb(), None, "nothing but zeros to the end");
        assert_eq!(Bits::new(&[0, 0, 3, 1, 0, 0, 3, 3]).bytes, [0, 0, 1, 0, 0, 3]);
        assert_eq!(Bits::new(&[0; 9]).exp_golomb(), None);
    }
}
