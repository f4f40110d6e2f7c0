use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use headstart::dataset::{Classes, Manifest};
use headstart::extract::FeatureCache;
use headstart::preprocess::{ViewKinds, Views};
use headstart::train::{
    self, DataChoice, Ended, FeaturesInfo, Flow, NewRun, Outcome, Rows, RunInfo, TrainConfig, Trainer,
    TrainingMetrics,
};

use super::args::{BackboneArgs, RuntimeArgs};
use super::console::{Console, count};
use super::from::{Earlier, FromArgs};
use super::hint::{Error, quoted};
use super::live::Live;
use super::making::Making;
use super::parts::{DataArgs, Images, Part, Parts, every_class_is_there};
use super::progress::clock;
use super::run_name::RunsArgs;
use super::settings::SettingsArgs;
use super::source::Source;
use super::tensorboard::{Curves, TensorBoardArgs};
use super::{Status, extract, interrupt};

/// Train a head on cached features, and write a run
///
/// Without settings this is what Keras would call Dense(256, relu) - Dropout(0.5) - Dense(classes), trained by Adam.
/// Settings come from flags, then from the file given by --config, then from the run given by --from, then from the
/// defaults. Ctrl-C ends the training early: the run is written as it is then, unless no epoch is done yet, and
/// `--from RUN --resume` goes on with it.
#[derive(Debug, clap::Args)]
#[command(mut_arg("manifests", |manifests| manifests.required(false).required_unless_present("from")))]
pub struct TrainArgs {
    /// Name of the run's folder (default: the date and a number)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace a run of the same name
    #[arg(long, requires = "name")]
    overwrite: bool,
    /// Compute features that are missing first
    #[arg(long)]
    extract: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    runs: RunsArgs,
    #[command(flatten)]
    tensorboard: TensorBoardArgs,
    #[command(flatten)]
    backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl TrainArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let earlier = self.from.load(&self.runs)?;
        let run = earlier.as_ref().map(|earlier| &earlier.run);
        let config =
            self.settings.over(run.map_or_else(TrainConfig::default, |run| run.info.settings.clone()))?;
        let choice = self.data.over(run)?;
        self.runs.check_new(self.name.as_deref(), self.overwrite)?;
        let parts = Parts::of(&choice, console)?;
        let classes = parts.training.classes()?;
        let files = || parts.training.files();
        let making = Making::of(&files, &self.runtime);
        let making = self.extract.then_some(&making);
        let source = match &earlier {
            Some(earlier) => earlier.source(&self.backbone, making, console)?,
            None => Source::open(&self.backbone, making, console)?,
        };
        let mut cache = match extract::open_cache(
            &source,
            || parts.wanted(&choice.views),
            self.extract,
            &self.runtime,
            console,
        )? {
            ControlFlow::Continue(cache) => cache,
            ControlFlow::Break(status) => return Ok(status),
        };
        let find = |cache: Option<&mut FeatureCache>, manifest: &Manifest, views: &ViewKinds| {
            Part::find(&source, cache, manifest, views, &classes, console)
        };
        let training = find(cache.as_mut(), &parts.training, &choice.views)?;
        every_class_is_there(&training.labels, &classes)?;
        let validation = match &parts.validation {
            Some(manifest) => Some(find(cache.as_mut(), manifest, &ViewKinds::default())?),
            None => None,
        };
        let left_out = training.left_out + validation.as_ref().map_or(0, |part| part.left_out);
        let images = Images::choose(training, validation, &choice, &classes, config.seed)?;
        let views = source.views(&choice.views);
        let info = run_info(config, choice, &classes, &source, &images, earlier.as_ref());

        let trainer = trainer(&info, earlier.as_ref())?;
        let cache = cache.expect("a cache that is not there has no features");
        let rows = images.training.rows(cache.store(), views)?;
        let looked_at = images.validation.as_ref();
        let looked_at = looked_at.map(|part| part.rows(cache.store(), Views::PLAIN)).transpose()?;
        interrupt::listen();
        tell(&images, views, &classes, earlier.as_ref(), console);
        self.runtime.use_threads();
        let curves = self.tensorboard.begin(&info.settings, self.runs.folder())?;
        let validation = images.validation.as_ref().zip(looked_at.as_ref());
        let work = Work {
            training: (&rows, &images.training.labels),
            validation: validation.map(|(part, rows)| (rows as &dyn Rows, part.labels.as_slice())),
        };
        let trained = work.train(trainer, curves, console);

        match self.write(info, trained, earlier.as_ref(), console)? {
            Ended::Completed if left_out > 0 => Ok(Status::Partial),
            Ended::Completed => Ok(Status::Done),
            Ended::Stopped | Ended::Failed => Ok(Status::Interrupted),
        }
    }

    /// Write the run and say where it is. An error that ended the training is told when what was trained before it is
    /// safe.
    fn write(
        &self,
        info: RunInfo,
        Trained { outcome, error, curves, time }: Trained,
        earlier: Option<&Earlier>,
        console: &Console,
    ) -> anyhow::Result<Ended> {
        let resumed = earlier.filter(|earlier| earlier.resume).map(|earlier| &earlier.run.metrics);
        let (epochs, seconds) = resumed.map_or((0, 0.0), |metrics| (metrics.epochs, metrics.seconds));
        if outcome.history.epochs.len() == epochs {
            // Nothing is lost: what was there before still is.
            return match error {
                Some(error) => Err(error.into()),
                None => {
                    let first = if resumed.is_some() { "another" } else { "the first" };
                    console.warn(format_args!("stopped before the end of {first} epoch: no run was written"));
                    Ok(outcome.ended)
                }
            };
        }
        let metrics = TrainingMetrics::new(&outcome, seconds + time.as_secs_f64());
        let info = RunInfo { created: jiff::Timestamp::now().to_string(), ..info };
        let run = NewRun {
            info: &info,
            head: &outcome.head,
            history: &outcome.history,
            metrics: &metrics,
            checkpoint: Some(&outcome.checkpoint),
        }
        .create(self.runs.folder(), self.name.as_deref(), self.overwrite)?;
        curves.finish(outcome.ended, run.dir(), console)?;
        if let Some(source) = error {
            return Err(Error::BrokenOff { run: run.dir().to_path_buf(), source }.into());
        }
        console.note(format_args!("trained in {}", clock(time)));
        if outcome.ended == Ended::Stopped {
            // By its folder, which is right whatever `--runs` is next time.
            let run = quoted(run.dir());
            console.note(format_args!("`headstart train --from {run} --resume` goes on from here"));
        }
        writeln!(std::io::stdout(), "{}", run.dir().display())?;
        Ok(outcome.ended)
    }
}

fn trainer(info: &RunInfo, earlier: Option<&Earlier>) -> anyhow::Result<Trainer> {
    let config = info.settings.for_classes(&info.classes)?;
    let checkpoint = match earlier {
        Some(earlier) => earlier.checkpoint(&config)?,
        None => None,
    };
    let Some(checkpoint) = checkpoint else {
        return Ok(Trainer::new(&config, info.features.size, info.classes.len())?);
    };
    let run = &earlier.expect("a checkpoint is that of a run").run;
    // Settings first: another seed also chooses other images.
    let trainer = Trainer::resume(&config, checkpoint)?;
    run.info.require_same_views(&info.views())?;
    run.info.require_same_data(&info.classes, &info.training, info.validation.as_ref())?;
    Ok(trainer)
}

fn tell(images: &Images, views: Views, classes: &Classes, earlier: Option<&Earlier>, console: &Console) {
    if let Some(earlier) = earlier {
        earlier.tell(console);
    }
    let validated = images.validation.as_ref();
    console.note(format_args!(
        "{} of {}{}{}",
        count(images.training.labels.len(), "image"),
        count(classes.len(), "class"),
        if views == Views::PLAIN { String::new() } else { format!(" in {} views", views.len()) },
        validated.map_or(String::new(), |part| format!(", {} to validate on", part.labels.len()))
    ));
}

/// Features and labels.
struct Work<'w> {
    training: (&'w dyn Rows, &'w [usize]),
    validation: Option<(&'w dyn Rows, &'w [usize])>,
}

struct Trained {
    outcome: Outcome,
    /// What ended it; the outcome is that of the last good step then.
    error: Option<train::Error>,
    curves: Curves,
    time: Duration,
}

impl Work<'_> {
    fn train(&self, mut trainer: Trainer, mut curves: Curves, console: &Console) -> Trained {
        let started = Instant::now();
        let ended = self.fit(&mut trainer, &mut curves, console);
        let time = started.elapsed();
        let outcome = trainer.into_outcome(ended.as_ref().copied().unwrap_or(Ended::Failed));
        Trained { outcome, error: ended.err(), curves, time }
    }

    fn fit(
        &self,
        trainer: &mut Trainer,
        curves: &mut Curves,
        console: &Console,
    ) -> Result<Ended, train::Error> {
        let (rows, labels) = self.training;
        let mut live = Live::new(console);
        let ended = trainer.run(rows, labels, self.validation, &mut |event| {
            live.see(&event);
            curves.see(&event, console);
            if interrupt::asked() { Flow::Stop } else { Flow::Continue }
        });
        live.finish();
        ended
    }
}

fn run_info(
    settings: TrainConfig,
    choice: DataChoice,
    classes: &Classes,
    source: &Source,
    images: &Images,
    earlier: Option<&Earlier>,
) -> RunInfo {
    let backbone = &source.backbone;
    RunInfo {
        created: jiff::Timestamp::now().to_string(),
        classes: classes.names().to_vec(),
        recipe: source.fingerprint.parts().recipe.to_string(),
        settings,
        data: Some(choice),
        resumed_from: earlier.filter(|earlier| earlier.resume).map(|earlier| earlier.run.name()),
        backbone: source.backbone_info(),
        features: FeaturesInfo {
            size: backbone.feature_size(),
            fingerprint: source.fingerprint.hash().to_hex().to_string(),
            fingerprint_text: source.fingerprint.text().to_owned(),
        },
        training: images.training.info(),
        validation: images.validation.as_ref().map(Part::info),
        versions: BTreeMap::from([("headstart".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
    }
}
