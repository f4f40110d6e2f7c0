//! The bits of entropy-coded data, and the codes in them (ITU-T T.81, annexes C and F).

use super::walk::Fault;

/// Reads bits up to the next marker, which it never passes.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, first one uppermost; below them zeros.
    ahead: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, ahead: 0, count: 0 }
    }

    /// Have at least 32 bits ready, or all that there are.
    fn refill(&mut self) {
        while self.count <= 32 {
            // Four bytes without 0xff among them are the usual case.
            if let Some(&four) = self.bytes[self.at..].first_chunk::<4>() {
                let word = u32::from_be_bytes(four);
                if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                    self.ahead |= u64::from(word) << (32 - self.count);
                    self.count += 32;
                    self.at += 4;
                    return;
                }
            }
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
    pub fn skip(&mut self, bits: u32) -> Result<(), Fault> {
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
    pub fn take(&mut self, bits: u32) -> Result<u32, Fault> {
        if self.count < bits {
            self.refill();
        }
        // In two steps, for a shift by 64 is none.
        let value = (self.ahead >> 1 >> (63 - bits)) as u32;
        self.skip(bits).map(|()| value)
    }

    /// Pass over as many coefficients at once as the next bits hold and a block still has room for: how many, and
    /// whether the block ends there. None of them if there is something that takes a closer look.
    pub fn run(&mut self, codes: &Codes, room: u32) -> (u32, bool) {
        if self.count < SHORT {
            self.refill();
        }
        let run = codes.runs[(self.ahead >> (64 - SHORT)) as usize];
        let fits = u32::from(run.coefficients) + u32::from(run.ends) <= room;
        if !fits || u32::from(run.bits) > self.count {
            return (0, false);
        }
        self.ahead <<= run.bits;
        self.count -= u32::from(run.bits);
        (run.coefficients.into(), run.ends)
    }

    pub fn symbol(&mut self, codes: &Codes) -> Result<u8, Fault> {
        if self.count < 16 {
            self.refill();
        }
        let (symbol, length) = codes.find((self.ahead >> 48) as u16).ok_or(match self.count {
            0..16 => Fault::Early,
            _ => Fault::Damaged("a code that no table has"),
        })?;
        self.skip(length).map(|()| symbol)
    }

    /// Pass over whatever is left before the next marker, and over the marker: its second byte.
    pub fn marker(&mut self) -> Option<u8> {
        (self.ahead, self.count) = (0, 0);
        while self.next_byte().is_some() {}
        self.at += self.bytes[self.at..].iter().position(|&byte| byte != 0xff)? + 1;
        Some(self.bytes[self.at - 1])
    }

    /// Where the next marker begins.
    pub fn end(mut self) -> usize {
        while self.next_byte().is_some() {}
        self.at
    }
}

/// A table of Huffman codes.
pub(super) struct Codes {
    /// Symbol and length for every beginning of [`SHORT`] bits; length 0 where the code is longer.
    short: Vec<(u8, u8)>,
    /// For each length, the first number above its codes, with the bits of the code uppermost; zero if it has none.
    above: [u32; 17],
    /// For each length, what is added to a code to find its symbol.
    offset: [i32; 17],
    symbols: Vec<u8>,
    /// For every beginning of [`SHORT`] bits, what they hold of a sequential block; empty before
    /// [`prepare_runs`](Self::prepare_runs).
    runs: Vec<Run>,
}

/// Bits that hold nothing but whole codes, each with the value that follows it.
#[derive(Clone, Copy, Default)]
struct Run {
    bits: u8,
    coefficients: u8,
    /// Whether the last of them ends the block.
    ends: bool,
}

const SHORT: u32 = 10;

impl Codes {
    /// `counts` says how many codes there are of 1 to 16 bits, `symbols` what they mean, shortest first.
    ///
    /// None if so many codes do not exist.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut codes = Self {
            short: vec![(0, 0); 1 << SHORT],
            above: [0; 17],
            offset: [0; 17],
            symbols: symbols.to_vec(),
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

    /// Make [`Bits::run`] work: several coefficients at a time, where their codes are short.
    pub fn prepare_runs(&mut self) {
        if self.runs.is_empty() {
            self.runs = (0..1 << SHORT).map(|window| self.run_in(window)).collect();
        }
    }

    fn run_in(&self, window: u16) -> Run {
        let mut run = Run::default();
        loop {
            let rest = window << (16 - SHORT) << run.bits;
            let (symbol, length) = self.short[usize::from(rest >> (16 - SHORT))];
            let bits = run.bits + length + (symbol & 15);
            if length == 0 || u32::from(bits) > SHORT {
                return run;
            }
            run.bits = bits;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => run.coefficients += 16,
                (_, 0) => return Run { ends: true, ..run },
                (zeros, _) => run.coefficients += zeros + 1,
            }
        }
    }

    /// The symbol that `bits` begin with, and how many of them it takes.
    fn find(&self, bits: u16) -> Option<(u8, u32)> {
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
        let bytes: Vec<u8> = (0..200).map(|i| i as u8).collect();
        let mut bits = Bits::new(&bytes, 0);
        for pair in bytes.chunks(2) {
            assert_eq!(bits.take(16).unwrap(), u32::from(pair[0]) << 8 | u32::from(pair[1]));
        }
        assert!(bits.skip(1).is_err());
    }

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

    #[test]
    fn runs_stop_where_a_block_does() {
        // 0: one zero and a coefficient of one bit; 10: end of the block; 11 means nothing.
        let mut codes = Codes::new(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0x11, 0x00]).unwrap();
        codes.prepare_runs();
        let bytes = [0b0100_0110, 0b0001_0000, 0x55];
        assert_eq!(Bits::new(&bytes, 0).run(&codes, 63), (6, true));
        // Three coefficients fill the block: its end is not coded, and the next bits are another block's.
        assert_eq!(Bits::new(&bytes, 0).run(&codes, 6), (0, false));
        assert_eq!(Bits::new(&[0b0100_0111], 0).run(&codes, 63), (6, false));
        // Only bits that are there count.
        assert_eq!(Bits::new(&[], 0).run(&codes, 63), (0, false));
    }
}
