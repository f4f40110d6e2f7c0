//! `--tensorboard`: where the curves go, and what becomes of them if they cannot be written.

use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::files::of_system;
use headstart::run::Error;
use headstart::tensorboard::TensorBoard;
use headstart::train::{Ended, Event, TrainConfig};

use super::console::Console;

/// In the run's folder.
const FOLDER: &str = "tensorboard";

#[derive(Debug, clap::Args)]
pub struct TensorBoardArgs {
    /// Write curves for TensorBoard while training, into DIR or else into the run's folder
    // With `=`, for `--tensorboard MANIFEST` would take the manifest.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    tensorboard: Option<Option<PathBuf>>,
}

impl TensorBoardArgs {
    /// The run has no folder before it is complete, so its curves wait in a hidden one beside it.
    pub fn begin(&self, settings: &TrainConfig, runs: &Path) -> anyhow::Result<Curves> {
        let Some(wish) = &self.tensorboard else { return Ok(Curves { board: None, waiting: None }) };
        let waiting = match wish {
            Some(_) => None,
            None => Some(hidden_folder(runs)?),
        };
        let folder = waiting.as_ref().map(|waiting| waiting.path().join(FOLDER)).or(wish.clone());
        let folder = folder.expect("one or the other");
        Ok(Curves { board: Some(TensorBoard::create(&folder, settings)?), waiting })
    }
}

fn hidden_folder(runs: &Path) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix(".training-").tempdir_in(runs).map_err(of_system);
    folder.with_context(|| format!("cannot make a folder in `{}`", runs.display()))
}

/// The curves of one training, wanted or not.
pub struct Curves {
    board: Option<TensorBoard>,
    waiting: Option<tempfile::TempDir>,
}

impl Curves {
    pub fn see(&mut self, event: &Event, console: &Console) {
        if let (Some(board), Event::Epoch { trainer, .. }) = (&mut self.board, event)
            && let Err(error) = board.follow(trainer.history())
        {
            self.board = None;
            give_up(&error, console);
        }
    }

    /// The training is over, and `run` is its folder.
    pub fn finish(mut self, ended: Ended, run: &Path, console: &Console) -> anyhow::Result<()> {
        if let Some(board) = self.board.take()
            && let Err(error) = board.finish(Some(ended))
        {
            give_up(&error, console);
        }
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        let place = run.join(FOLDER);
        std::fs::rename(waiting.path().join(FOLDER), &place)
            .with_context(|| format!("cannot write `{}`", place.display()))
    }
}

impl Drop for Curves {
    /// A training that failed has no [`finish`](Curves::finish), and its error says more than one of ours.
    fn drop(&mut self) {
        if let Some(board) = self.board.take() {
            let _ = board.finish(None);
        }
    }
}

/// Hours of training are worth more than their curves.
fn give_up(error: &Error, console: &Console) {
    let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    console.warn(format_args!("{error}{cause}; training goes on without TensorBoard"));
}
