//! Are all blocks of a JPEG coded? A walk over its codes, without computing a pixel.
//!
//! Where coded data end early but an end-of-image marker follows, as after a repair of a cut-off file, decoders go on
//! with zeros and make grey or smeared filler of them, and say nothing. Only counting tells: each scan must
//! hold the codes of as many blocks as the size of the image demands, and of a progressive image no
//! coefficient may be left at half its precision.
//!
//! Source: ITU-T T.81, sections A.2 (blocks), B.2 (markers), F.2 (sequential) and G.1 (progressive).

use super::bits::{Bits, Codes};
use super::coder::{Band, Coder};

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
        let length =
            bytes.get(body..body + 2).map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])));
        let segment = length.and_then(|length| bytes.get(body + 2..body + length)).ok_or(Fault::Early)?;
        at = body + 2 + segment.len();
        match marker {
            // The limits were held against the first one.
            0xc0..=0xc2 if walker.frame.is_some() => return Err(Fault::Damaged("a second frame")),
            0xc0..=0xc2 => walker.frame = Some(Frame::read(segment, marker == 0xc2).ok_or(MALFORMED)?),
            0xc4 => walker.define_codes(segment).ok_or(MALFORMED)?,
            0xdd => walker.restart_interval = u16_at(segment, 0).ok_or(MALFORMED)?.into(),
            0xda => at = walker.scan(segment, bytes, at)?,
            _ => {}
        }
        // What follows the last scan of a sequential image is looked at by no decoder.
        if walker.frame.as_ref().is_some_and(|frame| !frame.progressive && frame.check_finished().is_ok()) {
            return Ok(());
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
            let blocks =
                (width * across).div_ceil(widest).div_ceil(8) * (height * down).div_ceil(highest).div_ceil(8);
            let nonzero = if progressive { vec![0; blocks] } else { vec![] };
            Component { id, per_unit: across * down, blocks, missing: [None; 64], nonzero }
        };
        Some(Self {
            progressive,
            units: width.div_ceil(8 * widest) * height.div_ceil(8 * highest),
            components: components.iter().map(component).collect(),
        })
    }

    /// Walk over unit number `unit` of a scan: of one component a block, of several the blocks of each that belong together.
    fn unit(
        &mut self,
        unit: usize,
        coders: &mut [(usize, Coder<'_>)],
        bits: &mut Bits<'_>,
    ) -> Result<(), Fault> {
        if let [(only, coder)] = coders {
            let nonzero = self.components[*only].nonzero.get_mut(unit);
            return coder.block(bits, nonzero.unwrap_or(&mut 0), self.progressive);
        }
        for (place, coder) in coders {
            for _ in 0..self.components[*place].per_unit {
                // Only means of blocks come so, of which nothing needs to be remembered.
                coder.block(bits, &mut 0, self.progressive)?;
            }
        }
        Ok(())
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

impl Walker {
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

    /// Walk over one scan, whose coded data begin at `at`; where they end.
    fn scan(&mut self, header: &[u8], bytes: &[u8], at: usize) -> Result<usize, Fault> {
        let Self { frame, codes, restart_interval } = self;
        let frame = frame.as_mut().ok_or(Fault::Damaged("a scan without a frame"))?;
        let scan = Scan::read(header, frame)?;
        if !frame.progressive {
            codes[1].iter_mut().flatten().for_each(Codes::prepare_runs);
        }
        let mut coders = scan.coders(codes);
        for &(place, _) in &coders {
            frame.components[place].missing[scan.band.range()].fill(Some(scan.missing));
        }
        let units = match coders.as_slice() {
            [(only, _)] => frame.components[*only].blocks,
            _ => frame.units,
        };
        let mut bits = Bits::new(bytes, at);
        for unit in 0..units {
            if *restart_interval > 0 && unit > 0 && unit.is_multiple_of(*restart_interval) {
                restart(&mut bits, unit / *restart_interval - 1)?;
                coders.iter_mut().for_each(|(_, coder)| coder.run = 0);
            }
            frame.unit(unit, &mut coders, &mut bits)?;
        }
        Ok(bits.end())
    }
}

/// The header of a scan.
struct Scan {
    band: Band,
    /// Bits of each coefficient that are left for later scans.
    missing: u8,
    /// Of each component, its place in the frame and the numbers of its tables, DC in the upper half.
    members: Vec<(usize, u8)>,
}

impl Scan {
    fn read(header: &[u8], frame: &Frame) -> Result<Self, Fault> {
        let count = header.first().map(|&count| usize::from(count)).ok_or(MALFORMED)?;
        let (selectors, _) = header.get(1..1 + 2 * count).ok_or(MALFORMED)?.as_chunks::<2>();
        let &[first, last, precision] = header[1 + 2 * count..].first_chunk::<3>().ok_or(MALFORMED)?;
        let members = selectors.iter().map(|&[id, tables]| {
            let place = frame.components.iter().position(|component| component.id == id);
            Ok((place.ok_or(Fault::Damaged("a scan of a component that the frame does not have"))?, tables))
        });
        let members = members.collect::<Result<Vec<_>, _>>()?;
        if !frame.progressive {
            return Ok(Self { band: Band { first: 0, last: 63, refines: false }, missing: 0, members });
        }
        if last > 63 || first > last || (first > 0 && count != 1) {
            return Err(Fault::Damaged("a scan of coefficients that blocks do not have"));
        }
        let band = Band { first: first.into(), last: last.into(), refines: precision >> 4 > 0 };
        Ok(Self { band, missing: precision & 15, members })
    }

    fn coders<'c>(&self, codes: &'c [[Option<Codes>; 4]; 2]) -> Vec<(usize, Coder<'c>)> {
        let coder = |&(place, tables): &(usize, u8)| {
            let table = |class: usize, number: u8| codes[class].get(usize::from(number))?.as_ref();
            let (dc, ac) = (table(0, tables >> 4), table(1, tables & 15));
            (place, Coder { band: self.band, dc, ac, run: 0 })
        };
        self.members.iter().map(coder).collect()
    }
}

/// Pass the restart marker after interval number `interval`, counted from 0.
fn restart(bits: &mut Bits<'_>, interval: usize) -> Result<(), Fault> {
    match bits.marker() {
        Some(marker @ 0xd0..=0xd7) if usize::from(marker - 0xd0) == interval % 8 => Ok(()),
        Some(0xd0..=0xd7) => Err(Fault::Damaged("restart markers that are out of order")),
        _ => Err(Fault::Early),
    }
}
