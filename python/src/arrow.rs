//! A store as a stream of Arrow's record batches, by the PyCapsule interface: pandas, polars and pyarrow read it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, RecordBatchReader, StringArray, UInt16Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use headstart_cache::{Key, Store, View};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::cache::{gather, ids};
use crate::errors::OrRaise;

/// Rows of a batch.
const ROWS: usize = 1024;

/// The rows of the store in a folder: `key`, `view` and `features`.
#[pyclass(frozen, module = "headstart._core")]
pub struct ArrowStream {
    dir: PathBuf,
}

#[pymethods]
impl ArrowStream {
    #[new]
    fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// A capsule with an `ArrowArrayStream`. A schema of another kind is not made: whoever asks may convert.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = py.detach(|| Store::open_dir(&self.dir).map(Batches::new)).or_raise(py)?;
        let stream = FFI_ArrowArrayStream::new(Box::new(batches));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

/// Batches that are read as they are asked for.
struct Batches {
    store: Store,
    ids: Vec<(Key, View)>,
    done: usize,
    schema: SchemaRef,
    item: Arc<Field>,
}

impl Batches {
    fn new(store: Store) -> Self {
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let list = DataType::FixedSizeList(item.clone(), store.dim() as i32);
        let schema = Arc::new(Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("view", DataType::UInt16, false),
            Field::new("features", list, false),
        ]));
        Self { ids: ids(&store), store, done: 0, schema, item }
    }

    fn batch(&self, ids: &[(Key, View)]) -> Result<RecordBatch, ArrowError> {
        let rows = gather(&self.store, ids).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        let numbers = Float32Array::from(rows.into_raw_vec_and_offset().0);
        let dim = self.store.dim() as i32;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(ids.iter().map(|(key, _)| key.to_string()))),
            Arc::new(UInt16Array::from_iter_values(ids.iter().map(|(_, view)| *view))),
            Arc::new(FixedSizeListArray::try_new(self.item.clone(), dim, Arc::new(numbers), None)?),
        ];
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.ids.len().min(self.done + ROWS);
        let ids = self.ids[self.done..end].to_vec();
        self.done = end;
        (!ids.is_empty()).then(|| self.batch(&ids))
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
