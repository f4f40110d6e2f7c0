//! Any tensor of a graph, as ONNX Runtime computes it.

use std::collections::HashMap;
use std::path::Path;

use headstart_backbone::ort::value::{TensorElementType, TensorRef, ValueType};
use ndarray::{ArrayView3, Axis};

use super::error::{Error, Result};
use headstart_backbone::runtime::Runtime;
use headstart_backbone::session::{self, Products};
use headstart_onnx::names;
use headstart_onnx::{self as onnx, Attribute, DataType, Model, Node, ValueInfo};

/// A tensor's shape and elements, whatever type they have in the graph.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) shape: Vec<i64>,
    pub(super) data: Vec<f32>,
}

/// A whole network with some of its inner tensors shown.
pub(super) struct Probe {
    session: headstart_backbone::ort::session::Session,
    input: String,
    /// How often an image is repeated to fill a batch of the size that the graph insists on.
    copies: usize,
    /// For each tensor asked for, the output that shows it as 32-bit floats.
    shown: Vec<(String, String)>,
}

impl Probe {
    /// Load `model`, whose external data lie in `folder`, with `tensors` as its outputs instead of its own.
    pub(super) fn new(
        runtime: &Runtime,
        model: &Model,
        folder: &Path,
        input: &str,
        copies: usize,
        tensors: &[String],
    ) -> Result<Self> {
        let mut model = model.clone();
        let shown = model.graph.as_mut().map(|graph| show(graph, tensors)).unwrap_or_default();
        // Relative to the working folder where there is no parent.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let refused = |source| Error::Refused { source };
        let bytes = onnx::encode(&model, &folder)?;
        // As the cut graph is computed that it is held against.
        let session = session::builder(runtime, None, Products::Fast)
            .and_then(|builder| {
                const FOLDER: &str = "session.model_external_initializers_file_folder_path";
                Ok(builder.with_config_entry(FOLDER, folder.to_string_lossy())?)
            })
            .and_then(|mut builder| builder.commit_from_memory(&bytes))
            .map_err(refused)?;
        Ok(Self { session, input: input.to_owned(), copies, shown })
    }

    /// The element type that `tensor` has in the graph.
    pub(super) fn element_type(&self, tensor: &str) -> Option<TensorElementType> {
        let output = self.session.outputs().iter().find(|output| output.name() == tensor)?;
        match output.dtype() {
            ValueType::Tensor { ty, .. } => Some(*ty),
            _ => None,
        }
    }

    /// Every tensor that was asked for, for one image.
    ///
    /// # Shapes
    /// `image` is `(3, h, w)` or `(h, w, 3)`. Where the image was repeated, the first axis counts the copies.
    pub(super) fn run(&mut self, image: ArrayView3<'_, f32>) -> Result<HashMap<String, Values>> {
        let failed = |source| Error::Inference { source };
        let views = vec![image.insert_axis(Axis(0)); self.copies];
        let batch = ndarray::concatenate(Axis(0), &views).expect("copies have one shape");
        let batch = batch.as_standard_layout();
        let input = TensorRef::from_array_view(batch.view()).map_err(failed)?;
        let outputs = self
            .session
            .run(headstart_backbone::ort::inputs![self.input.as_str() => input])
            .map_err(failed)?;
        let mut values = HashMap::new();
        for (tensor, output) in &self.shown {
            let (shape, data) = outputs[output.as_str()].try_extract_tensor::<f32>().map_err(failed)?;
            values.insert(tensor.clone(), Values { shape: shape.to_vec(), data: data.to_vec() });
        }
        Ok(values)
    }
}

impl Values {
    /// Those of the first of `copies` equal images; a tensor that does not count images is returned whole.
    pub(super) fn first_of(mut self, copies: usize) -> Self {
        if let Some(first) = self.shape.first_mut().filter(|first| **first == copies as i64) {
            *first = 1;
            self.data.truncate(self.data.len() / copies);
        }
        self
    }
}

/// Make `tensors` the outputs: as they are, for their types, and as 32-bit floats, for their numbers.
fn show(graph: &mut onnx::Graph, tensors: &[String]) -> Vec<(String, String)> {
    let mut shown = vec![];
    graph.output.clear();
    let constants: Vec<String> = graph.initializer.iter().map(|tensor| tensor.name().to_owned()).collect();
    for tensor in tensors {
        let output = names::fresh(graph, &format!("{tensor}_shown"));
        let to = Attribute::int("to", DataType::Float as i64);
        graph.node.push(Node::new("Cast", &[tensor], &output, vec![to]));
        if !constants.contains(tensor) {
            // A name is enough: ONNX Runtime infers the type.
            graph.output.push(ValueInfo { name: Some(tensor.clone()), ..ValueInfo::default() });
        }
        graph.output.push(ValueInfo { name: Some(output.clone()), ..ValueInfo::default() });
        shown.push((tensor.clone(), output));
    }
    graph.drop_unused();
    shown
}
