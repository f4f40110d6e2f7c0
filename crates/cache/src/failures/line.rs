//! One line of a failures file.

use std::path::{Path, PathBuf};

use super::{Failure, Stamp};
use crate::{Error, Result};
use headstart_base::files::{of_percent, percent};

const COLUMNS: [&str; 8] = ["path", "key", "stage", "kind", "reason", "size", "modified", "time"];
/// Between a stage and the number of the decoders, where that is not 1. Version 0.1.0 takes both for the stage.
const REVISION: char = '@';
/// In place of a kind: the line takes back an earlier one of its path.
const RESOLVED: &str = "resolved";

/// A line, read.
#[derive(Clone)]
pub(super) struct Line {
    pub path: PathBuf,
    pub time: String,
    /// None if it takes back what stands before it.
    pub failure: Option<Failure>,
}

impl Line {
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        match &self.failure {
            Some(failure) => encode(failure),
            None => encode_resolved(&self.path, self.time.clone()),
        }
    }
}

/// What a file begins with.
pub(super) fn header() -> String {
    format!("{},check\n", COLUMNS.join(","))
}

pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A failure's line.
pub(super) fn encode(failure: &Failure) -> Result<Vec<u8>> {
    let number = |value: Option<String>| value.unwrap_or_default();
    line([
        percent(&failure.path),
        number(failure.key.map(|key| key.to_string())),
        match failure.revision {
            1 => one_line(&failure.stage),
            revision => format!("{}{REVISION}{revision}", one_line(&failure.stage)),
        },
        failure.kind.name().into(),
        one_line(&failure.reason),
        number(failure.stamp.map(|stamp| stamp.size.to_string())),
        number(failure.stamp.map(|stamp| stamp.modified.to_string())),
        if failure.time.is_empty() { now() } else { one_line(&failure.time) },
    ])
}

/// The line that takes back what stands of a path before it.
pub(super) fn encode_resolved(path: &Path, time: String) -> Result<Vec<u8>> {
    let none = String::new;
    line([percent(path), none(), none(), RESOLVED.into(), none(), none(), none(), time])
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

/// None if the checksum fails.
pub(super) fn decode(line: &[u8]) -> Option<Line> {
    let comma = line.iter().rposition(|b| *b == b',')?;
    let (body, check) = (&line[..comma], &line[comma + 1..]);
    if format!("{:08x}", crc32c::crc32c(body)).as_bytes() != check {
        return None;
    }
    let record = csv::ReaderBuilder::new().has_headers(false).from_reader(body).records().next()?.ok()?;
    let cells: [&str; COLUMNS.len()] = record.iter().collect::<Vec<_>>().try_into().ok()?;
    let [path, key, stage, kind, reason, size, modified, time] = cells;
    let (path, time) = (of_percent(path)?, time.to_owned());
    if kind == RESOLVED {
        return Some(Line { path, time, failure: None });
    }
    let stamp = match (size, modified) {
        ("", "") => None,
        _ => Some(Stamp { size: size.parse().ok()?, modified: modified.parse().ok()? }),
    };
    let (stage, revision) = match stage.rsplit_once(REVISION) {
        Some((stage, revision)) => (stage, revision.parse().ok()?),
        None => (stage, 1),
    };
    let failure = Failure {
        path: path.clone(),
        key: if key.is_empty() { None } else { Some(key.parse().ok()?) },
        stamp,
        stage: stage.into(),
        kind: kind.parse().ok()?,
        reason: reason.into(),
        revision,
        time: time.clone(),
    };
    Some(Line { path, time, failure: Some(failure) })
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
