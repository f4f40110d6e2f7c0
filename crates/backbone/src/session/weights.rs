//! Weights that ONNX Runtime uses where they lie, instead of bytes in a file that it would have to decode and copy.

use std::ffi::CString;
use std::fmt::Debug;

use bytemuck::Pod;
use ort::AsPointer;
use ort::memory::MemoryInfo;
use ort::session::builder::SessionBuilder;
use ort::value::{DynValueTypeMarker, PrimitiveTensorElementType, Shape, TensorRefMut, ValueRefMut};

use super::memory::Memory;
use headstart_onnx::{DataType, Tensor};

/// Initializers of a graph, and the memory that they are in.
#[derive(Debug)]
pub(super) struct Weights {
    /// Point into `memory`, and so stand before it: fields are dropped in their order.
    values: Vec<Value>,
    memory: Memory,
}

impl Weights {
    pub(super) fn of(memory: Memory) -> Self {
        Self { values: vec![], memory }
    }

    /// Have a session take the elements of `tensor`, which says where in the memory they are, from there.
    ///
    /// # Errors
    /// ONNX Runtime's own; if the place is not as long as the shape says, or is no place for such elements.
    ///
    /// # Safety
    /// These weights must outlive the session that is made by `builder`.
    pub(super) unsafe fn lend(&mut self, tensor: &Tensor, builder: &mut SessionBuilder) -> ort::Result<()> {
        let unfit = || ort::Error::new(format!("`{}` is not where the copy says", tensor.name()));
        let place = tensor.external().ok().flatten().ok_or_else(unfit)?;
        let start = usize::try_from(place.offset).map_err(|_| unfit())?;
        let length = place.length.and_then(|length| usize::try_from(length).ok()).ok_or_else(unfit)?;
        let end = start.checked_add(length).ok_or_else(unfit)?;
        let bytes = self.memory.get(start..end).ok_or_else(unfit)?;
        let value = lent(tensor.data_type()).and_then(|value| value(bytes, &tensor.dims));
        let value = value.ok_or_else(unfit)??;
        let name = CString::new(tensor.name()).map_err(|_| unfit())?;
        // SAFETY: the builder is a live one, the name ends with a zero and is copied, and the value lives as long as `self`
        // does, which is longer than the session, as the caller vouches.
        unsafe {
            let add = ort::api().AddInitializer;
            ort::Error::result_from_status(add(builder.ptr_mut(), name.as_ptr(), value.ptr()))?;
        }
        self.values.push(value);
        Ok(())
    }
}

/// Whether initializers of this kind can be lent.
pub(super) fn is_lent(kind: Option<i32>) -> bool {
    kind.is_some_and(|kind| lent(kind).is_some())
}

type Value = ValueRefMut<'static, DynValueTypeMarker>;

/// Makes a tensor of bytes and a shape; `None` if they do not fit together.
type Make = fn(&[u8], &[i64]) -> Option<ort::Result<Value>>;

/// How bytes become a tensor of this kind.
fn lent(kind: i32) -> Option<Make> {
    match DataType::try_from(kind).ok()? {
        DataType::Float => Some(value::<f32>),
        DataType::Int8 => Some(value::<i8>),
        DataType::Uint8 => Some(value::<u8>),
        DataType::Int32 => Some(value::<i32>),
        _ => None,
    }
}

/// A tensor of the elements that these bytes are.
fn value<T: Pod + PrimitiveTensorElementType + Debug>(
    bytes: &[u8],
    dims: &[i64],
) -> Option<ort::Result<Value>> {
    // Raw data are little-endian.
    let elements: &[T] = bytemuck::try_cast_slice(bytes).ok().filter(|_| cfg!(target_endian = "little"))?;
    let count =
        dims.iter().try_fold(1, |count: usize, &dim| count.checked_mul(usize::try_from(dim).ok()?))?;
    if count != elements.len() {
        return None;
    }
    let start = elements.as_ptr().cast_mut().cast();
    // SAFETY: so many elements are there, aligned, and stay there as long as the memory does, which outlives this value.
    // Nobody writes to an initializer, though the type would allow it.
    let tensor = unsafe { TensorRefMut::<T>::from_raw(MemoryInfo::default(), start, Shape::from(dims)) };
    Some(tensor.map(TensorRefMut::into_dyn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_the_elements_are_no_tensor() {
        let make = lent(DataType::Float as i32).unwrap();
        let memory = [0_u64; 4];
        let bytes: &[u8] = bytemuck::cast_slice(&memory);
        let unfit = [
            (&bytes[..11], vec![3]),
            (&bytes[..12], vec![2]),
            (&bytes[1..13], vec![3]),
            (&bytes[..12], vec![-3, -1]),
        ];
        for (bytes, dims) in unfit {
            assert!(make(bytes, &dims).is_none(), "{} bytes for {dims:?}", bytes.len());
        }
        assert!(make(bytes, &[i64::MAX, i64::MAX]).is_none());
    }

    #[test]
    fn kinds_that_no_weights_have_stay_in_the_model() {
        assert!(is_lent(Some(DataType::Float as i32)) && is_lent(Some(DataType::Int8 as i32)));
        assert!(!is_lent(Some(DataType::String as i32)) && !is_lent(Some(-1)) && !is_lent(None));
    }
}
