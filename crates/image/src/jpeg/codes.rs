//! Huffman codes (ITU-T T.81, annex C), with tables that find short ones at once.

use super::bits::{Coefficient, signed};

/// Bits that are looked up for a code.
pub(super) const SHORT: u32 = 10;
/// Bits that are looked up for several codes at once. One more, and the tables fill the nearest cache.
pub(super) const LONG: u32 = 12;

/// A table of codes.
pub(super) struct Codes {
    /// Symbol and length for every beginning of [`SHORT`] bits; length 0 where the code is longer.
    short: Vec<(u8, u8)>,
    /// For each length, the first number above its codes, with the bits of the code uppermost; zero if it has none.
    above: [u32; 17],
    /// For each length, what is added to a code to find its symbol.
    offset: [i32; 17],
    symbols: Vec<u8>,
    /// For every beginning, the coefficient that it holds together with its value, and how many bits both take: 0 if
    /// more than these. Empty before [`prepare_values`](Self::prepare_values).
    pub whole: Vec<(u8, Coefficient)>,
    /// For every beginning of [`LONG`] bits, all coefficients that lie in it whole. Empty before
    /// [`prepare_runs`](Self::prepare_runs).
    pub runs: Vec<Symbols>,
}

/// Bits that hold nothing but whole codes, each with the value that follows it.
#[derive(Clone, Copy, Default)]
pub(super) struct Symbols {
    pub bits: u8,
    pub coefficients: u8,
    /// Whether the last of them ends the block.
    pub ends: bool,
}

impl Codes {
    /// `counts` says how many codes there are of 1 to 16 bits, `symbols` what they mean, shortest first.
    ///
    /// None if so many codes do not exist.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut codes = Self {
            short: vec![(0, 0); 1 << SHORT],
            above: [0; 17],
            offset: [0; 17],
            symbols: symbols.to_vec(),
            whole: vec![],
            runs: vec![],
        };
        let (mut code, mut first) = (0_u32, 0);
        for (length, &count) in (1..).zip(counts) {
            let count = usize::from(count);
            codes.offset[length as usize] = first as i32 - code as i32;
            for &symbol in symbols.get(first..first + count)? {
                if length <= SHORT {
                    let from = (code << (SHORT - length)) as usize;
                    codes.short.get_mut(from..from + (1 << (SHORT - length)))?.fill((symbol, length as u8));
                }
                code += 1;
            }
            if code > 1 << length {
                return None;
            }
            if count > 0 {
                codes.above[length as usize] = code << (16 - length);
            }
            first += count;
            code <<= 1;
        }
        Some(codes)
    }

    /// Make the table for [`Bits::coefficients`](super::bits::Bits::coefficients).
    pub(super) fn prepare_values(&mut self) {
        if self.whole.is_empty() {
            self.whole = (0..1 << SHORT).map(|window| self.whole_in(window)).collect();
        }
    }

    /// Make the table for [`Bits::pass`](super::bits::Bits::pass).
    pub(super) fn prepare_runs(&mut self) {
        if self.runs.is_empty() {
            self.runs = (0..1 << LONG).map(|window| self.run_in(window)).collect();
        }
    }

    fn whole_in(&self, window: u16) -> (u8, Coefficient) {
        let (symbol, length) = self.short[usize::from(window)];
        let (zeros, size) = (symbol >> 4, symbol & 15);
        let bits = length + size;
        if length == 0 || u32::from(bits) > SHORT {
            return (0, Coefficient::NONE);
        }
        let value = u32::from(window) >> (SHORT - u32::from(bits)) & ((1 << size) - 1);
        let coefficient = match (zeros, size) {
            (15, 0) => Coefficient { zeros, value: 0 },
            (_, 0) => Coefficient::NONE,
            _ => Coefficient { zeros, value: signed(value, size.into()) as i16 },
        };
        (bits, coefficient)
    }

    fn run_in(&self, window: u16) -> Symbols {
        let mut run = Symbols::default();
        loop {
            let rest = window << (16 - LONG) << run.bits;
            let Some((symbol, length)) = self.find(rest) else { return run };
            let bits = run.bits + length as u8 + (symbol & 15);
            if u32::from(bits) > LONG {
                return run;
            }
            run.bits = bits;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => run.coefficients += 16,
                (_, 0) => return Symbols { ends: true, ..run },
                (zeros, _) => run.coefficients += zeros + 1,
            }
        }
    }

    /// The symbol that `bits` begin with, and how many of them it takes.
    #[inline]
    pub(super) fn find(&self, bits: u16) -> Option<(u8, u32)> {
        let (symbol, length) = self.short[usize::from(bits >> (16 - SHORT))];
        if length > 0 {
            return Some((symbol, length.into()));
        }
        let length = (SHORT as usize + 1..=16).find(|&length| u32::from(bits) < self.above[length])?;
        let code = i32::from(bits >> (16 - length));
        let symbol = usize::try_from(code + self.offset[length]).ok()?;
        Some((*self.symbols.get(symbol)?, length as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::Bits;
    use super::*;

    #[test]
    fn codes_of_every_length_are_found() {
        // One code of each length: 0, 10, 110, ..., and the one of only ones means nothing.
        let symbols: Vec<u8> = (1..=16).collect();
        let codes = Codes::new(&[1; 16], &symbols).unwrap();
        for length in 1..=16_u32 {
            let code = !(0xffff_u16 >> (length - 1));
            assert_eq!(codes.find(code), Some((length as u8, length)), "{code:016b}");
        }
        assert_eq!(codes.find(0xffff), None);
        assert!(Codes::new(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2, 3]).is_none());
        assert!(Codes::new(&[1; 16], &[1, 2]).is_none());
    }

    /// 0: one zero and a coefficient of one bit; 10: end of the block; 11 means nothing.
    fn two_codes() -> Codes {
        let mut codes = Codes::new(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0x11, 0x00]).unwrap();
        codes.prepare_values();
        codes.prepare_runs();
        codes
    }

    #[test]
    fn runs_stop_where_a_block_does() {
        let codes = two_codes();
        let bytes = [0b0100_0110, 0b0001_0000, 0x55, 0, 0, 0, 0, 0];
        assert_eq!(Bits::new(&bytes, 0).pass(&codes, 63), (6, true));
        // Three coefficients fill the block: its end is not coded, and the next bits are another block's.
        assert_eq!(Bits::new(&bytes, 0).pass(&codes, 6), (0, false));
        let meaningless = [0b0100_0111, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Bits::new(&meaningless, 0).pass(&codes, 63), (6, false));
        // Near the end of the data each bit is looked for on its own.
        assert_eq!(Bits::new(&bytes[..7], 0).pass(&codes, 63), (0, false));
    }

    #[test]
    fn coefficients_come_with_their_values() {
        let codes = two_codes();
        // 01, 00, 10, and once more; then nothing that can be looked up at once.
        let mut got = vec![];
        Bits::new(&[0b0100_1001, 0b0010_1100, 0, 0, 0, 0, 0, 0], 0).coefficients(&codes, |coefficient| {
            got.push((coefficient.zeros, coefficient.value));
            true
        });
        assert_eq!(got, [(1, 1), (1, -1), (64, 0), (1, 1), (1, -1), (64, 0)]);
        let mut bits = Bits::new(&[0b0100_1011], 0);
        assert_eq!(bits.coefficient(&codes).unwrap(), Coefficient { zeros: 1, value: 1 });
        assert_eq!(bits.coefficient(&codes).unwrap(), Coefficient { zeros: 1, value: -1 });
        assert_eq!(bits.coefficient(&codes).unwrap(), Coefficient::NONE);
        assert!(bits.coefficient(&codes).is_err());
    }

    #[test]
    fn long_codes_and_long_values_are_no_other_matter() {
        // The one code that is longer than a table looks, with a value of nine bits behind it.
        let mut counts = [1; 16];
        counts[12..].fill(0);
        let mut symbols = [0; 12];
        symbols[11] = 0x39;
        let mut codes = Codes::new(&counts, &symbols).unwrap();
        codes.prepare_values();
        let mut bits = Bits::new(&[0b1111_1111, 0, 0b1110_0101, 0b0101_0000], 0);
        assert_eq!(bits.coefficient(&codes).unwrap(), Coefficient { zeros: 3, value: 0b0_1010_1010 - 511 });
    }
}
