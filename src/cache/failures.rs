//! Images that gave no features: noted once, tried again when they have changed.
//!
//! Each process appends lines to a CSV file of its own. A line ends in the CRC-32C of what stands before its last
//! comma, and holds no line break, so damage costs the lines that it hits.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::append::AppendFile;
use super::directory::paths_in;
use super::format::Flaw;
use super::segment::Region;
use super::{Error, Facts, FailureKind, Key, Result, Store};

const SUFFIX: &str = ".failures.csv";
const EXTENSION: &str = "failures.csv";
const COLUMNS: [&str; 8] = ["path", "key", "stage", "kind", "reason", "size", "modified", "time"];
/// In place of a kind: the line takes back an earlier one of its path.
const RESOLVED: &str = "resolved";

/// What of a file's [`Facts`] decides whether it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// As the caller names it.
    pub path: PathBuf,
    /// None if its bytes could not be read.
    pub key: Option<Key>,
    /// None if there is no such file.
    pub stamp: Option<Stamp>,
    /// Where it happened: `read`, `decode`, `resize`, `infer`.
    pub stage: String,
    /// What happened.
    pub kind: FailureKind,
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
        self.append(encode(failure)?)
    }

    /// Notes that an image which failed before gave features after all.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn resolve(&mut self, path: &Path) -> Result<()> {
        self.append(line([
            escape(path),
            "".into(),
            "".into(),
            RESOLVED.into(),
            "".into(),
            "".into(),
            "".into(),
            now(),
        ])?)
    }

    fn append(&mut self, mut line: Vec<u8>) -> Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                line.splice(0..0, header().into_bytes());
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
        let (mut lines, damaged) = read(&self.segments_dir())?;
        // By time, and lines of one file in their order.
        lines.sort_by(|a, b| a.time.cmp(&b.time));
        let mut by_path = BTreeMap::new();
        for Line { path, failure, .. } in lines {
            match failure {
                Some(failure) => _ = by_path.insert(path, failure),
                None => _ = by_path.remove(&path),
            }
        }
        by_path.retain(|_, failure: &mut Failure| !failure.key.is_some_and(|key| self.contains(&key, 0)));
        Ok(Failures { by_key: keys_of(&by_path), by_path, damaged })
    }
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
            let texts = [key.as_str(), &failure.stage, failure.kind.name(), &failure.reason, &failure.time];
            csv.write_record(std::iter::once(path).chain(texts.map(str::as_bytes))).map_err(failed)?;
        }
        csv.flush().map_err(|error| failed(error.into()))
    }
}

fn keys_of(by_path: &BTreeMap<PathBuf, Failure>) -> HashMap<Key, PathBuf> {
    by_path.values().filter_map(|failure| Some((failure.key?, failure.path.clone()))).collect()
}

/// A line of a failures file.
struct Line {
    path: PathBuf,
    time: String,
    /// None if it takes back what stands before it.
    failure: Option<Failure>,
}

fn read(dir: &Path) -> Result<(Vec<Line>, usize)> {
    let (mut lines, mut damaged) = (Vec::new(), 0);
    for path in files_in(dir)? {
        let bytes = fs::read(&path).map_err(Error::read(&path))?;
        for line in lines_of(&bytes).map(|(_, line)| line) {
            match decode(line) {
                Some(line) => lines.push(line),
                None => damaged += 1,
            }
        }
    }
    Ok((lines, damaged))
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn files_in(dir: &Path) -> Result<impl Iterator<Item = PathBuf>> {
    Ok(paths_in(dir)?.into_iter().filter(|path| path.to_string_lossy().ends_with(SUFFIX)))
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

fn header() -> String {
    format!("{},check\n", COLUMNS.join(","))
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

fn encode(failure: &Failure) -> Result<Vec<u8>> {
    let number = |value: Option<String>| value.unwrap_or_default();
    line([
        escape(&failure.path),
        number(failure.key.map(|key| key.to_string())),
        one_line(&failure.stage),
        failure.kind.name().into(),
        one_line(&failure.reason),
        number(failure.stamp.map(|stamp| stamp.size.to_string())),
        number(failure.stamp.map(|stamp| stamp.modified.to_string())),
        if failure.time.is_empty() { now() } else { one_line(&failure.time) },
    ])
}

/// The cells with their checksum, line break included.
fn line(cells: [String; COLUMNS.len()]) -> Result<Vec<u8>> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b',')).from_writer(Vec::new());
    csv.write_record(&cells).map_err(|source| Error::Csv { source })?;
    let mut line = csv.into_inner().map_err(|error| Error::Csv { source: error.into_error().into() })?;
    let check = crc32c::crc32c(&line[..line.len() - 1]);
    line.extend_from_slice(format!("{check:08x}\n").as_bytes());
    Ok(line)
}

fn decode(line: &[u8]) -> Option<Line> {
    let comma = line.iter().rposition(|b| *b == b',')?;
    let (body, check) = (&line[..comma], &line[comma + 1..]);
    if format!("{:08x}", crc32c::crc32c(body)).as_bytes() != check {
        return None;
    }
    let record = csv::ReaderBuilder::new().has_headers(false).from_reader(body).records().next()?.ok()?;
    let cells: [&str; COLUMNS.len()] = record.iter().collect::<Vec<_>>().try_into().ok()?;
    let [path, key, stage, kind, reason, size, modified, time] = cells;
    let (path, time) = (unescape(path)?, time.to_owned());
    if kind == RESOLVED {
        return Some(Line { path, time, failure: None });
    }
    let stamp = match (size, modified) {
        ("", "") => None,
        _ => Some(Stamp { size: size.parse().ok()?, modified: modified.parse().ok()? }),
    };
    let failure = Failure {
        path: path.clone(),
        key: if key.is_empty() { None } else { Some(key.parse().ok()?) },
        stamp,
        stage: stage.into(),
        kind: kind.parse().ok()?,
        reason: reason.into(),
        time: time.clone(),
    };
    Some(Line { path, time, failure: Some(failure) })
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
