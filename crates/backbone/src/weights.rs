//! What is constant in a graph, counted.

use std::collections::BTreeMap;

use serde::Serialize;

use headstart_onnx::{DataType, Model, type_name};

/// All weights of one element type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeightSummary {
    pub element_type: String,
    pub tensors: usize,
    pub parameters: u64,
}

/// Everything constant, wherever it stands in the file.
pub fn weights(model: &Model) -> Vec<WeightSummary> {
    let mut by_type: BTreeMap<i32, (usize, u64)> = BTreeMap::new();
    model.for_each_tensor(&mut |tensor| {
        let (tensors, parameters) = by_type.entry(tensor.data_type()).or_default();
        *tensors += 1;
        let elements = tensor.shape().map(|shape| shape.iter().product::<usize>()).unwrap_or(0);
        *parameters = parameters.saturating_add(elements as u64);
    });
    let mut weights: Vec<WeightSummary> = by_type
        .into_iter()
        .map(|(kind, (tensors, parameters))| WeightSummary {
            element_type: type_name(kind),
            tensors,
            parameters,
        })
        .collect();
    weights.sort_by_key(|weights| std::cmp::Reverse(weights.parameters));
    weights
}

/// Numbers in all weights; whole numbers of 32 and 64 bits are shapes and axes, not weights.
pub fn parameters(model: &Model) -> u64 {
    let whole = [DataType::Int64, DataType::Int32].map(|kind| type_name(kind as i32));
    let weights = weights(model).into_iter().filter(|weights| !whole.contains(&weights.element_type));
    weights.map(|weights| weights.parameters).fold(0, u64::saturating_add)
}
