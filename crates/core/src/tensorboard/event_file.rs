//! One event file: records of a length, the message, and a checksum of each.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use prost::Message;

use super::{proto, proto::What};
use crate::run::Error;

/// Numbers and texts for TensorBoard, appended to a file of its own in a folder.
///
/// TensorBoard calls the folder a run. What is written is in its sight after [`flush`](Self::flush), while the file
/// is still being written.
///
/// ```
/// use headstart_core::tensorboard::EventFile;
///
/// let folder = tempfile::tempdir()?;
/// let mut events = EventFile::create(folder.path())?;
/// for step in 0..3 {
///     events.scalar("gradient norm", step, 1.0 / (1.0 + step as f32))?;
/// }
/// events.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    out: BufWriter<File>,
}

impl EventFile {
    /// A new file in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Write { path: folder.into(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let (path, file) = new_file(folder).map_err(failed)?;
        let mut events = Self { path, out: BufWriter::new(file) };
        events.append(&first(now()))?;
        events.flush()?;
        Ok(events)
    }

    /// A number at a step. TensorBoard draws one curve for each tag.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result<(), Error> {
        self.value(step, scalar(tag, value))
    }

    /// A text in Markdown.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn text(&mut self, tag: &str, step: u64, text: &str) -> Result<(), Error> {
        self.value(step, self::text(tag, text))
    }

    /// Show what was written so far to whoever reads the file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    pub(super) fn value(&mut self, step: u64, value: proto::Value) -> Result<(), Error> {
        self.append(&event(now(), step, value))
    }

    fn append(&mut self, event: &proto::Event) -> Result<(), Error> {
        write_record(&mut self.out, &event.encode_to_vec())
            .map_err(|source| Error::Write { path: self.path.clone(), source })
    }
}

/// A file that nobody else writes. TensorBoard knows it by `tfevents`, and reads those of a folder in the order of
/// their names, so the time comes first.
fn new_file(folder: &Path) -> io::Result<(PathBuf, File)> {
    let (seconds, process) = (now() as u64, std::process::id());
    let mut number = 0;
    loop {
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.headstart.{process}.{number}.v2"));
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// In seconds since 1970.
pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// What every event file begins with.
pub(super) fn first(wall_time: f64) -> proto::Event {
    proto::Event {
        wall_time,
        what: Some(What::FileVersion("brain.Event:2".into())),
        source_metadata: Some(proto::SourceMetadata { writer: "headstart".into() }),
        ..Default::default()
    }
}

pub(super) fn event(wall_time: f64, step: u64, value: proto::Value) -> proto::Event {
    let what = Some(What::Summary(proto::Summary { value: vec![value] }));
    proto::Event { wall_time, step: i64::try_from(step).unwrap_or(i64::MAX), what, ..Default::default() }
}

pub(super) fn scalar(tag: &str, value: f32) -> proto::Value {
    let tensor = proto::Tensor { float_val: vec![value], ..tensor(proto::DataType::Float) };
    for_plugin("scalars", tag, tensor)
}

pub(super) fn text(tag: &str, text: &str) -> proto::Value {
    let tensor = proto::Tensor { string_val: vec![text.into()], ..tensor(proto::DataType::String) };
    for_plugin("text", tag, tensor)
}

fn tensor(dtype: proto::DataType) -> proto::Tensor {
    proto::Tensor { dtype: dtype.into(), tensor_shape: Some(Default::default()), ..Default::default() }
}

fn for_plugin(plugin: &str, tag: &str, tensor: proto::Tensor) -> proto::Value {
    let plugin_data = proto::PluginData { plugin_name: plugin.into(), content: Vec::new() };
    let metadata = proto::SummaryMetadata { plugin_data: Some(plugin_data) };
    proto::Value { tag: tag.into(), tensor: Some(tensor), metadata: Some(metadata) }
}

/// A record as TensorFlow frames it: length, its checksum, the bytes, their checksum, all little-endian.
pub(super) fn write_record(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked_crc(&length).to_le_bytes())?;
    out.write_all(bytes)?;
    out.write_all(&masked_crc(bytes).to_le_bytes())
}

/// CRC-32C, turned and moved, so that the checksum of bytes that hold a checksum is no fixed number.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
