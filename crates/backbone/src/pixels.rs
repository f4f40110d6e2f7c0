//! Which numbers a graph takes for the bytes of a pixel: told by the type of its input and by what it does with it first.
//!
//! Many graphs that are meant to be used take the bytes themselves, and divide, subtract and scale them inside. Numbers that were
//! prepared already are then prepared twice, which is no error to the graph, but leaves nothing of the image.

use std::fmt;

use headstart_image::Recipe;
use headstart_onnx::{DataType, Elements, Node, Tensor, Walk, type_name};

/// What a graph does with the numbers of an image before anything that was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    pub takes: Takes,
    /// Operators that change each number, first things first.
    pub operators: Vec<String>,
}

/// The numbers that stand for 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Whole numbers of this type; any others lose their fraction, or come out as quite other numbers.
    Whole(DataType),
    /// 0 to 255, in floats.
    Bytes,
    /// 0 to 1.
    Unit,
    /// Nothing tells: most graphs want them prepared.
    Unknown,
}

/// More nodes than any preparation takes.
const LONGEST: usize = 24;

impl Pixels {
    /// What becomes of the graph's input called `input`.
    pub fn of(walk: &Walk<'_>, input: &str) -> Self {
        let kind = walk.info(input).and_then(|info| Some(info.tensor()?.0));
        let mut way = Way { whole: kind.and_then(whole), ..Way::default() };
        let mut at = input;
        for _ in 0..LONGEST {
            let Some(node) = only_consumer(walk, at) else { break };
            if !way.step(walk, node, at) {
                break;
            }
            let Some(output) = node.output.first() else { break };
            at = output;
        }
        let takes = way.takes();
        Self { takes, operators: way.operators }
    }

    /// The preset that makes such numbers and leaves all else to the graph.
    pub fn preset(&self) -> Option<&'static str> {
        match self.takes {
            Takes::Whole(DataType::Int8) => Some("raw-signed"),
            Takes::Whole(_) | Takes::Bytes => Some("raw"),
            Takes::Unit => Some("raw-unit"),
            Takes::Unknown => None,
        }
    }

    /// Why it is so, as a clause; empty where nothing tells.
    pub fn reason(&self) -> String {
        let operators: Vec<String> = self.operators.iter().map(|operator| format!("`{operator}`")).collect();
        let inside = match operators.as_slice() {
            [] => String::new(),
            _ => format!(", and the graph prepares them itself ({})", operators.join(", ")),
        };
        match self.takes {
            Takes::Whole(kind) => format!("its input is {}{inside}", type_name(kind as i32)),
            Takes::Bytes => format!("it takes 0 to 255{inside}"),
            Takes::Unit => format!("it takes 0 to 1{inside}"),
            Takes::Unknown => String::new(),
        }
    }

    /// A number that `recipe` makes and that the type cannot hold, if there is one.
    pub fn misfit(&self, recipe: &Recipe) -> Option<Misfit> {
        let Takes::Whole(kind) = self.takes else { return None };
        let [low, high] = range(kind);
        let fits = |number: f32| {
            let number = f64::from(number);
            number.fract() == 0.0 && (low..=high).contains(&number)
        };
        let found = recipe.numbers().flatten().find(|&number| !fits(number))?;
        Some(Misfit { kind, found })
    }

    /// What speaks against `recipe`, a sentence: the graph does part of the work, and the recipe does it too.
    pub fn doubt(&self, recipe: &Recipe) -> Option<String> {
        let (low, high) =
            recipe.numbers().flatten().fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let fits = match self.takes {
            Takes::Bytes => low > -1.0 && high > 200.0,
            Takes::Unit => low > -0.01 && high < 1.01,
            Takes::Whole(_) | Takes::Unknown => true,
        };
        let reason = self.reason();
        (!fits).then(|| format!("the recipe makes {low:.3} to {high:.3}, but it seems that {reason}"))
    }
}

/// A number that an input cannot hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Misfit {
    pub kind: DataType,
    pub found: f32,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = range(self.kind);
        let kind = type_name(self.kind as i32);
        // Of 64 bits nobody wants to read the ends.
        match low.abs().max(high) {
            0.0..=1e5 => write!(f, "whole numbers from {low} to {high} ({kind})"),
            _ => write!(f, "whole numbers ({kind})"),
        }
    }
}

fn whole(kind: i32) -> Option<DataType> {
    use DataType::{Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
    let kind = DataType::try_from(kind).ok()?;
    matches!(kind, Uint8 | Int8 | Uint16 | Int16 | Uint32 | Int32 | Uint64 | Int64).then_some(kind)
}

fn range(kind: DataType) -> [f64; 2] {
    match kind {
        DataType::Uint8 => [0.0, 255.0],
        DataType::Int8 => [-128.0, 127.0],
        DataType::Uint16 => [0.0, 65_535.0],
        DataType::Int16 => [-32_768.0, 32_767.0],
        DataType::Uint32 | DataType::Uint64 => [0.0, 4_294_967_295.0],
        _ => [-2_147_483_648.0, 2_147_483_647.0],
    }
}

/// The node that reads `value`, if one alone does; those that ask for its shape do not count.
fn only_consumer<'a>(walk: &Walk<'a>, value: &str) -> Option<&'a Node> {
    let mut readers = walk.consumers(value).filter(|node| !matches!(node.op_type(), "Shape" | "Size"));
    let first = readers.next()?;
    readers.next().is_none().then_some(first)
}

/// What was met on the way into the graph: of each channel `factor · x + summand`.
struct Way {
    whole: Option<DataType>,
    factor: [f64; 3],
    summand: [f64; 3],
    operators: Vec<String>,
    /// The range that the graph quantises its input to.
    quantised: Option<[f64; 2]>,
    /// A step that could not be computed: the numbers say nothing any more.
    lost: bool,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            whole: None,
            factor: [1.0; 3],
            summand: [0.0; 3],
            operators: vec![],
            quantised: None,
            lost: false,
        }
    }
}

impl Way {
    /// Take in what `node` does with `value`; false where the preparation ends.
    fn step(&mut self, walk: &Walk<'_>, node: &Node, value: &str) -> bool {
        match node.op_type() {
            "Identity" | "Transpose" | "Reshape" | "Squeeze" | "Unsqueeze" | "Resize" | "Upsample"
            | "Pad" | "Slice" | "Gather" => {}
            "Cast" => self.cast(node),
            "QuantizeLinear" => self.quantise(walk, node),
            "DequantizeLinear" => self.dequantise(walk, node),
            "Sub" | "Div" | "Mul" | "Add" => self.calculate(walk, node, value),
            "Neg" => self.times(-1.0),
            "BatchNormalization" => self.normalise(walk, node),
            "Pow" | "Split" | "Concat" | "Clip" => self.lost = true,
            _ => return false,
        }
        if matches!(node.op_type(), "Sub" | "Div" | "Mul" | "Add" | "Neg" | "Pow" | "BatchNormalization") {
            self.operators.push(node.op_type().to_owned());
        }
        // What follows are several ways, and each would have to be gone.
        !matches!(node.op_type(), "Split" | "Concat")
    }

    fn cast(&mut self, node: &Node) {
        let to = node.attribute("to").and_then(|to| whole(i32::try_from(to.i()).ok()?));
        // Later casts are of what the graph has made itself.
        if self.operators.is_empty() && self.whole.is_none() {
            self.whole = to;
        }
    }

    fn quantise(&mut self, walk: &Walk<'_>, node: &Node) {
        let Some(&[scale, ..]) = node.input.get(1).and_then(|name| constant(walk, name)).as_deref() else {
            return;
        };
        let zero_point = node.input.get(2).filter(|name| !name.is_empty());
        let signed = zero_point
            .and_then(|name| walk.initializer(name))
            .is_some_and(|tensor| tensor.element_type() == Some(DataType::Int8));
        let zero = zero_point.and_then(|name| constant(walk, name)).and_then(|zero| zero.first().copied());
        let lowest = if signed { -128.0 } else { 0.0 };
        let low = (lowest - zero.unwrap_or(0.0)) * scale;
        if self.operators.is_empty() && self.quantised.is_none() {
            self.quantised = Some([low, low + 255.0 * scale]);
        }
    }

    /// Only of integers that came in: those that the graph makes itself come back as what they were.
    fn dequantise(&mut self, walk: &Walk<'_>, node: &Node) {
        if self.whole.is_none() || self.quantised.is_some() {
            return;
        }
        let one = |at: usize| node.input.get(at).and_then(|name| constant(walk, name))?.first().copied();
        match one(1) {
            Some(scale) => {
                self.plus([-one(2).unwrap_or(0.0); 3]);
                self.times(scale);
            }
            None => self.lost = true,
        }
    }

    fn calculate(&mut self, walk: &Walk<'_>, node: &Node, value: &str) {
        let [a, b] = node.input.as_slice() else { return };
        let first = a == value;
        let Some(numbers) = constant(walk, if first { b } else { a }).and_then(|numbers| three(&numbers))
        else {
            self.lost = true;
            return;
        };
        match (node.op_type(), first) {
            ("Add", _) => self.plus(numbers),
            ("Sub", true) => self.plus(numbers.map(|number| -number)),
            ("Sub", false) => {
                self.times(-1.0);
                self.plus(numbers);
            }
            ("Mul", _) => self.scale(numbers),
            ("Div", true) if numbers.iter().all(|&number| number != 0.0) => {
                self.scale(numbers.map(|number| 1.0 / number));
            }
            _ => self.lost = true,
        }
    }

    fn normalise(&mut self, walk: &Walk<'_>, node: &Node) {
        let input =
            |at: usize| node.input.get(at).and_then(|name| constant(walk, name)).and_then(|it| three(&it));
        let (Some(scale), Some(bias), Some(mean), Some(variance)) = (input(1), input(2), input(3), input(4))
        else {
            self.lost = true;
            return;
        };
        let epsilon = f64::from(node.attribute("epsilon").map_or(1e-5, |value| value.f()));
        self.plus(mean.map(|mean| -mean));
        self.scale(std::array::from_fn(|at| scale[at] / (variance[at] + epsilon).sqrt()));
        self.plus(bias);
    }

    fn plus(&mut self, numbers: [f64; 3]) {
        self.summand = std::array::from_fn(|at| self.summand[at] + numbers[at]);
    }

    fn scale(&mut self, numbers: [f64; 3]) {
        self.factor = std::array::from_fn(|at| self.factor[at] * numbers[at]);
        self.summand = std::array::from_fn(|at| self.summand[at] * numbers[at]);
    }

    fn times(&mut self, number: f64) {
        self.scale([number; 3]);
    }

    fn takes(&self) -> Takes {
        if let Some(kind) = self.whole {
            return Takes::Whole(kind);
        }
        if self.operators.is_empty()
            && let Some([low, high]) = self.quantised
        {
            return match () {
                () if low > -1.0 && high > 100.0 => Takes::Bytes,
                () if low > -0.01 && (0.9..1.1).contains(&high) => Takes::Unit,
                () => Takes::Unknown,
            };
        }
        if self.operators.is_empty() || self.lost {
            return Takes::Unknown;
        }
        // Trained layers are given 0 to 1, -1 to 1, ImageNet's mean and deviation taken out, or, by Caffe's children, the mean alone.
        let made = |most: f64| {
            let ends = (0..3).map(|at| [self.summand[at], most * self.factor[at] + self.summand[at]]);
            ends.fold([f64::MAX, f64::MIN], |[low, high], [a, b]| [low.min(a).min(b), high.max(a).max(b)])
        };
        let normal = |[low, high]: [f64; 2]| (-3.0..=0.1).contains(&low) && (0.4..=3.5).contains(&high);
        let caffe =
            |[low, high]: [f64; 2]| (-130.0..=-90.0).contains(&low) && (100.0..=160.0).contains(&high);
        let of_bytes = |[low, high]: [f64; 2]| low.abs() < 1.0 && (250.0..=260.0).contains(&high);
        match (made(255.0), made(1.0)) {
            (bytes, _) if normal(bytes) || caffe(bytes) => Takes::Bytes,
            (_, unit) if normal(unit) || caffe(unit) || of_bytes(unit) => Takes::Unit,
            _ => Takes::Unknown,
        }
    }
}

/// One number for each channel.
fn three(numbers: &[f64]) -> Option<[f64; 3]> {
    match *numbers {
        [one] => Some([one; 3]),
        [a, b, c] => Some([a, b, c]),
        _ => None,
    }
}

/// The numbers of a constant that stands in the file itself.
fn constant(walk: &Walk<'_>, name: &str) -> Option<Vec<f64>> {
    let tensor = match walk.producer(name) {
        Some(node) if node.op_type() == "Constant" => {
            if let Some(float) = node.attribute("value_float") {
                return Some(vec![float.f().into()]);
            }
            if let Some(floats) = node.attribute("value_floats") {
                return Some(floats.floats.iter().map(|&float| float.into()).collect());
            }
            node.attribute("value")?.t.as_deref()?
        }
        Some(node) if matches!(node.op_type(), "Identity" | "Cast" | "Unsqueeze" | "Reshape") => {
            // No chain of such nodes is of use, and a cycle would not end.
            return node
                .input
                .first()
                .filter(|from| walk.producer(from).is_none())
                .and_then(|from| constant(walk, from));
        }
        Some(_) => return None,
        None => walk.initializer(name)?,
    };
    numbers(tensor)
}

fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    // Three numbers are enough, so weights are left where they are.
    if tensor.is_external() || tensor.shape().ok()?.iter().product::<usize>() > 3 {
        return None;
    }
    let elements: Elements<'_> = tensor.elements(std::path::Path::new("")).ok()?;
    match (elements.to_f32(), elements.to_i64()) {
        (Some(floats), _) => Some(floats.iter().map(|&float| float.into()).collect()),
        (_, Some(whole)) => Some(whole.iter().map(|&whole| whole as f64).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headstart_onnx::{Attribute, Dim, Graph, ValueInfo};

    /// A graph that takes `kind`, does `nodes` with it one after another, and then a convolution.
    fn pixels(kind: DataType, nodes: &[(&str, &[&str])], constants: &[(&str, &[f32])]) -> Pixels {
        let mut graph = Graph {
            input: vec![ValueInfo::tensor_of(kind, "x", &[1, 3, 8, 8].map(Dim::Static))],
            initializer: constants
                .iter()
                .map(|(name, values)| Tensor::from_f32(name, &[values.len()], values))
                .chain([Tensor::from_u8("zero", &[], &[0]), Tensor::from_u8("middle", &[], &[128])])
                .collect(),
            ..Graph::default()
        };
        let mut at = "x".to_owned();
        for (place, (operator, more)) in nodes.iter().enumerate() {
            let (operator, attributes) = match operator.split_once(' ') {
                Some((operator, to)) => (operator, vec![Attribute::int("to", to.parse().unwrap())]),
                None => (*operator, vec![]),
            };
            let output = format!("v{place}");
            let inputs: Vec<&str> = if more.first() == Some(&"_") {
                vec![more[1], &at]
            } else {
                [&[at.as_str()], *more].concat()
            };
            graph.node.push(Node::new(operator, &inputs, &output, attributes));
            at = output;
        }
        graph.node.push(Node::new("Conv", &[&at, "w"], "map", vec![]));
        Pixels::of(&Walk::new(&graph), "x")
    }

    const MEAN: (&str, &[f32]) = ("mean", &[0.485, 0.456, 0.406]);
    const STD: (&str, &[f32]) = ("std", &[0.229, 0.224, 0.225]);

    #[test]
    fn types_are_told_by_the_input_and_by_the_first_cast() {
        for kind in [DataType::Uint8, DataType::Int8, DataType::Int32, DataType::Int64] {
            let found = pixels(kind, &[("Cast 1", &[]), ("Div", &["byte"])], &[("byte", &[255.0])]);
            assert_eq!(found.takes, Takes::Whole(kind));
            assert_eq!(found.operators, ["Div"]);
            let to = format!("Cast {}", kind as i32);
            let inside = pixels(DataType::Float, &[("Transpose", &[]), (&to, &[]), ("Cast 1", &[])], &[]);
            assert_eq!(inside.takes, Takes::Whole(kind));
        }
        // What the graph has made itself may be cast to anything.
        let later = pixels(DataType::Float, &[("Add", &["one"]), ("Cast 2", &[])], &[("one", &[1.0])]);
        assert_eq!(later.takes, Takes::Unknown);
        assert_eq!(pixels(DataType::Float16, &[("Cast 1", &[])], &[]).takes, Takes::Unknown);
    }

    #[test]
    fn arithmetic_tells_the_range() {
        let of = |nodes: &[(&str, &[&str])], constants: &[(&str, &[f32])]| {
            pixels(DataType::Float, nodes, constants).takes
        };
        assert_eq!(of(&[], &[]), Takes::Unknown);
        let imagenet: [(&str, &[&str]); 3] = [("Div", &["byte"]), ("Sub", &["mean"]), ("Div", &["std"])];
        let constants = [("byte", &[255.0f32][..]), MEAN, STD];
        assert_eq!(of(&imagenet, &constants), Takes::Bytes);
        assert_eq!(of(&imagenet[1..], &constants), Takes::Unit);
        // The same, as other writers have it.
        assert_eq!(of(&[("Mul", &["f"]), ("Add", &["s"])], &[("f", &[0.017]), ("s", &[-2.1])]), Takes::Bytes);
        assert_eq!(
            of(&[("Div", &["h"]), ("Sub", &["one"])], &[("h", &[127.5]), ("one", &[1.0])]),
            Takes::Bytes
        );
        assert_eq!(
            of(&[("Mul", &["two"]), ("Sub", &["one"])], &[("two", &[2.0]), ("one", &[1.0])]),
            Takes::Unit
        );
        assert_eq!(of(&[("Mul", &["byte"])], &[("byte", &[255.0])]), Takes::Unit);
        assert_eq!(of(&[("Sub", &["m"])], &[("m", &[123.7, 116.8, 103.9])]), Takes::Bytes);
        assert_eq!(of(&[("Sub", &["_", "one"])], &[("one", &[1.0])]), Takes::Unit);
        let batch = [("g", &[1.0f32][..]), ("b", &[0.0]), ("m", &[123.0]), ("v", &[3400.0])];
        assert_eq!(of(&[("BatchNormalization", &["g", "b", "m", "v"])], &batch), Takes::Bytes);
        // What was prepared as (x - 127) / 128, back to bytes, as our own graphs in integers do.
        let back: [(&str, &[&str]); 2] = [("Mul", &["f"]), ("Add", &["s"])];
        assert_eq!(of(&back, &[("f", &[128.0]), ("s", &[127.0])]), Takes::Unknown);
        // Neither, or not to be computed.
        assert_eq!(of(&[("Mul", &["f"])], &[("f", &[0.1])]), Takes::Unknown);
        assert_eq!(of(&[("Div", &["nowhere"])], &[]), Takes::Unknown);
        assert_eq!(of(&[("Pow", &["two"]), ("Div", &["byte"])], &constants), Takes::Unknown);
    }

    #[test]
    fn quantised_inputs_tell_their_range() {
        let float = |scale: f32, zero: &str| {
            pixels(
                DataType::Float,
                &[("QuantizeLinear", &["s", zero]), ("DequantizeLinear", &["s", zero])],
                &[("s", &[scale])],
            )
            .takes
        };
        assert_eq!(float(1.0, "zero"), Takes::Bytes);
        assert_eq!(float(1.0 / 255.0, "zero"), Takes::Unit);
        assert_eq!(float(0.0187, "middle"), Takes::Unknown, "as prepared images are");
        let bytes =
            pixels(DataType::Uint8, &[("DequantizeLinear", &["s", "middle"])], &[("s", &[1.0 / 128.0])]);
        assert_eq!(bytes.takes, Takes::Whole(DataType::Uint8));
    }

    #[test]
    fn what_a_type_cannot_hold_is_found() {
        let recipe = |name: &str| Recipe::preset(name).unwrap();
        let takes = |kind| Pixels { takes: Takes::Whole(kind), operators: vec![] };
        let (byte, signed, long) = (takes(DataType::Uint8), takes(DataType::Int8), takes(DataType::Int64));
        for preset in Recipe::presets() {
            let fits = |pixels: &Pixels| pixels.misfit(&preset.recipe()).is_none();
            let whole = matches!(preset.name, "raw" | "turicreate-resnet50");
            assert_eq!(fits(&byte), whole, "{}", preset.name);
            assert_eq!(fits(&signed), preset.name == "raw-signed", "{}", preset.name);
            assert_eq!(fits(&long), whole || preset.name == "raw-signed", "{}", preset.name);
        }
        let misfit = byte.misfit(&recipe("torchvision-v1")).unwrap();
        assert_eq!(misfit.to_string(), "whole numbers from 0 to 255 (uint8)");
        assert!(misfit.found < -1.0, "{misfit:?}");
        assert_eq!(long.misfit(&recipe("raw-unit")).unwrap().to_string(), "whole numbers (int64)");
    }

    #[test]
    fn work_that_is_done_twice_is_doubted() {
        let recipe = |name: &str| Recipe::preset(name).unwrap();
        let takes = |takes| Pixels { takes, operators: vec!["Div".into()] };
        let doubt = takes(Takes::Bytes).doubt(&recipe("torchvision-v1")).unwrap();
        assert!(
            doubt.contains("-2.118 to 2.640") && doubt.contains("0 to 255") && doubt.contains("`Div`"),
            "{doubt}"
        );
        for (kind, preset) in [(Takes::Bytes, "raw"), (Takes::Unit, "raw-unit"), (Takes::Unknown, "keras-tf")]
        {
            assert_eq!(takes(kind).doubt(&recipe(preset)), None, "{preset}");
        }
        assert!(takes(Takes::Unit).doubt(&recipe("raw")).is_some());
    }
}
