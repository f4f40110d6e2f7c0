//! The bits of entropy-coded data (ITU-T T.81, section F.2.2).

use super::Fault;
use super::codes::{Codes, LONG, SHORT};

/// Reads bits up to the next marker, which it never passes.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, first one uppermost. Below the first `count` are zeros, or bits of the byte at `at`.
    ahead: u64,
    count: u32,
}

/// The next coefficient that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coefficient {
    /// Zeros before it; 64, more than a block has, where the block has no further one.
    pub zeros: u8,
    pub value: i16,
}

impl Coefficient {
    pub(super) const NONE: Self = Self { zeros: 64, value: 0 };
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, ahead: 0, count: 0 }
    }

    /// Have at least 32 bits ready, or all that there are. For fewer than 33 of them.
    #[inline(always)]
    fn refill(&mut self) {
        if !self.refill_fast() {
            self.refill_bytewise();
        }
    }

    /// The same from eight bytes without 0xff among them, which is the usual case; whether it is one.
    #[inline(always)]
    fn refill_fast(&mut self) -> bool {
        let Some(&eight) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) else { return false };
        let word = u64::from_be_bytes(eight);
        let no_ff = (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0;
        if no_ff {
            self.ahead |= word >> self.count;
            let taken = (63 - self.count) / 8;
            self.at += taken as usize;
            self.count += 8 * taken;
        }
        no_ff
    }

    #[cold]
    fn refill_bytewise(&mut self) {
        while self.count <= 56 {
            let Some(byte) = self.next_byte() else { return };
            self.ahead |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        if byte != 0xff {
            self.at += 1;
            return Some(byte);
        }
        // A real 0xff is followed by a zero; a marker may have more of its kind before it.
        match self.bytes[self.at..].iter().position(|&byte| byte != 0xff) {
            Some(fill) if self.bytes[self.at + fill] == 0 => {
                self.at += fill + 1;
                Some(0xff)
            }
            _ => None,
        }
    }

    /// At most 32 of them.
    #[inline]
    pub(super) fn skip(&mut self, bits: u32) -> Result<(), Fault> {
        if self.count < bits {
            self.refill();
            if self.count < bits {
                return Err(Fault::Early);
            }
        }
        self.ahead <<= bits;
        self.count -= bits;
        Ok(())
    }

    /// At most 16 of them.
    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> Result<u32, Fault> {
        if self.count < bits {
            self.refill();
        }
        // In two steps, for a shift by 64 is none.
        let value = (self.ahead >> 1 >> (63 - bits)) as u32;
        self.skip(bits).map(|()| value)
    }

    /// A number of 0 to 15 bits whose first one tells the sign (table F.1).
    #[inline]
    pub(super) fn signed(&mut self, bits: u32) -> Result<i32, Fault> {
        self.take(bits).map(|value| signed(value, bits))
    }

    #[inline]
    pub(super) fn symbol(&mut self, codes: &Codes) -> Result<u8, Fault> {
        if self.count < 16 {
            self.refill();
        }
        let (symbol, length) = codes.find((self.ahead >> 48) as u16).ok_or(match self.count {
            0..16 => Fault::Early,
            _ => Fault::Damaged("a code that is in no table"),
        })?;
        self.skip(length).map(|()| symbol)
    }

    /// The next coefficient of a sequential block, with the zeros before it.
    pub(super) fn coefficient(&mut self, codes: &Codes) -> Result<Coefficient, Fault> {
        let symbol = self.symbol(codes)?;
        match (symbol >> 4, symbol & 15) {
            (15, 0) => Ok(Coefficient { zeros: 15, value: 0 }),
            (_, 0) => Ok(Coefficient::NONE),
            (zeros, length) => Ok(Coefficient { zeros, value: self.signed(length.into())? as i16 }),
        }
    }

    /// Hand on coefficients as long as they are short and easily had, and `take` wants more.
    #[inline(always)]
    pub(super) fn coefficients(&mut self, codes: &Codes, mut take: impl FnMut(Coefficient) -> bool) {
        // A copy stays in registers, which makes this half as fast again.
        let mut bits = *self;
        while bits.count >= 32 || bits.refill_fast() {
            let (length, coefficient) = codes.whole[(bits.ahead >> (64 - SHORT)) as usize];
            if length == 0 {
                break;
            }
            bits.ahead <<= length;
            bits.count -= u32::from(length);
            if !take(coefficient) {
                break;
            }
        }
        *self = bits;
    }

    /// Pass over coefficients as long as they are short, easily had, and a block still has `room` for them: how many, and
    /// whether the block ends there.
    #[inline(always)]
    pub(super) fn pass(&mut self, codes: &Codes, room: u32) -> (u32, bool) {
        let (mut bits, mut passed) = (*self, 0);
        let mut ended = false;
        while passed < room && !ended && (bits.count >= LONG || bits.refill_fast()) {
            let run = codes.runs[(bits.ahead >> (64 - LONG)) as usize];
            let next = passed + u32::from(run.coefficients);
            if run.bits == 0 || next + u32::from(run.ends) > room {
                break;
            }
            bits.ahead <<= run.bits;
            bits.count -= u32::from(run.bits);
            (passed, ended) = (next, run.ends);
        }
        *self = bits;
        (passed, ended)
    }

    /// Pass over whatever is left before the next marker, and over the marker: its second byte.
    pub(super) fn marker(&mut self) -> Option<u8> {
        (self.ahead, self.count) = (0, 0);
        while self.next_byte().is_some() {}
        self.at += self.bytes[self.at..].iter().position(|&byte| byte != 0xff)? + 1;
        Some(self.bytes[self.at - 1])
    }

    /// Where the next marker begins.
    pub(super) fn end(mut self) -> usize {
        while self.next_byte().is_some() {}
        self.at
    }
}

/// What `value`, read from so many bits, stands for.
pub(super) fn signed(value: u32, bits: u32) -> i32 {
    // Without a branch, for which way it goes cannot be foreseen: the lower half of the values are the negative ones.
    let below = i32::from(value < 1 << bits >> 1);
    value as i32 - below * ((1 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stop_at_a_marker() {
        let mut bits = Bits::new(&[0xab, 0xff, 0x00, 0xcd, 0xff, 0xff, 0xd3, 0x12], 0);
        assert_eq!((bits.take(12).unwrap(), bits.take(12).unwrap()), (0xabf, 0xfcd));
        assert!(matches!(bits.take(1), Err(Fault::Early)));
        assert_eq!(bits.take(0).unwrap(), 0);
        assert_eq!(bits.marker(), Some(0xd3));
        assert_eq!(bits.take(8).unwrap(), 0x12);
        assert_eq!(bits.marker(), None);
    }

    #[test]
    fn long_runs_come_out_as_they_are() {
        // A stuffed 0xff among them, so that both ways of refilling take turns.
        let mut bytes: Vec<u8> = (0..200).map(|i| i as u8).collect();
        bytes.splice(100..100, [0xff, 0x00]);
        let plain: Vec<u8> = (0..100).chain([0xff]).chain(100..200).collect();
        for width in 1..=16_u32 {
            let mut bits = Bits::new(&bytes, 0);
            for first in (0..plain.len() as u32 * 8 - width + 1).step_by(width as usize) {
                let want = (first..first + width)
                    .fold(0, |sum, bit| sum << 1 | u32::from(plain[bit as usize / 8] >> (7 - bit % 8) & 1));
                assert_eq!(bits.take(width).unwrap(), want, "{width} bits from bit {first}");
            }
            let left = plain.len() as u32 * 8 % width;
            assert!(bits.skip(left).is_ok() && bits.skip(1).is_err());
        }
    }

    #[test]
    fn the_first_bit_tells_the_sign() {
        let of_three: Vec<i32> = (0..8).map(|value| signed(value, 3)).collect();
        assert_eq!(of_three, [-7, -6, -5, -4, 4, 5, 6, 7]);
        assert_eq!((signed(0, 1), signed(1, 1), signed(0, 0)), (-1, 1, 0));
        assert_eq!((signed(0, 15), signed(0x7fff, 15)), (-32_767, 32_767));
    }
}
