//! The matrices of weights that resize an image.

use super::sheet::Sheet;
use crate::export::build::Builder;
use headstart_image::recipe::Filter;
use headstart_onnx::{Attribute, DataType};

/// One axis of a resize: names of integers in the graph, and how many places are kept.
pub(super) struct AxisPlan {
    /// Pixels of the image.
    pub(super) from: String,
    /// Pixels that it is resized to.
    pub(super) to: String,
    /// The first of them that is kept.
    pub(super) origin: String,
    /// How many are kept.
    pub(super) count: usize,
}

/// The same as numbers.
struct Axis<'p> {
    from: String,
    to: String,
    origin: String,
    plan: &'p AxisPlan,
}

/// What 1 is among weights that are whole numbers, as Pillow's are.
pub(super) const WHOLE: f64 = (1 << 22) as f64;

/// Whether a filter's weights are whole numbers, of [`WHOLE`] in all, and its passes have bytes between them.
pub(super) fn in_whole_numbers(filter: Filter) -> bool {
    matches!(filter, Filter::Box | Filter::Bilinear | Filter::Bicubic | Filter::Lanczos)
}

/// How much each pixel of the image counts for each that is kept: `(count, from)` of f64; a row's add up to 1, or to
/// [`WHOLE`].
///
/// Computed in f64, as Pillow does: where a centre falls on the edge of a pixel, the last bit decides.
pub(super) fn of(graph: &mut Builder<'_>, axis: &AxisPlan, filter: Filter) -> String {
    let mut sheet = Sheet::new(graph, DataType::Double);
    let axis = Axis {
        from: sheet.number_of(&axis.from),
        to: sheet.number_of(&axis.to),
        origin: sheet.number_of(&axis.origin),
        plan: axis,
    };
    let places: Vec<f64> = (0..axis.plan.count).map(|place| place as f64).collect();
    let places = sheet.numbers(&[places.len(), 1], &places);
    let places = sheet.op("Add", &[&places, &axis.origin]);
    let (zero, one) = (sheet.number(0.0), sheet.number(1.0));
    let pixels = sheet.op("Range", &[&zero, &axis.from, &one]);
    let counts = if in_whole_numbers(filter) {
        let distance = sheet.distance(&axis, &places, &pixels);
        sheet.kernel(filter, &distance)
    } else {
        let at = sheet.sampled_at(&axis, &places, filter);
        let distance = sheet.op("Sub", &[&pixels, &at]);
        sheet.kernel(Filter::Bilinear, &distance)
    };
    // A product with ones: how a sum over an axis is asked for changed between operator sets.
    let shape = sheet.op("Shape", &[&pixels]);
    let ones = sheet.op("Expand", &[&one, &shape]);
    let column = sheet.graph.integers("pixels_column", &[2], &[-1, 1]);
    let ones = sheet.op("Reshape", &[&ones, &column]);
    let sums = sheet.op("MatMul", &[&counts, &ones]);
    let weights = sheet.op("Div", &[&counts, &sums]);
    if in_whole_numbers(filter) { sheet.whole(&weights) } else { weights }
}

impl Sheet<'_, '_> {
    /// [`WHOLE`] times as much, to the nearest whole number; halves away from zero.
    fn whole(&mut self, weights: &str) -> String {
        let sign = self.op("Sign", &[weights]);
        let size = self.op("Abs", &[weights]);
        let scaled = self.with("Mul", &size, WHOLE);
        let raised = self.with("Add", &scaled, 0.5);
        let rounded = self.op("Floor", &[&raised]);
        self.op("Mul", &[&sign, &rounded])
    }

    /// From each place's centre to each pixel's, in pixels of the coarser of the two grids.
    fn distance(&mut self, axis: &Axis<'_>, places: &str, pixels: &str) -> String {
        let middles = self.with("Add", places, 0.5);
        // Multiplied first: a quotient that is a whole number stays one.
        let scaled = self.op("Mul", &[&middles, &axis.from]);
        let centres = self.op("Div", &[&scaled, &axis.to]);
        let pixels = self.with("Add", pixels, 0.5);
        let apart = self.op("Sub", &[&pixels, &centres]);
        let scale = self.op("Div", &[&axis.from, &axis.to]);
        let widening = self.with("Max", &scale, 1.0);
        self.op("Div", &[&apart, &widening])
    }

    /// Where each place looks, in pixels counted from the first one's centre: `(count, 1)`.
    fn sampled_at(&mut self, axis: &Axis<'_>, places: &str, filter: Filter) -> String {
        let at = match filter {
            Filter::Nearest => self.nearest(axis),
            Filter::BilinearTf1 => {
                let scaled = self.op("Mul", &[places, &axis.from]);
                self.op("Div", &[&scaled, &axis.to])
            }
            Filter::NearestCorners => {
                let (ours, theirs) = (self.with("Max", &axis.to, 2.0), self.with("Max", &axis.from, 2.0));
                let (ours, theirs) = (self.with("Sub", &ours, 1.0), self.with("Sub", &theirs, 1.0));
                let half = self.with("Mul", &ours, 0.5);
                let apart = self.op("Sub", &[places, &half]);
                let scaled = self.op("Mul", &[&apart, &theirs]);
                let scaled = self.op("Div", &[&scaled, &ours]);
                let middle = self.with("Mul", &theirs, 0.5);
                let at = self.op("Add", &[&scaled, &middle]);
                let raised = self.with("Add", &at, 0.5);
                self.op("Floor", &[&raised])
            }
            _ => {
                let middles = self.with("Add", places, 0.5);
                let scaled = self.op("Mul", &[&middles, &axis.from]);
                let centres = self.op("Div", &[&scaled, &axis.to]);
                self.with("Sub", &centres, 0.5)
            }
        };
        let last = self.with("Sub", &axis.from, 1.0);
        let at = self.with("Max", &at, 0.0);
        self.op("Min", &[&at, &last])
    }

    /// The pixel under each place's centre. Centres are added up, not multiplied, as Pillow does: where one falls on an
    /// edge, the sum's last bit decides.
    fn nearest(&mut self, axis: &Axis<'_>) -> String {
        let one = self.graph.integers("pixels_one", &[1], &[1]);
        let step = self.op("Div", &[&axis.from, &axis.to]);
        let half = self.with("Mul", &step, 0.5);
        let first = self.op("Reshape", &[&half, &one]);
        let all = self.op("Reshape", &[&axis.plan.to, &one]);
        let steps = self.op("Expand", &[&step, &all]);
        let along = vec![Attribute::int("axis", 0)];
        let summands = self.op_with("Concat", &[&first, &steps], along);
        let dimension = self.integer(0);
        let centres = self.op("CumSum", &[&summands, &dimension]);
        let start = self.op("Reshape", &[&axis.plan.origin, &one]);
        let count = self.integer(axis.plan.count as i64);
        let end = self.op("Add", &[&start, &count]);
        let kept = self.op("Slice", &[&centres, &start, &end]);
        let column = self.graph.integers("pixels_column", &[2], &[-1, 1]);
        let kept = self.op("Reshape", &[&kept, &column]);
        self.op("Floor", &[&kept])
    }

    /// The filter as a function of the distance.
    fn kernel(&mut self, filter: Filter, distance: &str) -> String {
        match filter {
            Filter::Box => {
                let (low, high) = (self.number(-0.5), self.number(0.5));
                let above = self.op("Greater", &[distance, &low]);
                let beyond = self.op("Greater", &[distance, &high]);
                let within = self.op("Not", &[&beyond]);
                let inside = self.op("And", &[&above, &within]);
                self.number_of(&inside)
            }
            Filter::Bicubic => self.cubic(distance),
            Filter::Lanczos => self.lanczos(distance),
            _ => {
                let apart = self.op("Abs", &[distance]);
                let one = self.number(1.0);
                let left = self.op("Sub", &[&one, &apart]);
                self.with("Max", &left, 0.0)
            }
        }
    }

    /// Keys' cubic with `a = -0.5`.
    fn cubic(&mut self, distance: &str) -> String {
        let x = self.op("Abs", &[distance]);
        // (1.5 x - 2.5) x² + 1 below 1
        let near = self.with("Mul", &x, 1.5);
        let near = self.with("Sub", &near, 2.5);
        let near = self.op("Mul", &[&near, &x]);
        let near = self.op("Mul", &[&near, &x]);
        let near = self.with("Add", &near, 1.0);
        // -0.5 (((x - 5) x + 8) x - 4) below 2
        let far = self.with("Sub", &x, 5.0);
        let far = self.op("Mul", &[&far, &x]);
        let far = self.with("Add", &far, 8.0);
        let far = self.op("Mul", &[&far, &x]);
        let far = self.with("Sub", &far, 4.0);
        let far = self.with("Mul", &far, -0.5);
        let (one, two, zero) = (self.number(1.0), self.number(2.0), self.number(0.0));
        let below = self.op("Less", &[&x, &two]);
        let far = self.op("Where", &[&below, &far, &zero]);
        let below = self.op("Less", &[&x, &one]);
        self.op("Where", &[&below, &near, &far])
    }

    /// `sinc(x) sinc(x / 3)` below 3.
    fn lanczos(&mut self, distance: &str) -> String {
        let x = self.op("Abs", &[distance]);
        let whole = self.sinc(&x);
        let third = self.with("Div", &x, 3.0);
        let window = self.sinc(&third);
        let product = self.op("Mul", &[&whole, &window]);
        let (three, zero) = (self.number(3.0), self.number(0.0));
        let below = self.op("Less", &[&x, &three]);
        self.op("Where", &[&below, &product, &zero])
    }

    /// `sin(π x) / (π x)`, and 1 where that is 0 / 0.
    fn sinc(&mut self, x: &str) -> String {
        let angle = self.with("Mul", x, std::f64::consts::PI);
        // Small enough that the quotient is 1 already, and not zero.
        let angle = self.with("Max", &angle, 1e-12);
        let sine = self.op("Sin", &[&angle]);
        self.op("Div", &[&sine, &angle])
    }
}
