//! Named matrices in a safetensors file, with one entry of JSON in its header.

use std::collections::HashMap;

use ndarray::Array2;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Serialize, de::DeserializeOwned};

use super::FormatError;

/// A matrix on its way to a file.
pub(crate) struct Tensor<'a> {
    pub name: String,
    /// As written: a bias `(1, units)` is `[units]` in the file, as everywhere else.
    pub shape: Vec<usize>,
    pub values: &'a Array2<f32>,
}

/// The bytes of a file: the same for the same content, since the header has but one entry.
pub(crate) fn to_bytes(key: &'static str, entry: &impl Serialize, tensors: &[Tensor]) -> Vec<u8> {
    let text = serde_json::to_string(entry).expect("what we put into a header is JSON");
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
            .expect("the shape is that of the values");
        (&tensor.name, view)
    });
    safetensors::serialize(views, Some(HashMap::from([(key.into(), text)])))
        .expect("tensors of a valid shape")
}

/// A file that was read: its entry and its tensors, of which nothing is trusted before it is asked for.
pub(crate) struct Reader<'a> {
    tensors: SafeTensors<'a>,
    metadata: HashMap<String, String>,
    taken: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        Ok(Self { tensors: SafeTensors::deserialize(bytes)?, metadata, taken: Vec::new() })
    }

    /// The entry of the header.
    pub(crate) fn entry<T: DeserializeOwned>(&self, key: &'static str) -> Result<T, FormatError> {
        let text = self.metadata.get(key).ok_or(FormatError::NoMetadata { key })?;
        serde_json::from_str(text).map_err(|source| FormatError::Metadata { key, source })
    }

    /// The tensor `name`, if it is f32, finite and of this shape; returned as a matrix of shape `dim`.
    pub(crate) fn take(
        &mut self,
        name: &str,
        shape: &[usize],
        dim: (usize, usize),
    ) -> Result<Array2<f32>, FormatError> {
        let name = name.to_owned();
        let Ok(tensor) = self.tensors.tensor(&name) else { return Err(FormatError::Missing { name }) };
        if tensor.dtype() != Dtype::F32 {
            let (expected, found) = ("F32".into(), format!("{:?}", tensor.dtype()));
            return Err(FormatError::Dtype { name, expected, found });
        }
        if tensor.shape() != shape {
            return Err(FormatError::Shape { name, expected: shape.into(), found: tensor.shape().into() });
        }
        let value = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        let values: Vec<f32> = tensor.data().chunks_exact(4).map(value).collect();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(FormatError::NotFinite { name });
        }
        self.taken.push(name);
        Ok(Array2::from_shape_vec(dim, values).expect("as many values as the shape says"))
    }

    /// Make sure that nothing is left that was not asked for.
    pub(crate) fn finish(self) -> Result<(), FormatError> {
        let mut names = self.tensors.names();
        names.sort_unstable();
        match names.into_iter().find(|&name| !self.taken.iter().any(|taken| taken == name)) {
            Some(name) => Err(FormatError::Unexpected { name: name.into() }),
            None => Ok(()),
        }
    }
}
