//! Images that gave no features: noted once, tried again when they have changed.
//!
//! Each process appends lines to a CSV file of its own. A line ends in the CRC-32C of what stands before its last
//! comma, and holds no line break, so damage costs the lines that it hits.

mod line;
mod tidy;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::append::AppendFile;
use super::directory::paths_in;
use super::format::Flaw;
use super::segment::Region;
use super::{Error, FailureKind, FileFacts, Fingerprint, Key, Result, Store, store};
use headstart_base::files::{as_path_text, path_text};
use line::{Line, decode, encode, encode_resolved, header, now};
pub(super) use tidy::tidy;

const SUFFIX: &str = ".failures.csv";
const EXTENSION: &str = "failures.csv";

/// What of a file's [`FileFacts`] decides whether it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stamp {
    /// In bytes.
    pub size: u64,
    /// In nanoseconds since 1970.
    pub modified: i128,
}

impl From<&FileFacts> for Stamp {
    fn from(facts: &FileFacts) -> Self {
        Self { size: facts.size, modified: facts.modified }
    }
}

/// An image that gave no features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// As the caller names it.
    #[serde(serialize_with = "as_path_text")]
    pub path: PathBuf,
    /// None if its bytes could not be read.
    pub key: Option<Key>,
    /// None if there is no such file.
    pub stamp: Option<Stamp>,
    /// Where it happened: `read`, `library`, `decode`, `resize`, `infer`.
    pub stage: String,
    /// What happened.
    pub kind: FailureKind,
    /// A sentence for people.
    pub reason: String,
    /// The number of the decoders that tried; 1 if version 0.1.0 did.
    pub revision: u32,
    /// When, in RFC 3339; [`FailureLog::record`] fills it in if it is empty.
    pub time: String,
}

impl Failure {
    /// Whether decoders of this revision need not try the same bytes.
    pub fn is_known_to(&self, revision: u32) -> bool {
        match self.stage.as_str() {
            // For want of something that may be installed meanwhile.
            "library" => false,
            "decode" | "resize" => self.revision >= revision,
            // What it rests on has not changed, or is looked at in another way.
            _ => true,
        }
    }
}

/// Notes failures in a file of this process; none is made as long as nothing fails.
pub struct FailureLog {
    /// Of the store, which may have to be made first.
    store: PathBuf,
    fingerprint: Fingerprint,
    dir: PathBuf,
    file: Option<AppendFile>,
}

impl FailureLog {
    /// Of failures to compute the rows of `store`.
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.dir().to_path_buf(),
            fingerprint: store.fingerprint().clone(),
            dir: store.segments_dir(),
            file: None,
        }
    }

    /// Notes a failure, at once.
    ///
    /// # Errors
    /// [`Error::NotWritable`], [`Error::DiskFull`] or [`Error::Write`].
    pub fn record(&mut self, failure: &Failure) -> Result<()> {
        self.append(encode(failure)?)
    }

    /// Notes that an image which failed before gave features after all.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn resolve(&mut self, path: &Path) -> Result<()> {
        self.append(encode_resolved(path, now())?)
    }

    fn append(&mut self, mut line: Vec<u8>) -> Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                line.splice(0..0, header().into_bytes());
                store::make(&self.store, &self.fingerprint)?;
                AppendFile::create(&self.dir, EXTENSION)?
            }
        };
        // Put back only if all went well: a line after half a line would be lost with it.
        file.append(&line)?;
        self.file = Some(file);
        Ok(())
    }
}

/// The failures that all processes noted, the latest of each path.
#[derive(Debug, Clone, Default)]
pub struct Failures {
    by_path: BTreeMap<PathBuf, Failure>,
    by_key: HashMap<Key, PathBuf>,
    damaged: usize,
}

impl Store {
    /// The failures that still stand: not those of images that have features by now.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn failures(&self) -> Result<Failures> {
        let (lines, damaged) = read(&files_in(&self.segments_dir())?)?;
        let standing = latest(lines).into_values().filter(|line| self.stands(line));
        let by_path = standing.filter_map(|line| Some((line.path, line.failure?))).collect();
        Ok(Failures { by_key: keys_of(&by_path), by_path, damaged })
    }

    /// Not a failure that was taken back, nor one of an image that has features by now.
    fn stands(&self, line: &Line) -> bool {
        let Some(failure) = &line.failure else { return false };
        !failure.key.is_some_and(|key| self.contains(&key, 0))
    }
}

/// The last line of each path: by time, and lines of one file in their order.
fn latest(mut lines: Vec<Line>) -> BTreeMap<PathBuf, Line> {
    lines.sort_by(|a, b| a.time.cmp(&b.time));
    lines.into_iter().map(|line| (line.path.clone(), line)).collect()
}

impl Failures {
    /// How many files failed.
    pub fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Whether no file failed.
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// Sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &Failure> {
        self.by_path.values()
    }

    /// Lines that could not be read.
    pub fn damaged_lines(&self) -> usize {
        self.damaged
    }

    /// Those at these paths alone.
    #[must_use]
    pub fn among<'p>(&self, paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let failures = paths.into_iter().filter_map(|path| self.by_path.get(path));
        let by_path: BTreeMap<_, _> = failures.map(|f| (f.path.clone(), f.clone())).collect();
        let by_key = keys_of(&by_path);
        Self { by_path, by_key, damaged: self.damaged }
    }

    /// The failure of the image with these bytes, whatever it is called now.
    pub fn of_key(&self, key: &Key) -> Option<&Failure> {
        self.by_path.get(self.by_key.get(key)?)
    }

    /// The failure at this path if the file has not changed since: what need not be tried again.
    pub fn of_file(&self, path: &Path, stamp: Option<Stamp>) -> Option<&Failure> {
        self.by_path.get(path).filter(|failure| failure.stamp == stamp)
    }

    /// The first line of what [`write_csv`](Self::write_csv) writes.
    pub const CSV_HEADER: &str = "path,key,stage,kind,reason,time";

    /// Writes [`CSV_HEADER`](Self::CSV_HEADER) and a failure a line; paths as [`path_text`] has them, so that the file can be
    /// read as a manifest.
    ///
    /// # Errors
    /// [`Error::Csv`].
    pub fn write_csv(&self, out: impl Write) -> Result<()> {
        let failed = |source| Error::Csv { source };
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(Self::CSV_HEADER.split(',')).map_err(failed)?;
        for failure in self.iter() {
            let key = failure.key.map_or(String::new(), |key| key.to_string());
            let path = path_text(&failure.path);
            let (stage, kind) = (failure.stage.as_str(), failure.kind.name());
            csv.write_record([&path, &*key, stage, kind, &failure.reason, &failure.time]).map_err(failed)?;
        }
        csv.flush().map_err(|error| failed(error.into()))
    }
}

/// By key the path of its failure; of several that of the latest decoders.
fn keys_of(by_path: &BTreeMap<PathBuf, Failure>) -> HashMap<Key, PathBuf> {
    let mut failures: Vec<_> = by_path.values().collect();
    failures.sort_by_key(|failure| failure.revision);
    failures.into_iter().filter_map(|failure| Some((failure.key?, failure.path.clone()))).collect()
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = paths_in(dir)?;
    paths.retain(|path| path.to_string_lossy().ends_with(SUFFIX));
    Ok(paths)
}

fn read(files: &[PathBuf]) -> Result<(Vec<Line>, usize)> {
    let (mut lines, mut damaged) = (Vec::new(), 0);
    for path in files {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            // Between the listing and now `gc` put another in its place; what it held is computed or tried again.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::read(path)(error)),
        };
        for line in lines_of(&bytes).map(|(_, line)| line) {
            match decode(line) {
                Some(line) => lines.push(line),
                None => damaged += 1,
            }
        }
    }
    Ok((lines, damaged))
}

/// Each line with a failure, or what was one, and where it begins.
fn lines_of(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let header = header();
    let mut next = 0;
    let lines = bytes.split(|b| *b == b'\n').map(move |line| {
        let start = next;
        next += line.len() + 1;
        (start, line)
    });
    lines.filter(move |(_, line)| !line.is_empty() && *line != header.trim_ascii_end().as_bytes())
}

/// Lines in a folder's files that fail their checksum. One that the end of its file cut off is torn, no more.
pub(super) fn damage(dir: &Path) -> Result<Vec<(PathBuf, Region)>> {
    let mut damage = Vec::new();
    for path in files_in(dir)? {
        let bytes = fs::read(&path).map_err(Error::read(&path))?;
        for (start, line) in lines_of(&bytes).filter(|(_, line)| decode(line).is_none()) {
            let place = start..start + line.len();
            let torn = place.end == bytes.len();
            let flaw = if torn { Flaw::Torn } else { Flaw::Damaged("a line that fails its checksum") };
            damage.push((path.clone(), Region { place, flaw }));
        }
    }
    Ok(damage)
}
