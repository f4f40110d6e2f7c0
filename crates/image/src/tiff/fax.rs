//! Black and white pictures in the codes of fax machines.
//!
//! Source: ITU-T T.4 (one and two dimensions) and T.6; TIFF 6.0, sections 10 and 11.

use super::Fault;
use super::codes::{LONGEST, RUNS, UNIT};
use super::page::Fax;

/// Unpack rows of `width` pixels, eight to a byte, the leftmost one highest; ink is 1.
pub(super) fn unpack(
    packed: &[u8],
    kind: Fax,
    (width, height): (usize, usize),
    out: &mut [u8],
) -> Result<(), Fault> {
    let mut bits = Bits { bytes: packed, at: 0 };
    // Where the colour changes in the row above, and in this one, each beginning with white.
    let (mut above, mut row) = (vec![], vec![]);
    for pixels in out.chunks_exact_mut(width.div_ceil(8)).take(height) {
        let two_dimensional = match kind {
            Fax::Huffman => false,
            Fax::Group3 { two_dimensional } => {
                let found = bits.skip_mark();
                if found && bits.peek(MARK) == 1 {
                    return Err(Fault::Damaged("its fax codes end before its last row"));
                }
                two_dimensional && bits.take(1)? == 0
            }
            Fax::Group4 if bits.peek(MARK) == 1 => return Ok(()),
            Fax::Group4 => true,
        };
        row.clear();
        match two_dimensional {
            true => differences(&mut bits, width, &above, &mut row)?,
            false => runs(&mut bits, width, &mut row)?,
        }
        if kind == Fax::Huffman {
            bits.at = bits.at.next_multiple_of(8);
        }
        ink(&row, width, pixels);
        std::mem::swap(&mut above, &mut row);
    }
    Ok(())
}

/// Bits of the mark between rows: eleven zeros and a one.
const MARK: u32 = 12;
const BROKEN: Fault = Fault::Damaged("a fax code that means nothing");
const TOO_LONG: Fault = Fault::Damaged("a row of fax codes is longer than the image is wide");

/// A row of runs.
fn runs(bits: &mut Bits<'_>, width: usize, row: &mut Vec<usize>) -> Result<(), Fault> {
    let (mut at, mut colour) = (0, 0);
    while at < width {
        at += bits.run(colour)?;
        if at > width {
            return Err(TOO_LONG);
        }
        change(row, at);
        colour = 1 - colour;
    }
    Ok(())
}

/// A row of differences from the one above.
fn differences(
    bits: &mut Bits<'_>,
    width: usize,
    above: &[usize],
    row: &mut Vec<usize>,
) -> Result<(), Fault> {
    // Before the first pixel, which itself may be where the row above changes.
    let mut at = None;
    let (mut colour, mut near) = (0, 0);
    while at.is_none_or(|at| at < width) {
        // The first change above that is further right and to the other colour; even ones are to black.
        let beyond = |place: usize| at.is_none_or(|at| above[place] > at);
        while near > 0 && beyond(near - 1) {
            near -= 1;
        }
        while near < above.len() && (!beyond(near) || near % 2 != colour) {
            near += 1;
        }
        let place = |i: usize| above.get(i).copied().unwrap_or(width);
        match bits.mode()? {
            Mode::Pass => at = Some(place(near + 1)),
            Mode::Runs => {
                let first = at.unwrap_or(0) + bits.run(colour)?;
                let second = first + bits.run(1 - colour)?;
                if second > width {
                    return Err(TOO_LONG);
                }
                change(row, first);
                change(row, second);
                at = Some(second);
            }
            Mode::Near(right) => {
                let next = place(near).checked_add_signed(right).ok_or(BROKEN)?;
                if next > width || at.is_some_and(|at| next < at) {
                    return Err(TOO_LONG);
                }
                change(row, next);
                at = Some(next);
                colour = 1 - colour;
            }
        }
    }
    Ok(())
}

/// The colour changes at `at`; twice at one place is not at all.
fn change(row: &mut Vec<usize>, at: usize) {
    if row.last() == Some(&at) {
        row.pop();
    } else {
        row.push(at);
    }
}

/// Set the bits of black pixels.
fn ink(row: &[usize], width: usize, pixels: &mut [u8]) {
    for black in row.chunks(2) {
        let end = black.get(1).copied().unwrap_or(width);
        for x in black[0]..end {
            pixels[x / 8] |= 0x80 >> (x % 8);
        }
    }
}

/// How the next change of colour is told.
enum Mode {
    /// Not below the next stretch of the row above.
    Pass,
    /// By two runs.
    Runs,
    /// So many pixels to the right of the change above.
    Near(isize),
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    /// The next bits; behind the end there are zeros.
    fn peek(&self, count: u32) -> usize {
        let byte = |i: usize| u32::from(self.bytes.get(self.at / 8 + i).copied().unwrap_or(0));
        let word = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
        (word << (self.at % 8) >> (32 - count)) as usize
    }

    fn skip(&mut self, count: usize) -> Result<(), Fault> {
        self.at += count;
        if self.at > self.bytes.len() * 8 {
            return Err(Fault::Damaged("a strip or tile ends before its last row"));
        }
        Ok(())
    }

    fn take(&mut self, count: u32) -> Result<usize, Fault> {
        let bits = self.peek(count);
        self.skip(count as usize)?;
        Ok(bits)
    }

    /// Pass over a mark, and any zeros before it, if one is next.
    fn skip_mark(&mut self) -> bool {
        if self.peek(MARK - 1) != 0 {
            return false;
        }
        let end = self.bytes.len() * 8;
        while self.at < end && self.peek(1) == 0 {
            self.at += 1;
        }
        self.at += 1;
        true
    }

    /// Pixels of the next run of this colour: 0 white, 1 black.
    fn run(&mut self, colour: usize) -> Result<usize, Fault> {
        let mut sum = 0;
        loop {
            let (run, length) = RUNS[colour][self.peek(LONGEST)];
            if length == 0 {
                return Err(BROKEN);
            }
            self.skip(length.into())?;
            sum += usize::from(run);
            if usize::from(run) < UNIT {
                return Ok(sum);
            }
        }
    }

    fn mode(&mut self) -> Result<Mode, Fault> {
        let (mode, length) = match self.peek(7) {
            0b100_0000.. => (Mode::Near(0), 1),
            0b011_0000.. => (Mode::Near(1), 3),
            0b010_0000.. => (Mode::Near(-1), 3),
            0b001_0000.. => (Mode::Runs, 3),
            0b000_1000.. => (Mode::Pass, 4),
            0b000_0110.. => (Mode::Near(2), 6),
            0b000_0100.. => (Mode::Near(-2), 6),
            0b000_0011 => (Mode::Near(3), 7),
            0b000_0010 => (Mode::Near(-3), 7),
            0b000_0001 => {
                return Err(Fault::Unsupported(
                    "a TIFF with uncompressed parts between its fax codes".to_owned(),
                ));
            }
            _ => return Err(BROKEN),
        };
        self.skip(length)?;
        Ok(mode)
    }
}
