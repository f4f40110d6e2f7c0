//! Networks small enough to follow by hand, with every kind of node that becomes integers.

use std::path::{Path, PathBuf};

use headstart::backbone::Metadata;
use headstart::image::Recipe;
use headstart::onnx::{self, Attribute, Graph, Model, Node, Tensor, ValueInfo};

use crate::net;

pub const EDGE: usize = 16;

/// Numbers that look random and are always the same, from -1 to 1.
pub struct Numbers(u64);

impl Numbers {
    pub fn from(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// A graph while it grows.
pub struct Net {
    pub graph: Graph,
    numbers: Numbers,
}

impl Net {
    pub fn new(seed: u64) -> Self {
        let input = vec![ValueInfo::float_tensor("image", &net::open(&[3, EDGE, EDGE]))];
        let graph = Graph { name: Some("net".into()), input, ..Graph::default() };
        Self { graph, numbers: Numbers::from(seed) }
    }

    fn constant(&mut self, name: &str, dims: &[usize], mut value: impl FnMut(&mut Numbers) -> f32) -> String {
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| value(&mut self.numbers)).collect();
        self.graph.initializer.push(Tensor::from_f32(name, dims, &values));
        name.to_owned()
    }

    pub fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) {
        self.graph.node.push(Node::new(operator, inputs, output, attributes));
    }

    /// Filters of `[out, depth, edge]`; channels of very different sizes, as trained networks have them.
    pub fn conv(
        &mut self,
        input: &str,
        output: &str,
        [out, depth, edge]: [usize; 3],
        stride: i64,
        group: i64,
    ) {
        let scale = 1.5 / ((depth * edge * edge) as f32).sqrt();
        let kernel = self.constant(&format!("{output}.w"), &[out, depth, edge, edge], |n| n.next() * scale);
        let bias = self.constant(&format!("{output}.b"), &[out], |n| 0.2 * n.next());
        let pad = edge as i64 / 2;
        let attributes = vec![
            Attribute::ints("kernel_shape", [edge as i64; 2]),
            Attribute::ints("strides", [stride; 2]),
            Attribute::ints("pads", [pad; 4]),
            Attribute::int("group", group),
        ];
        self.node("Conv", &[input, &kernel, &bias], output, attributes);
    }

    pub fn normalise(&mut self, input: &str, output: &str, channels: usize) {
        let gamma = self.constant(&format!("{output}.g"), &[channels], |n| (2.0 * n.next()).exp());
        let beta = self.constant(&format!("{output}.beta"), &[channels], |n| 0.3 * n.next());
        let mean = self.constant(&format!("{output}.mean"), &[channels], |n| 0.2 * n.next());
        let variance = self.constant(&format!("{output}.var"), &[channels], |n| 1.0 + 0.5 * n.next());
        self.node("BatchNormalization", &[input, &gamma, &beta, &mean, &variance], output, vec![]);
    }

    pub fn relu(&mut self, input: &str, output: &str) {
        self.node("Relu", &[input], output, vec![]);
    }

    /// Averaged over all places: `size` features.
    pub fn finish(mut self, last: &str, size: usize, recipe: Recipe) -> Model {
        self.node("GlobalAveragePool", &[last], "pooled", vec![]);
        self.node("Flatten", &["pooled"], "features", vec![Attribute::int("axis", 1)]);
        self.graph.output = vec![ValueInfo::float_tensor("features", &net::open(&[size]))];
        let account = Metadata {
            labels: vec!["cat".into(), "dog".into()],
            source: Some("drawn".into()),
            licence: Some("MIT".into()),
            ..net::account("net", recipe, size)
        };
        net::model(self.graph, &account)
    }
}

/// Bytes in the order of Keras' ResNet50, less its means.
pub fn recipe() -> Recipe {
    net::recipe(EDGE)
}

/// torchvision's division, means and deviations.
pub fn divided() -> Recipe {
    Recipe { divisor: 255.0, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], ..recipe() }
}

/// A stem, a padded pool, two residual blocks and a last convolution.
pub fn residual(recipe: Recipe) -> Model {
    let mut net = Net::new(7);
    // Bytes are large numbers.
    net.node("Mul", &["image", "small"], "scaled", vec![]);
    net.graph.initializer.push(Tensor::from_f32(
        "small",
        &[1],
        &[if recipe.divisor == 1.0 { 0.01 } else { 1.0 }],
    ));
    let stem = "scaled";
    net.conv(stem, "stem", [8, 3, 3], 1, 1);
    net.normalise("stem", "stem_n", 8);
    net.relu("stem_n", "stem_r");
    let pads = Tensor::from_i64("pads", &[8], &[0, 0, 1, 1, 0, 0, 1, 1]);
    net.graph.initializer.push(pads);
    net.node("Pad", &["stem_r", "pads"], "padded", vec![]);
    let window =
        |stride| vec![Attribute::ints("kernel_shape", [3, 3]), Attribute::ints("strides", [stride; 2])];
    net.node("MaxPool", &["padded"], "x0", window(2));
    for block in 0..2 {
        let name = |part: &str| format!("b{block}_{part}");
        let from = format!("x{block}");
        net.conv(&from, &name("a"), [8, 8, 1], 1, 1);
        net.normalise(&name("a"), &name("an"), 8);
        net.relu(&name("an"), &name("ar"));
        net.conv(&name("ar"), &name("b"), [8, 8, 3], 1, 1);
        net.normalise(&name("b"), &name("bn"), 8);
        net.node("Add", &[&name("bn"), &from], &name("sum"), vec![]);
        net.relu(&name("sum"), &format!("x{}", block + 1));
    }
    net.conv("x2", "last", [12, 8, 1], 1, 1);
    net.relu("last", "last_r");
    net.finish("last_r", 12, recipe)
}

/// The same without the factor in front, so that the first convolution reads the input itself.
pub fn direct(recipe: Recipe) -> Model {
    let mut model = residual(recipe.clone());
    let graph = model.graph.as_mut().expect("made here");
    let small = if recipe.divisor == 1.0 { 0.01 } else { 1.0 };
    graph.node.retain(|node| node.op_type() != "Mul");
    graph.node[0].input[0] = "image".into();
    let kernel = graph.initializer.iter_mut().find(|tensor| tensor.name() == "stem.w").expect("made here");
    let values = kernel.elements(Path::new("")).expect("floats").to_f32().expect("floats");
    let values: Vec<f32> = values.iter().map(|weight| weight * small).collect();
    *kernel = Tensor::from_f32("stem.w", &[8, 3, 3, 3], &values);
    model
}

/// `residual` with one channel of its first block so large that eight bits leave little of the others; what reads it makes it small again.
pub fn uneven(recipe: Recipe) -> Model {
    const LARGE: f32 = 4096.0;
    let mut model = residual(recipe);
    let tensors = &mut model.graph.as_mut().expect("made here").initializer;
    let mut scale = |name: &str, factor: &dyn Fn(usize) -> f32| {
        let tensor = tensors.iter_mut().find(|tensor| tensor.name() == name).expect("made here");
        let values = tensor.elements(Path::new("")).expect("floats").to_f32().expect("floats");
        let values: Vec<f32> = values.iter().enumerate().map(|(at, value)| value * factor(at)).collect();
        let dims: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
        *tensor = Tensor::from_f32(name, &dims, &values);
    };
    for made in ["b0_an.g", "b0_an.beta"] {
        scale(made, &|channel| if channel == 0 { LARGE } else { 1.0 });
    }
    scale("b0_b.w", &|at| if at / 9 % 8 == 0 { 1.0 / LARGE } else { 1.0 });
    model
}

/// ReLU6, filters for single channels, a concatenation, an average, and a normalisation that no convolution precedes.
pub fn mobile() -> Model {
    mobile_with(false)
}

/// The same with a gate for each channel, as squeezing and exciting has it.
pub fn gated() -> Model {
    mobile_with(true)
}

fn mobile_with(gate: bool) -> Model {
    let mut net = Net::new(11);
    net.conv("image", "stem", [8, 3, 3], 2, 1);
    for (name, value) in [("zero", 0.0), ("six", 6.0)] {
        net.graph.initializer.push(Tensor::from_f32(name, &[], &[value]));
    }
    net.node("Clip", &["stem", "zero", "six"], "stem_r", vec![]);
    net.conv("stem_r", "deep", [8, 1, 3], 1, 8);
    net.node("Clip", &["deep", "zero", "six"], "deep_r", vec![]);
    net.conv("deep_r", "thin", [8, 8, 1], 1, 1);
    let thin = if gate {
        // A channel's mean says how much of it passes.
        net.node("GlobalAveragePool", &["thin"], "squeezed", vec![]);
        net.conv("squeezed", "excited", [8, 8, 1], 1, 1);
        net.node("Sigmoid", &["excited"], "gates", vec![]);
        net.node("Mul", &["thin", "gates"], "gated", vec![]);
        "gated"
    } else {
        "thin"
    };
    net.node("Concat", &[thin, "stem_r"], "both", vec![Attribute::int("axis", 1)]);
    net.normalise("both", "both_n", 16);
    net.relu("both_n", "both_r");
    let window = vec![Attribute::ints("kernel_shape", [2, 2]), Attribute::ints("strides", [2, 2])];
    net.node("AveragePool", &["both_r"], "averaged", window);
    net.conv("averaged", "last", [12, 16, 1], 1, 1);
    // Before the features alone, where integers gain nothing.
    net.node("Sigmoid", &["last"], "gate", vec![]);
    net.node("Mul", &["last", "gate"], "last_r", vec![]);
    net.finish("last_r", 12, divided())
}

/// `model`, as a file.
pub fn write(model: &Model, folder: &Path) -> PathBuf {
    let path = folder.join("net.onnx");
    onnx::write(model, &path).expect("a folder to write into");
    path
}

/// So many pictures: gradients, each another, with some noise.
pub fn pictures(folder: &Path, count: usize, seed: u64) -> Vec<PathBuf> {
    let mut numbers = Numbers::from(seed);
    let picture = |index: usize| {
        let [a, b, c]: [[f32; 3]; 3] = std::array::from_fn(|_| std::array::from_fn(|_| numbers.next()));
        let pixel = |x: u32, y: u32| {
            let (x, y) = (x as f32 / EDGE as f32 - 0.5, y as f32 / EDGE as f32 - 0.5);
            image::Rgb(std::array::from_fn(|k| {
                let value = 0.5 + 0.4 * a[k] + b[k] * x + c[k] * y + 0.1 * numbers.next();
                (value.clamp(0.0, 1.0) * 255.0) as u8
            }))
        };
        let mut picture = image::RgbImage::new(EDGE as u32, EDGE as u32);
        let mut pixel = pixel;
        for (x, y, value) in picture.enumerate_pixels_mut() {
            *value = pixel(x, y);
        }
        let path = folder.join(format!("{seed}_{index}.png"));
        picture.save(&path).expect("a folder to write into");
        path
    };
    (0..count).map(picture).collect()
}
