//! A training as bytes, to go on with.

use serde::{Deserialize, Serialize};

use super::{
    Error, History, TrainConfig,
    trainer::{Best, Progress},
};
use crate::layers::{
    FormatError, Head, HeadConfig,
    tensors::{self, Reader, Tensor},
};
use crate::optim::{Slot, State};

const KEY: &str = "headstart.checkpoint";
/// 2: more settings, and the best weights. 1 can be read: what it lacks is at its default.
const FORMAT: u32 = 2;

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
    pub(super) best: Option<Best>,
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
    /// That whose head is there too.
    best_epoch: Option<usize>,
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

    /// The settings of this checkpoint are `config`, but perhaps for the number of epochs, if that is all it is.
    pub(super) fn require_settings(&self, config: &TrainConfig) -> Result<(), Error> {
        let settings =
            |config: &TrainConfig| toml::Table::try_from(config).expect("checked settings are TOML");
        let (mine, theirs) = (settings(&self.config), settings(config));
        let matters = |setting: &str| setting != "epochs" || config.epochs_shape_the_rate();
        // What is not set in one of them is only in the other.
        let mut all = mine.keys().chain(theirs.keys());
        let other = all.find(|&setting| matters(setting) && mine.get(setting) != theirs.get(setting));
        other.map_or(Ok(()), |setting| {
            let written =
                |table: &toml::Table| table.get(setting).map_or("not set".into(), |v| v.to_string());
            let (expected, found) = (written(&mine), written(&theirs));
            Err(Error::OtherSettings { setting: setting.clone(), expected, found })
        })
    }

    /// The bytes of a safetensors file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = Entry {
            format: FORMAT,
            settings: self.config.clone(),
            head: self.head.config().clone(),
            optimizer_step: self.optimizer.step,
            optimizer_slots: self.optimizer.slots.iter().map(|slot| slot.name.clone()).collect(),
            progress: self.progress.clone(),
            history: self.history.clone(),
            best_epoch: self.best.as_ref().map(|best| best.epoch),
        };
        let mut all = self.head.tensors("head.");
        for slot in &self.optimizer.slots {
            // Named and shaped as the parameters they belong to.
            let places = self.head.tensors(&prefix(&slot.name));
            all.extend(
                places.into_iter().zip(&slot.arrays).map(|(place, values)| Tensor { values, ..place }),
            );
        }
        all.extend(self.best.iter().flat_map(|best| best.head.tensors(BEST)));
        tensors::to_bytes(KEY, &entry, &all)
    }

    /// A checkpoint from such bytes, of which nothing is believed without a check.
    ///
    /// # Errors
    /// [`FormatError`] says what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
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
        let best = match entry.best_epoch {
            Some(epoch) => Some(Best { epoch, head: Head::take(&mut reader, BEST, shape)? }),
            None => None,
        };
        reader.finish()?;
        let optimizer = State { step: entry.optimizer_step, slots };
        let (config, progress, history) = (entry.settings, entry.progress, entry.history);
        Ok(Self { config, head, optimizer, progress, history, best })
    }
}

/// Before the names of the best epoch's tensors.
const BEST: &str = "best.";

fn prefix(slot: &str) -> String {
    format!("optimizer.{slot}.")
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use serde_json::{Map, Value};

    use super::*;
    use crate::train::{Flow, train};

    /// What the first format wrote: fewer settings, and no best epoch.
    #[test]
    fn a_checkpoint_of_the_first_format_can_be_gone_on_with() {
        const SETTINGS: [&str; 14] = [
            "hidden",
            "activation",
            "dropout",
            "optimizer",
            "learning_rate",
            "beta_1",
            "beta_2",
            "epsilon",
            "momentum",
            "nesterov",
            "epochs",
            "batch_size",
            "shuffle",
            "seed",
        ];
        let config = TrainConfig { hidden: vec![], epochs: 2, ..TrainConfig::default() };
        let rows = array![[0.0, 1.0], [1.0, 0.5]];
        let outcome = train(&config, &rows, &[0, 1], 2, None, &mut |_| Flow::Continue).unwrap();
        let checkpoint = outcome.checkpoint;
        let bytes = checkpoint.to_bytes();
        let mut entry: Map<String, Value> = Reader::new(&bytes).unwrap().entry(KEY).unwrap();
        entry.insert("format".into(), 1.into());
        entry.remove("best_epoch").unwrap();
        let settings = entry["settings"].as_object_mut().unwrap();
        settings.retain(|name, _| SETTINGS.contains(&name.as_str()));
        assert_eq!(settings.len(), SETTINGS.len());
        let mut tensors = checkpoint.head.tensors("head.");
        for slot in &checkpoint.optimizer.slots {
            let places = checkpoint.head.tensors(&prefix(&slot.name));
            tensors.extend(
                places.into_iter().zip(&slot.arrays).map(|(place, values)| Tensor { values, ..place }),
            );
        }
        let old = tensors::to_bytes(KEY, &entry, &tensors);
        assert_eq!(Checkpoint::from_bytes(&old).unwrap(), checkpoint);
    }
}
