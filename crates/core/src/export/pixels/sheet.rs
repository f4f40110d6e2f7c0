//! Arithmetic on the names of values.

use crate::export::build::Builder;
use headstart_onnx::{Attribute, DataType};

/// A graph that grows by an operation at a time. Its numbers are f32 or f64, its integers i64.
pub(super) struct Sheet<'b, 'g> {
    pub(super) graph: &'b mut Builder<'g>,
    element: DataType,
}

impl<'b, 'g> Sheet<'b, 'g> {
    pub(super) fn new(graph: &'b mut Builder<'g>, element: DataType) -> Self {
        Self { graph, element }
    }

    pub(super) fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        self.op_with(op, inputs, vec![])
    }

    pub(super) fn op_with(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        self.graph.node(op, inputs, &format!("pixels_{}", op.to_lowercase()), attributes)
    }

    pub(super) fn number(&mut self, value: f64) -> String {
        self.numbers(&[], &[value])
    }

    pub(super) fn numbers(&mut self, dims: &[usize], values: &[f64]) -> String {
        match self.element {
            DataType::Double => self.graph.doubles("pixels_numbers", dims, values),
            _ => {
                let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                self.graph.floats("pixels_numbers", dims, &values)
            }
        }
    }

    pub(super) fn integer(&mut self, value: i64) -> String {
        self.graph.integers("pixels_integer", &[], &[value])
    }

    /// `op` of a value and a constant.
    pub(super) fn with(&mut self, op: &str, value: &str, constant: f64) -> String {
        let constant = self.number(constant);
        self.op(op, &[value, &constant])
    }

    /// An integer, or a truth, as one of this sheet's numbers.
    pub(super) fn number_of(&mut self, value: &str) -> String {
        self.op_with("Cast", &[value], vec![Attribute::int("to", self.element as i64)])
    }

    /// One number of a list of integers.
    pub(super) fn element(&mut self, list: &str, index: i64) -> String {
        let index = self.integer(index);
        self.op("Gather", &[list, &index])
    }
}
