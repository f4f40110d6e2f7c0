//! Images as Python has them: paths, bytes, and pixels.

use std::path::PathBuf;

use bytes::Bytes;
use headstart_core::ImageInput;
use numpy::{PyReadonlyArray3, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};

use crate::errors;

/// What `row` of the items is called if it has no path.
pub fn name_of(row: usize) -> String {
    format!("item {row}")
}

/// Each item as the core takes it. PIL images were made arrays before.
///
/// # Errors
/// `ImageError` for what is no image: it names the item.
pub fn images(items: &[Bound<'_, PyAny>]) -> PyResult<Vec<ImageInput>> {
    items.iter().enumerate().map(|(row, item)| image(item, row)).collect()
}

fn image(item: &Bound<'_, PyAny>, row: usize) -> PyResult<ImageInput> {
    if item.is_instance_of::<PyBytes>() {
        // Not copied: Python's bytes do not change.
        let bytes = Bytes::from_owner(item.extract::<PyBackedBytes>()?);
        return Ok(ImageInput::bytes(name_of(row), bytes));
    }
    if item.is_instance_of::<PyString>() || item.hasattr("__fspath__")? {
        return Ok(ImageInput::File(item.extract::<PathBuf>()?));
    }
    if let Ok(array) = item.cast::<PyUntypedArray>() {
        return pixels(item, array, row);
    }
    let found = item.get_type().name()?;
    Err(no_image(item.py(), row, &format!("found {found}")))
}

fn pixels(item: &Bound<'_, PyAny>, array: &Bound<'_, PyUntypedArray>, row: usize) -> PyResult<ImageInput> {
    let found = || format!("found an array of {} with shape {:?}", array.dtype(), array.shape());
    let Ok(pixels) = item.extract::<PyReadonlyArray3<'_, u8>>() else {
        return Err(no_image(item.py(), row, &found()));
    };
    let input = ImageInput::pixels(name_of(row), pixels.as_array());
    input.map_err(|_| no_image(item.py(), row, &found()))
}

fn no_image(py: Python<'_>, row: usize, found: &str) -> PyErr {
    let expected = "expected a path, bytes, a PIL image or an array (height, width, 3) of uint8";
    errors::image(py, &name_of(row), row, "not-an-image", &format!("{expected}, {found}"))
}
