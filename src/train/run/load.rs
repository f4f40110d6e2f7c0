//! Reading a run, of which nothing is believed without a check.

use std::{fs, io, path::Path};

use super::{
    HEAD, HISTORY, INFO, METRICS, Run, RunInfo, RunSummary, TrainingMetrics,
    info::{Version, Versioned},
};
use crate::{
    nn::{self, FormatError, Head},
    train::{Error, History},
};

impl RunSummary {
    /// Read what the run in this folder says of itself. That its other files are there is looked at; what is in them
    /// is [`Run::load`]'s to check.
    ///
    /// # Errors
    /// As [`Run::load`].
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let info = load_info(dir)?;
        for file in [HEAD, HISTORY] {
            let path = dir.join(file);
            fs::metadata(&path).map_err(|source| missing_is_damage(&path, source))?;
        }
        Ok(Self { dir: dir.into(), info, metrics: load_metrics(dir)? })
    }
}

impl Run {
    /// Load the run in this folder.
    ///
    /// # Errors
    /// - [`Error::NotARun`]: there is no `run.toml`
    /// - [`Error::NewerRun`]: it was written by a later version
    /// - [`Error::Damaged`], [`Error::Contradiction`]: a file cannot be understood, or says what another denies
    /// - [`Error::Read`]: the system does not give a file out
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let info = load_info(dir)?;
        let head = load_head(&dir.join(HEAD))?;
        let history_path = dir.join(HISTORY);
        let history = History::read_csv(read(&history_path)?.as_slice()).map_err(damaged(&history_path))?;
        let metrics = load_metrics(dir)?;
        for (what, expected, found) in [
            ("the number of classes", info.classes.len(), head.config().classes),
            ("the feature size", info.features.size, head.config().inputs),
        ] {
            if expected != found {
                return Err(Error::Contradiction { path: dir.into(), what, expected, found });
            }
        }
        Ok(Self { dir: dir.into(), info, head, history, metrics })
    }
}

fn load_info(dir: &Path) -> Result<RunInfo, Error> {
    let path = dir.join(INFO);
    let bytes = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotARun { path: dir.into() },
        _ => Error::Read { path: path.clone(), source },
    })?;
    let text = String::from_utf8(bytes).map_err(damaged(&path))?;
    let Version { format: found } = toml::from_str(&text).map_err(damaged(&path))?;
    if found > Version::KNOWN {
        return Err(Error::NewerRun { path, found, known: Version::KNOWN });
    }
    let Versioned { info, .. } = toml::from_str(&text).map_err(damaged(&path))?;
    Ok(info)
}

fn load_metrics(dir: &Path) -> Result<TrainingMetrics, Error> {
    let path = dir.join(METRICS);
    serde_json::from_slice(&read(&path)?).map_err(damaged(&path))
}

fn load_head(path: &Path) -> Result<Head, Error> {
    Head::load(path).map_err(|error| match error {
        nn::Error::Format { source: FormatError::Newer { found, known }, path } => {
            Error::NewerRun { path, found, known }
        }
        nn::Error::Format { source, path } => Error::Damaged { path, source: source.into() },
        nn::Error::Read { source, path } => missing_is_damage(&path, source),
        nn::Error::Write { source, path } => Error::Write { path, source },
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| missing_is_damage(path, source))
}

/// A run without one of its files is a damaged run.
fn missing_is_damage(path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound => damaged(path)(source),
        _ => Error::Read { path: path.into(), source },
    }
}

fn damaged<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl Fn(E) -> Error {
    move |source| Error::Damaged { path: path.into(), source: source.into() }
}
