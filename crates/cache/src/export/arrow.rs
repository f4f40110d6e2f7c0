//! One table: `path`, `label`, `split`, `key` (hexadecimal digits), `features`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use ndarray::ArrayView2;

use super::super::{Error, Result};
use super::{Entry, Out, Sink};

/// Arrow's own file format, which is also called Feather.
pub(super) struct Arrow {
    path: PathBuf,
    schema: Arc<Schema>,
    writer: FileWriter<Out>,
}

impl Arrow {
    pub(super) fn new(out: Out, dim: usize) -> Result<Self> {
        let (path, schema) = (out.path.clone(), schema(dim));
        let writer = FileWriter::try_new(out, &schema).map_err(failed(&path))?;
        Ok(Self { path, schema, writer })
    }
}

impl Sink for Arrow {
    fn write(&mut self, entries: &[Entry], features: ArrayView2<f32>) -> Result<()> {
        let batch = batch(&self.schema, entries, features).map_err(failed(&self.path))?;
        self.writer.write(&batch).map_err(failed(&self.path))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish().and_then(|()| self.writer.flush()).map_err(failed(&self.path))
    }
}

pub(super) fn schema(dim: usize) -> Arc<Schema> {
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("label", DataType::Utf8, true),
        Field::new("split", DataType::Utf8, true),
        Field::new("key", DataType::Utf8, false),
        Field::new("features", DataType::FixedSizeList(item, dim as i32), false),
    ]))
}

pub(super) fn batch(
    schema: &Arc<Schema>,
    entries: &[Entry],
    features: ArrayView2<f32>,
) -> Result<RecordBatch, ArrowError> {
    let DataType::FixedSizeList(item, dim) = schema.field(4).data_type() else {
        return Err(ArrowError::SchemaError("the last column should be a list".into()));
    };
    let numbers = Float32Array::from_iter_values(features.iter().copied());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(entries.iter().map(|entry| entry.path))),
        Arc::new(StringArray::from_iter(entries.iter().map(|entry| entry.label))),
        Arc::new(StringArray::from_iter(entries.iter().map(|entry| entry.split))),
        Arc::new(StringArray::from_iter_values(entries.iter().map(|entry| entry.key.to_string()))),
        Arc::new(FixedSizeListArray::try_new(item.clone(), *dim, Arc::new(numbers), None)?),
    ];
    RecordBatch::try_new(schema.clone(), columns)
}

/// A full disk is no matter of encoding, however deep it is buried.
pub(super) fn failed(path: &Path) -> impl FnOnce(ArrowError) -> Error {
    move |error| match error {
        ArrowError::IoError(_, error) => Error::write(path)(error),
        source => Error::Encode { source },
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
