use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;
use ndarray::ArrayView2;

use super::append::{AppendFile, sync_dir};
use super::format::{Provenance, RowLayout};
use super::{Error, Fingerprint, Key, Result, View};

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
        let batch =
            self.layout.batch(&self.schema, ids, features).map_err(|source| Error::Encode { source })?;
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
        segment.sync()?;
        // The end mark tells that all rows are on the disk. It need not be there itself: without it nothing is lost.
        if segment.encoder.finish().is_ok() {
            _ = segment.flush_encoder();
        }
        Ok(())
    }

    /// Refuses what must not be kept, before anything is written.
    fn check(&self, ids: &[(Key, View)], features: ArrayView2<f32>) -> Result<()> {
        for (&(key, view), row) in ids.iter().zip(features.rows()) {
            if let Some(column) = row.iter().position(|&value| !self.layout.storage.can_hold(value)) {
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use ndarray::Array2;

    use super::super::append::Backing;
    use super::super::{FingerprintParts, Storage, Store};
    use super::*;

    /// Writes to a real file until `room` bytes are gone, and then as much as fits.
    struct Faulty {
        file: fs::File,
        room: Arc<Mutex<usize>>,
        sync: Option<i32>,
    }

    impl Backing for Faulty {
        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            let mut room = self.room.lock().unwrap();
            let fits = bytes.len().min(*room);
            *room -= fits;
            io::Write::write_all(&mut self.file, &bytes[..fits])?;
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            self.sync.map_or(Ok(()), |code| Err(io::Error::from_raw_os_error(code)))
        }
    }

    fn store(root: &Path) -> Store {
        let (graph, feature_tensor, precision) = Default::default();
        let (recipe, storage) = (serde_json::json!({}), Storage::F32);
        let parts = FingerprintParts { graph, feature_tensor, feature_size: 8, precision, recipe, storage };
        Store::create_or_open(root, "net", &Fingerprint::new(parts)).unwrap()
    }

    fn make_faulty(writer: &mut SegmentWriter, room: usize, sync: Option<i32>) -> Arc<Mutex<usize>> {
        let path = writer.dir.join("faulty.arrow");
        let room = Arc::new(Mutex::new(room));
        let backing = Faulty { file: fs::File::create(&path).unwrap(), room: room.clone(), sync };
        let file = AppendFile::with_backing(&path, Box::new(backing));
        writer.segment = Some(Open::begin(file, &writer.schema).unwrap());
        room
    }

    fn append(writer: &mut SegmentWriter, number: u8) -> Result<()> {
        writer.append(&[(Key([number; 32]), 0)], Array2::from_elem((1, 8), f32::from(number)).view())
    }

    #[test]
    fn a_full_disk_keeps_what_was_complete_and_goes_on_when_there_is_room() {
        let root = tempfile::tempdir().unwrap();
        let mut store = store(root.path());
        let mut writer = store.writer(Provenance::default()).unwrap();
        let room = make_faulty(&mut writer, 4096, None);
        append(&mut writer, 1).unwrap();
        *room.lock().unwrap() = 100;
        let error = append(&mut writer, 2).unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
        assert!(error.to_string().contains("faulty.arrow"), "{error}");
        append(&mut writer, 3).unwrap();
        assert!(
            !writer.path().unwrap().ends_with("faulty.arrow"),
            "nothing is written behind a torn message"
        );
        assert_eq!(writer.rows(), 2);
        writer.close().unwrap();
        store.refresh().unwrap();
        let held = [1, 2, 3].map(|n| store.contains(&Key([n; 32]), 0));
        assert_eq!(held, [true, false, true]);
        assert_eq!(crate::verify(&store, |_| {}).torn_tails.len(), 1);
    }

    #[test]
    fn a_failed_flush_is_told_and_the_file_not_trusted_again() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let mut writer = store.writer(Provenance::default()).unwrap();
        make_faulty(&mut writer, 1 << 20, Some(5));
        append(&mut writer, 1).unwrap();
        let error = writer.sync().unwrap_err();
        assert!(matches!(error, Error::Sync { .. }), "{error:?}");
        append(&mut writer, 2).unwrap();
        assert!(!writer.path().unwrap().ends_with("faulty.arrow"));
        writer.close().unwrap();
    }

    #[test]
    fn a_flush_is_due_after_five_seconds() {
        let root = tempfile::tempdir().unwrap();
        let mut writer = store(root.path()).writer(Provenance::default()).unwrap();
        make_faulty(&mut writer, 1 << 20, Some(5));
        append(&mut writer, 1).unwrap();
        let segment = writer.segment.as_mut().unwrap();
        segment.last_sync = segment.last_sync.checked_sub(SYNC_EVERY).unwrap();
        assert!(matches!(append(&mut writer, 2), Err(Error::Sync { .. })));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_room_is_a_full_disk() {
        let file = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut file = AppendFile::with_backing(Path::new("/dev/full"), Box::new(file));
        assert!(matches!(file.append(b"x"), Err(Error::DiskFull { .. })));
    }

    #[test]
    fn errors_of_the_system_are_told_apart() {
        use io::ErrorKind::{Other, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem};
        let of = |kind: io::ErrorKind| Error::write(Path::new("x"))(kind.into());
        assert!(matches!(of(QuotaExceeded), Error::DiskFull { .. }));
        assert!(matches!(of(ReadOnlyFilesystem), Error::NotWritable { .. }));
        assert!(matches!(of(PermissionDenied), Error::NotWritable { .. }));
        assert!(matches!(of(Other), Error::Write { .. }));
    }
}
