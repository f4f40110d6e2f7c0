//! A training on disk, to go on with.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{Error, History, TrainConfig, trainer::Progress};
use crate::{
    nn::{
        FormatError, Head, HeadConfig,
        tensors::{self, Reader, Tensor},
    },
    optim::{Slot, State},
};

const KEY: &str = "headstart.checkpoint";
const FORMAT: u32 = 1;

/// Everything a training has come to: weights, the optimizer's arrays, how far it is and the history.
///
/// One safetensors file; all but the arrays is JSON in its header.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub(super) config: TrainConfig,
    pub(super) head: Head,
    pub(super) optimizer: State<f32>,
    pub(super) progress: Progress,
    pub(super) history: History,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    format: u32,
    settings: TrainConfig,
    head: HeadConfig,
    optimizer_step: u64,
    optimizer_slots: Vec<String>,
    progress: Progress,
    history: History,
}

/// Read before the rest, which a later format may spell in another way.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Checkpoint {
    /// The settings that were in force.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The head as it was.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Figures of the epochs completed by then.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Write it to a file, which is replaced whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        tensors::write_atomically(path, &self.to_bytes())
            .map_err(|source| Error::Write { path: path.into(), source })
    }

    /// Read it from a file, of which nothing is believed without a check.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Checkpoint`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
        Self::from_bytes(&bytes).map_err(|source| Error::Checkpoint { path: path.into(), source })
    }

    /// The settings of this checkpoint are `config`, but perhaps for the number of epochs.
    pub(super) fn require_settings(&self, config: &TrainConfig) -> Result<(), Error> {
        let settings =
            |config: &TrainConfig| toml::Table::try_from(config).expect("checked settings are TOML");
        let (mine, theirs) = (settings(&self.config), settings(config));
        let other =
            mine.iter().find(|(setting, value)| *setting != "epochs" && theirs.get(*setting) != Some(value));
        other.map_or(Ok(()), |(setting, expected)| {
            let (expected, found) = (expected.to_string(), theirs[setting].to_string());
            Err(Error::OtherSettings { setting: setting.clone(), expected, found })
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let entry = Entry {
            format: FORMAT,
            settings: self.config.clone(),
            head: self.head.config().clone(),
            optimizer_step: self.optimizer.step,
            optimizer_slots: self.optimizer.slots.iter().map(|slot| slot.name.clone()).collect(),
            progress: self.progress.clone(),
            history: self.history.clone(),
        };
        let mut all = self.head.tensors("head.");
        for slot in &self.optimizer.slots {
            // Named and shaped as the parameters they belong to.
            let places = self.head.tensors(&prefix(&slot.name));
            all.extend(
                places.into_iter().zip(&slot.arrays).map(|(place, values)| Tensor { values, ..place }),
            );
        }
        tensors::to_bytes(KEY, &entry, &all)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes)?;
        let Version { format } = reader.entry(KEY)?;
        if format > FORMAT {
            return Err(FormatError::Newer { found: format, known: FORMAT });
        }
        let entry: Entry = reader.entry(KEY)?;
        let shape = entry.head.check()?;
        let head = Head::take(&mut reader, "head.", shape.clone())?;
        let mut slots = Vec::new();
        for name in entry.optimizer_slots {
            // An array for each parameter, so it can be read as a head can.
            let arrays = Head::take(&mut reader, &prefix(&name), shape.clone())?;
            slots.push(Slot { name, arrays: arrays.parameters().into_iter().cloned().collect() });
        }
        reader.finish()?;
        let optimizer = State { step: entry.optimizer_step, slots };
        let (config, progress, history) = (entry.settings, entry.progress, entry.history);
        Ok(Self { config, head, optimizer, progress, history })
    }
}

fn prefix(slot: &str) -> String {
    format!("optimizer.{slot}.")
}
