//! The classifier: one trained matrix and its bias, in every form that exporters write it.

use super::ops::{integers, is_known_domain, is_laid_out_anew, values};
use headstart_onnx::{Node, Walk};

/// `scores = input · W + b`, by the names of its tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// For people: operator and name.
    pub title: String,
    pub op: String,
    pub input: String,
    /// After the bias.
    pub scores: String,
    pub weight: Term,
    pub order: Order,
    pub bias: Option<Term>,
    /// Scale and zero point of scores that come out as integers.
    pub rounded: Option<Quantised>,
    /// The input is quantised anew for every batch, to 8 bits.
    pub dynamic: bool,
}

/// `(tensor - zero point) * factor * scales…`
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    pub tensor: String,
    pub zero_point: Option<String>,
    pub scales: Vec<String>,
    pub factor: f32,
}

/// How integers stand for numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantised {
    pub scale: String,
    pub zero_point: Option<String>,
}

/// Which axis of the matrix is the classes'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    FeaturesFirst,
    ClassesFirst,
}

impl Term {
    fn plain(tensor: &str, factor: f32) -> Self {
        Self { tensor: tensor.to_owned(), zero_point: None, scales: vec![], factor }
    }

    fn integer(tensor: &str, zero_point: Option<&str>, scales: &[&str]) -> Self {
        let scales = scales.iter().map(|&scale| scale.to_owned()).collect();
        Self { tensor: tensor.to_owned(), zero_point: zero_point.map(str::to_owned), scales, factor: 1.0 }
    }

    pub fn tensors(&self) -> impl Iterator<Item = &String> {
        [&self.tensor].into_iter().chain(&self.zero_point).chain(&self.scales)
    }
}

impl Linear {
    /// Read `node` as a classifier, if it is a matrix product with constant weights.
    pub fn of(walk: &Walk<'_>, node: &Node) -> Option<Self> {
        if !is_known_domain(node) || is_laid_out_anew(node) {
            return None;
        }
        let input = |at: usize| node.input.get(at).map(String::as_str).filter(|name| !name.is_empty());
        let at = |at: usize| input(at).filter(|name| walk.is_constant(name));
        let flag = |name: &str| node.attribute(name).is_some_and(|value| value.i() != 0);
        let number = |name: &str| node.attribute(name).map_or(1.0, |value| value.f());
        let transposed = if flag("transB") { Order::ClassesFirst } else { Order::FeaturesFirst };
        let plain = |weight: &str, order, bias: Option<Term>| {
            Self::new(walk, node, input(0)?, Term::plain(weight, number("alpha")), order, bias)
        };
        let rounded = |scale: usize| {
            let zero_point = input(scale + 1).map(str::to_owned);
            input(scale).map(|scale| Quantised { scale: scale.to_owned(), zero_point })
        };
        match node.op_type() {
            "Gemm" if !flag("transA") => {
                let bias = at(2).map(|bias| Term::plain(bias, number("beta")));
                (input(2).is_some() == bias.is_some()).then(|| plain(at(1)?, transposed, bias))?
            }
            "MatMul" => plain(at(1)?, Order::FeaturesFirst, None),
            "FusedMatMul" if !flag("transA") && !flag("transBatchA") && !flag("transBatchB") => {
                plain(at(1)?, transposed, None)
            }
            "Conv" if is_pointwise(walk, node, 1) => {
                plain(at(1)?, Order::ClassesFirst, at(2).map(|bias| Term::plain(bias, 1.0)))
            }
            "QGemm" if !flag("transA") => {
                let weight = Term { factor: number("alpha"), ..Term::integer(at(3)?, at(5), &[at(4)?]) };
                let bias = at(6).map(|bias| {
                    Term::integer(bias, None, &[at(1).unwrap_or_default(), at(4).unwrap_or_default()])
                });
                let linear = Self::new(walk, node, input(0)?, weight, transposed, bias)?;
                Some(Self { rounded: rounded(7), ..linear })
            }
            "QLinearMatMul" => {
                let weight = Term::integer(at(3)?, at(5), &[at(4)?]);
                let linear = Self::new(walk, node, input(0)?, weight, Order::FeaturesFirst, None)?;
                Some(Self { rounded: rounded(6), ..linear })
            }
            "QLinearConv" if is_pointwise(walk, node, 3) => {
                let bias = at(8).map(|bias| {
                    Term::integer(bias, None, &[at(1).unwrap_or_default(), at(4).unwrap_or_default()])
                });
                let weight = Term::integer(at(3)?, at(5), &[at(4)?]);
                let linear = Self::new(walk, node, input(0)?, weight, Order::ClassesFirst, bias)?;
                Some(Self { rounded: rounded(6), ..linear })
            }
            "MatMulIntegerToFloat" => {
                let input = quantised_on_the_way(walk, input(0)?)?;
                let bias = at(6).map(|bias| Term::plain(bias, 1.0));
                let weight = Term::integer(at(1)?, at(5), &[at(3)?]);
                let linear = Self::new(walk, node, input, weight, Order::FeaturesFirst, bias)?;
                Some(Self { dynamic: true, ..linear })
            }
            "DynamicQuantizeMatMul" => {
                let bias = at(4).map(|bias| Term::plain(bias, 1.0));
                let weight = Term::integer(at(1)?, at(3), &[at(2)?]);
                let linear = Self::new(walk, node, input(0)?, weight, Order::FeaturesFirst, bias)?;
                Some(Self { dynamic: true, ..linear })
            }
            "Mul" => Self::of_integer_product(walk, node),
            _ => None,
        }
    }

    fn new(
        walk: &Walk<'_>,
        node: &Node,
        input: &str,
        weight: Term,
        order: Order,
        bias: Option<Term>,
    ) -> Option<Self> {
        // A constant times a constant classifies nothing.
        (!walk.is_constant(input)).then(|| Self {
            title: node.title(),
            op: node.op_type().to_owned(),
            input: input.to_owned(),
            scores: node.output.first().cloned().unwrap_or_default(),
            weight,
            order,
            bias,
            rounded: None,
            dynamic: false,
        })
    }

    /// Dynamic quantisation: `Mul(Cast(MatMulInteger(x, W)), Mul(x_scale, W_scale))`, `x` quantised on the way.
    fn of_integer_product(walk: &Walk<'_>, node: &Node) -> Option<Self> {
        let [a, b] = node.input.as_slice() else { return None };
        let product = |name: &str| {
            let cast = walk.producer(name).filter(|node| node.op_type() == "Cast")?;
            let product = walk.producer(cast.input.first()?)?;
            let pointwise = product.op_type() == "ConvInteger" && is_pointwise(walk, product, 1);
            (product.op_type() == "MatMulInteger" || pointwise).then_some(product)
        };
        let (product, scales) = match (product(a), product(b)) {
            (Some(product), _) => (product, b),
            (_, Some(product)) => (product, a),
            _ => return None,
        };
        let scales = walk.producer(scales).filter(|node| node.op_type() == "Mul")?;
        let scale = scales.input.iter().find(|name| walk.is_constant(name))?;
        let weight = product.input.get(1).filter(|name| walk.is_constant(name))?;
        let zero_point = product.input.get(3).map(String::as_str).filter(|name| !name.is_empty());
        let input = quantised_on_the_way(walk, product.input.first()?)?;
        let order =
            if product.op_type() == "MatMulInteger" { Order::FeaturesFirst } else { Order::ClassesFirst };
        let linear = Self::new(walk, node, input, Term::integer(weight, zero_point, &[scale]), order, None)?;
        Some(Self { title: product.title(), op: product.op_type().to_owned(), dynamic: true, ..linear })
    }

    /// With the bias that `node` adds, which stands at input `at`.
    pub fn with_bias(self, node: &Node, bias: &str) -> Self {
        let scores = node.output.first().cloned().unwrap_or_default();
        Self { bias: Some(Term::plain(bias, 1.0)), scores, rounded: None, ..self }
    }

    /// Every tensor that the sum needs.
    pub fn tensors(&self) -> Vec<String> {
        let rounded = self.rounded.iter().flat_map(|q| [&q.scale].into_iter().chain(&q.zero_point));
        self.weight
            .tensors()
            .chain(self.bias.iter().flat_map(Term::tensors))
            .chain(rounded)
            .cloned()
            .collect()
    }

    /// How many classes there are, where the file itself tells.
    pub fn classes(&self, walk: &Walk<'_>) -> Option<usize> {
        let dims = &walk.initializer(&self.weight.tensor)?.dims;
        let dim = match self.order {
            Order::ClassesFirst => dims.first(),
            Order::FeaturesFirst => dims.last(),
        };
        dim.and_then(|&dim| usize::try_from(dim).ok())
    }

    /// How many numbers go in, where the file itself tells.
    pub fn inputs(&self, walk: &Walk<'_>) -> Option<usize> {
        let tensor = walk.initializer(&self.weight.tensor)?;
        let classes = self.classes(walk).filter(|&classes| classes > 0)?;
        Some(tensor.shape().ok()?.iter().product::<usize>() / classes)
    }
}

/// What `DynamicQuantizeLinear` was given.
fn quantised_on_the_way<'a>(walk: &Walk<'a>, quantised: &str) -> Option<&'a str> {
    let node = walk.producer(quantised).filter(|node| node.op_type() == "DynamicQuantizeLinear")?;
    values(walk, node).first().copied()
}

/// Whether every window of a convolution is a single place: kernel 1x1, one group, no padding.
fn is_pointwise(walk: &Walk<'_>, node: &Node, weight: usize) -> bool {
    let Some(name) = node.input.get(weight) else { return false };
    let ints = |name: &str| node.attribute(name).map(|values| values.ints.as_slice());
    let kernel = match (ints("kernel_shape"), walk.initializer(name)) {
        (Some(kernel), _) => kernel.to_vec(),
        (None, Some(tensor)) => tensor.dims.get(2..).unwrap_or_default().to_vec(),
        _ => integers(walk, name).unwrap_or_default(),
    };
    !kernel.is_empty()
        && kernel.iter().all(|&edge| edge == 1)
        && ints("pads").is_none_or(|pads| pads.iter().all(|&pad| pad == 0))
        && node.attribute("group").is_none_or(|group| group.i() == 1)
}
