//! Rows as the Arrow batches that [`format`](super::format) describes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, FixedSizeBinaryArray, FixedSizeListArray, RecordBatch, UInt16Array, UInt32Array,
};
use arrow_array::{Float16Array, Float32Array};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use half::f16;
use ndarray::ArrayView2;

use super::format::{FINGERPRINT, METADATA, Provenance, RowLayout};
use super::{Fingerprint, Key, Storage, View};

impl RowLayout {
    /// The columns of a segment, with what its metadata is to say.
    pub(crate) fn schema(&self, fingerprint: &Fingerprint, provenance: &Provenance) -> Schema {
        let mut metadata: HashMap<String, String> =
            provenance.fields().map(|(name, value)| (format!("{METADATA}{name}"), value.to_owned())).into();
        metadata.insert(FINGERPRINT.into(), fingerprint.hash().to_string());
        let list = DataType::FixedSizeList(self.item(), self.dim as i32);
        let fields = vec![
            Field::new("key", DataType::FixedSizeBinary(32), false),
            Field::new("view", DataType::UInt16, false),
            Field::new("features", list, false),
            Field::new("crc", DataType::UInt32, false),
        ];
        Schema::new_with_metadata(fields, metadata)
    }

    fn item(&self) -> Arc<Field> {
        let number = match self.storage {
            Storage::F32 => DataType::Float32,
            Storage::F16 => DataType::Float16,
        };
        Arc::new(Field::new("item", number, false))
    }

    /// The rows as a batch of `schema`; `features` is `(ids.len(), dim)`, of numbers that the storage can hold.
    pub(crate) fn batch(
        &self,
        schema: &Arc<Schema>,
        ids: &[(Key, View)],
        features: ArrayView2<f32>,
    ) -> Result<RecordBatch, ArrowError> {
        let mut stored = self.stored(features);
        let keys: Vec<u8> = ids.iter().flat_map(|(key, _)| key.0).collect();
        let crcs = ids.iter().zip(stored.as_slice().chunks_exact(self.row_bytes()));
        let crcs: UInt32Array =
            crcs.map(|((key, view), row)| self.crc(&key.0, &view.to_le_bytes(), row)).collect();
        let views: UInt16Array = ids.iter().map(|(_, view)| *view).collect();
        if cfg!(target_endian = "big") {
            // Arrays in memory have the machine's order; the encoder notes it in the schema.
            stored.as_slice_mut().chunks_exact_mut(self.storage.width()).for_each(<[u8]>::reverse);
        }
        let stored = Buffer::from(stored);
        let numbers: ArrayRef = match self.storage {
            Storage::F32 => Arc::new(Float32Array::new(stored.into(), None)),
            Storage::F16 => Arc::new(Float16Array::new(stored.into(), None)),
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(FixedSizeBinaryArray::try_new(32, keys.into(), None)?),
            Arc::new(views),
            Arc::new(FixedSizeListArray::try_new(self.item(), self.dim as i32, numbers, None)?),
            Arc::new(crcs),
        ];
        RecordBatch::try_new(schema.clone(), columns)
    }

    /// The features as the bytes that are stored, aligned as Arrow wants them.
    fn stored(&self, features: ArrayView2<f32>) -> MutableBuffer {
        let mut buffer = MutableBuffer::from_len_zeroed(features.len() * self.storage.width());
        let rows = buffer.as_slice_mut().chunks_exact_mut(self.row_bytes());
        for (row, out) in features.rows().into_iter().zip(rows) {
            match self.storage {
                Storage::F32 => {
                    for (value, bytes) in row.iter().zip(out.as_chunks_mut().0) {
                        *bytes = value.to_le_bytes();
                    }
                }
                Storage::F16 => {
                    for (value, bytes) in row.iter().zip(out.as_chunks_mut().0) {
                        *bytes = f16::from_f32(*value).to_le_bytes();
                    }
                }
            }
        }
        buffer
    }
}
