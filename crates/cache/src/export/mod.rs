//! Features with paths and labels, as files that other programs read.
//!
//! Rows are written as they are gathered, some megabytes at a time, so a million of them need no more memory than a thousand.
//! A file gets its name when it is complete. Numbers are `f32`, whatever the cache keeps.

mod arrow;
mod csv;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod safetensors;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ndarray::{Array2, ArrayView2, s};

use super::{Error, Key, Result, Selection};
use headstart_base::files::{Draft, WriteError};

const CHUNK_BYTES: usize = 4 << 20;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// NumPy's: the features as a matrix, which `numpy.load` can map; the rest in a CSV beside it.
    Npy,
    /// One table, a column `features` of lists.
    #[cfg(feature = "parquet")]
    Parquet,
    /// Tensors `features` and `labels`, the names of the classes in the metadata; the rest in a CSV beside it.
    Safetensors,
    /// One table, as Parquet's, in Arrow's file format (Feather).
    Arrow,
}

impl Format {
    /// What the extension of a file's name stands for.
    pub fn of(path: &Path) -> Option<Self> {
        path.extension()?.to_str()?.parse().ok()
    }

    /// The files that [`export`] writes for this `output`.
    pub fn files(self, output: &Path) -> Vec<PathBuf> {
        let mut files = vec![output.to_path_buf()];
        if self.has_csv() {
            files.push(output.with_extension("csv"));
        }
        files
    }

    fn has_csv(self) -> bool {
        matches!(self, Self::Npy | Self::Safetensors)
    }
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "npy" => Self::Npy,
            #[cfg(feature = "parquet")]
            "parquet" => Self::Parquet,
            "safetensors" => Self::Safetensors,
            "arrow" | "feather" => Self::Arrow,
            _ => return Err("expected `npy`, `safetensors`, `arrow` or (where it was built in) `parquet`"),
        })
    }
}

/// What is told of a row beside its features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// As it is written in the manifest.
    pub path: &'a str,
    /// Its label, if the manifest has one.
    pub label: Option<&'a str>,
    /// The part of the data that it belongs to, if the manifest says so.
    pub split: Option<&'a str>,
    /// Under which its features are kept.
    pub key: Key,
}

/// Writes rows in the order in which they come.
trait Sink {
    /// `features`: `(entries.len(), dim)`.
    fn write(&mut self, entries: &[Entry], features: ArrayView2<f32>) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Writes the rows of a selection to `output`, row `i` with `entries[i]`, and gives the files that it wrote.
///
/// `on_rows` is told how many rows are written.
///
/// # Errors
/// [`Error::Exists`] unless `overwrite`, [`Error::BadRow`], [`Error::Encode`], [`Error::DiskFull`], [`Error::NotWritable`],
/// [`Error::Write`]; then there is no new file, and an old one is as it was.
///
/// # Panics
/// If there are not as many entries as rows.
pub fn export(
    selection: &Selection,
    entries: &[Entry],
    format: Format,
    output: &Path,
    overwrite: bool,
    on_rows: &mut dyn FnMut(usize),
) -> Result<Vec<PathBuf>> {
    assert_eq!(selection.len(), entries.len(), "one entry for each row");
    let targets = format.files(output);
    let files = targets.iter().map(|path| Target::new(path, overwrite)).collect::<Result<Vec<_>>>()?;
    let shape = (selection.len(), selection.dim());
    let mut sinks: Vec<Box<dyn Sink>> = vec![match format {
        Format::Npy => Box::new(npy::Npy::new(files[0].writer()?, shape)?),
        Format::Safetensors => Box::new(safetensors::Safetensors::new(files[0].writer()?, shape, entries)?),
        Format::Arrow => Box::new(arrow::Arrow::new(files[0].writer()?, shape.1)?),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(parquet::Parquet::new(files[0].writer()?, shape.1)?),
    }];
    if let Some(csv) = files.get(1) {
        sinks.push(Box::new(csv::Csv::new(csv.writer()?)?));
    }
    stream(selection, entries, &mut sinks, on_rows)?;
    sinks.into_iter().try_for_each(Sink::finish)?;
    files.into_iter().map(|file| file.persist(overwrite)).collect()
}

fn stream(
    selection: &Selection,
    entries: &[Entry],
    sinks: &mut [Box<dyn Sink>],
    on_rows: &mut dyn FnMut(usize),
) -> Result<()> {
    let rows = (CHUNK_BYTES / (4 * selection.dim())).max(1);
    let mut features = Array2::zeros((rows.min(entries.len()), selection.dim()));
    for (number, entries) in entries.chunks(rows).enumerate() {
        let positions: Vec<usize> = (number * rows..number * rows + entries.len()).collect();
        let mut part = features.slice_mut(s![..entries.len(), ..]);
        selection.gather_into(&positions, part.view_mut())?;
        sinks.iter_mut().try_for_each(|sink| sink.write(entries, part.view()))?;
        on_rows(entries.len());
    }
    Ok(())
}

/// A file that gets its name when it is complete.
struct Target {
    path: PathBuf,
    draft: Draft,
}

/// What the sinks write to: it names the file when something goes wrong.
struct Out {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Target {
    fn new(path: &Path, overwrite: bool) -> Result<Self> {
        if !overwrite && fs::symlink_metadata(path).is_ok() {
            return Err(Error::Exists { path: path.into() });
        }
        let draft = Draft::begin(path).map_err(|WriteError { path, source }| Error::write(&path)(source))?;
        Ok(Self { path: path.into(), draft })
    }

    fn writer(&self) -> Result<Out> {
        let file = self.draft.file().try_clone().map_err(Error::write(&self.path))?;
        Ok(Out { path: self.path.clone(), file: BufWriter::with_capacity(1 << 20, file) })
    }

    fn persist(self, overwrite: bool) -> Result<PathBuf> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Exists { path: self.path.clone() },
            _ => Error::write(&self.path)(error),
        };
        let named = if overwrite { self.draft.put() } else { self.draft.put_new() };
        named.map_err(failed)?;
        Ok(self.path)
    }
}

impl Out {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::write(&self.path))
    }

    /// Little-endian, row by row.
    fn put_numbers(&mut self, features: ArrayView2<f32>) -> Result<()> {
        let bytes: Vec<u8> = features.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.put(&bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(Error::write(&self.path))
    }
}
