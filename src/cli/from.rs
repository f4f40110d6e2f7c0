//! What a run hands on to the next one: its settings and images, or its whole training.

use std::path::PathBuf;

use headstart::run::{Run, Training, TrainingMetrics};
use headstart::train::{Checkpoint, Ended, TrainConfig};

use super::args::BackboneArgs;
use super::console::{Console, count};
use super::error::Error;
use super::making::Making;
use super::parts::Origin;
use super::run_name::RunsArgs;
use super::source::Source;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "From a run")]
pub struct FromArgs {
    /// Train as this run was trained (its folder, its name, or `latest`), with its settings and on its images. Flags and
    /// --config override these
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
    /// Continue where the run of --from ended or was stopped, on the same images and with the same settings; --epochs is the
    /// total number of epochs. The result is a new run
    #[arg(long, requires = "from")]
    resume: bool,
}

/// The run to begin from.
pub struct Earlier {
    pub run: Run,
    /// What it was trained with and on, and how that went.
    pub training: Training,
    pub metrics: TrainingMetrics,
    pub resume: bool,
}

impl FromArgs {
    pub fn load(&self, runs: &RunsArgs) -> anyhow::Result<Option<Earlier>> {
        let Some(name) = &self.from else { return Ok(None) };
        let run = runs.load(name)?;
        let (Some(training), Some(metrics)) = (run.info.training().cloned(), run.metrics.clone()) else {
            return Err(Error::NotTrained { run: run.name() }.into());
        };
        Ok(Some(Earlier { run, training, metrics, resume: self.resume }))
    }
}

impl Earlier {
    /// Where its manifests are told.
    pub fn origin(&self) -> Origin<'_> {
        Origin { run: &self.run, training: &self.training }
    }

    /// The checkpoint, if it is to be gone on with and there is something left to do.
    pub fn checkpoint(&self, config: &TrainConfig) -> anyhow::Result<Option<Checkpoint>> {
        if !self.resume {
            return Ok(None);
        }
        let (run, metrics) = (self.run.name(), &self.metrics);
        let stopped_early =
            metrics.ended == Ended::Completed && metrics.epochs < self.training.settings.epochs;
        if stopped_early {
            let min_delta = self.training.settings.min_delta > 0.0;
            return Err(Error::StoppedEarly { run, epochs: metrics.epochs, min_delta }.into());
        }
        anyhow::ensure!(
            metrics.epochs < config.epochs,
            Error::NothingLeftToTrain { run, done: metrics.epochs, epochs: config.epochs }
        );
        Ok(Some(self.run.checkpoint()?))
    }

    /// The backbone. A head that is trained on must have the features that it knows; a new one may have others, but
    /// hardly by accident.
    pub fn source(
        &self,
        args: &BackboneArgs,
        making: Option<&Making>,
        console: &Console,
    ) -> anyhow::Result<Source> {
        let its_own = Source::open_for(&self.run, args, None);
        if self.resume || (args.precision.is_none() && its_own.is_ok()) {
            return its_own;
        }
        let source = Source::open(args, making, console)?;
        if *source.fingerprint.hash().to_hex() != *self.run.info.features.fingerprint {
            console.warn(Error::other_features(&self.run, &source, None));
        }
        Ok(source)
    }

    /// What is done with it.
    pub fn tell(&self, console: &Console) {
        let (name, done) = (self.run.name(), self.metrics.epochs);
        if self.resume {
            console.note(format_args!("continuing `{name}` after {}", count(done, "epoch")));
        } else if self.metrics.ended == Ended::Stopped {
            console.note(format_args!(
                "`{name}` was stopped after {}; this starts a new training; add `--resume` to continue it",
                count(done, "epoch")
            ));
        }
    }
}
