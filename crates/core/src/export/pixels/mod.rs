//! The recipe as nodes of a graph: from decoded pixels of any size to what the backbone takes.
//!
//! Resizing is two products with matrices of weights, across and down, which the graph computes from the image's size. So it needs
//! nothing but the basic operators that every runtime has, and follows Pillow to the byte: the same weights, whole numbers of 22 bits, and
//! bytes between the passes. What is left is the order of the passes, which Pillow exchanges for high narrow images: there a byte is one
//! step beside Pillow's now and then. So it is where a runtime computes f64 as f32.

mod sheet;
#[cfg(test)]
mod tests;
mod weights;

use sheet::Sheet;
use weights::AxisPlan;

use super::build::Builder;
use headstart_image::Recipe;
use headstart_image::recipe::{Channels, Crop, Layout, Resize, Rounding};
use headstart_onnx::{Attribute, DataType, Graph};

/// The first operator set that has all that is used here: `Range` is of 11.
pub(super) const OPSET: i64 = 11;

/// Let `graph` begin with `pixels`, `(1, h, w, 3)` of bytes, red first, instead of with its input `input`; the name of
/// the new input.
pub(super) fn prepend(graph: &mut Graph, input: &str, recipe: &Recipe) -> String {
    graph.input.retain(|info| info.name() != input);
    let mut builder = Builder::new(graph);
    let image = builder.fresh("pixels");
    // Sums of bytes by whole weights are exact in f64, and so rounded as Pillow rounds them.
    let element = if recipe.resize == Resize::None { DataType::Float } else { DataType::Double };
    let mut sheet = Sheet::new(&mut builder, element);
    let pixels = sheet.number_of(&image);
    // Colours first, as two axes of positions are what a matrix product works on.
    let planes = sheet.op_with("Transpose", &[&pixels], vec![Attribute::ints("perm", [0, 3, 1, 2])]);
    let shape = sheet.op("Shape", &[&image]);
    let (height, width) = (sheet.element(&shape, 1), sheet.element(&shape, 2));
    let part = match recipe.resize {
        Resize::None => sheet.middle(&planes, [&height, &width], recipe),
        resize => sheet.resized(&planes, [&height, &width], resize, recipe),
    };
    let mut sheet = Sheet::new(&mut builder, DataType::Float);
    let part = sheet.number_of(&part);
    sheet.normalise(&part, recipe, input);
    builder.move_to_front();
    image
}

impl Sheet<'_, '_> {
    /// `a / b` of positive integers, as [`Rounding`] has it.
    fn divide(&mut self, a: &str, b: &str, rounding: Rounding) -> String {
        let whole = self.op("Div", &[a, b]);
        if rounding == Rounding::Down {
            return whole;
        }
        let product = self.op("Mul", &[&whole, b]);
        let rest = self.op("Sub", &[a, &product]);
        let twice = self.op("Add", &[&rest, &rest]);
        let two = self.integer(2);
        let odd = self.op("Mod", &[&whole, &two]);
        // Half goes up from an odd number only: 2 rest + odd > b.
        let sum = self.op("Add", &[&twice, &odd]);
        let up = self.op("Greater", &[&sum, b]);
        let up = self.op_with("Cast", &[&up], vec![Attribute::int("to", DataType::Int64 as i64)]);
        self.op("Add", &[&whole, &up])
    }

    /// Height and width that the image is resized to, as integers.
    fn target(&mut self, [height, width]: [&str; 2], resize: Resize) -> [String; 2] {
        match resize {
            Resize::None => [height.to_owned(), width.to_owned()],
            Resize::Stretch { width, height } => [self.integer(height.into()), self.integer(width.into())],
            Resize::ShortEdge { edge, rounding } => {
                let wide = self.op("Greater", &[width, height]);
                let long = self.op("Where", &[&wide, width, height]);
                let short = self.op("Where", &[&wide, height, width]);
                let edge = self.integer(edge.into());
                let scaled = self.op("Mul", &[&edge, &long]);
                let longer = self.divide(&scaled, &short, rounding);
                [self.op("Where", &[&wide, &edge, &longer]), self.op("Where", &[&wide, &longer, &edge])]
            }
        }
    }

    /// The first of `kept` places in the middle of `whole`.
    fn margin(&mut self, whole: &str, kept: u32, rounding: Rounding) -> String {
        let kept = self.integer(kept.into());
        let rest = self.op("Sub", &[whole, &kept]);
        let two = self.integer(2);
        self.divide(&rest, &two, rounding)
    }

    /// Cut the crop out of an image that keeps its size. One that is too small fails when it runs: it has not as many
    /// pixels as the shape asks for.
    fn middle(&mut self, planes: &str, sizes: [&str; 2], recipe: &Recipe) -> String {
        let crop = recipe.crop.expect("a checked recipe that does not resize has a crop");
        let one = self.graph.integers("pixels_one", &[1], &[1]);
        let (mut starts, mut ends) = (vec![], vec![]);
        for (size, kept) in sizes.into_iter().zip([crop.height, crop.width]) {
            let start = self.margin(size, kept, crop.rounding);
            let start = self.op("Reshape", &[&start, &one]);
            let kept = self.integer(kept.into());
            ends.push(self.op("Add", &[&start, &kept]));
            starts.push(start);
        }
        let along = vec![Attribute::int("axis", 0)];
        let starts = self.op_with("Concat", &[&starts[0], &starts[1]], along.clone());
        let ends = self.op_with("Concat", &[&ends[0], &ends[1]], along);
        let axes = self.graph.integers("pixels_axes", &[2], &[2, 3]);
        let part = self.op("Slice", &[planes, &starts, &ends, &axes]);
        let shape =
            self.graph.integers("pixels_shape", &[4], &[1, 3, i64::from(crop.height), i64::from(crop.width)]);
        self.op("Reshape", &[&part, &shape])
    }

    /// Resize and crop in one: only what is kept is computed.
    fn resized(
        &mut self,
        planes: &str,
        [height, width]: [&str; 2],
        resize: Resize,
        recipe: &Recipe,
    ) -> String {
        let [to_height, to_width] = self.target([height, width], resize);
        let down = self.axis(height, &to_height, recipe.crop, |crop| crop.height, recipe.size().1);
        let across = self.axis(width, &to_width, recipe.crop, |crop| crop.width, recipe.size().0);
        let rows = weights::of(self.graph, &down, recipe.filter);
        let columns = weights::of(self.graph, &across, recipe.filter);
        let columns = self.op_with("Transpose", &[&columns], vec![Attribute::ints("perm", [1, 0])]);
        let between = self.op("MatMul", &[planes, &columns]);
        if weights::in_whole_numbers(recipe.filter) {
            let between = self.bytes_of(&between, weights::WHOLE);
            let resized = self.op("MatMul", &[&rows, &between]);
            self.bytes_of(&resized, weights::WHOLE)
        } else {
            let resized = self.op("MatMul", &[&rows, &between]);
            self.bytes_of(&resized, 1.0)
        }
    }

    fn axis(
        &mut self,
        from: &str,
        to: &str,
        crop: Option<Crop>,
        side: fn(Crop) -> u32,
        size: usize,
    ) -> AxisPlan {
        let origin = match crop {
            Some(crop) => self.margin(to, side(crop), crop.rounding),
            None => self.integer(0),
        };
        AxisPlan { from: from.to_owned(), to: to.to_owned(), origin, count: size }
    }

    /// Sums by weights of `one` in all; rounded and held within 0 to 255, as a byte is.
    fn bytes_of(&mut self, sums: &str, one: f64) -> String {
        let values = if one == 1.0 { sums.to_owned() } else { self.with("Div", sums, one) };
        let raised = self.with("Add", &values, 0.5);
        let whole = self.op("Floor", &[&raised]);
        let above = self.with("Max", &whole, 0.0);
        self.with("Min", &above, 255.0)
    }

    /// `(x / divisor - mean) / std` for each channel; into the value `input` that the graph reads.
    fn normalise(&mut self, planes: &str, recipe: &Recipe, input: &str) {
        let mut x = planes.to_owned();
        if recipe.channels == Channels::Bgr {
            let order = self.graph.integers("pixels_channels", &[3], &[2, 1, 0]);
            x = self.op_with("Gather", &[&x, &order], vec![Attribute::int("axis", 1)]);
        }
        if recipe.divisor != 1.0 {
            x = self.with("Div", &x, recipe.divisor);
        }
        for (op, values, neutral) in [("Sub", recipe.mean, 0.0), ("Div", recipe.std, 1.0)] {
            if values != [neutral; 3] {
                let values = self.numbers(&[1, 3, 1, 1], &values);
                x = self.op(op, &[&x, &values]);
            }
        }
        match recipe.layout {
            Layout::Nchw => self.graph.node_for("Identity", &[&x], input, vec![]),
            Layout::Nhwc => {
                let perm = vec![Attribute::ints("perm", [0, 2, 3, 1])];
                self.graph.node_for("Transpose", &[&x], input, perm);
            }
        }
    }
}
