//! Reading a run, of which nothing is believed without a check.

use std::{fs, io, path::Path};

use super::Error;
use super::{
    Calibration, HEAD, HISTORY, INFO, METRICS, Run, RunInfo, RunSummary, TrainingMetrics,
    file::{FORMAT, InfoFile, Version},
};
use headstart_base::files;
use headstart_nn::layers::{FormatError, Head};
use headstart_nn::train::History;

impl RunSummary {
    /// Read what the run in this folder says of itself. That its other files are there is looked at; what is in them
    /// is [`Run::load`]'s to check.
    ///
    /// # Errors
    /// As [`Run::load`].
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let info = load_info(dir)?;
        let trained = info.training().is_some();
        for file in [HEAD, HISTORY].into_iter().take(if trained { 2 } else { 1 }) {
            let path = dir.join(file);
            fs::metadata(&path).map_err(|source| or_lacks(&path, source))?;
        }
        let metrics = trained.then(|| load_metrics(dir)).transpose()?;
        Ok(Self { dir: dir.into(), info, metrics, calibration: Calibration::load(dir)? })
    }
}

impl Run {
    /// Load the run in this folder.
    ///
    /// # Errors
    /// - [`Error::NotARun`]: there is no `run.toml`
    /// - [`Error::NewerRun`]: it was written by a later version
    /// - [`Error::Lacks`]: one of its other files is not there
    /// - [`Error::Damaged`], [`Error::Contradiction`]: a file cannot be understood, or says what another denies
    /// - [`Error::Read`]: the system does not give a file out
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let mut run = Self::load_head(dir)?;
        if run.info.training().is_some() {
            run.history = load_history(dir)?;
            run.metrics = Some(load_metrics(dir)?);
        }
        Ok(run)
    }

    /// Load what it takes to answer: the head, what it tells apart, and its temperature. How it was trained may be lost; the
    /// history is not told.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_head(dir: &Path) -> Result<Self, Error> {
        let info = load_info(dir)?;
        let head = load_head(&dir.join(HEAD))?;
        for (what, expected, found) in [
            ("the number of classes", info.classes.len(), head.config().classes),
            ("the feature size", info.features.size, head.config().inputs),
        ] {
            if expected != found {
                return Err(Error::Contradiction { path: dir.into(), what, expected, found });
            }
        }
        let history = History::default();
        let metrics = info.training().and_then(|_| load_metrics(dir).ok());
        Ok(Self { dir: dir.into(), info, head, history, metrics, calibration: Calibration::load(dir)? })
    }
}

fn load_info(dir: &Path) -> Result<RunInfo, Error> {
    let path = dir.join(INFO);
    let text = read_text(&path)?.ok_or_else(|| Error::NotARun { path: dir.into() })?;
    let Version { format: found } = toml::from_str(&text).map_err(damaged(&path))?;
    if found > FORMAT {
        return Err(Error::NewerRun { path, found, known: FORMAT });
    }
    let file: InfoFile = toml::from_str(&text).map_err(damaged(&path))?;
    RunInfo::try_from(file).map_err(damaged(&path))
}

fn load_history(dir: &Path) -> Result<History, Error> {
    let path = dir.join(HISTORY);
    History::read_csv(read(&path)?.as_slice()).map_err(damaged(&path))
}

fn load_metrics(dir: &Path) -> Result<TrainingMetrics, Error> {
    let path = dir.join(METRICS);
    serde_json::from_slice(files::without_mark(&read(&path)?)).map_err(damaged(&path))
}

fn load_head(path: &Path) -> Result<Head, Error> {
    Head::from_bytes(&read(path)?).map_err(|error| match error {
        FormatError::Newer { found, known } => Error::NewerRun { path: path.into(), found, known },
        error => damaged(path)(error),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| or_lacks(path, source))
}

/// The text of a file; `None` if there is none.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, Error> {
    match files::read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(damaged(path)(error)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(Error::Read { path: path.into(), source }),
    }
}

/// A file that is not there is told as what the run lacks.
fn or_lacks(path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound => Error::Lacks {
            path: files::folder_of(path).into(),
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        },
        _ => Error::Read { path: path.into(), source },
    }
}

pub(super) fn damaged<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl Fn(E) -> Error {
    move |source| Error::Damaged { path: path.into(), source: source.into() }
}
