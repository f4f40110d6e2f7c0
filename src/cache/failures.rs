//! Images that gave no features: noted once, tried again when they have changed.
//!
//! Each process appends lines to a CSV file of its own. A line ends in the CRC-32C of what stands before its last
//! comma, and holds no line break, so damage costs the lines that it hits.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::append::{AppendFile, sync_dir};
use super::directory::paths_in;
use super::hold::Writer;
use super::{Error, Facts, Key, Result, Store};

const SUFFIX: &str = ".failures.csv";
const EXTENSION: &str = "failures.csv";
const COLUMNS: [&str; 8] = ["path", "key", "stage", "kind", "reason", "size", "modified", "time"];
/// Kind of a line that takes back an earlier one.
const RESOLVED: &str = "resolved";

/// What of a file's [`Facts`] decides whether it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stamp {
    /// In bytes.
    pub size: u64,
    /// In nanoseconds since 1970.
    pub modified: i128,
}

impl From<&Facts> for Stamp {
    fn from(facts: &Facts) -> Self {
        Self { size: facts.size, modified: facts.modified }
    }
}

/// An image that gave no features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// As the caller names it.
    pub path: PathBuf,
    /// None if its bytes could not be read.
    pub key: Option<Key>,
    /// None if there is no such file.
    pub stamp: Option<Stamp>,
    /// Where it happened: `read`, `decode`, `resize`, `infer`.
    pub stage: String,
    /// What happened, as one word or two: `missing`, `truncated`.
    pub kind: String,
    /// A sentence for people.
    pub reason: String,
    /// When, in RFC 3339; [`FailureLog::record`] fills it in if it is empty.
    pub time: String,
}

/// Notes failures in a file of this process; none is made as long as nothing fails.
pub struct FailureLog {
    dir: PathBuf,
    file: Option<AppendFile>,
}

impl FailureLog {
    /// Of failures to compute the rows of `store`.
    pub fn new(store: &Store) -> Self {
        Self { dir: store.segments_dir(), file: None }
    }

    /// Notes a failure, at once.
    ///
    /// # Errors
    /// [`Error::NotWritable`], [`Error::DiskFull`] or [`Error::Write`].
    pub fn record(&mut self, failure: &Failure) -> Result<()> {
        let mut line = encode(failure)?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                line.splice(0..0, header());
                AppendFile::create(&self.dir, EXTENSION)?
            }
        };
        // Put back only if all went well: a line after half a line would be lost with it.
        file.append(&line)?;
        self.file = Some(file);
        Ok(())
    }

    /// Notes that an image which failed before gave features after all.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn resolve(&mut self, path: &Path) -> Result<()> {
        let text = String::new;
        let (path, kind) = (path.into(), RESOLVED.into());
        self.record(&Failure {
            path,
            key: None,
            stamp: None,
            stage: text(),
            kind,
            reason: text(),
            time: text(),
        })
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
        let (failures, damaged) = read(&files_in(&self.segments_dir())?)?;
        let mut by_path = latest(failures);
        by_path.retain(|_, failure| self.stands(failure));
        let by_key = by_path.values().filter_map(|f| Some((f.key?, f.path.clone()))).collect();
        Ok(Failures { by_path, by_key, damaged })
    }

    fn stands(&self, failure: &Failure) -> bool {
        failure.kind != RESOLVED && !failure.key.is_some_and(|key| self.contains(&key, 0))
    }
}

/// By time, and lines of one file in their order.
fn latest(mut failures: Vec<Failure>) -> BTreeMap<PathBuf, Failure> {
    failures.sort_by(|a, b| a.time.cmp(&b.time));
    failures.into_iter().map(|failure| (failure.path.clone(), failure)).collect()
}

impl Failures {
    pub fn len(&self) -> usize {
        self.by_path.len()
    }

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

    /// The failure of the image with these bytes, whatever it is called now.
    pub fn of_key(&self, key: &Key) -> Option<&Failure> {
        self.by_path.get(self.by_key.get(key)?)
    }

    /// The failure at this path if the file has not changed since: what need not be tried again.
    pub fn of_file(&self, path: &Path, stamp: Option<Stamp>) -> Option<&Failure> {
        self.by_path.get(path).filter(|failure| failure.stamp == stamp)
    }

    /// Writes `path,key,stage,kind,reason,time`, a failure a line, paths byte for byte on Unix.
    ///
    /// # Errors
    /// [`Error::Csv`].
    pub fn write_csv(&self, out: impl Write) -> Result<()> {
        let failed = |source| Error::Csv { source };
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["path", "key", "stage", "kind", "reason", "time"]).map_err(failed)?;
        for failure in self.iter() {
            let key = failure.key.map_or(String::new(), |key| key.to_string());
            let path = failure.path.as_os_str().as_encoded_bytes();
            let texts = [&key, &failure.stage, &failure.kind, &failure.reason, &failure.time];
            csv.write_record(std::iter::once(path).chain(texts.map(String::as_bytes))).map_err(failed)?;
        }
        csv.flush().map_err(|error| failed(error.into()))
    }
}

/// Drops the lines of failures that no longer stand and puts the others into one file; how many lines.
///
/// A file that is being written may hold what another takes back, so as long as there is one all stay.
pub(super) fn tidy(store: &Store, dry_run: bool) -> Result<usize> {
    let dir = store.segments_dir();
    let files = files_in(&dir)?;
    if !files.iter().all(|path| Writer::of(path).is_done(false)) {
        return Ok(0);
    }
    let (lines, damaged) = read(&files)?;
    let total = lines.len() + damaged;
    let mut latest = latest(lines);
    let all: Vec<Failure> = latest.values().cloned().collect();
    latest.retain(|_, failure| store.stands(failure));
    let superseded = total - latest.len();
    if !dry_run && (superseded > 0 || files.len() > 1) {
        // In two steps, so that a kill between them leaves no failure without the line that takes it back.
        let all = replace(&dir, &files, &all)?;
        let standing: Vec<Failure> = latest.into_values().collect();
        replace(&dir, all.as_slice(), &standing)?;
    }
    Ok(superseded)
}

/// Writes a file with these lines, if there are any, and then removes the old ones.
fn replace(dir: &Path, old: &[PathBuf], lines: &[Failure]) -> Result<Option<PathBuf>> {
    let mut new = None;
    if !lines.is_empty() {
        let mut bytes = header();
        for line in lines {
            bytes.extend(encode(line)?);
        }
        let mut file = AppendFile::create(dir, EXTENSION)?;
        file.append(&bytes)?;
        file.sync()?;
        sync_dir(dir)?;
        new = Some(file.path().to_owned());
    }
    old.iter().try_for_each(|path| fs::remove_file(path).map_err(Error::write(path)))?;
    Ok(new)
}

fn header() -> Vec<u8> {
    format!("{},check\n", COLUMNS.join(",")).into_bytes()
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = paths_in(dir)?;
    paths.retain(|path| path.to_string_lossy().ends_with(SUFFIX));
    Ok(paths)
}

fn read(files: &[PathBuf]) -> Result<(Vec<Failure>, usize)> {
    let (mut failures, mut damaged) = (Vec::new(), 0);
    for path in files {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            // Between the listing and now `gc` put another in its place; what it held is computed or tried again.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::read(path)(error)),
        };
        for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty() && !l.starts_with(b"path,")) {
            match decode(line) {
                Some(failure) => failures.push(failure),
                None => damaged += 1,
            }
        }
    }
    Ok((failures, damaged))
}

/// One line, line break included.
fn encode(failure: &Failure) -> Result<Vec<u8>> {
    let now = || jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let time = if failure.time.is_empty() { now() } else { one_line(&failure.time) };
    let number = |value: Option<String>| value.unwrap_or_default();
    let cells = [
        escape(&failure.path),
        number(failure.key.map(|key| key.to_string())),
        one_line(&failure.stage),
        one_line(&failure.kind),
        one_line(&failure.reason),
        number(failure.stamp.map(|stamp| stamp.size.to_string())),
        number(failure.stamp.map(|stamp| stamp.modified.to_string())),
        time,
    ];
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b',')).from_writer(Vec::new());
    csv.write_record(&cells).map_err(|source| Error::Csv { source })?;
    let mut line = csv.into_inner().map_err(|error| Error::Csv { source: error.into_error().into() })?;
    let check = crc32c::crc32c(&line[..line.len() - 1]);
    line.extend_from_slice(format!("{check:08x}\n").as_bytes());
    Ok(line)
}

fn decode(line: &[u8]) -> Option<Failure> {
    let comma = line.iter().rposition(|b| *b == b',')?;
    let (body, check) = (&line[..comma], &line[comma + 1..]);
    if format!("{:08x}", crc32c::crc32c(body)).as_bytes() != check {
        return None;
    }
    let record = csv::ReaderBuilder::new().has_headers(false).from_reader(body).records().next()?.ok()?;
    let cells: [&str; COLUMNS.len()] = record.iter().collect::<Vec<_>>().try_into().ok()?;
    let [path, key, stage, kind, reason, size, modified, time] = cells;
    let stamp = match (size, modified) {
        ("", "") => None,
        _ => Some(Stamp { size: size.parse().ok()?, modified: modified.parse().ok()? }),
    };
    Some(Failure {
        path: unescape(path)?,
        key: if key.is_empty() { None } else { Some(key.parse().ok()?) },
        stamp,
        stage: stage.into(),
        kind: kind.into(),
        reason: reason.into(),
        time: time.into(),
    })
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A path as one line of text that can be read back: what is no text, a control character or `%` becomes `%XX`.
fn escape(path: &Path) -> String {
    let percent = |bytes: &[u8]| bytes.iter().map(|b| format!("%{b:02X}")).collect::<String>();
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '%' {
                text.push_str(&percent(c.encode_utf8(&mut [0; 4]).as_bytes()));
            } else {
                text.push(c);
            }
        }
        text.push_str(&percent(chunk.invalid()));
    }
    text
}

fn unescape(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(os_string(bytes).into())
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
