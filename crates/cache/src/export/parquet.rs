use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use arrow_schema::{ArrowError, Schema};
use ndarray::ArrayView2;

use super::super::{Error, Result};
use super::arrow::{batch, failed, schema};
use super::{Entry, Out, Sink};

/// A group of rows is kept in memory until it is complete.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// The table of [`arrow`](super::arrow), as Parquet.
pub(super) struct Parquet {
    path: PathBuf,
    schema: Arc<Schema>,
    writer: ArrowWriter<Out>,
}

impl Parquet {
    pub(super) fn new(out: Out, dim: usize) -> Result<Self> {
        let (path, schema) = (out.path.clone(), schema(dim));
        // Features do not repeat and hardly compress, and nobody asks for the least of them.
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_max_row_group_row_count(Some((ROW_GROUP_BYTES / (4 * dim)).max(1)))
            .build();
        let writer =
            ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(not_written(&path))?;
        Ok(Self { path, schema, writer })
    }
}

impl Sink for Parquet {
    fn write(&mut self, entries: &[Entry], features: ArrayView2<f32>) -> Result<()> {
        let batch = batch(&self.schema, entries, features).map_err(failed(&self.path))?;
        self.writer.write(&batch).map_err(not_written(&self.path))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { path, writer, .. } = *self;
        writer.into_inner().map_err(not_written(&path))?.flush()
    }
}

/// A full disk is no matter of encoding, however deep it is buried.
fn not_written(path: &Path) -> impl FnOnce(ParquetError) -> Error {
    move |error| match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => Error::write(path)(*cause),
            Err(cause) => Error::Encode { source: ArrowError::ExternalError(cause) },
        },
        other => Error::Encode { source: other.into() },
    }
}
