//! From coded data to coefficients, one scan at a time.

use super::bits::Bits;
use super::coder::{Band, Block, Coder};
use super::codes::Codes;
use super::frame::Frame;
use super::rows::Rows;
use super::segments::Segments;
use super::{Fault, Size};

/// The header of a scan.
pub(super) struct Scan {
    band: Band,
    /// Of each component, its place in the frame and the numbers of its tables, DC in the upper half.
    members: Vec<(usize, u8)>,
}

const MALFORMED: Fault = Fault::Damaged("the header of a scan that is too short for what it lists");
/// More in a unit are not allowed, and no decoder takes them.
const MOST_BLOCKS: usize = 10;

impl Scan {
    pub(super) fn read(header: &[u8], frame: &Frame) -> Result<Self, Fault> {
        let count = header.first().map(|&count| usize::from(count)).ok_or(MALFORMED)?;
        let (selectors, _) = header.get(1..1 + 2 * count).ok_or(MALFORMED)?.as_chunks::<2>();
        let &[first, last, bits] = header[1 + 2 * count..].first_chunk::<3>().ok_or(MALFORMED)?;
        let mut members = Vec::with_capacity(count);
        for &[id, tables] in selectors {
            let place = frame.components.iter().position(|component| component.id == id);
            let place = place.ok_or(Fault::Damaged("a scan of a component that the frame does not have"))?;
            if members.iter().any(|&(other, _)| other == place) {
                return Err(Fault::Damaged("a scan that has a component twice"));
            }
            members.push((place, tables));
        }
        let blocks = members.iter().map(|&(place, _)| frame.components[place].per_unit);
        if members.is_empty() || count > 1 && blocks.map(|(x, y)| x * y).sum::<usize>() > MOST_BLOCKS {
            return Err(Fault::Damaged("a scan with too many blocks, or with none"));
        }
        if !frame.progressive {
            return Ok(Self { band: Band { first: 0, last: 63, refines: false, bit: 0 }, members });
        }
        let (refined, bit) = (u32::from(bits >> 4), u32::from(bits & 15));
        if last > 63 || first > last || (first == 0 && last > 0) || (first > 0 && count != 1) || bit > 13 {
            return Err(Fault::Damaged("a scan of coefficients that are not allowed"));
        }
        if refined > 0 && refined != bit + 1 {
            return Err(Fault::Damaged("a scan that refines by more than one bit"));
        }
        let band = Band { first: first.into(), last: last.into(), refines: refined > 0, bit };
        Ok(Self { band, members })
    }

    /// Whether the scan is of all there is, so that its blocks can go on at once.
    pub(super) fn has_everything(&self, frame: &Frame) -> bool {
        !frame.progressive && self.members.len() == frame.components.len()
    }

    /// Note in `frame` what the scan brings. Each bit may come only once: that bounds the time that a file can take.
    pub(super) fn register(&self, frame: &mut Frame, steps: &[Option<Block>; 4]) -> Result<(), Fault> {
        let Band { first, last, refines, bit } = self.band;
        for &(place, _) in &self.members {
            let component = &mut frame.components[place];
            if component.steps.is_none() {
                let steps = steps.get(component.table).copied().flatten();
                component.steps = Some(steps.ok_or(Fault::Damaged("a scan without its quantisation table"))?);
            }
            let before = if refines { Some(bit + 1) } else { None };
            if component.missing[first..=last].iter().any(|&missing| missing != before) {
                return Err(Fault::Damaged("scans that do not follow from one another"));
            }
            component.missing[first..=last].fill(Some(bit));
        }
        Ok(())
    }

    fn coders<'c>(&self, codes: &'c [[Option<Codes>; 4]; 2]) -> Vec<(usize, Coder<'c>)> {
        let coder = |&(place, tables): &(usize, u8)| {
            let table = |class: usize, number: u8| codes[class].get(usize::from(number))?.as_ref();
            let (dc, ac) = (table(0, tables >> 4), table(1, tables & 15));
            (place, Coder { band: self.band, dc, ac, run: 0, mean: 0 })
        };
        self.members.iter().map(coder).collect()
    }
}

impl Scan {
    /// Decode a sequential scan of all components, and hand on each row of units as soon as it is complete.
    pub(super) fn stream(
        &self,
        frame: &Frame,
        segments: &mut Segments,
        bits: &mut Bits<'_>,
        rows: &mut Rows<'_>,
        strips: &mut [Vec<Block>],
    ) -> Result<(), Fault> {
        let Segments { codes, restart_interval, .. } = segments;
        for &(place, tables) in &self.members {
            let table = codes[1].get_mut(usize::from(tables & 15)).and_then(Option::as_mut);
            table.map(if rows.takes_means(place) { Codes::prepare_runs } else { Codes::prepare_values });
        }
        let mut coders = self.coders(codes);
        let mut restarts = Restarts::new(*restart_interval);
        for row in 0..frame.units.1 {
            for column in 0..frame.units.0 {
                restarts.before_unit(bits, &mut coders)?;
                for (place, coder) in &mut coders {
                    let component = &frame.components[*place];
                    let (across, down) = component.per_unit;
                    let stride = frame.units.0 * across;
                    for (x, y) in blocks_of((column * across, 0), (across, down)) {
                        if rows.takes_means(*place) {
                            rows.put_mean(*place, row, (x, y), coder.mean_only(bits)?);
                        } else {
                            let block = &mut strips[*place][y * stride + x];
                            *block = [0; 64];
                            coder.sequential(bits, block)?;
                        }
                    }
                }
            }
            rows.finish(row, &strips.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Decode a scan into what others have brought of the image.
    pub(super) fn gather(
        &self,
        frame: &Frame,
        segments: &mut Segments,
        bits: &mut Bits<'_>,
        image: &mut [Vec<Block>],
    ) -> Result<(), Fault> {
        let Segments { codes, restart_interval, .. } = segments;
        if !frame.progressive {
            codes[1].iter_mut().flatten().for_each(Codes::prepare_values);
        }
        let mut coders = self.coders(codes);
        let mut restarts = Restarts::new(*restart_interval);
        let alone = coders.len() == 1;
        let units = if alone { frame.components[coders[0].0].own } else { frame.units };
        for (column, row) in blocks_of((0, 0), units) {
            restarts.before_unit(bits, &mut coders)?;
            for (place, coder) in &mut coders {
                let component = &frame.components[*place];
                let (across, down) = if alone { (1, 1) } else { component.per_unit };
                let stride = frame.units.0 * component.per_unit.0;
                for (x, y) in blocks_of((column * across, row * down), (across, down)) {
                    let block = &mut image[*place][y * stride + x];
                    if frame.progressive {
                        coder.progressive(bits, block)?;
                    } else {
                        coder.sequential(bits, block)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The blocks of a rectangle that begins at `first`, row by row.
#[inline]
fn blocks_of(first: Size, (across, down): Size) -> impl Iterator<Item = Size> {
    (0..down).flat_map(move |y| (0..across).map(move |x| (first.0 + x, first.1 + y)))
}

/// Counts the units between restart markers.
struct Restarts {
    interval: usize,
    units: usize,
    seen: usize,
}

impl Restarts {
    /// `interval` in units; 0: none.
    fn new(interval: usize) -> Self {
        Self { interval, units: 0, seen: 0 }
    }

    /// Pass the marker that is due, if one is.
    #[inline]
    fn before_unit(&mut self, bits: &mut Bits<'_>, coders: &mut [(usize, Coder<'_>)]) -> Result<(), Fault> {
        if self.interval > 0 && self.units == self.interval {
            match bits.marker() {
                Some(marker @ 0xd0..=0xd7) if usize::from(marker - 0xd0) == self.seen % 8 => {}
                Some(0xd0..=0xd7) => return Err(Fault::Damaged("restart markers that are out of order")),
                _ => return Err(Fault::Early),
            }
            coders.iter_mut().for_each(|(_, coder)| coder.restart());
            (self.units, self.seen) = (0, self.seen + 1);
        }
        self.units += 1;
        Ok(())
    }
}
