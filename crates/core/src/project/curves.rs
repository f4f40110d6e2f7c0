//! Curves for TensorBoard: where they go, and what becomes of them if they cannot be written.

use std::path::{Path, PathBuf};

use headstart_base::files::DraftFolder;
use headstart_nn::train::{Ended, TrainConfig, TrainEvent};

use super::Error;
use crate::Control;
use crate::run;
use crate::tensorboard::TensorBoard;

/// In the run's folder.
const FOLDER: &str = "tensorboard";

/// Where curves for TensorBoard go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CurvesFolder {
    /// Into the run's own folder.
    Run,
    /// Into this one.
    At(PathBuf),
}

/// The curves of one training, wanted or not.
pub(super) struct Curves {
    board: Option<TensorBoard>,
    waiting: Option<DraftFolder>,
}

impl Curves {
    /// The run has no folder before it is complete, so its curves wait in a hidden one beside it.
    pub(super) fn begin(
        wish: Option<&CurvesFolder>,
        settings: &TrainConfig,
        runs: &Path,
    ) -> Result<Self, Error> {
        let (folder, waiting) = match wish {
            None => return Ok(Self { board: None, waiting: None }),
            Some(CurvesFolder::At(folder)) => (folder.clone(), None),
            Some(CurvesFolder::Run) => {
                let waiting = hidden_folder(runs)?;
                (waiting.path().join(FOLDER), Some(waiting))
            }
        };
        Ok(Self { board: Some(TensorBoard::create(&folder, settings)?), waiting })
    }

    pub(super) fn see(&mut self, event: &TrainEvent<'_>, control: &mut Control<'_>) {
        if let (Some(board), TrainEvent::Epoch { trainer, .. }) = (&mut self.board, event)
            && let Err(error) = board.follow(trainer.history())
        {
            self.board = None;
            give_up(&error, control);
        }
    }

    /// The training is over, and `run` is its folder.
    pub(super) fn finish(mut self, ended: Ended, run: &Path, control: &mut Control<'_>) -> Result<(), Error> {
        if let Some(board) = self.board.take()
            && let Err(error) = board.finish(Some(ended))
        {
            give_up(&error, control);
        }
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        let place = run.join(FOLDER);
        let moved = waiting.put(FOLDER.as_ref(), &place);
        moved.map_err(|source| run::Error::Write { path: place, source }.into())
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

fn hidden_folder(runs: &Path) -> Result<DraftFolder, Error> {
    let folder = DraftFolder::begin(runs, ".training-");
    folder.map_err(|error| Error::RunsNotWritable { path: runs.into(), source: error.source })
}

/// Hours of training are worth more than their curves.
fn give_up(error: &run::Error, control: &mut Control<'_>) {
    let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    control.warn(format_args!("{error}{cause}; training goes on without TensorBoard"));
}
