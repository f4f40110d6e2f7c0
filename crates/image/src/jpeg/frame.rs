//! An image as its components' blocks, at one of four scales.
//!
//! Source: ITU-T T.81, sections A.1, A.2 and B.2.2; which component is scaled how, libjpeg.

use super::super::resample::Size;
use super::Fault;
use super::coder::Block;
use super::segments::u16_at;

/// By how much the image shrinks while it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    /// Samples along the edge of a decoded block: 8, 4, 2 or 1.
    pub edge: usize,
}

impl Scale {
    pub(super) const FULL: Self = Self { edge: 8 };

    /// The smallest at which the image still has `wanted` pixels both ways, as in Pillow's `draft`.
    pub(super) fn for_size(full: Size, wanted: Size) -> Self {
        let times = (full.0 / wanted.0.max(1)).min(full.1 / wanted.1.max(1));
        Self { edge: [1, 2, 4].into_iter().find(|edge| times >= 8 / edge).unwrap_or(8) }
    }

    /// A length at this scale, rounded up.
    pub(super) fn of(self, length: usize) -> usize {
        (length * self.edge).div_ceil(8)
    }
}

/// The header of the image.
pub(super) struct Frame {
    pub progressive: bool,
    /// Pixels across and down, in full.
    pub size: Size,
    /// Units across and down. A unit has blocks of every component and is what scans of several components are coded by.
    pub units: Size,
    /// The most blocks of one component in a unit, across and down.
    pub most: Size,
    pub components: Vec<Component>,
}

pub(super) struct Component {
    pub id: u8,
    /// Blocks in a unit, across and down.
    pub per_unit: Size,
    /// Blocks of a scan of this component alone, which leaves out what only fills up units.
    pub own: Size,
    /// The number of its table of steps.
    pub table: usize,
    /// The steps that were in force when its first scan began.
    pub steps: Option<Block>,
    /// Bits of each coefficient that are still to come; none if nothing of it has come.
    pub missing: [Option<u32>; 64],
}

const MALFORMED: Fault = Fault::Damaged("a frame that is too short for what it lists");

impl Frame {
    pub(super) fn read(segment: &[u8], progressive: bool) -> Result<Self, Fault> {
        let &[depth, _, _, _, _, count] = segment.first_chunk::<6>().ok_or(MALFORMED)?;
        let (height, width) = (u16_at(segment, 1).ok_or(MALFORMED)?, u16_at(segment, 3).ok_or(MALFORMED)?);
        let (components, _) = segment[6..].as_chunks::<3>();
        match (depth, count) {
            (8, 1 | 3 | 4) => {}
            (8, colours) => return Err(Fault::Unsupported(format!("a JPEG of {colours} colours"))),
            (bits, _) => return Err(Fault::Unsupported(format!("a JPEG of {bits} bits a colour"))),
        }
        let components = components.get(..count.into()).ok_or(MALFORMED)?;
        if width == 0 || height == 0 {
            return Err(Fault::Damaged("an image without pixels"));
        }
        Self::of((width.into(), height.into()), components, progressive)
    }

    fn of(size: Size, components: &[[u8; 3]], progressive: bool) -> Result<Self, Fault> {
        // A component that is alone has nothing to be sampled more finely than.
        let alone = components.len() == 1;
        let factors =
            |byte: u8| if alone { (1, 1) } else { (usize::from(byte >> 4), usize::from(byte & 15)) };
        let all = || components.iter().map(|&[_, sampling, _]| factors(sampling));
        if !all().all(|(across, down)| (1..=4).contains(&across) && (1..=4).contains(&down)) {
            return Err(Fault::Damaged("sampling factors that are not allowed"));
        }
        let most = (all().map(|f| f.0).max().unwrap_or(1), all().map(|f| f.1).max().unwrap_or(1));
        // Half a pixel more often than another one is nothing that libjpeg enlarges either.
        if !all().all(|(across, down)| most.0 % across == 0 && most.1 % down == 0) {
            return Err(Fault::Unsupported("a JPEG of colours sampled at odd ratios".into()));
        }
        let component = |&[id, sampling, table]: &[u8; 3]| {
            let per_unit = factors(sampling);
            let blocks = |length: usize, part: usize, most: usize| (length * part).div_ceil(most).div_ceil(8);
            let own = (blocks(size.0, per_unit.0, most.0), blocks(size.1, per_unit.1, most.1));
            Component { id, per_unit, own, table: table.into(), steps: None, missing: [None; 64] }
        };
        let units = (size.0.div_ceil(8 * most.0), size.1.div_ceil(8 * most.1));
        Ok(Self { progressive, size, units, most, components: components.iter().map(component).collect() })
    }

    /// Samples along the edge of a decoded block of `component`.
    ///
    /// Where colours are sampled more coarsely, their blocks are shrunk less, so that as little as possible is to be
    /// enlarged again.
    pub(super) fn edge(&self, component: &Component, scale: Scale) -> usize {
        let mut edge = scale.edge;
        let fits = |edge: usize| {
            (self.most.0 * scale.edge).is_multiple_of(component.per_unit.0 * edge)
                && (self.most.1 * scale.edge).is_multiple_of(component.per_unit.1 * edge)
        };
        while edge < 8 && fits(2 * edge) {
            edge *= 2;
        }
        edge
    }

    /// Whether the scans brought every coefficient to its last bit. Those that no scan mentions are zero by right, but
    /// for the mean of a block.
    pub(super) fn is_finished(&self) -> bool {
        self.components.iter().all(|component| {
            component.missing[0].is_some() && component.missing.iter().flatten().all(|&bits| bits == 0)
        })
    }
}

impl Component {
    /// Blocks of the component, those that fill up units included, across and down.
    pub(super) fn blocks(&self, units: Size) -> Size {
        (units.0 * self.per_unit.0, units.1 * self.per_unit.1)
    }

    /// How many of them there are in a row of units.
    pub(super) fn strip(&self, units: Size) -> usize {
        units.0 * self.per_unit.0 * self.per_unit.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_leaves_at_least_what_is_wanted() {
        let scale = |full, wanted| Scale::for_size(full, wanted).edge;
        assert_eq!(scale((4000, 3000), (224, 224)), 1);
        assert_eq!(scale((1792, 1792), (224, 224)), 1);
        assert_eq!(scale((1792, 1791), (224, 224)), 2);
        assert_eq!(scale((500, 375), (224, 224)), 8);
        assert_eq!(scale((448, 900), (224, 224)), 4);
        assert_eq!(scale((100, 100), (224, 224)), 8);
        assert_eq!((Scale { edge: 1 }.of(4001), Scale { edge: 4 }.of(375), Scale::FULL.of(7)), (501, 188, 7));
    }

    #[test]
    fn colours_are_shrunk_less_where_they_are_coarser() {
        let edges = |luma: u8, scale| {
            let frame = Frame::of((64, 64), &[[1, luma, 0], [2, 0x11, 1], [3, 0x11, 1]], false).ok().unwrap();
            [0, 1].map(|i| frame.edge(&frame.components[i], Scale { edge: scale }))
        };
        // 4:2:0 both ways; 4:2:2 only across, which is not enough.
        assert_eq!([8, 4, 2, 1].map(|scale| edges(0x22, scale)), [[8, 8], [4, 8], [2, 4], [1, 2]]);
        assert_eq!([8, 4, 2, 1].map(|scale| edges(0x21, scale)), [[8, 8], [4, 4], [2, 2], [1, 1]]);
    }
}
