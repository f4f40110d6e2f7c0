//! From layers to nodes: each call of each layer once its inputs are there.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::emit::{Emit, Step};
use super::error::{Error, Result};
use super::layers;
use super::topology::{Layer, Network, Source};
use super::value::Value;

type Outputs = HashMap<(String, usize), Vec<Value>>;

/// Add the nodes of `network` to the graph and return its outputs.
pub(super) fn convert(emit: &mut Emit<'_>, network: &Network, inputs: Vec<Value>) -> Result<Vec<Value>> {
    if network.inputs.len() != inputs.len() {
        let layer = network.name.clone();
        return Err(Error::Inputs { layer, expected: "as many as the model has", found: inputs.len() });
    }
    let mut done = Outputs::new();
    for (source, value) in network.inputs.iter().zip(inputs) {
        done.insert((source.layer.clone(), 0), vec![value]);
    }
    let calls = |layer: &'_ Layer| 0..layer.calls.len();
    let mut waiting: Vec<(&Layer, usize)> = (network.layers.iter())
        .filter(|layer| layer.class != "InputLayer")
        .flat_map(|layer| calls(layer).map(move |call| (layer, call)))
        .collect();
    // Usually one pass: layers are listed in the order they work in, except where one is shared.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut still = Vec::new();
        for (layer, call) in waiting {
            let inputs = layer.calls[call].iter().map(|source| lookup(network, &done, source)).collect();
            match inputs {
                Some(inputs) => {
                    let outputs = convert_call(emit, layer, inputs)?;
                    done.insert((layer.name.clone(), call), outputs);
                }
                None => still.push((layer, call)),
            }
        }
        waiting = still;
        if waiting.len() == before {
            let (layer, call) = waiting[0];
            let missing = layer.calls[call].iter().find(|source| lookup(network, &done, source).is_none());
            return Err(unwired(&layer.name, missing));
        }
    }
    let output = |source| lookup(network, &done, source).ok_or_else(|| unwired(&network.name, Some(source)));
    network.outputs.iter().map(output).collect()
}

/// The value that `source` names, if it is made already.
fn lookup(network: &Network, done: &Outputs, source: &Source) -> Option<Value> {
    // A model counts its own making as its first call, so the only call from outside may be numbered 1.
    let only = network.layer(&source.layer).is_some_and(|layer| layer.calls.len() <= 1);
    let call = if only { 0 } else { source.call };
    done.get(&(source.layer.clone(), call))?.get(source.output).cloned()
}

fn convert_call(emit: &mut Emit<'_>, layer: &Layer, inputs: Vec<Value>) -> Result<Vec<Value>> {
    if let Some(inner) = &layer.inner {
        emit.open_scope(&layer.name);
        let outputs = convert(emit, inner, inputs);
        emit.close_scope();
        return outputs;
    }
    emit.enter(layer);
    let output = layers::convert(emit, layer, inputs.clone())?;
    if inputs.iter().all(|input| input.name != output.name) {
        emit.steps.insert(output.name.clone(), Step { class: layer.class.clone(), inputs });
    }
    Ok(vec![output])
}

fn unwired(layer: &str, source: Option<&Source>) -> Error {
    let input = source.map(|source| source.layer.clone()).unwrap_or_default();
    Error::Wiring { layer: layer.to_owned(), input }
}

/// The shape of the network's input without the batch; open dimensions come from `image` (height, width).
pub(super) fn input_shape(network: &Network, image: Option<[usize; 2]>) -> Result<Vec<usize>> {
    let [input] = network.inputs.as_slice() else {
        return Err(Error::Ends { inputs: network.inputs.len(), outputs: network.outputs.len() });
    };
    let shape = network.layer(&input.layer).map(Layer::input_shape).unwrap_or_default();
    let open = || Error::OpenInput { layer: input.layer.clone(), shape: shape.to_string() };
    let dims = shape.as_array().and_then(|dims| dims.get(1..)).ok_or_else(open)?;
    // Of an image's dimensions only the sides can be open, and they stand in this order in either format.
    let mut sides = image.filter(|_| dims.len() == 3).into_iter().flatten();
    let size = |dim: &Json| match dim {
        Json::Null => sides.next(),
        dim => dim.as_u64().filter(|&n| n > 0 && n < 1 << 24).map(|n| n as usize),
    };
    let dims: Option<Vec<usize>> = dims.iter().map(size).collect();
    dims.filter(|dims| !dims.is_empty()).ok_or_else(open)
}
