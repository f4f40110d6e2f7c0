//! The coefficients of blocks (ITU-T T.81, sections F.2 and G.1).

use super::Fault;
use super::bits::{Bits, Coefficient};
use super::codes::Codes;

/// A block's coefficients in the order of its frequencies: row by row, the lowest first.
pub(super) type Block = [i16; 64];

/// Where in a [`Block`] the coefficients lie, in the order in which they are coded (figure A.6).
const ZIGZAG: [u8; 64] = {
    let (mut order, mut k, mut diagonal) = ([0; 64], 0, 0);
    while diagonal < 15 {
        let mut step = 0;
        while step <= diagonal {
            // Up and to the right along even diagonals, back down along odd ones.
            let (x, y) = if diagonal % 2 == 0 { (step, diagonal - step) } else { (diagonal - step, step) };
            if x < 8 && y < 8 {
                order[k] = (y * 8 + x) as u8;
                k += 1;
            }
            step += 1;
        }
        diagonal += 1;
    }
    order
};

/// The place of coefficient `k`.
#[inline]
pub(super) fn place(k: usize) -> usize {
    usize::from(ZIGZAG[k & 63])
}

/// What a scan brings: which coefficients, and which of their bits.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub first: usize,
    pub last: usize,
    /// Whether earlier scans brought the upper bits.
    pub refines: bool,
    /// The bit that the scan brings, or the lowest of those.
    pub bit: u32,
}

/// Decodes the blocks of one component.
pub(super) struct Coder<'a> {
    pub band: Band,
    pub dc: Option<&'a Codes>,
    pub ac: Option<&'a Codes>,
    /// Blocks still to come that bring nothing new.
    pub run: u32,
    /// The mean of the block before.
    pub mean: i32,
}

const NO_TABLE: Fault = Fault::Damaged("a scan without its Huffman table");
const TOO_MANY: Fault = Fault::Damaged("a block of more than 64 coefficients");

impl Coder<'_> {
    /// Begin anew, as after a restart.
    pub(super) fn restart(&mut self) {
        (self.run, self.mean) = (0, 0);
    }

    /// A whole block; what `block` held is to be zeros.
    #[inline]
    pub(super) fn sequential(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Result<(), Fault> {
        block[0] = self.next_mean(bits)?;
        let codes = self.ac.ok_or(NO_TABLE)?;
        let mut k = 1;
        let mut ended = false;
        let mut put = |coefficient: Coefficient| {
            k += usize::from(coefficient.zeros);
            ended = coefficient.zeros == 64;
            if k < 64 {
                block[place(k)] = coefficient.value;
            }
            k += 1;
            k < 64
        };
        loop {
            let mut more = true;
            bits.coefficients(codes, |coefficient| {
                more = put(coefficient);
                more
            });
            if !more || !put(bits.coefficient(codes)?) {
                break;
            }
        }
        if ended || k == 64 { Ok(()) } else { Err(TOO_MANY) }
    }

    /// The mean of a whole block; the other coefficients are passed over, which is three times as fast.
    #[inline]
    pub(super) fn mean_only(&mut self, bits: &mut Bits<'_>) -> Result<i16, Fault> {
        let mean = self.next_mean(bits)?;
        let codes = self.ac.ok_or(NO_TABLE)?;
        let mut k = 1;
        loop {
            let (passed, ended) = bits.pass(codes, 64 - k);
            k += passed;
            if ended || k == 64 {
                return Ok(mean);
            }
            let coefficient = bits.coefficient(codes)?;
            if coefficient == Coefficient::NONE {
                return Ok(mean);
            }
            k += u32::from(coefficient.zeros) + 1;
            match k {
                0..64 => {}
                64 => return Ok(mean),
                _ => return Err(TOO_MANY),
            }
        }
    }

    /// What a scan of a progressive image brings of a block.
    pub(super) fn progressive(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Result<(), Fault> {
        match (self.band.first, self.band.refines) {
            (0, false) => block[0] = self.next_mean(bits)?.wrapping_shl(self.band.bit),
            (0, true) => block[0] |= (bits.take(1)? << self.band.bit) as i16,
            (_, false) => self.first_bits(bits, block)?,
            (_, true) => self.refining_bits(bits, block)?,
        }
        Ok(())
    }

    #[inline]
    fn next_mean(&mut self, bits: &mut Bits<'_>) -> Result<i16, Fault> {
        let length = bits.symbol(self.dc.ok_or(NO_TABLE)?)?;
        let difference = bits.signed(u32::from(length & 15))?;
        self.mean = self.mean.wrapping_add(difference);
        Ok(self.mean as i16)
    }

    fn first_bits(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Result<(), Fault> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let codes = self.ac.ok_or(NO_TABLE)?;
        let mut k = self.band.first;
        while k <= self.band.last {
            let symbol = bits.symbol(codes)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => k += 16,
                (run, 0) => {
                    self.run = (1 << run) - 1 + bits.take(run.into())?;
                    break;
                }
                (zeros, length) => {
                    k += usize::from(zeros);
                    if k > self.band.last {
                        return Err(TOO_MANY);
                    }
                    block[place(k)] = (bits.signed(length.into())? << self.band.bit) as i16;
                    k += 1;
                }
            }
        }
        Ok(())
    }

    /// One more bit of each coefficient that is known not to be zero, and coefficients that turn out not to be.
    fn refining_bits(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Result<(), Fault> {
        let codes = self.ac.ok_or(NO_TABLE)?;
        let one = 1_i16 << self.band.bit;
        let mut k = self.band.first;
        while self.run == 0 && k <= self.band.last {
            let symbol = bits.symbol(codes)?;
            let (mut zeros, length) = (symbol >> 4, symbol & 15);
            if length == 0 && zeros < 15 {
                self.run = (1 << zeros) + bits.take(zeros.into())?;
                break;
            }
            let new = match length {
                0 => 0,
                _ if bits.take(1)? == 1 => one,
                _ => -one,
            };
            while k <= self.band.last {
                let known = &mut block[place(k)];
                if *known != 0 {
                    refine(known, one, bits)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if new != 0 {
                if k > self.band.last {
                    return Err(TOO_MANY);
                }
                block[place(k)] = new;
            }
            k += 1;
        }
        if self.run > 0 {
            self.run -= 1;
            for k in k..=self.band.last {
                let known = &mut block[place(k)];
                if *known != 0 {
                    refine(known, one, bits)?;
                }
            }
        }
        Ok(())
    }
}

/// Read the bit worth `one` of a coefficient, away from zero.
#[inline]
fn refine(known: &mut i16, one: i16, bits: &mut Bits<'_>) -> Result<(), Fault> {
    if bits.take(1)? == 1 && *known & one == 0 {
        *known = known.wrapping_add(if *known < 0 { -one } else { one });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_through_a_block_is_the_standards() {
        let beginning: Vec<usize> = (0..10).map(place).collect();
        assert_eq!(beginning, [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
        assert_eq!((place(35), place(36), place(62), place(63)), (56, 57, 62, 63));
        let mut all: Vec<usize> = (0..64).map(place).collect();
        all.sort_unstable();
        assert_eq!(all, (0..64).collect::<Vec<_>>());
    }
}
