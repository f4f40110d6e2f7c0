use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use headstart::dataset::{Classes, Manifest};
use headstart::evaluate::CalibrationError;
use headstart::extract::FeatureCache;
use headstart::image::{ViewKinds, Views};
use headstart::nn::Head;
use headstart::run::{
    CopiesRule, Course, DataChoice, FeaturesInfo, NewRun, Origin, Run, RunImages, RunInfo, Training,
    TrainingMetrics,
};
use headstart::train::{self, Ended, Flow, Outcome, Rows, TrainConfig, Trainer};
use ndarray::{Array2, s};

use super::args::{BackboneArgs, RuntimeArgs};
use super::calibrate;
use super::class_counts::class_counts;
use super::console::{Console, count, stdout};
use super::error::Error;
use super::features::Lookup;
use super::from::{Earlier, FromArgs};
use super::hint::quoted;
use super::leaks;
use super::live::Live;
use super::making::Making;
use super::parts::{DataArgs, Images, Part, Parts, Whence, every_class_is_there, names};
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
/// defaults. Ctrl-C ends the training early: the run is written as it is then, unless no epoch is finished yet, and
/// `--from RUN --resume` continues it.
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
    /// Fit a temperature on the held-out images and keep it in the run: of the answers with confidence 0.8, about 80 % are then
    /// right
    #[arg(long, help_heading = "Validation")]
    calibrate: bool,
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
        let settings = earlier.as_ref().map(|earlier| earlier.training.settings.clone());
        let config = self.settings.over(settings.unwrap_or_default())?;
        let choice = self.data.over(earlier.as_ref(), self.runs.folder())?;
        let _made = self.runs.check_new(self.name.as_deref(), self.overwrite)?;
        let parts = self.data.read(&choice, earlier.as_ref(), console)?;
        let choice = choice.at(&parts.manifests, parts.validation_manifest.as_deref(), self.runs.folder());
        self.check_inputs(&parts, earlier.as_ref())?;
        let classes = parts.classes(earlier.as_ref())?;
        // Before what may take hours: whoever gave the wrong folder sees it here.
        console.note(class_counts(&classes, &parts.training.labels(&classes)?));
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
        let all: Vec<PathBuf> = parts.manifests.iter().chain(&parts.validation_manifest).cloned().collect();
        let lookup = Lookup { source: &source, console, failures_named: self.extract, all: &all };
        let find = |cache: Option<&mut FeatureCache>, manifest: &Manifest, views: &ViewKinds| {
            Part::find(&lookup, cache, manifest, views, &classes)
        };
        let training = find(cache.as_mut(), &parts.training, &choice.views)?;
        every_class_is_there(&training.labels, &classes)?;
        let validation = match &parts.validation {
            Some(manifest) => Some(find(cache.as_mut(), manifest, &ViewKinds::default())?),
            None => None,
        };
        let left_out = training.left_out + validation.as_ref().map_or(0, |part| part.left_out);
        if let Some(earlier) = earlier.as_ref().filter(|earlier| !earlier.resume) {
            same_images_or_told(earlier, &parts, &training, &classes, console)?;
        }
        let found_copies = training.tell_copies(use_of_copies(&choice), &classes, console);
        let images = Images::choose(training, validation, &choice, &classes, config.seed)?;
        anyhow::ensure!(!self.calibrate || images.validation.is_some(), Error::NothingHeldOut);
        let views = source.views(&choice.views);
        let choice_holds_out = choice.validation.is_some();
        let training = told_training(config, choice, &images, earlier.as_ref());
        let trainer = trainer(&training, &classes, &source, earlier.as_ref())?;
        let cache = cache.expect("a cache that is not there has no features");
        let rows = images.training.rows(cache.store(), views)?;
        let looked_at = images.validation.as_ref();
        let looked_at = looked_at.map(|part| part.rows(cache.store(), Views::PLAIN)).transpose()?;
        interrupt::listen();
        let found_leaks = match (choice_holds_out, &images.validation) {
            (false, Some(part)) => leaks::tell_validated(images.training.ids(), part.ids(), console),
            _ => false,
        };
        if found_copies || found_leaks {
            leaks::tell_more(&source, all.iter().map(PathBuf::as_path), parts.training.columns(), console);
        }
        tell(&images, views, &classes, earlier.as_ref(), console);
        if !self.calibrate && earlier.as_ref().is_some_and(|earlier| earlier.run.calibration.is_some()) {
            console.note("the earlier run has a temperature, which the new run does not take over: `--calibrate` fits one for it");
        }
        self.runtime.use_threads();
        let curves = self.tensorboard.begin(&training.settings, self.runs.folder())?;
        let validation = images.validation.as_ref().zip(looked_at.as_ref());
        let work = Work {
            training: (&rows, &images.training.labels),
            validation: validation.map(|(part, rows)| (rows as &dyn Rows, part.labels.as_slice())),
        };
        let trained = work.train(trainer, curves, console);

        let held_out = images.validation.as_ref().zip(looked_at.as_ref()).filter(|_| self.calibrate);
        let calibrate = |run: &mut Run| match held_out {
            Some((part, rows)) => calibrated(run, part, rows, console),
            None => Ok(true),
        };
        let origin = Origin::Trained(Box::new(training));
        let validation = images.validation.as_ref().map(Part::keys).unwrap_or_default();
        match self.write(
            run_info(&classes, &source, origin),
            &RunImages::new(&images.training.keys(), &validation),
            trained,
            earlier.as_ref(),
            &calibrate,
            console,
        )? {
            (Ended::Completed, calibrated) if left_out > 0 || !calibrated => Ok(Status::Partial),
            (Ended::Completed, _) => Ok(Status::Done),
            (Ended::Stopped | Ended::Failed, _) => Ok(Status::Interrupted),
        }
    }

    /// That the run which is replaced holds nothing that is read here. One that is gone on with may be: all that it was is in
    /// the new one.
    fn check_inputs(&self, parts: &Parts, earlier: Option<&Earlier>) -> anyhow::Result<()> {
        let inputs = || {
            let manifests = parts.manifests.iter().chain(&parts.validation_manifest);
            let inputs = self
                .backbone
                .inputs()
                .files(self.settings.file())
                .all_in(manifests)
                .files(parts.training.files());
            let inputs = inputs.files(parts.validation.iter().flat_map(Manifest::files));
            let read = earlier.filter(|earlier| !earlier.resume).map(|earlier| earlier.run.files());
            inputs.files(read.into_iter().flatten())
        };
        self.runs.check_inputs(self.name.as_deref(), inputs)
    }

    /// Write the run, let it be calibrated, and say where it is. An error that ended the training is told when what was trained
    /// before it is safe.
    fn write(
        &self,
        info: RunInfo,
        images: &RunImages,
        Trained { outcome, error, curves, time }: Trained,
        earlier: Option<&Earlier>,
        calibrate: &dyn Fn(&mut Run) -> anyhow::Result<bool>,
        console: &Console,
    ) -> anyhow::Result<(Ended, bool)> {
        let resumed = earlier.filter(|earlier| earlier.resume).map(|earlier| &earlier.metrics);
        let (epochs, seconds) = resumed.map_or((0, 0.0), |metrics| (metrics.epochs, metrics.seconds));
        if outcome.history.epochs.len() == epochs {
            // Nothing is lost: what was there before still is.
            return match error {
                Some(error) => Err(error.into()),
                None => {
                    let first = if resumed.is_some() { "another" } else { "the first" };
                    console.warn(format_args!("stopped before the end of {first} epoch: no run was written"));
                    Ok((outcome.ended, false))
                }
            };
        }
        let metrics = TrainingMetrics::new(&outcome, seconds + time.as_secs_f64());
        let course = Course {
            history: &outcome.history,
            metrics: &metrics,
            checkpoint: Some(&outcome.checkpoint),
            images: Some(images),
        };
        let mut run = NewRun { info: &info, head: &outcome.head, course: Some(course) }.create(
            self.runs.folder(),
            self.name.as_deref(),
            self.overwrite,
        )?;
        curves.finish(outcome.ended, run.dir(), console)?;
        if let Some(source) = error {
            return Err(Error::BrokenOff { run: run.dir().to_path_buf(), source }.into());
        }
        console.note(format_args!("trained in {}", clock(time)));
        let calibrated = calibrate(&mut run)?;
        if outcome.ended == Ended::Stopped {
            // By its folder, which is right whatever `--runs` is next time.
            let run = quoted(run.dir());
            console.note(format_args!("`headstart train --from {run} --resume` continues from here"));
        }
        stdout().path(run.dir())?;
        Ok((outcome.ended, calibrated))
    }
}

/// The images of the earlier run are asked for again, and manifests alone do not say whether they are the same: files may have
/// changed, or be others of the same names.
fn same_images_or_told(
    earlier: &Earlier,
    parts: &Parts,
    training: &Part,
    classes: &Classes,
    console: &Console,
) -> anyhow::Result<()> {
    let is_same = || training.has_images_of(&earlier.training, classes);
    match parts.whence {
        Whence::Run { changed: false } if !is_same() => console.warn(format_args!(
            "images of {} have changed since `{}` was trained on them",
            names(&parts.manifests),
            earlier.run.name()
        )),
        Whence::Name if !is_same() => {
            return Err(Error::other_images(&earlier.run, &parts.manifests).into());
        }
        _ => {}
    }
    Ok(())
}

fn use_of_copies(choice: &DataChoice) -> leaks::Use {
    match (choice.validation, choice.copies) {
        (None, _) => leaks::Use::TrainedOn,
        (Some(_), CopiesRule::Together) => leaks::Use::HeldOutTogether,
        (Some(_), CopiesRule::Apart) => leaks::Use::HeldOutApart,
    }
}

/// Whether the images held out tell a temperature. A run is no worse for having none, so it stays, and a warning says why.
fn calibrated(run: &mut Run, part: &Part, rows: &dyn Rows, console: &Console) -> anyhow::Result<bool> {
    let logits = logits(&run.head, rows)?;
    match calibrate::calibrate(run, logits.view(), &part.labels, part.info(), console) {
        Err(error) if error.is::<CalibrationError>() => {
            console.warn(format_args!("could not calibrate: {error}"));
            Ok(false)
        }
        fitted => fitted.map(|()| true),
    }
}

/// What the head says of each row in its plain view, in batches.
fn logits(head: &Head, rows: &dyn Rows) -> Result<Array2<f32>, train::Error> {
    const ROWS: usize = 1024;
    let mut all = Array2::zeros((rows.len(), head.config().classes));
    for start in (0..rows.len()).step_by(ROWS) {
        let places: Vec<usize> = (start..rows.len().min(start + ROWS)).collect();
        let mut features = Array2::zeros((places.len(), rows.dim()));
        rows.gather(&places, features.view_mut())
            .map_err(|source| train::Error::Rows { part: train::Part::Validation, source })?;
        all.slice_mut(s![start..start + places.len(), ..]).assign(&head.logits(features.view()));
    }
    Ok(all)
}

fn trainer(
    training: &Training,
    classes: &Classes,
    source: &Source,
    earlier: Option<&Earlier>,
) -> anyhow::Result<Trainer> {
    let config = training.settings.for_classes(classes.names())?;
    let gone_on_with = match earlier {
        Some(earlier) => earlier.checkpoint(&config)?.map(|checkpoint| (earlier, checkpoint)),
        None => None,
    };
    let Some((earlier, checkpoint)) = gone_on_with else {
        return Ok(Trainer::new(&config, source.backbone.feature_size(), classes.len())?);
    };
    // Settings first: another seed also chooses other images.
    let trainer = Trainer::resume(&config, checkpoint)?;
    earlier.training.require_same_views(&training.views())?;
    earlier.run.info.require_same_classes(classes.names())?;
    earlier.training.require_same_images(&training.images, training.validation.as_ref())?;
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
        validated.map_or(String::new(), |part| format!(", validating on {}", part.labels.len()))
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

/// What the run will say of its training.
fn told_training(
    settings: TrainConfig,
    choice: DataChoice,
    images: &Images,
    earlier: Option<&Earlier>,
) -> Training {
    Training {
        settings,
        data: Some(choice),
        resumed_from: earlier.filter(|earlier| earlier.resume).map(|earlier| earlier.run.name()),
        images: images.training.info(),
        validation: images.validation.as_ref().map(Part::info),
    }
}

/// What a run with a head from there says of itself.
pub fn run_info(classes: &Classes, source: &Source, origin: Origin) -> RunInfo {
    let backbone = &source.backbone;
    RunInfo {
        created: jiff::Timestamp::now().to_string(),
        classes: classes.names().to_vec(),
        recipe: source.fingerprint.parts().recipe.to_string(),
        backbone: source.backbone_info(),
        features: FeaturesInfo {
            size: backbone.feature_size(),
            fingerprint: source.fingerprint.hash().to_hex().to_string(),
            fingerprint_text: source.fingerprint.text().to_owned(),
        },
        origin,
        versions: BTreeMap::from([("headstart".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
    }
}
