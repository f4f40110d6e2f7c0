//! Are all blocks of a JPEG coded? A walk over its codes, without computing a pixel.
//!
//! Where coded data end early but an end-of-image marker follows, as after a repair of a cut-off file, decoders go on
//! with zeros and make grey or smeared filler of them, and say nothing. Only counting tells: each scan must
//! hold the codes of as many blocks as the size of the image demands, and of a progressive image no
//! coefficient may be left at half its precision.
//!
//! Source: ITU-T T.81, sections A.2 (blocks), B.2 (markers), F.2 (sequential) and G.1 (progressive).

use super::bits::{Bits, Codes};

/// What is wrong with coded data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// They end before the image does.
    Early,
    /// They contradict the format.
    Damaged(&'static str),
}

/// Walk over all scans of a file that a decoder has already accepted.
pub(super) fn walk(bytes: &[u8]) -> Result<(), Fault> {
    let mut walker = Walker::default();
    let mut at = 2;
    loop {
        let (marker, body) = next_marker(bytes, at).ok_or(Fault::Early)?;
        if marker == 0xd9 {
            return walker.frame.map_or(Err(Fault::Early), |frame| frame.check_finished());
        }
        if let 0x00 | 0x01 | 0xd0..=0xd8 = marker {
            at = body;
            continue;
        }
        let length = bytes.get(body..body + 2).map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])));
        let segment = length.and_then(|length| bytes.get(body + 2..body + length)).ok_or(Fault::Early)?;
        at = body + 2 + segment.len();
        match marker {
            0xc0..=0xc2 => walker.frame = Some(Frame::read(segment, marker == 0xc2).ok_or(MALFORMED)?),
            0xc4 => walker.define_codes(segment).ok_or(MALFORMED)?,
            0xdd => walker.restart_interval = u16_at(segment, 0).ok_or(MALFORMED)?.into(),
            0xda => at = walker.scan(segment, bytes, at)?,
            _ => {}
        }
    }
}

const MALFORMED: Fault = Fault::Damaged("a segment that is too short for what it says");

/// The second byte of the next marker, and where its contents begin.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
    at += bytes[at..].iter().position(|&byte| byte != 0xff)?;
    Some((bytes[at], at + 1))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// What has been read so far that later scans need.
#[derive(Default)]
struct Walker {
    frame: Option<Frame>,
    /// By class (DC, AC) and number.
    codes: [[Option<Codes>; 4]; 2],
    /// In units of the scan; 0: no restarts.
    restart_interval: usize,
}

/// The image, as its blocks.
struct Frame {
    progressive: bool,
    /// Units of an interleaved scan, which have blocks of every component.
    units: usize,
    components: Vec<Component>,
}

struct Component {
    id: u8,
    /// Blocks in a unit of an interleaved scan.
    per_unit: usize,
    /// Blocks of a scan of its own, which leaves out what only fills up units.
    blocks: usize,
    /// Bits of each coefficient that are still to come; none if nothing of it has come.
    missing: [Option<u8>; 64],
    /// Which coefficients of each block are known not to be zero; empty if not progressive.
    nonzero: Vec<u64>,
}

impl Frame {
    fn read(segment: &[u8], progressive: bool) -> Option<Self> {
        let (height, width) = (u16_at(segment, 1)?, u16_at(segment, 3)?);
        let (components, _) = segment.get(6..)?.as_chunks::<3>();
        let factors = |byte: u8| (usize::from(byte >> 4), usize::from(byte & 15));
        let widest = components.iter().map(|c| factors(c[1]).0).max()?;
        let highest = components.iter().map(|c| factors(c[1]).1).max()?;
        if widest == 0 || highest == 0 {
            return None;
        }
        let (width, height) = (usize::from(width), usize::from(height));
        let component = |&[id, sampling, _]: &[u8; 3]| {
            let (across, down) = factors(sampling);
            let blocks = (width * across).div_ceil(widest).div_ceil(8) * (height * down).div_ceil(highest).div_ceil(8);
            let nonzero = if progressive { vec![0; blocks] } else { vec![] };
            Component { id, per_unit: across * down, blocks, missing: [None; 64], nonzero }
        };
        Some(Self {
            progressive,
            units: width.div_ceil(8 * widest) * height.div_ceil(8 * highest),
            components: components.iter().map(component).collect(),
        })
    }

    /// Whether the scans brought every coefficient to its last bit. Those that no scan mentions are zero by right, but
    /// for the mean of a block.
    fn check_finished(&self) -> Result<(), Fault> {
        let unfinished = |component: &Component| {
            component.missing[0].is_none() || component.missing.iter().flatten().any(|&bits| bits > 0)
        };
        if self.components.iter().any(unfinished) { Err(Fault::Early) } else { Ok(()) }
    }
}

/// What a scan brings: which coefficients, and which of their bits.
#[derive(Clone, Copy)]
struct Band {
    first: u32,
    last: u32,
    /// Whether earlier scans brought the upper bits.
    refines: bool,
}

impl Walker {
    fn define_codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [which, rest @ ..] = segment {
            let counts = rest.first_chunk::<16>()?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(16..16 + total)?;
            let table = self.codes.get_mut(usize::from(which >> 4))?.get_mut(usize::from(which & 15))?;
            *table = Some(Codes::new(counts, symbols)?);
            segment = &rest[16 + total..];
        }
        Some(())
    }

    /// Walk over one scan, whose coded data begin at `at`; where they end.
    fn scan(&mut self, header: &[u8], bytes: &[u8], at: usize) -> Result<usize, Fault> {
        let Self { frame, codes, restart_interval } = self;
        let frame = frame.as_mut().ok_or(Fault::Damaged("a scan without a frame"))?;
        let members = header.first().map(|&count| usize::from(count)).ok_or(MALFORMED)?;
        let (selectors, _) = header.get(1..1 + 2 * members).ok_or(MALFORMED)?.as_chunks::<2>();
        let &[first, last, precision] = header[1 + 2 * members..].first_chunk::<3>().ok_or(MALFORMED)?;
        let sequential = Band { first: 0, last: 63, refines: false };
        let (band, left) = if frame.progressive {
            let band = Band { first: first.into(), last: last.into(), refines: precision >> 4 > 0 };
            (band, precision & 15)
        } else {
            (sequential, 0)
        };
        if band.last > 63 || band.first > band.last || (band.first > 0 && members != 1) {
            return Err(Fault::Damaged("a scan of coefficients that blocks do not have"));
        }

        let mut parts = Vec::with_capacity(members);
        for &[id, tables] in selectors {
            let place = frame.components.iter().position(|component| component.id == id);
            let place = place.ok_or(Fault::Damaged("a scan of a component that the frame does not have"))?;
            let table = |class: usize, number: u8| codes[class].get(usize::from(number))?.as_ref();
            let coder = Coder { band, dc: table(0, tables >> 4), ac: table(1, tables & 15), run: 0 };
            frame.components[place].missing[first_to_last(band)].fill(Some(left));
            parts.push((place, coder));
        }
        let units = match parts.as_slice() {
            [(only, _)] => frame.components[*only].blocks,
            _ => frame.units,
        };
        let mut bits = Bits::new(bytes, at);
        for unit in 0..units {
            if *restart_interval > 0 && unit > 0 && unit.is_multiple_of(*restart_interval) {
                restart(&mut bits, unit / *restart_interval - 1)?;
                parts.iter_mut().for_each(|(_, coder)| coder.run = 0);
            }
            if let [(only, coder)] = parts.as_mut_slice() {
                let nonzero = frame.components[*only].nonzero.get_mut(unit);
                coder.block(&mut bits, nonzero.unwrap_or(&mut 0), frame.progressive)?;
                continue;
            }
            for (place, coder) in &mut parts {
                for _ in 0..frame.components[*place].per_unit {
                    coder.block(&mut bits, &mut 0, frame.progressive)?;
                }
            }
        }
        Ok(bits.end())
    }
}

fn first_to_last(band: Band) -> std::ops::RangeInclusive<usize> {
    band.first as usize..=band.last as usize
}

/// Pass the restart marker after interval number `interval`, counted from 0.
fn restart(bits: &mut Bits<'_>, interval: usize) -> Result<(), Fault> {
    match bits.marker() {
        Some(marker @ 0xd0..=0xd7) if usize::from(marker - 0xd0) == interval % 8 => Ok(()),
        Some(0xd0..=0xd7) => Err(Fault::Damaged("restart markers that are out of order")),
        _ => Err(Fault::Early),
    }
}

/// Passes over the codes of one component's blocks.
struct Coder<'a> {
    band: Band,
    dc: Option<&'a Codes>,
    ac: Option<&'a Codes>,
    /// Blocks still to come that bring nothing new.
    run: u32,
}

const NO_TABLE: Fault = Fault::Damaged("a scan whose codes were not defined");

impl Coder<'_> {
    fn block(&mut self, bits: &mut Bits<'_>, nonzero: &mut u64, progressive: bool) -> Result<(), Fault> {
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
            let rest = (k..=self.band.last).filter(|&k| *nonzero >> k & 1 == 1).count();
            bits.skip_many(rest)?;
        }
        Ok(())
    }
}

const TOO_MANY: Fault = Fault::Damaged("a block of more coefficients than there are");
