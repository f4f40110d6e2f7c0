//! The codes of blocks (ITU-T T.81, sections F.2 and G.1).

use super::bits::{Bits, Codes};
use super::walk::Fault;

/// What a scan brings: which coefficients, and which of their bits.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub first: u32,
    pub last: u32,
    /// Whether earlier scans brought the upper bits.
    pub refines: bool,
}

impl Band {
    pub fn range(self) -> std::ops::RangeInclusive<usize> {
        self.first as usize..=self.last as usize
    }
}

/// Passes over the codes of one component's blocks.
pub(super) struct Coder<'a> {
    pub band: Band,
    pub dc: Option<&'a Codes>,
    pub ac: Option<&'a Codes>,
    /// Blocks still to come that bring nothing new.
    pub run: u32,
}

const NO_TABLE: Fault = Fault::Damaged("a scan whose codes were not defined");

impl Coder<'_> {
    pub fn block(&mut self, bits: &mut Bits<'_>, nonzero: &mut u64, progressive: bool) -> Result<(), Fault> {
        if !progressive {
            self.mean(bits)?;
            return self.sequential(bits);
        }
        match (self.band.first, self.band.refines) {
            (0, false) => self.mean(bits),
            (0, true) => bits.skip(1),
            (_, false) => self.first_bits(bits, nonzero),
            (_, true) => self.refining_bits(bits, nonzero),
        }
    }

    /// The difference of a block's mean to that of the block before.
    fn mean(&self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        let length = bits.symbol(self.dc.ok_or(NO_TABLE)?)?;
        bits.skip(u32::from(length & 15))
    }

    fn sequential(&self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        let codes = self.ac.ok_or(NO_TABLE)?;
        let mut k = 1;
        while k <= 63 {
            match bits.run(codes, 64 - k) {
                (0, false) => {}
                (coefficients, ends) => {
                    k += coefficients;
                    if ends {
                        break;
                    }
                    continue;
                }
            }
            let symbol = bits.symbol(codes)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => k += 16,
                (_, 0) => break,
                (zeros, length) => {
                    k += u32::from(zeros) + 1;
                    bits.skip(length.into())?;
                }
            }
        }
        if k <= 64 { Ok(()) } else { Err(TOO_MANY) }
    }

    fn first_bits(&mut self, bits: &mut Bits<'_>, nonzero: &mut u64) -> Result<(), Fault> {
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
                    k += u32::from(zeros);
                    if k > self.band.last {
                        return Err(TOO_MANY);
                    }
                    *nonzero |= 1 << k;
                    bits.skip(length.into())?;
                    k += 1;
                }
            }
        }
        Ok(())
    }

    /// One more bit of each coefficient that is known not to be zero, and coefficients that turn out not to be.
    fn refining_bits(&mut self, bits: &mut Bits<'_>, nonzero: &mut u64) -> Result<(), Fault> {
        let codes = self.ac.ok_or(NO_TABLE)?;
        let mut k = self.band.first;
        while self.run == 0 && k <= self.band.last {
            let symbol = bits.symbol(codes)?;
            let (mut zeros, length) = (symbol >> 4, symbol & 15);
            if length == 0 && zeros < 15 {
                self.run = (1 << zeros) + bits.take(zeros.into())?;
                break;
            }
            // The sign of the new one.
            bits.skip(u32::from(length > 0))?;
            while k <= self.band.last {
                if *nonzero >> k & 1 == 1 {
                    bits.skip(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if length > 0 {
                if k > self.band.last {
                    return Err(TOO_MANY);
                }
                *nonzero |= 1 << k;
            }
            k += 1;
        }
        if self.run > 0 {
            self.run -= 1;
            let known = (k..=self.band.last).filter(|&k| *nonzero >> k & 1 == 1).count() as u32;
            bits.skip(known / 2)?;
            bits.skip(known - known / 2)?;
        }
        Ok(())
    }
}

const TOO_MANY: Fault = Fault::Damaged("a block of more coefficients than there are");
