//! What turns the tensor that was found into features.

use super::probe::Values;
use super::tokens::Places;
use headstart_backbone::meaning::linear::Quantised;
use headstart_image::recipe::Layout;
use headstart_onnx::names::fresh;
use headstart_onnx::{Attribute, DataType, Graph, Node, Tensor, reduce_mean};

/// What makes `(n, d)` 32-bit floats of the tensor that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finish {
    pub(super) quantised: Option<Quantised>,
    /// The type that is cast to 32-bit floats, for the sentence about it.
    pub(super) cast: Option<String>,
    pub(super) pool: Option<Places>,
    pub(super) flatten: bool,
    pub(super) size: usize,
}

impl Finish {
    /// One sentence for each thing that is added to the graph.
    pub(super) fn notes(&self) -> Vec<String> {
        let dequantised =
            self.quantised.as_ref().map(|q| format!("dequantised by the graph's own scale `{}`", q.scale));
        let cast = self.cast.as_ref().map(|kind| format!("cast from {kind} to float32"));
        let pooled = self.pool.map(|places| places.to_string());
        let flattened = (self.flatten && self.pool.is_none()).then(|| "flattened to (n, d)".to_owned());
        [dequantised, cast, pooled, flattened].into_iter().flatten().collect()
    }

    /// The same on numbers: what the added nodes make of `values`, one image's.
    pub(super) fn apply(&self, values: &Values, scale: f32, zero_point: f32) -> Vec<f32> {
        let numbers = values.data.iter().map(|x| (x - zero_point) * scale);
        let Some(places) = self.pool else { return numbers.collect() };
        let numbers: Vec<f32> = numbers.collect();
        let count = numbers.len() / self.size;
        let (from, to) = match places {
            Places::Map(_) => (0, count),
            Places::FirstToken => (0, 1),
            Places::Tokens { skip } => (skip.min(count), count),
        };
        let at = |feature: usize, place: usize| match places {
            Places::Map(Layout::Nchw) => numbers[feature * count + place],
            _ => numbers[place * self.size + feature],
        };
        let mean = |feature| {
            let sum: f64 = (from..to).map(|place| f64::from(at(feature, place))).sum();
            sum / (to - from) as f64
        };
        (0..self.size).map(|feature| mean(feature) as f32).collect()
    }

    /// Append the nodes; the name of the last one's output.
    pub(super) fn append(&self, graph: &mut Graph, tensor: &str, opset: i64) -> String {
        let mut tail = Tail { graph, tensor, opset, at: tensor.to_owned(), last: None };
        if let Some(quantised) = &self.quantised {
            let scale = [quantised.scale.as_str()].into_iter();
            tail.add(
                "DequantizeLinear",
                &scale.chain(quantised.zero_point.as_deref()).collect::<Vec<_>>(),
                vec![],
            );
        }
        if self.cast.is_some() {
            tail.add("Cast", &[], vec![Attribute::int("to", DataType::Float as i64)]);
        }
        match self.pool {
            Some(Places::Map(Layout::Nchw)) => tail.add("GlobalAveragePool", &[], vec![]),
            Some(Places::Map(Layout::Nhwc)) => tail.mean(&[1, 2]),
            Some(Places::FirstToken) => {
                let first = tail.integers("first", &[], &[0]);
                tail.add("Gather", &[&first], vec![Attribute::int("axis", 1)]);
            }
            Some(Places::Tokens { skip }) => {
                if skip > 0 {
                    tail.tokens_from(skip as i64);
                }
                tail.mean(&[1]);
            }
            None => {}
        }
        if self.flatten {
            tail.add("Flatten", &[], vec![Attribute::int("axis", 1)]);
        }
        tail.end()
    }
}

/// Nodes in a row that are put behind a tensor.
struct Tail<'a> {
    graph: &'a mut Graph,
    tensor: &'a str,
    opset: i64,
    /// The output of the last one.
    at: String,
    last: Option<usize>,
}

impl Tail<'_> {
    fn add(&mut self, op: &str, more: &[&str], attributes: Vec<Attribute>) {
        let output = fresh(self.graph, &format!("{}_{op}", self.tensor));
        let inputs: Vec<&str> = [self.at.as_str()].into_iter().chain(more.iter().copied()).collect();
        self.push(Node::new(op, &inputs, &output, attributes));
    }

    fn push(&mut self, node: Node) {
        self.at.clone_from(&node.output[0]);
        self.graph.node.push(node);
        self.last = Some(self.graph.node.len() - 1);
    }

    /// A constant, and its name.
    fn integers(&mut self, what: &str, dims: &[usize], values: &[i64]) -> String {
        let name = fresh(self.graph, &format!("features_{what}"));
        self.graph.initializer.push(Tensor::from_i64(&name, dims, values));
        name
    }

    fn mean(&mut self, axes: &[i64]) {
        let [output, constant] =
            ["ReduceMean", "axes"].map(|what| fresh(self.graph, &format!("{}_{what}", self.tensor)));
        let node = reduce_mean(self.graph, self.opset, [&self.at, &output, &constant], axes);
        self.push(node);
    }

    fn tokens_from(&mut self, start: i64) {
        let bounds = [("starts", start), ("ends", i64::MAX), ("axes", 1)];
        // From operator set 10 the bounds are inputs.
        if self.opset >= 10 {
            let names = bounds.map(|(what, value)| self.integers(what, &[1], &[value]));
            self.add("Slice", &names.each_ref().map(String::as_str), vec![]);
        } else {
            self.add("Slice", &[], bounds.map(|(what, value)| Attribute::ints(what, [value])).to_vec());
        }
    }

    /// Call what the last node gives `features`; the name that it has then.
    fn end(self) -> String {
        let Some(last) = self.last else { return self.at };
        let name = fresh(self.graph, "features");
        self.graph.node[last].output = vec![name.clone()];
        self.graph.node[last].name = Some(name.clone());
        name
    }
}
