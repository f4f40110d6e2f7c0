//! The dense layers in a file, in no order yet.

use std::collections::BTreeMap;

use ndarray::Array2;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{ImportError, ImportOptions, Layout};
use headstart_base::text::{dims, listed};

/// A dense layer as [`Head`](crate::layers::Head) has it: kernel `(inputs, units)`, bias `(1, units)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub name: String,
    pub layout: Layout,
    pub kernel: Array2<f32>,
    pub bias: Array2<f32>,
}

impl Layer {
    pub(super) fn inputs(&self) -> usize {
        self.kernel.nrows()
    }

    pub(super) fn units(&self) -> usize {
        self.kernel.ncols()
    }
}

/// Why the numbers of a tensor cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// They are not floats of a type that is read.
    #[error("holds {found}, expected F32, F64, F16 or BF16")]
    Dtype {
        /// Their type in the file.
        found: String,
    },
    /// Not finite, or not in 32 bits.
    #[error("holds a number that is not finite in 32 bits")]
    NotFinite,
}

/// A tensor of a layer: its name in the file, and its last word.
struct Part<'a> {
    tensor: String,
    word: String,
    view: TensorView<'a>,
}

/// Those that were asked for, in that order; else all, by name.
pub(super) fn layers(file: &SafeTensors, options: &ImportOptions) -> Result<Vec<Layer>, ImportError> {
    let mut groups = groups(file);
    if groups.is_empty() {
        return Err(ImportError::Empty);
    }
    if options.layers.is_empty() {
        return groups.into_iter().map(|(name, parts)| layer(name, &parts, options)).collect();
    }
    let names: Vec<String> = groups.keys().cloned().collect();
    let take = |asked: &String| match meant(asked, &names).and_then(|name| groups.remove_entry(name)) {
        Some((name, parts)) => layer(name, &parts, options),
        None => Err(ImportError::NoLayer { name: asked.clone(), found: listed(&names) }),
    };
    options.layers.iter().map(take).collect()
}

/// The layer of that name, else the only one whose name ends in it, for Keras has the model's name before it.
fn meant<'n>(asked: &str, names: &'n [String]) -> Option<&'n String> {
    let ends = |name: &str| name.strip_suffix(asked).is_some_and(|before| before.ends_with(['.', '/']));
    let mut ending = names.iter().filter(|name| ends(name));
    let only = ending.next().filter(|_| ending.next().is_none());
    names.iter().find(|name| *name == asked).or(only)
}

fn groups<'a>(file: &SafeTensors<'a>) -> BTreeMap<String, Vec<Part<'a>>> {
    let mut groups = BTreeMap::<String, Vec<Part>>::new();
    for (tensor, view) in file.tensors() {
        // `dense/kernel:0` is how TensorFlow numbers the outputs of an operation.
        let bare = tensor.strip_suffix(":0").unwrap_or(&tensor);
        let (layer, word) = bare.rsplit_once(['.', '/']).unwrap_or(("", bare));
        let (layer, word) = (layer.to_owned(), word.to_owned());
        groups.entry(layer).or_default().push(Part { tensor, word, view });
    }
    groups
}

fn layer(name: String, parts: &[Part], options: &ImportOptions) -> Result<Layer, ImportError> {
    let of_rank = |rank| parts.iter().filter(move |part| part.view.shape().len() == rank);
    let (mut kernels, mut biases) = (of_rank(2), of_rank(1));
    let (kernel, bias) = (kernels.next(), biases.next());
    let others = parts.len() - usize::from(kernel.is_some()) - usize::from(bias.is_some());
    let Some(kernel) = kernel.filter(|_| others == 0) else {
        let told: Vec<String> =
            parts.iter().map(|part| format!("`{}` {}", part.tensor, dims(part.view.shape()))).collect();
        return Err(ImportError::NotDense { layer: name, found: told.join(", ") });
    };
    let shape = [kernel.view.shape()[0], kernel.view.shape()[1]];
    let length = bias.map(|bias| bias.view.shape()[0]);
    let layout = layout(kernel, shape, length, options.layout)?;
    let units = match layout {
        Layout::Keras => shape[1],
        Layout::PyTorch => shape[0],
    };
    if let Some(found) = length.filter(|&found| found != units) {
        return Err(ImportError::Bias { layer: name, layout, shape, expected: units, found });
    }
    let matrix = Array2::from_shape_vec(shape, floats(kernel)?).expect("as many numbers as the shape says");
    let kernel = match layout {
        Layout::Keras => matrix,
        Layout::PyTorch => matrix.t().as_standard_layout().into_owned(),
    };
    let bias = bias.map_or_else(|| Ok(vec![0.0; units]), floats)?;
    let bias = Array2::from_shape_vec((1, units), bias).expect("counted above");
    Ok(Layer { name, layout, kernel, bias })
}

/// Told, else by the kernel's name, else by the bias.
fn layout(
    kernel: &Part,
    shape: [usize; 2],
    bias: Option<usize>,
    told: Option<Layout>,
) -> Result<Layout, ImportError> {
    let by_name = match kernel.word.as_str() {
        "kernel" => Some(Layout::Keras),
        "weight" => Some(Layout::PyTorch),
        _ => None,
    };
    let by_bias = match bias {
        Some(units) if shape[0] != shape[1] && units == shape[1] => Some(Layout::Keras),
        Some(units) if shape[0] != shape[1] && units == shape[0] => Some(Layout::PyTorch),
        _ => None,
    };
    told.or(by_name)
        .or(by_bias)
        .ok_or_else(|| ImportError::LayoutUnknown { tensor: kernel.tensor.clone(), shape })
}

fn floats(part: &Part) -> Result<Vec<f32>, ImportError> {
    numbers(&part.view).map_err(|source| ImportError::Tensor { name: part.tensor.clone(), source })
}

fn numbers(view: &TensorView) -> Result<Vec<f32>, Unreadable> {
    fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.chunks_exact(N).map(|chunk| number(chunk.try_into().expect("N bytes"))).collect()
    }
    let bytes = view.data();
    let values = match view.dtype() {
        Dtype::F32 => each(bytes, f32::from_le_bytes),
        Dtype::F64 => each(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
        Dtype::F16 => each(bytes, |bytes| half::f16::from_le_bytes(bytes).to_f32()),
        Dtype::BF16 => each(bytes, |bytes| half::bf16::from_le_bytes(bytes).to_f32()),
        other => return Err(Unreadable::Dtype { found: format!("{other:?}") }),
    };
    if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(Unreadable::NotFinite) }
}
