//! Curves of a training as TensorBoard reads them.
//!
//! ```text
//! DIR/events.out.tfevents.…              the settings, as text and for the hparams table
//! DIR/train/events.out.tfevents.…        epoch_loss, epoch_accuracy, epoch_learning_rate
//! DIR/validation/events.out.tfevents.…   epoch_loss, epoch_accuracy
//! ```
//!
//! Folders, tags and steps (the first epoch is 0) are those of Keras' `TensorBoard` callback, so curves of both lie over
//! each other. An [`EventFile`] takes whatever else a loop of your own has to show.

mod event_file;
mod proto;

use std::path::{Path, PathBuf};

use prost::Message;

use headstart_nn::train::{Ended, History, TrainConfig};

use crate::run::Error;

pub use event_file::EventFile;
use event_file::now;

/// Writes the curves of one training while it goes on.
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    about: EventFile,
    training: EventFile,
    /// Made when there is something to write.
    validation: Option<EventFile>,
    /// Epochs that are written.
    epochs: usize,
}

impl TensorBoard {
    /// Begin in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::CurvesExist`] if there are event files already: two trainings in one folder would be drawn as one curve.
    /// [`Error::Write`].
    pub fn create(folder: &Path, settings: &TrainConfig) -> Result<Self, Error> {
        let parts = ["", "train", "validation"].map(|part| folder.join(part));
        if parts.iter().any(|part| holds_events(part)) {
            return Err(Error::CurvesExist { path: folder.into() });
        }
        let mut about = EventFile::create(folder)?;
        about.value(0, session(SESSION_START, start(settings, now())))?;
        about.text("settings", 0, &listing(settings))?;
        about.flush()?;
        let training = EventFile::create(&parts[1])?;
        Ok(Self { folder: folder.into(), about, training, validation: None, epochs: 0 })
    }

    /// Write the epochs that are not yet written, for TensorBoard to see at once.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn follow(&mut self, history: &History) -> Result<(), Error> {
        for record in history.epochs.iter().skip(self.epochs) {
            // Numbers from 0, as Keras has it.
            let step = record.epoch as u64 - 1;
            for (tag, value) in [
                ("epoch_loss", record.loss),
                ("epoch_accuracy", record.accuracy),
                ("epoch_learning_rate", record.learning_rate),
            ] {
                self.training.scalar(tag, step, value as f32)?;
            }
            for (tag, value) in [("epoch_loss", record.val_loss), ("epoch_accuracy", record.val_accuracy)] {
                if let Some(value) = value {
                    self.validation()?.scalar(tag, step, value as f32)?;
                }
            }
        }
        self.epochs = history.epochs.len();
        self.training.flush()?;
        self.validation.as_mut().map_or(Ok(()), EventFile::flush)
    }

    /// Write how it ended; a training that was stopped, or failed (`None`), is no success.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(mut self, ended: Option<Ended>) -> Result<(), Error> {
        let status = match ended {
            Some(Ended::Completed) => proto::Status::Success,
            _ => proto::Status::Failure,
        };
        self.about.value(0, session(SESSION_END, end(status, now())))?;
        self.about.flush()
    }

    fn validation(&mut self) -> Result<&mut EventFile, Error> {
        let file = match self.validation.take() {
            Some(file) => file,
            None => EventFile::create(&self.folder.join("validation"))?,
        };
        Ok(self.validation.insert(file))
    }
}

fn holds_events(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("tfevents"))
}

const SESSION_START: &str = "_hparams_/session_start_info";
const SESSION_END: &str = "_hparams_/session_end_info";

/// A message of the hparams plugin: it travels in the metadata, and the tensor is empty.
fn session(tag: &str, session: proto::Session) -> proto::Value {
    let content = proto::HParams { session: Some(session) }.encode_to_vec();
    let plugin_data = proto::PluginData { plugin_name: "hparams".into(), content };
    let tensor_shape = proto::TensorShape { dim: vec![proto::Dimension { size: 0 }] };
    proto::Value {
        tag: tag.into(),
        tensor: Some(proto::Tensor {
            dtype: proto::DataType::Float.into(),
            tensor_shape: Some(tensor_shape),
            ..Default::default()
        }),
        metadata: Some(proto::SummaryMetadata { plugin_data: Some(plugin_data) }),
    }
}

fn start(settings: &TrainConfig, start_time_secs: f64) -> proto::Session {
    let hparams = table(settings).into_iter().map(|(name, value)| (name, setting(value))).collect();
    proto::Session::Start(proto::SessionStart { hparams, start_time_secs })
}

fn end(status: proto::Status, end_time_secs: f64) -> proto::Session {
    proto::Session::End(proto::SessionEnd { status: status.into(), end_time_secs })
}

fn table(settings: &TrainConfig) -> toml::Table {
    toml::Table::try_from(settings).expect("settings are a table of TOML")
}

fn setting(value: toml::Value) -> proto::Setting {
    use proto::SettingKind::{Bool, Number, String};
    let kind = match value {
        toml::Value::Boolean(value) => Bool(value),
        toml::Value::Integer(value) => Number(value as f64),
        toml::Value::Float(value) => Number(value),
        toml::Value::String(value) => String(value),
        list => String(list.to_string()),
    };
    proto::Setting { kind: Some(kind) }
}

/// The settings as they stand in a file, in Markdown: four spaces make it code.
fn listing(settings: &TrainConfig) -> String {
    let text = toml::to_string(settings).expect("settings are TOML");
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests;
