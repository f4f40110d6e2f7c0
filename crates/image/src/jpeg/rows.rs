//! From coefficients to rows of RGB, a row of units at a time.
//!
//! Samples are kept of two rows of units only: the image takes memory for its pixels, and the samples stay in the cache.

use super::coder::Block;
use super::colours::to_rgb;
use super::enlarge::Enlarge;
use super::frame::{Frame, Scale};
use super::segments::Colours;
use super::{Fault, Size, transform};
use headstart_base::machine::{Loops, vectorise};

/// Working space that is kept from image to image.
#[derive(Debug, Default)]
pub(super) struct Space {
    samples: [Vec<u8>; 4],
    enlarged: [Vec<u8>; 4],
    sums: Vec<u16>,
}

/// The rows of an image that is being decoded.
pub(super) struct Rows<'a> {
    planes: Vec<Plane>,
    colours: Colours,
    space: &'a mut Space,
    /// All of the image, three bytes a pixel.
    rgb: &'a mut [u8],
    /// Of the image in pixels.
    size: Size,
    /// Rows of pixels in a row of units.
    unit: usize,
    /// Rows of pixels that are there already.
    done: usize,
    /// Whether blocks come as coefficients, or single samples as means.
    streams: bool,
}

/// What is known of one component.
struct Plane {
    /// Samples along the edge of a block.
    edge: usize,
    /// Blocks in a row, and rows of them in a row of units.
    blocks: Size,
    steps: Block,
    /// Samples down that the image has.
    height: usize,
    enlarge: Enlarge,
    /// Samples of a row that make pixels, and pixels that they make.
    used: Size,
}

impl Plane {
    /// Samples from one row to the next.
    fn stride(&self) -> usize {
        self.blocks.0 * self.edge
    }

    /// Where row `y` begins among the rows that are kept.
    fn start(&self, y: usize) -> usize {
        y % (2 * self.blocks.1 * self.edge) * self.stride()
    }

    /// Row `y`; above the first one and below the last one are these.
    fn row<'s>(&self, samples: &'s [u8], y: isize) -> &'s [u8] {
        let y = y.clamp(0, self.height as isize - 1) as usize;
        &samples[self.start(y)..][..self.used.0]
    }
}

impl<'a> Rows<'a> {
    /// Ready to fill `rgb`, which has three bytes for each pixel at this scale. The steps of all components are known.
    ///
    /// `streams` says that blocks come as they are decoded, so that none but the means may be wanted of them.
    pub(super) fn new(
        frame: &Frame,
        scale: Scale,
        colours: Colours,
        streams: bool,
        space: &'a mut Space,
        rgb: &'a mut [u8],
    ) -> Result<Self, Fault> {
        let size = (scale.of(frame.size.0), scale.of(frame.size.1));
        let mut planes = Vec::with_capacity(frame.components.len());
        for (component, samples) in frame.components.iter().zip(&mut space.samples) {
            let edge = frame.edge(component, scale);
            let length = |full: usize, part: usize, most: usize| (full * part * edge).div_ceil(8 * most);
            let width = length(frame.size.0, component.per_unit.0, frame.most.0);
            let factor = |most: usize, part: usize| most * scale.edge / (part * edge);
            let factors =
                (factor(frame.most.0, component.per_unit.0), factor(frame.most.1, component.per_unit.1));
            let plane = Plane {
                edge,
                blocks: (frame.units.0 * component.per_unit.0, component.per_unit.1),
                steps: component.steps.ok_or(Fault::Early)?,
                height: length(frame.size.1, component.per_unit.1, frame.most.1),
                enlarge: Enlarge::new(factors, width, scale.edge),
                used: (width, width * factors.0),
            };
            samples.resize(2 * plane.blocks.1 * edge * plane.stride(), 0);
            planes.push(plane);
        }
        Ok(Self { planes, colours, space, rgb, size, unit: frame.most.1 * scale.edge, done: 0, streams })
    }

    /// Whether of this component only means are wanted, each for [`put_mean`](Self::put_mean).
    #[inline]
    pub(super) fn takes_means(&self, component: usize) -> bool {
        self.streams && self.planes[component].edge == 1
    }

    /// The mean of the block at column `x`, row `y` of the component's blocks in row `row` of units.
    #[inline]
    pub(super) fn put_mean(&mut self, component: usize, row: usize, (x, y): Size, mean: i16) {
        let plane = &self.planes[component];
        let start = (row % 2 * plane.blocks.1 + y) * plane.blocks.0;
        self.space.samples[component][start + x] = transform::mean(mean, plane.steps[0]);
    }

    /// Take the blocks of all components in row `row` of units, and make the pixels that can be made now.
    pub(super) fn finish(&mut self, row: usize, blocks: &[&[Block]]) {
        vectorise(Transform { rows: self, row, blocks });
        let complete = (row + 1) * self.unit;
        // The last row may take part of the row below.
        let waits = self.planes.iter().any(|plane| plane.enlarge.looks_beyond());
        let ready = if complete < self.size.1 { complete - usize::from(waits) } else { self.size.1 };
        vectorise(Paint { rows: self, ready });
    }

    #[inline(always)]
    fn transform(&mut self, row: usize, blocks: &[&[Block]]) {
        for (place, plane) in self.planes.iter().enumerate() {
            if self.streams && plane.edge == 1 {
                continue;
            }
            for (y, blocks) in blocks[place].chunks_exact(plane.blocks.0).enumerate() {
                let first = (row * plane.blocks.1 + y) * plane.edge;
                let samples = &mut self.space.samples[place][plane.start(first)..];
                transform::row(blocks, &plane.steps, plane.edge, samples, plane.stride());
            }
        }
    }

    #[inline(always)]
    fn paint(&mut self, ready: usize) {
        let Space { samples, enlarged, sums } = &mut *self.space;
        let width = self.size.0;
        for y in self.done..ready {
            for ((plane, samples), enlarged) in self.planes.iter().zip(&*samples).zip(&mut *enlarged) {
                let (near, far) = plane.enlarge.rows(y);
                enlarged.resize(plane.used.1, 0);
                let (near, far) = (plane.row(samples, near as isize), plane.row(samples, far));
                plane.enlarge.row(y, near, far, sums, enlarged);
            }
            let [a, b, c, d] = &*enlarged;
            to_rgb(self.colours, [a, b, c, d], &mut self.rgb[y * width * 3..][..width * 3]);
        }
        self.done = ready;
    }
}

struct Transform<'r, 'a> {
    rows: &'r mut Rows<'a>,
    row: usize,
    blocks: &'r [&'r [Block]],
}

impl Loops for Transform<'_, '_> {
    #[inline(always)]
    fn run(self) {
        self.rows.transform(self.row, self.blocks);
    }
}

struct Paint<'r, 'a> {
    rows: &'r mut Rows<'a>,
    ready: usize,
}

impl Loops for Paint<'_, '_> {
    #[inline(always)]
    fn run(self) {
        self.rows.paint(self.ready);
    }
}
