use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;
use half::f16;
use ndarray::ArrayView2;

use super::append::{AppendFile, sync_dir};
use super::format::{Provenance, RowLayout};
use super::{Error, Fingerprint, Key, Result, Storage, View};

const EXTENSION: &str = "arrow";
/// How much work a power failure may cost.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// Appends rows to a segment of its own.
///
/// What [`append`](Self::append) returned from is seen by every process and survives the end of this one, however
/// sudden; a power failure too once it is flushed, which happens every 5 seconds and by [`close`](Self::close).
/// After a failed write or flush the next `append` begins a new segment, for nothing is known about the end of the
/// old one.
pub struct SegmentWriter {
    dir: PathBuf,
    layout: RowLayout,
    schema: Arc<Schema>,
    segment: Option<Open>,
    rows: u64,
}

struct Open {
    file: AppendFile,
    /// Encodes into memory, so that a whole message goes to the file by one write.
    encoder: StreamWriter<Vec<u8>>,
    rows: u64,
    last_sync: Instant,
}

impl SegmentWriter {
    pub(super) fn create(
        dir: &Path,
        fingerprint: &Fingerprint,
        layout: RowLayout,
        provenance: Provenance,
    ) -> Result<Self> {
        let schema = Arc::new(layout.schema(fingerprint, &provenance));
        let segment = Some(Open::create(dir, &schema)?);
        Ok(Self { dir: dir.into(), layout, schema, segment, rows: 0 })
    }

    /// Appends rows, all or (if the process dies meanwhile) none of them.
    ///
    /// # Shapes
    /// - `features`: `(ids.len(), dim)`, row `i` for `ids[i]`
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`] and [`Error::TooLargeForF16`] before anything is written;
    /// [`Error::DiskFull`], [`Error::NotWritable`], [`Error::Write`]: these rows are not kept;
    /// [`Error::Sync`]: these rows, and others since the last flush, are not safe from a power failure.
    pub fn append(&mut self, ids: &[(Key, View)], features: ArrayView2<f32>) -> Result<()> {
        let (expected, found) = ((ids.len(), self.layout.dim), features.dim());
        if expected != found {
            return Err(Error::Shape { expected, found });
        }
        self.check(ids, features)?;
        if ids.is_empty() {
            return Ok(());
        }
        let batch = self.layout.batch(&self.schema, ids, features).map_err(|source| Error::Encode { source })?;
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => Open::create(&self.dir, &self.schema)?,
        };
        // Put back only if all went well.
        segment.encoder.write(&batch).map_err(|source| Error::Encode { source })?;
        segment.flush_encoder()?;
        segment.rows += ids.len() as u64;
        self.rows += ids.len() as u64;
        if segment.last_sync.elapsed() >= SYNC_EVERY {
            segment.sync()?;
        }
        self.segment = Some(segment);
        Ok(())
    }

    /// Rows appended so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The file that is being written, unless the last append failed.
    pub fn path(&self) -> Option<&Path> {
        self.segment.as_ref().map(|segment| segment.file.path())
    }

    /// Flushes what was appended to the disk.
    ///
    /// # Errors
    /// [`Error::Sync`] or [`Error::DiskFull`].
    pub fn sync(&mut self) -> Result<()> {
        let Some(mut segment) = self.segment.take() else { return Ok(()) };
        segment.sync()?;
        self.segment = Some(segment);
        Ok(())
    }

    /// Ends the segment and flushes it; one without rows is removed. Dropping the writer does the same, unheard.
    ///
    /// # Errors
    /// [`Error::Sync`] or [`Error::DiskFull`].
    pub fn close(mut self) -> Result<()> {
        self.finish()
    }

    fn finish(&mut self) -> Result<()> {
        let Some(mut segment) = self.segment.take() else { return Ok(()) };
        if segment.rows == 0 {
            // Best effort: an empty segment harms nobody.
            _ = fs::remove_file(segment.file.path());
            return Ok(());
        }
        // The end mark only tells a segment that was closed from one that was left: without it nothing is lost.
        if segment.encoder.finish().is_ok() {
            _ = segment.flush_encoder();
        }
        segment.sync()
    }

    /// Refuses what must not be kept, before anything is written.
    fn check(&self, ids: &[(Key, View)], features: ArrayView2<f32>) -> Result<()> {
        let half = self.layout.storage == Storage::F16;
        for (&(key, view), row) in ids.iter().zip(features.rows()) {
            let bad = |v: &f32| !v.is_finite() || (half && !f16::from_f32(*v).is_finite());
            if let Some(column) = row.iter().position(bad) {
                let value = row[column];
                return Err(if value.is_finite() {
                    Error::TooLargeForF16 { key, view, column, value }
                } else {
                    Error::NotFinite { key, view, column, value }
                });
            }
        }
        Ok(())
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        _ = self.finish();
    }
}

impl std::fmt::Debug for SegmentWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentWriter").field("path", &self.path()).field("rows", &self.rows).finish()
    }
}

impl Open {
    fn create(dir: &Path, schema: &Schema) -> Result<Self> {
        let file = AppendFile::create(dir, EXTENSION)?;
        let mut segment = Self::begin(file, schema)?;
        segment.sync()?;
        sync_dir(dir)?;
        Ok(segment)
    }

    fn begin(file: AppendFile, schema: &Schema) -> Result<Self> {
        let encoder = StreamWriter::try_new(Vec::new(), schema).map_err(|source| Error::Encode { source })?;
        let mut segment = Self { file, encoder, rows: 0, last_sync: Instant::now() };
        segment.flush_encoder()?;
        Ok(segment)
    }

    fn flush_encoder(&mut self) -> Result<()> {
        let bytes = self.encoder.get_mut();
        let written = self.file.append(bytes);
        bytes.clear();
        written
    }

    fn sync(&mut self) -> Result<()> {
        self.file.sync()?;
        self.last_sync = Instant::now();
        Ok(())
    }
}
