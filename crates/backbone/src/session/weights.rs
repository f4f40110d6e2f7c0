//! Weights as ONNX Runtime takes them: tensors, instead of bytes in a file that it would have to decode first.

use std::io::{self, ErrorKind, Read};

use bytemuck::Pod;
use ort::value::{DynValue, IntoTensorElementType, PrimitiveTensorElementType, Tensor};

use headstart_onnx::{self as onnx, DataType};

/// Elements of an initializer.
#[derive(Debug)]
pub(super) enum Weights {
    Float(Vec<f32>),
    Int8(Vec<i8>),
    Uint8(Vec<u8>),
    Int32(Vec<i32>),
}

impl Weights {
    /// Read raw data.
    ///
    /// # Errors
    /// What the reader says, and that this kind is none of those above.
    pub(super) fn read(raw: &mut onnx::Weights<'_>) -> io::Result<Self> {
        let kind = raw.kind.and_then(|kind| DataType::try_from(kind).ok());
        // Raw data are little-endian.
        let kind = kind.filter(|_| cfg!(target_endian = "little"));
        let length = usize::try_from(raw.length).map_err(|_| ErrorKind::OutOfMemory)?;
        Ok(match kind {
            Some(DataType::Float) => Self::Float(elements(length, &mut raw.reader)?),
            Some(DataType::Int8) => Self::Int8(elements(length, &mut raw.reader)?),
            Some(DataType::Uint8) => Self::Uint8(elements(length, &mut raw.reader)?),
            Some(DataType::Int32) => Self::Int32(elements(length, &mut raw.reader)?),
            _ => return Err(ErrorKind::Unsupported.into()),
        })
    }

    /// # Errors
    /// If there are not as many as `dims` say.
    pub(super) fn into_value(self, dims: &[i64]) -> ort::Result<DynValue> {
        match self {
            Self::Float(elements) => value(elements, dims),
            Self::Int8(elements) => value(elements, dims),
            Self::Uint8(elements) => value(elements, dims),
            Self::Int32(elements) => value(elements, dims),
        }
    }
}

fn elements<T: Pod>(length: usize, reader: &mut impl Read) -> io::Result<Vec<T>> {
    if !length.is_multiple_of(size_of::<T>()) {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut elements = vec![T::zeroed(); length / size_of::<T>()];
    reader.read_exact(bytemuck::cast_slice_mut(&mut elements))?;
    Ok(elements)
}

fn value<T>(elements: Vec<T>, dims: &[i64]) -> ort::Result<DynValue>
where
    T: IntoTensorElementType + PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    Ok(Tensor::from_array((dims.to_vec(), elements))?.into_dyn())
}
