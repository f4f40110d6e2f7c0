//! The ONNX graph while it grows.

use std::collections::{HashMap, HashSet};

use super::error::{Error, Result};
use super::topology::Layer;
use super::value::{Order, Value};
use super::weights::Weights;
use headstart_onnx::{Attribute, Node, Tensor};

/// What made a value: enough to find the way back from the output to the features.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub class: String,
    pub inputs: Vec<Value>,
}

/// Nodes and constants so far.
#[derive(Debug)]
pub(super) struct Emit<'a> {
    weights: &'a Weights,
    /// Keras changed the meaning of a few names in its third version.
    pub keras: u64,
    pub nodes: Vec<Node>,
    pub constants: Vec<Tensor>,
    /// By the name of the value made.
    pub steps: HashMap<String, Step>,
    names: HashSet<String>,
    padded: HashMap<(String, [usize; 4]), Value>,
    transposed: HashMap<(String, Order), Value>,
    scopes: Vec<String>,
    layer: String,
}

impl<'a> Emit<'a> {
    pub(super) fn new(weights: &'a Weights, keras: u64) -> Self {
        Self {
            weights,
            keras,
            nodes: Vec::new(),
            constants: Vec::new(),
            steps: HashMap::new(),
            names: HashSet::new(),
            padded: HashMap::new(),
            transposed: HashMap::new(),
            scopes: Vec::new(),
            layer: String::new(),
        }
    }

    /// What follows belongs to `layer`; names are made from it.
    pub(super) fn enter(&mut self, layer: &Layer) {
        self.layer.clone_from(&layer.name);
    }

    pub(super) fn open_scope(&mut self, model: &str) {
        self.scopes.push(model.to_owned());
    }

    pub(super) fn close_scope(&mut self) {
        self.scopes.pop();
    }

    /// Add a node that makes one value, and return the value's name.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        let output = self.unique(op);
        self.nodes.push(Node::new(op, inputs, &output, attributes));
        output
    }

    /// Add a constant for the current layer.
    pub(super) fn constant(&mut self, what: &str, dims: &[usize], data: &[f32]) -> String {
        let name = self.unique(what);
        self.constants.push(Tensor::from_f32(&name, dims, data));
        name
    }

    pub(super) fn integers(&mut self, what: &str, data: &[i64]) -> String {
        let name = self.unique(what);
        self.constants.push(Tensor::from_i64(&name, &[data.len()], data));
        name
    }

    /// Numbers along one of Keras' axes, shaped so that they broadcast over `value`.
    pub(super) fn along(&mut self, what: &str, value: &Value, graph_axis: usize, data: &[f32]) -> String {
        let mut dims = vec![1; value.shape.len()];
        dims[graph_axis - 1] = data.len();
        self.constant(what, &dims, data)
    }

    /// A trained weight of the current layer, which must have the shape `expected`.
    pub(super) fn weight(&self, name: &str, expected: &[usize]) -> Result<&'a [f32]> {
        let Some(weight) = self.weights.find(&self.scopes, &self.layer, name) else {
            return Err(Error::WeightMissing { layer: self.layer.clone(), weight: name.to_owned() });
        };
        if weight.shape != expected {
            return Err(Error::WeightShape {
                layer: self.layer.clone(),
                weight: name.to_owned(),
                expected: expected.to_vec(),
                found: weight.shape.clone(),
            });
        }
        Ok(&weight.data)
    }

    /// `value` with its padding made real.
    pub(super) fn settle(&mut self, value: &Value) -> Value {
        if value.pad == [0; 4] {
            return value.clone();
        }
        let key = (value.name.clone(), value.pad);
        if let Some(done) = self.padded.get(&key) {
            return done.clone();
        }
        let [top, left, bottom, right] = value.pad.map(|n| n as i64);
        let pads = self.integers("pads", &[0, 0, top, left, 0, 0, bottom, right]);
        let name = self.node("Pad", &[&value.name, &pads], vec![]);
        let done = Value::new(name, value.shape.clone(), value.order);
        self.follow(&done, value);
        self.padded.insert(key, done.clone());
        done
    }

    /// `value` with its axes in `order`; padding stays with it. Only images have more than one order.
    pub(super) fn ordered(&mut self, value: &Value, order: Order) -> Value {
        if value.order == order || value.shape.len() < 2 {
            return Value {
                order: if value.shape.len() < 2 { Order::Keras } else { order },
                ..value.clone()
            };
        }
        let value = &self.settle(value);
        let key = (value.name.clone(), order);
        if let Some(done) = self.transposed.get(&key) {
            return done.clone();
        }
        let rank = value.rank() as i64;
        let permutation: Vec<i64> = match order {
            Order::ChannelsMoved => [0, rank - 1].into_iter().chain(1..rank - 1).collect(),
            Order::Keras => [0].into_iter().chain(2..rank).chain([1]).collect(),
        };
        let name = self.node("Transpose", &[&value.name], vec![Attribute::ints("perm", permutation)]);
        let done = Value::new(name, value.shape.clone(), order);
        self.follow(&done, value);
        self.transposed.insert(key, done.clone());
        done
    }

    /// `made` is `from` in another form: whoever walks back passes through.
    fn follow(&mut self, made: &Value, from: &Value) {
        let step = Step { class: "Reshape".to_owned(), inputs: vec![from.clone()] };
        self.steps.insert(made.name.clone(), step);
    }

    fn unique(&mut self, what: &str) -> String {
        let path = [self.scopes.as_slice(), &[self.layer.clone(), what.to_owned()]].concat().join("/");
        let mut name = path.clone();
        let mut count = 0;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{path}_{count}");
        }
        name
    }
}
